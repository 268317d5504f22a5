"""Waiting in tests: for an event, with a limit that only ends a test that hangs.

A machine that runs tests may be slow, so no test measures the time that something takes; `test_waiting.py` looks
for tests that do.
"""

from __future__ import annotations

import random
import subprocess
import threading
import time
from collections.abc import Callable

# Far above what any wait takes on a loaded machine.
HANG_SECONDS = 600.0
# A program that does not end by itself.
ENDLESS = f"import time; time.sleep({HANG_SECONDS})"
_LOOK_SECONDS = 0.01


def wait_until(is_true: Callable[[], object], what: str = "what the test waits for") -> None:
    """Return once the condition is true; it is looked at again and again."""
    n_looks = 0
    while not is_true():
        n_looks += 1
        assert n_looks * _LOOK_SECONDS < HANG_SECONDS, f"{what}: it hangs"
        time.sleep(_LOOK_SECONDS)


def wait_for_end(*threads: threading.Thread) -> None:
    for thread in threads:
        thread.join(HANG_SECONDS)
        assert not thread.is_alive(), f"{thread.name} hangs"


def exit_code(process: subprocess.Popen[bytes] | subprocess.Popen[str]) -> int:
    """The exit code of a process that ends by itself."""
    return process.wait(HANG_SECONDS)


def let_some_time_pass(chance: random.Random | None = None) -> None:
    """Up to 0.1 s, for other threads and processes: a test has to hold for any time that this takes."""
    time.sleep((chance or random).random() / 10)


def be_slow() -> None:
    """The pace of a client that sends five bytes a second."""
    time.sleep(0.2)


def hang() -> None:
    """Work that does not end by itself."""
    time.sleep(HANG_SECONDS)
