"""A whole installation in a temporary data folder: server, worker and beat, as `make run` starts them."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import psutil

from ..waiting import HANG_SECONDS, exit_code, wait_until
from .servers import free_port

# Otherwise each poll of a run would be a line in the report of a failed test.
logging.getLogger("httpx").setLevel(logging.WARNING)

ROOT = Path(__file__).resolve().parents[3]
ADMIN, PASSWORD = "admin@example.org", "a long enough secret"
FINAL = {"succeeded", "failed", "cancelled"}


class Installation:
    def __init__(self, folder: Path, environment: Mapping[str, str] | None = None):
        self.data = folder / "var"
        self.port = free_port()
        self.log = folder / "serve.log"
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
        self.environment = {
            **kept,
            "MLWEB_DATA_DIR": str(self.data),
            "MLWEB_PORT": str(self.port),
            "MLWEB_ADMIN_EMAIL": ADMIN,
            "MLWEB_ADMIN_PASSWORD": PASSWORD,
            "MLWEB_WEB_WORKERS": "1",
            "MLWEB_TRAINING_THREADS": "1",
            "MLWEB_JOB_LEASE_SECONDS": "4",
            "MLWEB_JOB_SWEEP_SECONDS": "1",
            **(environment or {}),
        }

    def __enter__(self) -> Installation:
        with self.log.open("ab") as log:
            self.supervisor = subprocess.Popen(
                [sys.executable, "manage.py", "serve"],
                cwd=ROOT, env=self.environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        self.http = httpx.Client(timeout=HANG_SECONDS)
        try:
            self.wait_for_health()
            token = self.manage("create_token", "--email", ADMIN, "--workspace", "default",
                                "--scope", "read", "--scope", "predict", "--scope", "write")  # fmt: skip
        except BaseException:
            self.__exit__()
            raise
        self.http.close()
        self.http = httpx.Client(
            base_url=f"http://127.0.0.1:{self.port}/api/v1/default",
            headers={"Authorization": f"Bearer {token.splitlines()[-1]}"},
            timeout=HANG_SECONDS,
        )
        return self

    def __exit__(self, *ended: object) -> None:
        self.http.close()
        if self.supervisor.poll() is not None:
            return
        processes = self.processes()
        self.supervisor.send_signal(signal.SIGTERM)
        try:
            exit_code(self.supervisor)
        finally:
            self.supervisor.kill()
            for process in processes:
                if process.is_running():
                    process.kill()

    def manage(self, *arguments: str, **environment: str) -> str:
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT, env={**self.environment, **environment}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    # --- Processes -----------------------------------------------------------------------------------------

    def processes(self) -> list[psutil.Process]:
        return psutil.Process(self.supervisor.pid).children(recursive=True)

    def processes_of(self, *words: str) -> list[psutil.Process]:
        """The processes with all these words in their command line; parents before children."""
        found = []
        for process in self.processes():
            try:
                command = process.cmdline()
            except psutil.Error:
                continue
            if all(word in command for word in words):
                found.append(process)
        return found

    def worker(self) -> psutil.Process:
        wait_until(lambda: self.processes_of("celery", "worker"), "a worker")
        return self.processes_of("celery", "worker")[0]

    def fitting(self) -> list[psutil.Process]:
        """The processes that train; not one that waits for the next training: its errors have no file yet."""

        def has_request(process: psutil.Process) -> bool:
            with contextlib.suppress(psutil.Error):
                return any(Path(file.path).name == "stderr.log" for file in process.open_files())
            return False

        return list(filter(has_request, self.processes_of("predictor.ml.training.train")))

    def kill_web(self) -> None:
        """Kill the server and its processes at once, like a power cut."""
        web = self.processes_of("mlweb.server")
        assert web
        for process in web:
            process.kill()
        psutil.wait_procs(web, HANG_SECONDS)

    def is_healthy(self) -> bool:
        try:
            return (
                httpx.get(f"http://127.0.0.1:{self.port}/health/ready", timeout=HANG_SECONDS).status_code
                == 200
            )
        except httpx.HTTPError:
            return False

    def wait_for_health(self) -> None:
        def is_up() -> bool:
            assert self.supervisor.poll() is None, self.log.read_text()
            return self.is_healthy()

        wait_until(is_up, "the server")

    @staticmethod
    def is_alive(process: psutil.Process) -> bool:
        """Whether it runs; a zombie is dead and only waits for its parent to collect its exit code."""
        with contextlib.suppress(psutil.Error):
            return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
        return False

    # --- Import to prediction ------------------------------------------------------------------------------

    def upload(self, content: bytes, name: str = "table.csv") -> dict[str, Any]:
        return self.good(self.http.post("/datasets", files={"file": (name, content, "text/csv")}), 201)

    def train(self, dataset: Mapping[str, Any], **asked: Any) -> int:
        body = {
            "dataset": dataset["id"],
            "target": "y",
            "registered_model": "m",
            "budget_seconds": 3,
            **asked,
        }
        return int(self.good(self.http.post("/training-runs", json=body), 202)["id"])

    def run(self, run: int) -> dict[str, Any]:
        return self.good(self.http.get(f"/training-runs/{run}"), 200)

    def wait_for_run(self, run: int) -> dict[str, Any]:
        wait_until(lambda: self.run(run)["status"] in FINAL, f"the end of run {run}")
        return self.run(run)

    def wait_for_candidate(self, run: int) -> None:
        """Wait until the first fit is finished and the next one is running."""
        wait_until(lambda: self.run(run)["leaderboard"], f"a candidate of run {run}")

    @staticmethod
    def good(response: httpx.Response, status: int) -> Any:
        assert response.status_code == status, response.text
        return response.json()
