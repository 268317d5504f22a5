"""Which callers have closed their connection while the server works for them.

The web server does not tell us which connection a request came by, nor that it was closed. The kernel tells what is
open. Only when no connection is open by which the request may have come, its caller has left: those of its address
that had received something lately when the work began. Where several are possible, the work goes on until all of them
are closed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from predictor.services.process.callers import Watch

from .slow_bodies import Connection, OpenRequest

# A request may have waited for so long in the web server before its thread began.
RECEIVED_BEFORE_SECONDS = 30.0


def watcher(
    connections: Callable[[set[str]], Iterable[Connection]], now: Callable[[], float] = time.monotonic
) -> Callable[[OpenRequest], Watch]:
    """For an open request, a function that tells whether its caller has left."""

    def watch_of(request: OpenRequest) -> Watch:
        earliest = request.entered_at - RECEIVED_BEFORE_SECONDS
        of_address = list(connections({request.address}))
        possible = [each for each in of_address if now() - each.received_ago >= earliest]

        def has_left() -> bool:
            if not of_address:
                return True  # its connection was closed before the work began
            # One of the others brought the request: it waited longer than we thought.
            return bool(possible) and not any(each.is_open() for each in possible)

        return has_left

    return watch_of
