"""Concurrency limit for predictions: so many at once, a bounded waiting queue, and `Busy` (back-pressure) beyond it.

On one core, two predictions at once take as long as one after the other, and both end late. So the number of
places and the length of the queue are bounded. A caller that finds the queue full, or waits too long in it, gets
`Busy` early. `docs/adr/0012-overload.md` says how the numbers were chosen.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from django.conf import settings

from ...errors import Busy, TookTooLong
from ..process import meters

RETRY_SECONDS = 1

P = ParamSpec("P")
R = TypeVar("R")


class ConcurrencyLimit:
    """A semaphore with `at_once` places and a bounded first-in, first-out queue of `max_waiting` waiting threads.

    `wait_seconds` is the longest wait, in seconds. All three are read anew for each call, since settings may change.
    """

    def __init__(
        self, at_once: Callable[[], int], max_waiting: Callable[[], int], wait_seconds: Callable[[], float]
    ):
        self._at_once = at_once
        self._max_waiting = max_waiting
        self._wait_seconds = wait_seconds
        self._mutex = threading.Lock()
        self._waiting: deque[threading.Lock] = deque()
        self.n_inside = 0

    @property
    def n_waiting(self) -> int:
        return len(self._waiting)

    @property
    def is_full(self) -> bool:
        """Whether a caller would be refused now. Reads without the lock, so the answer may be out of date."""
        return len(self._waiting) >= self._max_waiting() and self.n_inside >= self._at_once()

    def enter(self) -> None:
        """Take a place, after waiting for one if needed. Raises Busy when the queue is full or the wait too long."""
        with self._mutex:
            if self.n_inside < self._at_once():
                self.n_inside += 1
                return
            if len(self._waiting) >= self._max_waiting():
                raise self.busy_error()
            turn = threading.Lock()
            turn.acquire()
            self._waiting.append(turn)
        try:
            has_place = turn.acquire(timeout=self._wait_seconds())
        except BaseException:
            # An interrupted wait keeps neither its entry in the queue nor its place.
            if not self._left_queue(turn):
                self.leave()
            raise
        if not has_place and self._left_queue(turn):
            raise self.busy_error()

    def leave(self) -> None:
        """Give the place back; the thread that waited longest gets it."""
        with self._mutex:
            if self._waiting and self.n_inside <= self._at_once():
                self._waiting.popleft().release()
            else:
                self.n_inside -= 1

    def _left_queue(self, turn: threading.Lock) -> bool:
        """Remove the thread from the queue. False when it was given a place in the meantime."""
        with self._mutex:
            if turn not in self._waiting:
                return False
            self._waiting.remove(turn)
            return True

    @staticmethod
    def busy_error() -> Busy:
        """Count a refusal and return its error; also for callers that look at `is_full` and do not enter."""
        meters.count("busy_refusals")
        return Busy(
            "The server is busy with other predictions; try again in a second.", retry_seconds=RETRY_SECONDS
        )


prediction_limit = ConcurrencyLimit(
    lambda: settings.PREDICTIONS_AT_ONCE,
    lambda: settings.PREDICTIONS_WAITING,
    lambda: settings.PREDICTION_WAIT_MS / 1_000,
)
_deadline = threading.local()


def limited(work: Callable[P, R]) -> Callable[P, R]:
    """Decorator: run the function within the concurrency limit and PREDICTION_TIMEOUT_SECONDS.

    Raises Busy, TookTooLong.
    """

    @wraps(work)
    def within(*args: P.args, **kwargs: P.kwargs) -> R:
        prediction_limit.enter()
        try:
            _deadline.at = time.monotonic() + settings.PREDICTION_TIMEOUT_SECONDS
            return work(*args, **kwargs)
        finally:
            _deadline.at = None
            prediction_limit.leave()

    return within


def check_time() -> None:
    """Check the deadline of this thread between two steps of work. Raises TookTooLong when it has passed."""
    deadline = getattr(_deadline, "at", None)
    if deadline is not None and time.monotonic() > deadline:
        seconds = settings.PREDICTION_TIMEOUT_SECONDS
        raise TookTooLong(
            f"The prediction took longer than {seconds} s and was stopped; send fewer rows at once.",
            limit=seconds,
        )
