"""Concurrency limit for predictions: places, a queue bounded by its wait, and `Busy` (back-pressure) beyond it.

On one core, two predictions at once take as long as one after the other, and both end late. So the number of
places is bounded, and so is the wait for one. A caller that would wait too long gets `Busy` at once.
`docs/adr/0012-overload.md` says how the numbers were chosen.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import NamedTuple, ParamSpec, TypeVar

from django.conf import settings

from ...errors import Busy, TookTooLong
from ..process import meters

RETRY_SECONDS = 1
# A queue that has not been empty for the longest wait is no burst: it is allowed only this share of the wait.
STANDING_SHARE = 0.2
# The average time between two places follows the last ones that were given to the queue.
AVERAGED_OVER = 32

P = ParamSpec("P")
R = TypeVar("R")


class _Turn(NamedTuple):
    """A waiting thread: `lock` is released when it has a place. `since`: seconds of the limit's clock."""

    lock: threading.Lock
    since: float


class ConcurrencyLimit:
    """A semaphore with `at_once` places and a bounded first-in, first-out queue of waiting threads.

    `wait_seconds` is the longest wait in the queue, and of a standing queue (which has not been empty for as long)
    STANDING_SHARE of it. A caller whose wait is expected to be longer is refused on arrival: the first in the queue
    has waited so long, or the places that the queue was given lately came too slowly for its length.
    `max_waiting` bounds the threads that wait. All three are read anew for each call, since settings may change.
    """

    def __init__(
        self,
        at_once: Callable[[], int],
        max_waiting: Callable[[], int],
        wait_seconds: Callable[[], float],
        *,
        now: Callable[[], float] = time.monotonic,
    ):
        self._at_once = at_once
        self._max_waiting = max_waiting
        self._wait_seconds = wait_seconds
        self._now = now
        self._mutex = threading.Lock()
        self._waiting: deque[_Turn] = deque()
        self._was_empty_at = 0.0
        # Of the queue since it was last empty: places given to it, when the last one was, seconds from one to the next.
        self._n_given, self._given_at, self._interval = 0, 0.0, 0.0
        self.n_inside = 0

    @property
    def n_waiting(self) -> int:
        return len(self._waiting)

    @property
    def is_full(self) -> bool:
        """Whether a caller would be refused now. Reads without the lock, so the answer may be out of date."""
        if self.n_inside < self._at_once():
            return False
        try:
            return self._is_wait_too_long()
        except IndexError:  # the queue became empty meanwhile
            return False

    def enter(self) -> None:
        """Take a place, after waiting for one if needed. Raises Busy when the wait would be, or was, too long."""
        with self._mutex:
            if self.n_inside < self._at_once():
                self.n_inside += 1
                return
            if self._is_wait_too_long():
                raise self.busy_error()
            turn = _Turn(threading.Lock(), self._now())
            turn.lock.acquire()
            if not self._waiting:
                self._was_empty_at, self._n_given, self._interval = turn.since, 0, 0.0
            self._waiting.append(turn)
        try:
            has_place = turn.lock.acquire(timeout=self._wait_seconds())
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
                self._waiting.popleft().lock.release()
                self._note_given_place()
            else:
                self.n_inside -= 1

    @contextmanager
    def place(self) -> Iterator[None]:
        """Take a place for as long as the block runs. Raises Busy."""
        self.enter()
        try:
            yield
        finally:
            self.leave()

    def _is_wait_too_long(self) -> bool:
        n_waiting = len(self._waiting)
        if n_waiting >= self._max_waiting():
            return True
        if not n_waiting:
            return False
        now, longest = self._now(), self._wait_seconds()
        is_standing = now - self._was_empty_at > longest
        expected = max(now - self._waiting[0].since, n_waiting * self._interval)
        return expected > longest * (STANDING_SHARE if is_standing else 1)

    def _note_given_place(self) -> None:
        now = self._now()
        if self._n_given:
            weight = 1 / min(self._n_given, AVERAGED_OVER)
            self._interval += (now - self._given_at - self._interval) * weight
        self._n_given += 1
        self._given_at = now

    def _left_queue(self, turn: _Turn) -> bool:
        """Remove the thread from the queue. False when it was given a place in the meantime."""
        with self._mutex:
            if turn not in self._waiting:
                return False
            self._waiting.remove(turn)
            return True

    @staticmethod
    def busy_error() -> Busy:
        """Count a refusal and return its error; also for callers that look at `is_full` and do not enter."""
        count_refusal()
        return busy()


def count_refusal() -> None:
    meters.count("busy_refusals")


def busy() -> Busy:
    return Busy(
        "The server is busy with other predictions; try again in a second.", retry_seconds=RETRY_SECONDS
    )


prediction_limit = ConcurrencyLimit(
    lambda: settings.PREDICTIONS_AT_ONCE,
    lambda: settings.PREDICTIONS_WAITING,
    lambda: settings.PREDICTION_WAIT_MS / 1_000,
)
# A file takes seconds: files may take half of the places, and none waits for the end of another.
file_limit = ConcurrencyLimit(lambda: max(1, settings.PREDICTIONS_AT_ONCE // 2), lambda: 0, lambda: 0.0)
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


def limited_file(work: Callable[P, R]) -> Callable[P, R]:
    """Decorator: run the prediction of a file within the concurrency limit, without a deadline. Raises Busy."""

    @wraps(work)
    def within(*args: P.args, **kwargs: P.kwargs) -> R:
        with file_limit.place(), prediction_limit.place():
            return work(*args, **kwargs)

    return within


def require_place_for_file() -> None:
    """Raises Busy if a file would be refused now; to call before it is read."""
    if file_limit.is_full or prediction_limit.is_full:
        raise ConcurrencyLimit.busy_error()


def check_time() -> None:
    """Check the deadline of this thread between two steps of work. Raises TookTooLong when it has passed."""
    deadline = getattr(_deadline, "at", None)
    if deadline is not None and time.monotonic() > deadline:
        seconds = settings.PREDICTION_TIMEOUT_SECONDS
        raise TookTooLong(
            f"The prediction took longer than {seconds} s and was stopped; send fewer rows at once.",
            limit=seconds,
        )
