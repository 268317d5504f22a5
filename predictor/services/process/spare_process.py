"""A child process that is started ahead: it has loaded its libraries and waits for one request.

Loading takes from a quarter of a second (a reader of files) to several seconds on a busy machine (a training). Each
process still does one piece of work only, and ends by itself when it was not needed for IDLE_SECONDS, or when this
process ends.
"""

from __future__ import annotations

import atexit
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path

from django.conf import settings

from .child_environment import child_environment

IDLE_SECONDS = 600
END_SECONDS = 2


class Starter:
    """A thread that starts processes and lives as long as this process.

    A child that dies with its parent (PR_SET_PDEATHSIG) dies with the thread that started it, and the thread of one job
    may end while the process works for another job.
    """

    def __init__(self) -> None:
        self._wanted: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def started(self, start: Callable[[], subprocess.Popen[bytes]]) -> subprocess.Popen[bytes]:
        """The process that `start` starts, by the thread. Raises what it raises."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="spare-process", daemon=True)
            self._thread.start()
        answer: Future[subprocess.Popen[bytes]] = Future()

        def carry_out() -> None:
            try:
                answer.set_result(start())
            except OSError as error:
                answer.set_exception(error)

        self._wanted.put(carry_out)
        return answer.result()

    def _run(self) -> None:
        while True:
            self._wanted.get()()


class SpareProcess:
    """At most one waiting process, `python -m MODULE --spare SECONDS`, that reads the path of its request.

    `has_output`: its standard output is a pipe to this process.
    """

    def __init__(self, *, has_output: bool = False) -> None:
        self._lock = threading.Lock()
        self._owner = os.getpid()
        self._starter = Starter()
        self._stdout = subprocess.PIPE if has_output else subprocess.DEVNULL
        self.process: subprocess.Popen[bytes] | None = None
        atexit.register(self.end)

    def start(self, module: str) -> None:
        """Start a process of the module, unless one waits."""
        with self._lock:
            if self._own() is not None:
                return
            self.process = self._starter.started(lambda: self._popen(module))

    def _popen(self, module: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", module, "--spare", str(IDLE_SECONDS)],
            stdin=subprocess.PIPE,
            stdout=self._stdout,
            cwd=settings.BASE_DIR,
            env=child_environment(),
            start_new_session=True,
        )

    def take(self, request: Path) -> subprocess.Popen[bytes] | None:
        """The process, now working on the request; None when none waits."""
        with self._lock:
            process, self.process = self._own(), None
        if process is None or process.stdin is None:
            return None
        try:
            process.stdin.write(os.fsencode(request) + b"\n")
            process.stdin.close()
        except OSError:
            _end(process)
            return None
        return process

    def end(self) -> None:
        with self._lock:
            process, self.process = self._own(), None
        if process is not None:
            _end(process)

    def _own(self) -> subprocess.Popen[bytes] | None:
        """The waiting process, if it lives and was started by this process, not by one that forked it."""
        if self._owner != os.getpid():
            self._owner, self.process, self._starter = os.getpid(), None, Starter()
        if self.process is not None and self.process.poll() is not None:
            _end(self.process)
            self.process = None
        return self.process


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the process; it removes its temporary files when its input ends."""
    with suppress(OSError):
        if process.stdin is not None:
            process.stdin.close()
    with suppress(subprocess.TimeoutExpired):
        process.wait(END_SECONDS)
    process.kill()
    process.wait()
    if process.stdout is not None:
        process.stdout.close()
