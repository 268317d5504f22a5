"""A server started as `make run` starts it, with a data folder of its own."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
EMAIL = "bench@example.org"


@contextmanager
def installation(
    folder: Path, settings: Mapping[str, str] | None = None, *, token: str = ""
) -> Iterator[tuple[int, str, int]]:
    """Port, token and process id of a started server; `settings` are environment variables.

    Pass the `token` if the folder already holds users and models.
    """
    port, environment = free_port(), environment_of(folder)
    environment |= {"MLWEB_PORT": str(port), **(settings or {})}
    with (folder / "serve.log").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, "manage.py", "serve"],
            cwd=PROJECT,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        wait_for(port, folder / "serve.log", server)
        yield port, token or make_token(environment), server.pid
    finally:
        server.send_signal(signal.SIGTERM)
        try:
            server.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()
        shutil.rmtree(folder / "var", ignore_errors=True)


def environment_of(folder: Path) -> dict[str, str]:
    """Environment variables for the processes of the installation in this folder."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    return {
        **kept,
        "MLWEB_DATA_DIR": str(folder / "var"),
        "MLWEB_ADMIN_EMAIL": EMAIL,
        # One token sends all requests.
        "MLWEB_TOKEN_REQUESTS_PER_MINUTE": "0",
        "MLWEB_ADMIN_PASSWORD": "only for this benchmark",
    }


def make_token(environment: dict[str, str]) -> str:
    command = [sys.executable, "manage.py", "create_token", "--email", EMAIL, "--workspace", "default"]
    command += ["--scope", "read", "--scope", "predict", "--scope", "write"]
    completed = subprocess.run(
        command, cwd=PROJECT, env=environment, check=True, capture_output=True, text=True
    )
    return completed.stdout.strip().splitlines()[-1]


def wait_for(port: int, log: Path, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=5) as answer:
                if answer.status == 200:
                    return
        except OSError:
            if server.poll() is not None:
                break
        time.sleep(0.2)
    raise SystemExit("The server did not start:\n" + log.read_text("utf-8", "replace")[-3_000:])


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
