"""Concurrency limit: places, the waiting queue and its order, timeouts, refusals."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from predictor.errors import Busy, TookTooLong
from predictor.services.predictions import admission
from predictor.services.predictions.admission import Room

FOREVER = 60.0


def room(at_once: int, chairs: int, patience: float = FOREVER) -> Room:
    return Room(lambda: at_once, lambda: chairs, lambda: patience)


def until(is_true: Any) -> None:
    for _ in range(10_000):
        if is_true():
            return
        threading.Event().wait(0.001)
    raise AssertionError("the condition did not become true")


def test_a_full_queue_refuses_at_once() -> None:
    small = room(1, 0)
    small.enter()

    assert small.is_full
    with pytest.raises(Busy) as refused:
        small.enter()

    assert refused.value.retry_seconds == 1
    small.leave()
    assert not small.is_full
    small.enter()


def test_a_wait_that_is_too_long_is_refused_and_leaves_the_queue() -> None:
    small = room(1, 1, patience=0.01)
    small.enter()

    with pytest.raises(Busy):
        small.enter()

    assert small.n_waiting == 0
    small.leave()
    assert small.n_inside == 0


def test_places_are_given_in_the_order_of_arrival() -> None:
    small, order = room(1, 10), []
    small.enter()

    def take_place(name: int) -> None:
        small.enter()
        order.append(name)
        small.leave()

    threads = []
    for name in range(5):
        threads.append(threading.Thread(target=take_place, args=(name,)))
        threads[-1].start()
        until(lambda name=name: small.n_waiting == name + 1)
    small.leave()
    for thread in threads:
        thread.join()

    assert order == [0, 1, 2, 3, 4]
    assert (small.n_inside, small.n_waiting) == (0, 0)


def test_the_limit_holds_under_concurrency_and_every_caller_gets_a_result() -> None:
    small, inside, most, served = room(3, 1_000, patience=0.001), [], [], []

    def take_place(_: int) -> bool:
        try:
            small.enter()
        except Busy:
            return False
        inside.append(1)
        most.append(len(inside))
        threading.Event().wait(0.0005)
        inside.pop()
        small.leave()
        served.append(1)
        return True

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(take_place, range(400)))

    assert max(most) <= 3
    assert sum(answers) == len(served)
    assert (small.n_inside, small.n_waiting) == (0, 0)


@pytest.mark.parametrize("gets_place_first", [False, True])
def test_an_interrupted_wait_keeps_neither_queue_entry_nor_place(gets_place_first: bool) -> None:
    def patience() -> float:
        if gets_place_first:
            small.leave()  # the place is given to the thread whose wait is about to fail
        raise ValueError("odd")

    small = Room(lambda: 1, lambda: 1, patience)
    small.enter()

    with pytest.raises(ValueError, match="odd"):
        small.enter()

    assert (small.n_inside, small.n_waiting) == (0 if gets_place_first else 1, 0)


def test_a_place_is_given_back_after_an_exception() -> None:
    @admission.admitted
    def fail() -> None:
        assert admission.predicting.n_inside == 1
        raise ValueError("odd")

    with pytest.raises(ValueError, match="odd"):
        fail()

    assert admission.predicting.n_inside == 0


def test_work_past_its_deadline_is_stopped(settings: Any) -> None:
    settings.PREDICTION_TIMEOUT_SECONDS = 0

    with pytest.raises(TookTooLong, match="longer than 0 s"):
        admission.admitted(admission.check_time)()

    admission.check_time()  # without a deadline it does nothing
