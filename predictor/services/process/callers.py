"""Whether the caller of a request still waits for its response, so that long work for nobody can end.

The web server knows it, and only for some requests (`mlweb/callers.py`). Elsewhere nobody is ever found to have left.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from ...errors import CallerLeft

LOOK_SECONDS = 0.1

# Whether the caller of a request has left, as a function to call again and again.
Watch = Callable[[], bool]

_thread = threading.local()
_watch_of: Callable[[Any], Watch] | None = None


def use(watch_of: Callable[[Any], Watch] | None) -> None:
    """Set how a request's caller is watched; None: not at all."""
    global _watch_of  # noqa: PLW0603 (one for each process)
    _watch_of = watch_of


def begin(request: Any) -> None:
    """Note the request that this thread works on."""
    _thread.request = request


def presence_check(now: Callable[[], float] = time.monotonic) -> Callable[[], None]:
    """A check for this thread's request, to call between steps of long work: raises CallerLeft. Other threads may
    call it. It looks at most once in LOOK_SECONDS, for the first time after as long."""
    request = getattr(_thread, "request", None)
    if request is None or _watch_of is None:
        return lambda: None
    has_left, looked_at = _watch_of(request), now()

    def check() -> None:
        nonlocal looked_at
        if now() - looked_at < LOOK_SECONDS:
            return
        looked_at = now()
        if has_left():
            raise CallerLeft("The caller closed the connection, so the work for it was ended.")

    return check
