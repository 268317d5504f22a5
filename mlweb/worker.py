"""The beginning and the end of a web worker process."""

from __future__ import annotations

import gc
import logging
import os
import signal
from contextlib import suppress
from multiprocessing import util
from typing import Any

from predictor.services import draining
from predictor.services.log_writer import writer

from . import logs
from .server import DRAIN, ready_file

logger = logging.getLogger(__name__)


def begin() -> None:
    """Call it when the application is loaded, from the main thread."""
    signal.signal(DRAIN, _drain)
    # What is loaded by now stays: the collector need not look through it again and again, a tenth of a request.
    gc.collect()
    gc.freeze()
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


def _drain(*signalled: Any) -> None:
    draining.begin()
