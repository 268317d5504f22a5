"""Places, chairs and patience: who gets in, in which order, and who is asked to come again."""

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
    raise AssertionError("it did not come to that")


def test_who_finds_neither_place_nor_chair_is_refused_at_once() -> None:
    small = room(1, 0)
    small.enter()

    assert small.is_full
    with pytest.raises(Busy) as refused:
        small.enter()

    assert refused.value.retry_seconds == 1
    small.leave()
    assert not small.is_full
    small.enter()


def test_who_waits_too_long_is_refused_and_leaves_the_chair() -> None:
    small = room(1, 1, patience=0.01)
    small.enter()

    with pytest.raises(Busy):
        small.enter()

    assert small.n_waiting == 0
    small.leave()
    assert small.n_inside == 0


def test_places_are_given_in_the_order_of_coming() -> None:
    small, order = room(1, 10), []
    small.enter()

    def come(name: int) -> None:
        small.enter()
        order.append(name)
        small.leave()

    threads = []
    for name in range(5):
        threads.append(threading.Thread(target=come, args=(name,)))
        threads[-1].start()
        until(lambda name=name: small.n_waiting == name + 1)
    small.leave()
    for thread in threads:
        thread.join()

    assert order == [0, 1, 2, 3, 4]
    assert (small.n_inside, small.n_waiting) == (0, 0)


def test_there_are_never_more_inside_than_may_be_and_nobody_is_lost() -> None:
    small, inside, most, served = room(3, 1_000, patience=0.001), [], [], []

    def come(_: int) -> bool:
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
        answers = list(pool.map(come, range(400)))

    assert max(most) <= 3
    assert sum(answers) == len(served)
    assert (small.n_inside, small.n_waiting) == (0, 0)


@pytest.mark.parametrize("comes_in_the_moment", [False, True])
def test_who_cannot_wait_keeps_neither_chair_nor_place(comes_in_the_moment: bool) -> None:
    def patience() -> float:
        if comes_in_the_moment:
            small.leave()  # and the place is already given to the one who is about to fail
        raise ValueError("odd")

    small = Room(lambda: 1, lambda: 1, patience)
    small.enter()

    with pytest.raises(ValueError, match="odd"):
        small.enter()

    assert (small.n_inside, small.n_waiting) == (0 if comes_in_the_moment else 1, 0)


def test_a_place_is_given_back_whatever_happens() -> None:
    @admission.admitted
    def fail() -> None:
        assert admission.predicting.n_inside == 1
        raise ValueError("odd")

    with pytest.raises(ValueError, match="odd"):
        fail()

    assert admission.predicting.n_inside == 0


def test_work_without_time_left_is_given_up(settings: Any) -> None:
    settings.PREDICTION_TIMEOUT_SECONDS = 0

    with pytest.raises(TookTooLong, match="longer than 0 s"):
        admission.admitted(admission.check_time)()

    admission.check_time()  # who has no deadline goes on
