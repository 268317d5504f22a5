"""Concurrency limit: places, the waiting queue and its order, timeouts, refusals."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from predictor.errors import Busy, TookTooLong
from predictor.services.predictions import admission
from predictor.services.predictions.admission import ConcurrencyLimit
from predictor.tests.waiting import HANG_SECONDS, let_some_time_pass, wait_until


def limit_of(at_once: int, max_waiting: int, wait_seconds: float = HANG_SECONDS) -> ConcurrencyLimit:
    return ConcurrencyLimit(lambda: at_once, lambda: max_waiting, lambda: wait_seconds)


def test_a_full_queue_refuses_at_once() -> None:
    limit = limit_of(1, 0)
    limit.enter()

    assert limit.is_full
    with pytest.raises(Busy) as refused:
        limit.enter()

    assert refused.value.retry_seconds == 1
    limit.leave()
    assert not limit.is_full
    limit.enter()


def test_a_wait_that_is_too_long_is_refused_and_leaves_the_queue() -> None:
    limit = limit_of(1, 1, wait_seconds=0.01)
    limit.enter()

    with pytest.raises(Busy):
        limit.enter()

    assert limit.n_waiting == 0
    limit.leave()
    assert limit.n_inside == 0


def test_places_are_given_in_the_order_of_arrival() -> None:
    limit, order = limit_of(1, 10), []
    limit.enter()

    def take_place(name: int) -> None:
        limit.enter()
        order.append(name)
        limit.leave()

    threads = []
    for name in range(5):
        threads.append(threading.Thread(target=take_place, args=(name,)))
        threads[-1].start()
        wait_until(lambda name=name: limit.n_waiting == name + 1)
    limit.leave()
    for thread in threads:
        thread.join()

    assert order == [0, 1, 2, 3, 4]
    assert (limit.n_inside, limit.n_waiting) == (0, 0)


def test_the_limit_holds_under_concurrency_and_every_caller_gets_a_result() -> None:
    limit, inside, most, served = limit_of(3, 1_000, wait_seconds=0.001), [], [], []

    def take_place(_: int) -> bool:
        try:
            limit.enter()
        except Busy:
            return False
        inside.append(1)
        most.append(len(inside))
        let_some_time_pass()
        inside.pop()
        limit.leave()
        served.append(1)
        return True

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(take_place, range(400)))

    assert max(most) <= 3
    assert sum(answers) == len(served)
    assert (limit.n_inside, limit.n_waiting) == (0, 0)


@pytest.mark.parametrize("gets_place_first", [False, True])
def test_an_interrupted_wait_keeps_neither_queue_entry_nor_place(gets_place_first: bool) -> None:
    def wait_seconds() -> float:
        if gets_place_first:
            limit.leave()  # the place is given to the thread whose wait is about to fail
        raise ValueError("odd")

    limit = ConcurrencyLimit(lambda: 1, lambda: 1, wait_seconds)
    limit.enter()

    with pytest.raises(ValueError, match="odd"):
        limit.enter()

    assert (limit.n_inside, limit.n_waiting) == (0 if gets_place_first else 1, 0)


def test_a_place_is_given_back_after_an_exception() -> None:
    @admission.limited
    def fail() -> None:
        assert admission.prediction_limit.n_inside == 1
        raise ValueError("odd")

    with pytest.raises(ValueError, match="odd"):
        fail()

    assert admission.prediction_limit.n_inside == 0


def test_work_past_its_deadline_is_stopped(settings: Any) -> None:
    settings.PREDICTION_TIMEOUT_SECONDS = 0

    with pytest.raises(TookTooLong, match="longer than 0 s"):
        admission.limited(admission.check_time)()

    admission.check_time()  # without a deadline it does nothing
