"""Run a module as a process that ends with its parent, even if the parent is killed (PR_SET_PDEATHSIG).

`python -m mlweb.supervised mlweb.server`. Otherwise a server whose supervisor was killed would keep its port, and
serve old code beside its successor.
"""

from __future__ import annotations

import ctypes
import os
import runpy
import signal
import sys

PR_SET_PDEATHSIG = 1


def end_with_parent(by: signal.Signals = signal.SIGTERM) -> None:
    """Have the kernel send a signal to this process when the thread that started it ends (Linux only)."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, by)


if __name__ == "__main__":
    end_with_parent()
    # Its own children, such as the web server's processes, do the same.
    os.environ["MLWEB_IS_SUPERVISED"] = "1"
    sys.argv = sys.argv[1:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
