"""The web server without worker and beat, on a new SQLite file: it starts three times as fast as an installation."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil

from ..waiting import HANG_SECONDS, exit_code, let_some_time_pass, wait_for_end, wait_until
from .installation import ROOT
from .servers import free_port

PREPARE = """
import os
import django
django.setup()
from django.core.management import call_command
from predictor.models import User, Workspace, WorkspaceRole
from predictor.services import registry
from predictor.services.accounts import tokens, workspaces
call_command("migrate", verbosity=0)
user = User.objects.create_user("admin@example.org", None)
workspace = Workspace.objects.create(slug="default", name="Default")
workspaces.add_member(workspace=workspace, user=user, role=WorkspaceRole.ADMIN, by=None)
registry.register_linear(workspace=workspace, name="article", coefficients=[0.5, 0.3], intercept=-1.5, by=user)
print(tokens.create_token(user=user, workspace=workspace, name="t", scopes=["predict", "read"]).plaintext)
"""
PATH = "/api/v1/default/models/article/predictions"


class WebServer:
    def __init__(self, folder: Path, **environment: str):
        self.data = folder / "var"
        self.port = free_port()
        self.log = folder / "web.log"
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
        self.environment = {
            **kept,
            "DJANGO_SETTINGS_MODULE": "mlweb.settings",
            "MLWEB_DATA_DIR": str(self.data),
            "MLWEB_HOST": "127.0.0.1",
            "MLWEB_PORT": str(self.port),
            "MLWEB_WEB_WORKERS": "2",
            "MLWEB_WEB_THREADS": "64",
            **environment,
        }
        self.token = self.run("-c", PREPARE).splitlines()[-1]

    def run(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    @contextmanager
    def running(self, **environment: str) -> Iterator[psutil.Process]:
        """Start the server; yields its main process once it answers."""
        with self.log.open("ab") as log:
            server = subprocess.Popen(
                [sys.executable, "-m", "mlweb.supervised", "mlweb.server"],
                cwd=ROOT, env={**self.environment, **environment}, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        main = psutil.Process(server.pid)
        try:
            wait_until(lambda: len(self.workers()) == 2 and self.is_up(), "the web server")
            yield main
        finally:
            server.send_signal(signal.SIGTERM)
            try:
                exit_code(server)
            except subprocess.TimeoutExpired:
                os.killpg(server.pid, signal.SIGKILL)
                raise

    def workers(self) -> list[int]:
        folder = self.data / "web"
        return sorted(int(each.name) for each in folder.iterdir()) if folder.exists() else []

    def is_up(self) -> bool:
        try:
            return (
                httpx.get(f"http://127.0.0.1:{self.port}/health/live", timeout=HANG_SECONDS).status_code
                == 200
            )
        except httpx.HTTPError:
            return False

    def logged(self) -> Counter[str]:
        """The number of log rows of each request."""
        with sqlite3.connect(self.data / "mlweb.sqlite3") as database:
            found = database.execute("SELECT request_id, COUNT(*) FROM predictor_predictionlog GROUP BY 1")
            return Counter(dict(found.fetchall()))

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=HANG_SECONDS)

    def client(self) -> httpx.Client:
        return httpx.Client(
            base_url=f"http://127.0.0.1:{self.port}",
            headers={"Authorization": f"Bearer {self.token}"},
            timeout=HANG_SECONDS,
        )


class Callers:
    """Clients that predict continuously, each on a keep-alive connection; each request has its own id."""

    def __init__(self, server: WebServer, n_callers: int, n_rows: int = 2):
        self.answered: list[str] = []
        self.failed: list[str] = []
        self.sent: set[str] = set()
        self._server = server
        self._name = secrets.token_hex(4)
        self._body = {"rows": [{"x1": 1, "x2": 2}] * n_rows}
        self._is_over = threading.Event()
        self._threads = [threading.Thread(target=self._call, args=(n,)) for n in range(n_callers)]

    def __enter__(self) -> Callers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *ended: object) -> None:
        self._is_over.set()
        wait_for_end(*self._threads)

    def wait_for(self, n_more: int) -> None:
        wanted = len(self.answered) + n_more
        wait_until(lambda: len(self.answered) >= wanted, f"{n_more} more answers")

    def _call(self, caller: int) -> None:
        with self._server.client() as http:
            number = 0
            while not self._is_over.is_set():
                number += 1
                self._ask(http, f"{self._name}-{caller}-{number}")

    def _ask(self, http: httpx.Client, request_id: str) -> None:
        self.sent.add(request_id)
        try:
            answer = http.post(PATH, json=self._body, headers={"X-Request-ID": request_id})
        except httpx.HTTPError as error:
            self.failed.append(f"{request_id}: {error!r}")
            let_some_time_pass()
            return
        if answer.status_code == 200:
            self.answered.append(request_id)
        else:
            self.failed.append(f"{request_id}: {answer.status_code} {answer.text[:200]}")
