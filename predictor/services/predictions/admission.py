"""Concurrency limit for predictions: places, a queue bounded by its wait, and `Busy` (back-pressure) beyond it.

On one core, two predictions at once take as long as one after the other, and both end late. So the number of
places is bounded, and so is the wait for one. A caller that would wait too long gets `Busy` at once. Callers take
turns: one with a hundred requests that wait does not hold up another with one.
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
# While several callers are inside or wait, there are so many times fewer places: each prediction then takes less long,
# and with it the turns of the others. A single caller gets more answers in all from more places.
FEWER_WHEN_SHARED = 3
# The share of the queue that one caller may fill.
SHARE_OF_QUEUE = 0.75
# Bodies of more bytes are heavy; so many are handled at once.
HEAVY_BYTES, HEAVY_AT_ONCE = 32_768, 2

P = ParamSpec("P")
R = TypeVar("R")

_request = threading.local()


class _Turn(NamedTuple):
    """A waiting thread: `lock` is released when it has a place. `since`: seconds of the limit's clock."""

    lock: threading.Lock
    since: float


class _Queue:
    """The threads of one caller that wait, in the order of arrival. It has not been empty since `began_at`."""

    def __init__(self, began_at: float):
        self.began_at = began_at
        self.turns: deque[_Turn] = deque()

    def __len__(self) -> int:
        return len(self.turns)


class ConcurrencyLimit:
    """A semaphore with `at_once` places and a bounded queue of waiting threads for each caller.

    While there are several callers, `fewer_when_shared` times fewer places are given.

    A place that becomes free goes to the caller whose turn it is, and to the first of its threads.
    `wait_seconds` is the longest wait in a queue, and of a standing queue (which has not been empty for as long)
    STANDING_SHARE of it. A thread whose wait is expected to be longer is refused on arrival: the first one of its
    caller has waited so long, or no place was given for so long, or places came too slowly lately for those that will
    be given before. `max_waiting` bounds the threads that wait; one caller may have SHARE_OF_QUEUE of them. All three
    are read anew for each call, since settings may change.
    """

    def __init__(
        self,
        at_once: Callable[[], int],
        max_waiting: Callable[[], int],
        wait_seconds: Callable[[], float],
        *,
        fewer_when_shared: int = 1,
        now: Callable[[], float] = time.monotonic,
    ):
        self._at_once = at_once
        self._fewer_when_shared = fewer_when_shared
        self._max_waiting = max_waiting
        self._wait_seconds = wait_seconds
        self._now = now
        self._mutex = threading.Lock()
        # By caller, in the order of their turns; none is empty.
        self._queues: dict[str, _Queue] = {}
        # Since nobody waited last: places given, when the last one was (or the first thread came), seconds between two.
        self._n_given, self._given_at, self._interval = 0, 0.0, 0.0
        # The places that each caller has.
        self._inside: dict[str, int] = {}
        self.n_inside = 0
        self.n_waiting = 0

    @property
    def is_full(self) -> bool:
        """Whether the caller would be refused now. Reads without the lock, so the answer may be out of date."""
        caller = current_caller()
        try:
            return not self._has_place(caller) and self._is_wait_too_long(caller)
        except (IndexError, RuntimeError):  # a queue became empty meanwhile
            return False

    def enter(self) -> None:
        """Take a place, after waiting for one if needed. Raises Busy when the wait would be, or was, too long."""
        caller = current_caller()
        with self._mutex:
            if self._has_place(caller):
                self._let_in(caller)
                return
            if self._is_wait_too_long(caller):
                raise self.busy_error()
            turn = self._join_queue(caller)
        try:
            has_place = turn.lock.acquire(timeout=self._wait_seconds())
        except BaseException:
            # An interrupted wait keeps neither its entry in the queue nor its place.
            if not self._left_queue(caller, turn):
                self.leave()
            raise
        if not has_place and self._left_queue(caller, turn):
            raise self.busy_error()

    def leave(self) -> None:
        """Give the place back; it goes to the thread whose turn it is."""
        with self._mutex:
            caller = current_caller()
            if caller not in self._inside:  # it was entered by another thread
                caller = next(iter(self._inside), caller)
            n_left = self._inside.pop(caller, 1) - 1
            if n_left:
                self._inside[caller] = n_left
            self.n_inside -= 1
            while self._queues and self.n_inside < self._n_places():
                caller, turn = self._next_turn()
                self._let_in(caller)
                self._note_given_place()
                turn.lock.release()

    def _let_in(self, caller: str) -> None:
        self._inside[caller] = self._inside.get(caller, 0) + 1
        self.n_inside += 1

    def _has_place(self, caller: str) -> bool:
        """Whether the caller need not wait: nobody waits, and there is a place."""
        return not self._queues and self.n_inside < self._n_places(caller)

    def _n_places(self, caller: str | None = None) -> int:
        """How many may be inside; `caller`: one who is about to come."""
        at_once = self._at_once()
        callers = {*self._inside, *self._queues}
        if caller is not None:
            callers.add(caller)
        return at_once if len(callers) < 2 else -(-at_once // self._fewer_when_shared)

    @contextmanager
    def place(self) -> Iterator[None]:
        """Take a place for as long as the block runs. Raises Busy."""
        self.enter()
        try:
            yield
        finally:
            self.leave()

    def _is_wait_too_long(self, caller: str) -> bool:
        queues, own = list(self._queues.values()), self._queues.get(caller)
        if not queues:
            return self._max_waiting() <= 0
        n_own, most = len(own) if own else 0, self._max_waiting()
        if self.n_waiting >= most or n_own >= max(1, most * SHARE_OF_QUEUE):
            return True
        now, longest = self._now(), self._wait_seconds()
        # Each caller gets a place in turn, so of the others, no more threads come before than are of its own.
        n_before = sum(min(len(each), n_own + 1) for each in queues) if len(queues) > 1 or not own else n_own
        expected = max(now - self._given_at, n_before * self._interval)
        is_standing = False
        if own:
            expected = max(expected, now - own.turns[0].since)
            is_standing = now - own.began_at > longest
        return expected > longest * (STANDING_SHARE if is_standing else 1)

    def _join_queue(self, caller: str) -> _Turn:
        turn = _Turn(threading.Lock(), self._now())
        turn.lock.acquire()
        if not self._queues:
            self._n_given, self._given_at, self._interval = 0, turn.since, 0.0
        if caller not in self._queues:
            self._queues[caller] = _Queue(turn.since)
        self._queues[caller].turns.append(turn)
        self.n_waiting += 1
        return turn

    def _next_turn(self) -> tuple[str, _Turn]:
        """Take the thread whose turn it is out of its queue; its caller has the next turn after all others."""
        caller = next(iter(self._queues))
        queue = self._queues.pop(caller)
        turn = queue.turns.popleft()
        if queue:
            self._queues[caller] = queue
        self.n_waiting -= 1
        return caller, turn

    def _note_given_place(self) -> None:
        now = self._now()
        if self._n_given:
            weight = 1 / min(self._n_given, AVERAGED_OVER)
            self._interval += (now - self._given_at - self._interval) * weight
        self._n_given += 1
        self._given_at = now

    def _left_queue(self, caller: str, turn: _Turn) -> bool:
        """Remove the thread from its queue. False when it was given a place in the meantime."""
        with self._mutex:
            queue = self._queues.get(caller)
            if queue is None or turn not in queue.turns:
                return False
            queue.turns.remove(turn)
            if not queue:
                del self._queues[caller]
            self.n_waiting -= 1
            return True

    @staticmethod
    def busy_error() -> Busy:
        """Count a refusal and return its error; also for callers that look at `is_full` and do not enter."""
        count_refusal()
        return busy()


def begin_request(caller: str) -> None:
    """Say who the requests of this thread are from now on: the text of a token, or an address.

    It need not be proved: a place is asked for only after the token was checked.
    """
    _request.caller = caller


def current_caller() -> str:
    return getattr(_request, "caller", "")


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
    fewer_when_shared=FEWER_WHEN_SHARED,
)
# A file takes seconds: files may take half of the places, and none waits for the end of another.
file_limit = ConcurrencyLimit(lambda: max(1, settings.PREDICTIONS_AT_ONCE // 2), lambda: 0, lambda: 0.0)
# Reading a large body takes milliseconds in which this process does nothing else: so few are read at once, in turn.
heavy_limit = ConcurrencyLimit(
    lambda: HEAVY_AT_ONCE,
    lambda: settings.PREDICTIONS_WAITING,
    lambda: float(settings.PREDICTION_TIMEOUT_SECONDS),
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


@contextmanager
def heavy_work() -> Iterator[None]:
    """Within the block, `body_was_read` may take a place for a large body; the place is given back at its end."""
    _request.may_be_heavy, _request.is_heavy = True, False
    try:
        yield
    finally:
        _request.may_be_heavy = False
        if _request.is_heavy:
            _request.is_heavy = False
            heavy_limit.leave()


def body_was_read(n_bytes: int) -> None:
    """To call before a body is parsed: wait for a place if it is large. Raises Busy."""
    if n_bytes > HEAVY_BYTES and getattr(_request, "may_be_heavy", False) and not _request.is_heavy:
        heavy_limit.enter()
        _request.is_heavy = True


def check_time() -> None:
    """Check the deadline of this thread between two steps of work. Raises TookTooLong when it has passed."""
    deadline = getattr(_deadline, "at", None)
    if deadline is not None and time.monotonic() > deadline:
        seconds = settings.PREDICTION_TIMEOUT_SECONDS
        raise TookTooLong(
            f"The prediction took longer than {seconds} s and was stopped; send fewer rows at once.",
            limit=seconds,
        )
