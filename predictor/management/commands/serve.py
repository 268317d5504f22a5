from __future__ import annotations

import fcntl
import os
import socket
import stat
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command

from mlweb.data_folder import make_private

from ..base import BaseCommand, CommandError

SUPERVISOR_CONFIG = settings.BASE_DIR / "mlweb" / "supervisord.conf"


class Command(BaseCommand):
    help = "Prepare the data folder, then run web server, worker and beat until Ctrl-C."

    def handle(self, *args: Any, **options: Any) -> None:
        refuse_taken_port(settings.HOST, settings.PORT)
        call_command("migrate", interactive=False, verbosity=0)
        make_private(settings.DATA_DIR)
        collect_static_files()
        call_command("bootstrap", stdout=self.stdout)
        scheme = "https" if settings.USES_HTTPS else "http"
        host = f"[{settings.HOST}]" if ":" in settings.HOST else settings.HOST
        self.stdout.write(f"mlweb serves on {scheme}://{host}:{settings.PORT}/ (Ctrl-C ends it)")
        self.stdout.flush()
        supervise()


def refuse_taken_port(host: str, port: int) -> None:
    """Raises CommandError when another program uses the port: the web server, with SO_REUSEPORT, would not notice."""
    try:
        addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError:
        raise CommandError(f"MLWEB_HOST is {host}; this machine has no such address.") from None
    family, kind, protocol, _, address = addresses[0]
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except PermissionError:
            raise CommandError(
                f"Port {port} may not be used by this user; set MLWEB_PORT above 1023."
            ) from None
        except OSError as error:
            raise CommandError(
                f"Port {port} on {host} cannot be used ({error.strerror}). If mlweb runs already, end "
                f"that one; else choose another port: MLWEB_PORT={port + 1} make run"
            ) from None


def collect_static_files() -> None:
    """Run collectstatic only when a file has changed: hashing and compressing takes five seconds."""
    stamp = Path(settings.STATIC_ROOT) / ".collected"
    digest = digest_of_static_files()
    if stamp.exists() and stamp.read_text() == digest:
        return
    call_command("collectstatic", interactive=False, verbosity=0)
    stamp.write_text(digest)


def digest_of_static_files() -> str:
    digest = sha256(str(settings.STORAGES["staticfiles"]).encode())
    for finder in get_finders():
        for path, storage in finder.list([]):
            status = os.stat(storage.path(path))
            digest.update(f"{path} {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def supervise() -> None:
    """Replace this process by supervisord, which restarts dead processes and ends all on Ctrl-C or SIGTERM."""
    os.environ.update(
        MLWEB_DATA_DIR=str(settings.DATA_DIR),
        MLWEB_HOST=settings.HOST,
        MLWEB_PORT=str(settings.PORT),
        MLWEB_WEB_WORKERS=str(settings.WEB_WORKERS),
        MLWEB_WEB_THREADS=str(settings.WEB_THREADS),
        MLWEB_DRAIN_SECONDS=str(settings.DRAIN_SECONDS),
        MLWEB_STOP_SECONDS=str(settings.DRAIN_SECONDS + 30),
        MLWEB_PYTHON=sys.executable,
        # Celery warns on each start as root, which is normal on one's own machine or in a container.
        PYTHONWARNINGS="ignore:You're running the worker with superuser privileges",
        PYTHONUNBUFFERED="1",
    )
    # The password is needed only to create the admin; do not pass it on to other processes.
    os.environ.pop("MLWEB_ADMIN_PASSWORD", None)
    arguments = ["-m", "supervisor.supervisord", "--nodaemon", "--configuration", str(SUPERVISOR_CONFIG)]
    if os.getuid() == 0:
        arguments += ["--user", "root"]  # explicit, or supervisor warns about it
    if stat.S_ISREG(os.fstat(1).st_mode):
        # Several processes write to the file: without O_APPEND, `make run > log` would overwrite its own lines.
        fcntl.fcntl(1, fcntl.F_SETFL, fcntl.fcntl(1, fcntl.F_GETFL) | os.O_APPEND)
    os.chdir(settings.BASE_DIR)
    os.execv(sys.executable, [sys.executable, *arguments])  # noqa: S606
