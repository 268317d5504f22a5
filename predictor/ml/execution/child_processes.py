"""A pool of forked child processes, each running one function with a deadline and a memory limit.

A fit cannot be interrupted from within (scikit-learn stays in C for seconds), so long work runs in a child
that can be killed. Children share the parent's tables (copy-on-write), write their results to files, and die with
their parent. Each uses one thread, unless it is told that it runs alone. The parent keeps to one thread of OpenMP: a
child would wait for ever for others, which fork does not copy.
"""

from __future__ import annotations

import ctypes
import gc
import os
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from threadpoolctl import threadpool_limits

PR_SET_PDEATHSIG = 1
POLL_SECONDS = 0.005
TELL_SECONDS = 1.0
# Exit code of a child that ran out of memory.
OUT_OF_MEMORY = 9


@dataclass(frozen=True)
class ChildResult:
    """Exit status of one child: `status` is "done", "timed out" or "failed"; `note` is the reason, a sentence."""

    key: str
    status: str
    seconds: float
    note: str = ""
    traceback: str = ""


@dataclass
class _Child:
    pid: int
    key: str
    started_at: float
    deadline: float
    error_path: Path


@dataclass
class Children:
    """Pool of at most `n_slots` child processes. A child that fails writes its traceback to `error_folder`.

    `max_memory_bytes` limits the address space that a child may add to the parent's. `on_wait` is called about once a
    second while a child is waited for. `wall_seconds` and `cpu_seconds`: how long the children that ended have run, and
    computed, together.
    """

    n_slots: int
    error_folder: Path
    max_memory_bytes: int | None = None
    on_wait: Callable[[], None] = lambda: None
    wall_seconds: float = 0.0
    cpu_seconds: float = 0.0
    _running: dict[int, _Child] = field(default_factory=dict)

    @property
    def has_slot(self) -> bool:
        return len(self._running) < self.n_slots

    @property
    def is_idle(self) -> bool:
        return not self._running

    def start(self, key: str, function: Callable[[], None], timeout: float, *, n_threads: int = 1) -> None:
        """Fork a child that runs the function and is killed after `timeout` seconds."""
        error_path = self.error_folder / f"{key}.error"
        sys.stdout.flush()
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            _run(function, error_path, self.max_memory_bytes, parent, n_threads)
        now = time.monotonic()
        self._running[pid] = _Child(pid, key, now, now + timeout, error_path)

    def wait(self) -> ChildResult:
        """Wait until a child ends or reaches its deadline, and return its exit status."""
        told_at = time.monotonic()
        while True:
            if time.monotonic() - told_at >= TELL_SECONDS:
                told_at = time.monotonic()
                self.on_wait()
            for child in list(self._running.values()):
                ended = self._poll(child)
                if ended:
                    del self._running[child.pid]
                    return ended
            time.sleep(POLL_SECONDS)

    def kill_all(self) -> None:
        for child in self._running.values():
            os.kill(child.pid, signal.SIGKILL)
            os.waitpid(child.pid, 0)
        self._running.clear()

    def _poll(self, child: _Child) -> ChildResult | None:
        pid, status, used = os.wait4(child.pid, os.WNOHANG)
        seconds = time.monotonic() - child.started_at
        if pid == 0:
            if time.monotonic() < child.deadline:
                return None
            os.kill(child.pid, signal.SIGKILL)
            _, _, used = os.wait4(child.pid, 0)
            self._count(used, seconds)
            return ChildResult(child.key, "timed out", seconds, f"took longer than {seconds:.1f} s")
        self._count(used, seconds)
        code = os.waitstatus_to_exitcode(status)
        return ChildResult(child.key, "done", seconds) if code == 0 else _failure(child, code, seconds)

    def _count(self, used: resource.struct_rusage, seconds: float) -> None:
        self.wall_seconds += seconds
        self.cpu_seconds += used.ru_utime + used.ru_stime


def _failure(child: _Child, code: int, seconds: float) -> ChildResult:
    if code == OUT_OF_MEMORY:
        return ChildResult(child.key, "failed", seconds, "needs more memory than it may use")
    if code < 0:
        return ChildResult(child.key, "failed", seconds, f"was ended by {signal.Signals(-code).name}")
    text = child.error_path.read_text("utf-8", "replace") if child.error_path.exists() else ""
    last = text.strip().splitlines()[-1] if text.strip() else f"ended with code {code}"
    return ChildResult(child.key, "failed", seconds, last[:300], text)


def die_with_parent() -> None:
    """Have the kernel kill this process when the thread that started it ends."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _run(
    function: Callable[[], None], error_path: Path, max_memory_bytes: int | None, parent: int, n_threads: int
) -> None:
    """Run the function in the child and exit; never returns to the parent's code."""
    code = 1
    try:
        die_with_parent()
        if os.getppid() != parent:
            os._exit(1)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        # Standard output carries the parent's events, so what libraries print goes to standard error.
        os.dup2(2, 1)
        # The garbage collector would write to, and so copy, the memory shared with the parent.
        gc.freeze()
        threadpool_limits(n_threads)
        if max_memory_bytes is not None:
            _limit_memory(max_memory_bytes)
        function()
        code = 0
    except MemoryError:
        code = OUT_OF_MEMORY
    except BaseException:
        error_path.write_text(traceback.format_exc(), "utf-8")
    finally:
        os._exit(code)


def _limit_memory(extra_bytes: int) -> None:
    """Limit the address space (RLIMIT_AS) to what is mapped now plus `extra_bytes`: an upper bound of memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + extra_bytes
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
