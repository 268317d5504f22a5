"""The process that fits: started, read line by line, and killed with all its descendants.

Fitting stays inside C for seconds and cannot be interrupted from within: it has a process of its own.
"""

from __future__ import annotations

import json
import logging
import os
import selectors
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
from django.conf import settings

from .child_environment import child_environment

logger = logging.getLogger(__name__)

MODULE = "predictor.ml.training.train"
POLL_SECONDS = 0.25
# Predictions are answered first, fits take what is left.
NICENESS = 5


class FittingChild:
    """`python -m predictor.ml.training.train REQUEST WORKDIR`. As a context it leaves no process behind."""

    def __init__(self, request: Path, workdir: Path):
        self._command = [sys.executable, "-m", MODULE, str(request), str(workdir)]
        self._chatter = workdir / "stderr.log"

    def __enter__(self) -> FittingChild:
        with self._chatter.open("ab") as chatter:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=chatter,
                cwd=settings.BASE_DIR,
                env=child_environment(),
                start_new_session=True,
            )
        with suppress(psutil.Error):
            psutil.Process(self._process.pid).nice(NICENESS)
        return self

    def __exit__(self, *ended: object) -> None:
        self.kill()

    @property
    def pid(self) -> int:
        return self._process.pid

    def events(self, check: Callable[[], None]) -> Iterator[dict[str, Any]]:
        """What the child says, until it ends; `check` is called at least four times a second and may raise.

        An empty event means that time passed.
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
        """The exit code; negative is the signal that killed it."""
        while True:
            with suppress(subprocess.TimeoutExpired):
                return self._process.wait(POLL_SECONDS)
            check()

    def kill(self) -> None:
        """End the child, its process group and whatever else descends from it, at once."""
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
        """The end of what it wrote for people: what is left when it died without an event."""
        with suppress(OSError):
            return self._chatter.read_bytes()[-limit:].decode("utf-8", "replace")
        return ""


def read_event(line: bytes) -> dict[str, Any]:
    """One event; empty for a line that is none, since a library may print where it should not."""
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
