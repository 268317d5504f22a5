"""How many predictions this process makes at once, who waits for a place, and who is asked to come again.

Two predictions at once on one core are not faster than one after the other, only later. So there is a bounded
number of places and a bounded waiting room; whoever finds it full, or waits too long in it, gets `Busy`. The
queue never grows: what cannot be answered soon is refused soon. `docs/adr/0012-overload.md` says how the numbers
were chosen.
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


class Room:
    """Places for `at_once`, and chairs for those who wait for one, in the order they came."""

    def __init__(self, at_once: Callable[[], int], chairs: Callable[[], int], patience: Callable[[], float]):
        self._at_once = at_once
        self._chairs = chairs
        self._patience = patience
        self._mutex = threading.Lock()
        self._waiting: deque[threading.Lock] = deque()
        self.n_inside = 0

    @property
    def n_waiting(self) -> int:
        return len(self._waiting)

    @property
    def is_full(self) -> bool:
        """Whether who comes now would be refused at once. Costs nothing: nobody is locked out for it."""
        return len(self._waiting) >= self._chairs() and self.n_inside >= self._at_once()

    def enter(self) -> None:
        """Returns with a place. Raises Busy when no chair is free, or no place became free in time."""
        with self._mutex:
            if self.n_inside < self._at_once():
                self.n_inside += 1
                return
            if len(self._waiting) >= self._chairs():
                raise self.refuse()
            called = threading.Lock()
            called.acquire()
            self._waiting.append(called)
        try:
            is_called = called.acquire(timeout=self._patience())
        except BaseException:
            # Whoever cannot even wait keeps neither chair nor place.
            if not self._left_chair(called):
                self.leave()
            raise
        if not is_called and self._left_chair(called):
            raise self.refuse()

    def leave(self) -> None:
        """The place goes to the one who waited longest."""
        with self._mutex:
            if self._waiting and self.n_inside <= self._at_once():
                self._waiting.popleft().release()
            else:
                self.n_inside -= 1

    def _left_chair(self, called: threading.Lock) -> bool:
        """Whether the chair was still taken. Else the place came in the very moment."""
        with self._mutex:
            if called not in self._waiting:
                return False
            self._waiting.remove(called)
            return True

    @staticmethod
    def refuse() -> Busy:
        """The refusal; also for those who need not even try to enter."""
        meters.count("busy_refusals")
        return Busy(
            "The server is busy with other predictions; try again in a second.", retry_seconds=RETRY_SECONDS
        )


predicting = Room(
    lambda: settings.PREDICTIONS_AT_ONCE,
    lambda: settings.PREDICTIONS_WAITING,
    lambda: settings.PREDICTION_WAIT_MS / 1_000,
)
_deadline = threading.local()


def admitted(work: Callable[P, R]) -> Callable[P, R]:
    """The function, done with a place of its own and within PREDICTION_TIMEOUT_SECONDS. Raises Busy, TookTooLong."""

    @wraps(work)
    def within(*args: P.args, **kwargs: P.kwargs) -> R:
        predicting.enter()
        try:
            _deadline.at = time.monotonic() + settings.PREDICTION_TIMEOUT_SECONDS
            return work(*args, **kwargs)
        finally:
            _deadline.at = None
            predicting.leave()

    return within


def check_time() -> None:
    """For work that goes on in steps. Raises TookTooLong when the caller of this thread has no time left."""
    at = getattr(_deadline, "at", None)
    if at is not None and time.monotonic() > at:
        seconds = settings.PREDICTION_TIMEOUT_SECONDS
        raise TookTooLong(
            f"Answering took longer than {seconds} s and was given up; send fewer rows at once.",
            limit=seconds,
        )
