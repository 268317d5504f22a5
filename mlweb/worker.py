"""Start and graceful shutdown of a web worker process."""

from __future__ import annotations

import gc
import logging
import os
import signal
import threading
import time
from contextlib import suppress
from multiprocessing import util
from pathlib import Path

from django.conf import settings

from predictor.services.prediction_log.group_commit import writer
from predictor.services.process import callers, draining

from . import logs
from .callers import watcher
from .server import DRAIN, END, FORCE_AFTER_SECONDS, ready_file
from .slow_bodies import OpenRequests, SlowBodyGuard, own_connections, run
from .supervised import end_with_parent

logger = logging.getLogger(__name__)

TELL_AGAIN_SECONDS = 0.1


def begin(requests: OpenRequests) -> None:
    """Prepare this worker. Call it when the application is loaded, from the main thread."""
    connections = own_connections(settings.PORT)
    if Path("/proc/self/fd").exists():
        callers.use(watcher(connections))
    guard = SlowBodyGuard(requests, connections)
    threading.Thread(target=run, args=(guard,), name="slow-bodies", daemon=True).start()
    # Freeze the loaded objects: scanning them at each garbage collection took a tenth of a request's time.
    gc.collect()
    gc.freeze()
    threading.Thread(target=_wait_for_the_end, name="end", daemon=True).start()
    end_with_parent(END)
    # A forked process does not run `atexit` handlers, but multiprocessing's finalizers.
    util.Finalize(None, end, exitpriority=10)
    ready_file(os.getpid()).touch()


def end() -> None:
    """Write the buffered log rows and access log entries."""
    with suppress(OSError):
        ready_file(os.getpid()).unlink(missing_ok=True)
    try:
        writer().close()
    except Exception:
        logger.exception("The prediction log could not be written to its end.")
    logs.flush()


def _wait_for_the_end() -> None:
    """Receive DRAIN and END, which are blocked in all threads since the fork.

    All other signals are blocked in this thread: the kernel may deliver a signal to any thread that accepts it, and
    Python, which handles signals in the main thread, might not notice."""
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    while signal.sigwait({DRAIN, END}) != END:
        draining.begin()
    draining.begin()
    _end_main_thread()


def _end_main_thread() -> None:
    """Send SIGTERM to the main thread repeatedly, until granian ends.

    Under load, one process in ten did not notice the SIGTERM of its parent, which another thread may receive while the
    main thread sleeps. Granian waits forever for a request that a slow client never completes. So the logs are written
    before the main process kills this one."""
    main_thread = threading.main_thread().ident
    until = time.monotonic() + FORCE_AFTER_SECONDS
    while time.monotonic() < until:
        if main_thread is not None:
            signal.pthread_kill(main_thread, signal.SIGTERM)
        time.sleep(TELL_AGAIN_SECONDS)
    end()
    os._exit(0)
