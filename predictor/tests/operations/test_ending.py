"""Graceful shutdown: all buffered log rows are written."""

from __future__ import annotations

import fcntl
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pytest

from ..waiting import exit_code, let_some_time_pass, wait_until
from .installation import ROOT
from .web_server import Callers, WebServer

pytestmark = pytest.mark.servers

# Five requests of two rows, then the program ends.
LOGS_AND_ENDS = """
import django
django.setup()
from predictor.models import RegisteredModel
from predictor.services import predictions
model = RegisteredModel.objects.get()
for number in range(5):
    caller = predictions.Caller(None, request_id=f"program-{number}")
    predictions.predict(registered_model=model, rows=[{"x1": 1, "x2": 2}] * 2, caller=caller)
print("answered", flush=True)
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> WebServer:
    return WebServer(tmp_path_factory.mktemp("ending"), MLWEB_PREDICTION_LOG="buffered")


@contextmanager
def turn_taken(server: WebServer) -> Iterator[None]:
    """Hold the file lock as another process, so that buffered rows have to wait."""
    with (server.data / "prediction_log.lock").open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def test_a_program_writes_its_buffered_rows_before_it_ends(installed: WebServer) -> None:
    before = installed.logged()
    with turn_taken(installed):
        program = subprocess.Popen(
            [sys.executable, "-c", LOGS_AND_ENDS],
            cwd=ROOT, env=installed.environment, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert program.stdout is not None
        assert program.stdout.readline() == "answered\n"
        let_some_time_pass()
        assert program.poll() is None
        assert installed.logged() == before
    with program:
        assert exit_code(program) == 0

    assert installed.logged() - before == Counter({f"program-{number}": 2 for number in range(5)})


def test_a_server_writes_its_buffered_rows_at_shutdown(installed: WebServer) -> None:
    with installed.running() as main, Callers(installed, 8) as callers:
        callers.wait_for(40)
        with turn_taken(installed):
            logged = installed.logged()
            callers.wait_for(40)
            main.send_signal(signal.SIGTERM)
            wait_until(lambda: not installed.workers(), "the end of answers")
            assert main.status() != psutil.STATUS_ZOMBIE
            assert installed.logged() == logged
        wait_until(lambda: main.status() == psutil.STATUS_ZOMBIE, "the end")

    assert len(callers.answered) >= 80
    assert installed.logged().keys() >= set(callers.answered)
    # It ended by itself, not after the time that it has for that.
    assert "refused to gracefully stop" not in installed.log.read_text()
