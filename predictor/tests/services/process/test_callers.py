"""Whether the caller still waits: looked at now and then, for the request of the thread that began the work."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from predictor.errors import CallerLeft
from predictor.services.process import callers


@pytest.fixture
def left() -> Iterator[set[str]]:
    """The requests whose callers have left."""
    left: set[str] = set()
    callers.use(lambda request: lambda: request in left)
    yield left
    callers.use(None)
    callers.begin(None)


class Clock:
    at = 1_000.0

    def __call__(self) -> float:
        return self.at


def test_work_ends_when_its_caller_has_left_and_not_for_that_of_others(left: set[str]) -> None:
    clock = Clock()
    callers.begin("a")
    check = callers.presence_check(clock)
    callers.begin("b")
    left.add("b")
    clock.at += 2
    check()
    left.add("a")
    clock.at += 2

    with pytest.raises(CallerLeft, match="closed the connection"):
        check()


def test_it_looks_ten_times_a_second_and_not_at_once(left: set[str]) -> None:
    clock = Clock()
    callers.begin("a")
    left.add("a")
    check = callers.presence_check(clock)

    check()
    clock.at += 0.09
    check()
    clock.at += 0.02
    with pytest.raises(CallerLeft):
        check()


def test_another_thread_may_check(left: set[str]) -> None:
    clock, raised = Clock(), []
    callers.begin("a")
    left.add("a")
    check = callers.presence_check(clock)
    clock.at += 1

    def work() -> None:
        try:
            check()
        except CallerLeft as error:
            raised.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()

    assert len(raised) == 1


def test_without_a_request_or_a_watch_nobody_has_left(left: set[str]) -> None:
    clock = Clock()
    callers.begin(None)
    without_request = callers.presence_check(clock)
    callers.begin("a")
    callers.use(None)
    without_watch = callers.presence_check(clock)
    left.add("a")
    clock.at += 5

    without_request()
    without_watch()
