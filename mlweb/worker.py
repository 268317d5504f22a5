"""The beginning and the end of a web worker process."""

from __future__ import annotations

import gc
import logging
import os
import signal
import threading
import time
from contextlib import suppress
from multiprocessing import util

from predictor.services.prediction_log.group_commit import writer
from predictor.services.process import draining

from . import logs
from .server import DRAIN, END, KILL_AFTER_SECONDS, ready_file
from .supervised import end_with_parent

logger = logging.getLogger(__name__)

TELL_AGAIN_SECONDS = 0.1


def begin() -> None:
    """Call it when the application is loaded, from the main thread."""
    # What is loaded by now stays: the collector need not look through it again and again, a tenth of a request.
    gc.collect()
    gc.freeze()
    threading.Thread(target=_wait_for_the_end, name="end", daemon=True).start()
    end_with_parent(END)
    # A forked process ends without `atexit`; this is what it does instead.
    util.Finalize(None, end, exitpriority=10)
    ready_file(os.getpid()).touch()


def end() -> None:
    """Requests are answered; what they left to write is written."""
    with suppress(OSError):
        ready_file(os.getpid()).unlink(missing_ok=True)
    try:
        writer().close()
    except Exception:
        logger.exception("The prediction log could not be written to its end.")
    logs.flush()


def _wait_for_the_end() -> None:
    """Both signals are blocked in all threads, since the main process forked this one, and taken here. All others
    are left to the main thread: of signals that come together, the kernel may deliver each to any thread that
    takes it, and Python, which waits in the main thread, would not notice."""
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    while signal.sigwait({DRAIN, END}) != END:
        draining.begin()
    draining.begin()
    _end_main_thread()


def _end_main_thread() -> None:
    """Tell granian to end, again and again: under load, one process in ten did not notice the SIGTERM that its
    parent sent, which may be taken by another thread while the main one sleeps. This one goes to the main thread.

    Granian waits for good for a request that a slow client never ends. Before the main process kills this one for
    that, what was answered is written."""
    main_thread = threading.main_thread().ident
    until = time.monotonic() + KILL_AFTER_SECONDS - 3
    while time.monotonic() < until:
        if main_thread is not None:
            signal.pthread_kill(main_thread, signal.SIGTERM)
        time.sleep(TELL_AGAIN_SECONDS)
    end()
    os._exit(0)
