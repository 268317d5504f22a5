"""Real PostgreSQL and Redis from the system's packages, in a temporary folder, while a test needs them."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from predictor.tests.waiting import exit_code, wait_until

REDIS = shutil.which("redis-server")
INITDB = next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True)), None)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def postgresql(folder: Path) -> Iterator[str]:
    """The DATABASE_URL of a fresh PostgreSQL."""
    assert INITDB is not None
    data, port = folder / "postgresql", free_port()
    data.mkdir()
    as_owner: dict[str, Any] = {}
    if os.getuid() == 0:
        # The server refuses to run as root, and its user has to reach the folder.
        shutil.chown(data, "postgres")
        for parent in data.parents:
            if parent.stat().st_uid == 0 and parent != Path("/") and parent != Path("/tmp"):
                parent.chmod(parent.stat().st_mode | 0o011)
        as_owner = {"user": "postgres", "group": "postgres", "extra_groups": []}
    subprocess.run(
        [INITDB, "-D", data, "-U", "mlweb", "-A", "trust", "-E", "UTF8", "--no-sync"],
        check=True, capture_output=True, cwd="/", **as_owner,
    )  # fmt: skip
    options = ["-p", str(port), "-h", "127.0.0.1", "-k", "", "-c", "fsync=off"]
    server = subprocess.Popen(
        [INITDB.with_name("postgres"), "-D", data, *options],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/", **as_owner,
    )  # fmt: skip
    url = f"postgres://mlweb@127.0.0.1:{port}/postgres"
    try:
        ready = [INITDB.with_name("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port), "-d", "postgres"]
        wait_until(lambda: subprocess.run(ready, check=False).returncode == 0, "PostgreSQL")
        yield url
    finally:
        server.terminate()
        exit_code(server)


@contextmanager
def redis(folder: Path) -> Iterator[str]:
    """The URL of a fresh Redis that keeps nothing on disk."""
    assert REDIS is not None
    port = free_port()
    server = subprocess.Popen(
        [REDIS, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", folder],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        wait_until(lambda: listens(port), "Redis")
        yield f"redis://127.0.0.1:{port}"
    finally:
        server.terminate()
        exit_code(server)
