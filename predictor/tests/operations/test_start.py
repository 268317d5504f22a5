"""`make run`: first start, error messages, restarts of dead processes, and a clean end."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import psutil
import pytest

from ..waiting import HANG_SECONDS, exit_code, wait_until
from .installation import ROOT, Installation
from .servers import free_port

pytestmark = pytest.mark.servers


def manage(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT, env={**kept, "MLWEB_DATA_DIR": str(folder), **environment},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_a_port_in_use_is_refused_with_a_message(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = manage(tmp_path, "serve", MLWEB_PORT=str(port))

    assert done.returncode != 0
    assert f"Port {port} on 127.0.0.1 cannot be used (Address already in use)" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("MLWEB_PORT", "many", "MLWEB_PORT"),
        ("MLWEB_WEB_WORKERS", "0", "MLWEB_WEB_WORKERS"),
        ("MLWEB_TRAINING_BUDGET_SECONDS", "999999", "MLWEB_TRAINING_BUDGET_SECONDS"),
        ("LOG_LEVEL", "loud", "LOG_LEVEL"),
        ("MLWEB_HOST", "no.such.host.invalid", "no such address"),
    ],
)
def test_a_start_with_invalid_settings_is_refused_with_the_variables_name(
    tmp_path: Path, variable: str, value: str, sentence: str
) -> None:
    given = {"MLWEB_PORT": str(free_port()), variable: value}
    done = manage(tmp_path, "serve", **given)
    assert done.returncode != 0
    assert sentence in done.stderr


def test_dead_processes_are_restarted_and_all_end_together(tmp_path: Path) -> None:
    with Installation(tmp_path) as installation:
        for words in (["mlweb.server"], ["celery", "worker"], ["celery", "beat"]):
            wait_until(lambda words=words: installation.processes_of(*words), " ".join(words))
            old = installation.processes_of(*words)[0]
            old.kill()
            wait_until(
                lambda words=words, old=old: any(
                    process.pid != old.pid for process in installation.processes_of(*words)
                ),
                f"a new {' '.join(words)}",
            )  # fmt: skip
        installation.wait_for_health()
        everything = installation.processes()
        assert len(everything) >= 4

        installation.supervisor.send_signal(signal.SIGINT)

        assert exit_code(installation.supervisor) == 0
        psutil.wait_procs(everything, HANG_SECONDS)
        assert not [process for process in everything if process.is_running()]
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"http://127.0.0.1:{installation.port}/", timeout=HANG_SECONDS)


def test_no_process_survives_a_killed_supervisor(tmp_path: Path) -> None:
    with Installation(tmp_path) as installation:
        wait_until(lambda: installation.processes_of("celery", "beat"), "beat")
        everything = installation.processes()

        installation.supervisor.kill()

        exit_code(installation.supervisor)
        _, alive = psutil.wait_procs(everything, HANG_SECONDS)
        assert not alive
