"""The child process that fits a model: start it, read its events line by line, kill it with its descendants.

Fitting runs in C code for seconds and cannot be interrupted by a thread, so it has a process of its own.
"""

from __future__ import annotations

import json
import logging
import os
import selectors
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
from django.conf import settings

from ..process.child_environment import child_environment
from ..process.spare_process import SpareProcess

logger = logging.getLogger(__name__)

MODULE = "predictor.ml.training.train"
POLL_SECONDS = 0.25
# Predictions have priority; fits use the remaining CPU time.
NICENESS = 5
spare_trainer = SpareProcess(has_output=True)
_is_kept = threading.Event()


def keep_one_ahead() -> None:
    """From now on, have a process wait for the next training, which need not spend its budget on loading libraries.

    For workers: they train again and again.
    """
    _is_kept.set()
    spare_trainer.start(MODULE)


class FittingChild:
    """The process `python -m MODULE REQUEST WORKDIR`; as a context manager, killed at exit. It trains by default."""

    def __init__(self, request: Path, workdir: Path, *, module: str | None = None):
        self._request, self._workdir = request, workdir
        self._is_training = module is None
        self._command = [sys.executable, "-m", module or MODULE, str(request), str(workdir)]
        self._stderr = workdir / "stderr.log"

    def __enter__(self) -> FittingChild:
        # A process that was started ahead trains, in the folder of its request.
        is_usual = self._is_training and self._request.parent == self._workdir
        self._process = (spare_trainer.take(self._request) if is_usual else None) or self._started()
        with suppress(psutil.Error):
            psutil.Process(self._process.pid).nice(NICENESS)
        return self

    def __exit__(self, *ended: object) -> None:
        self.kill()
        if _is_kept.is_set():
            spare_trainer.start(MODULE)

    def _started(self) -> subprocess.Popen[bytes]:
        with self._stderr.open("ab") as stderr:
            return subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=stderr,
                cwd=settings.BASE_DIR,
                env=child_environment(),
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def events(self, check: Callable[[], None]) -> Iterator[dict[str, Any]]:
        """The events of the child until it ends; `check` is called at least every 0.25 s and may raise.

        An empty event means that nothing came in that time.
        """
        pipe = self._process.stdout
        if pipe is None:
            return
        pending = b""
        with selectors.DefaultSelector() as selector:
            selector.register(pipe, selectors.EVENT_READ)
            while True:
                check()
                if not selector.select(POLL_SECONDS):
                    yield {}
                    continue
                chunk = os.read(pipe.fileno(), 1 << 16)
                if not chunk:
                    return
                *lines, pending = (pending + chunk).split(b"\n")
                yield from (event for line in lines if (event := read_event(line)))

    def wait(self, check: Callable[[], None]) -> int:
        """Wait for the exit code; a negative one is the signal that killed it. `check` may raise."""
        while True:
            with suppress(subprocess.TimeoutExpired):
                return self._process.wait(POLL_SECONDS)
            check()

    def kill(self) -> None:
        """Kill the child, its process group and all other descendants."""
        descendants = []
        with suppress(psutil.Error):
            descendants = psutil.Process(self._process.pid).children(recursive=True)
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        for each in descendants:
            with suppress(psutil.Error):
                each.kill()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def last_words(self, limit: int = 4_000) -> str:
        """The last characters of its stderr: the only trace when it died without an event."""
        with suppress(OSError):
            return self._stderr.read_bytes()[-limit:].decode("utf-8", "replace")
        return ""


def read_event(line: bytes) -> dict[str, Any]:
    """Parse one event (a line of JSON); {} for any other line, since a library may print to stdout."""
    if not line.strip():
        return {}
    try:
        event = json.loads(line)
    except ValueError:
        event = None
    if not isinstance(event, dict) or "event" not in event:
        logger.info("The fitting process said something that is no event: %.200r", line)
        return {}
    return event
