"""Concurrency limit: places, the waiting queue and its order, timeouts, refusals."""

from __future__ import annotations

import threading
from collections.abc import Iterator
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


# The longest wait of the queue in what follows, by the clock that the test turns.
LONGEST = 60.0


class Scene:
    """A limit of one place whose clock the test turns, and threads that wait for it."""

    def __init__(self, longest: float = LONGEST):
        self.at = 1_000.0
        self.limit = ConcurrencyLimit(lambda: 1, lambda: 100, lambda: longest, now=lambda: self.at)
        self.limit.enter()
        self._threads: list[threading.Thread] = []

    def waits(self, n_threads: int = 1, caller: str = "", order: list[str] | None = None) -> None:
        def enter() -> None:
            admission.begin_request(caller)
            self.limit.enter()
            if order is not None:
                order.append(caller)

        for _ in range(n_threads):
            n_waiting = self.limit.n_waiting
            self._threads.append(threading.Thread(target=enter))
            self._threads[-1].start()
            wait_until(lambda n_waiting=n_waiting: self.limit.n_waiting == n_waiting + 1)

    def end(self) -> None:
        while self.limit.n_inside:
            self.limit.leave()
        for thread in self._threads:
            thread.join()


@pytest.fixture(autouse=True)
def nobody() -> None:
    """What an earlier request of this thread said is forgotten."""
    admission.begin_request("")


@pytest.fixture
def scene() -> Iterator[Scene]:
    scene = Scene()
    yield scene
    scene.end()


def test_nobody_joins_a_queue_whose_first_has_waited_too_long(scene: Scene) -> None:
    scene.waits()
    scene.at += LONGEST
    assert not scene.limit.is_full
    scene.at += 1

    assert scene.limit.is_full
    with pytest.raises(Busy):
        scene.limit.enter()

    scene.limit.leave()
    assert not scene.limit.is_full


def test_a_queue_too_long_for_the_rate_of_places_refuses_at_once(scene: Scene) -> None:
    scene.waits(8)
    for _ in range(3):
        scene.at += 10
        scene.limit.leave()
    # A place every ten seconds: the seventh who waits would get his after more than a minute.
    scene.waits()
    assert (scene.limit.n_waiting, scene.limit.is_full) == (6, False)
    scene.waits()
    assert scene.limit.is_full
    scene.limit.leave()
    assert not scene.limit.is_full


def test_a_standing_queue_may_wait_a_fifth_of_what_a_burst_may(scene: Scene) -> None:
    scene.waits()
    scene.at += 50
    scene.waits()
    scene.limit.leave()
    scene.at += 11  # not empty for 61 seconds; its first has waited for 11
    assert not scene.limit.is_full
    scene.at += 2

    assert scene.limit.is_full

    scene.limit.leave()
    scene.waits()
    scene.at += 13  # this queue was empty before its first came
    assert not scene.limit.is_full


def test_callers_take_turns(scene: Scene) -> None:
    order: list[str] = []
    scene.waits(4, "flood", order)
    scene.waits(2, "honest", order)
    scene.waits(1, "late", order)
    for number in range(7):
        scene.limit.leave()
        wait_until(lambda number=number: len(order) == number + 1)

    assert order == ["flood", "honest", "late", "flood", "honest", "flood", "flood"]
    assert scene.limit.n_waiting == 0


def test_a_caller_waits_for_its_own_threads_and_one_turn_of_each_other(scene: Scene) -> None:
    scene.waits(10, "flood")
    scene.waits(3, "other")
    for _ in range(5):
        scene.at += 10
        scene.limit.leave()
    # A place every ten seconds; seven of the flood and one of the other wait.
    assert is_full_for(scene, "flood")
    assert not is_full_for(scene, "other")
    assert not is_full_for(scene, "a new one")
    # Seven callers that come before the new one take longer than the longest wait.
    for number in range(5):
        scene.waits(1, f"caller {number}")
    assert is_full_for(scene, "a new one")


def test_one_caller_may_fill_three_quarters_of_the_queue() -> None:
    scene = Scene()
    scene.waits(75, "flood")
    try:
        assert is_full_for(scene, "flood")
        assert not is_full_for(scene, "honest")
        scene.waits(25, "honest")
        assert is_full_for(scene, "late")
    finally:
        scene.end()


def test_several_callers_share_fewer_places() -> None:
    limit = ConcurrencyLimit(lambda: 6, lambda: 100, lambda: HANG_SECONDS, fewer_when_shared=3)
    inside: list[str] = []

    def enter(caller: str) -> None:
        admission.begin_request(caller)
        limit.enter()
        inside.append(caller)

    threads = [threading.Thread(target=enter, args=("flood",)) for _ in range(8)]
    for thread in threads:
        thread.start()
    wait_until(lambda: (limit.n_inside, limit.n_waiting) == (6, 2))
    assert inside == ["flood"] * 6
    honest = threading.Thread(target=enter, args=("honest",))
    honest.start()
    wait_until(lambda: limit.n_waiting == 3)

    admission.begin_request("flood")
    for n_inside in (5, 4, 3, 2):
        limit.leave()
        assert (limit.n_inside, limit.n_waiting) == (n_inside, 3)
    limit.leave()
    assert (limit.n_inside, limit.n_waiting) == (2, 2)
    limit.leave()
    wait_until(lambda: len(inside) == 8)
    assert sorted(inside) == ["flood"] * 7 + ["honest"]

    admission.begin_request("honest")
    limit.leave()
    # The flood is alone again, and has all places.
    wait_until(lambda: limit.n_waiting == 0)
    assert limit.n_inside == 2
    for thread in [*threads, honest]:
        thread.join()


def is_full_for(scene: Scene, caller: str) -> bool:
    admission.begin_request(caller)
    return scene.limit.is_full


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


def test_a_file_takes_a_place_and_has_no_deadline(settings: Any) -> None:
    settings.PREDICTION_TIMEOUT_SECONDS = 0

    @admission.limited_file
    def predict() -> int:
        admission.check_time()
        return admission.prediction_limit.n_inside

    assert predict() == 1
    assert admission.prediction_limit.n_inside == admission.file_limit.n_inside == 0


def test_files_take_half_of_the_places_and_no_more(settings: Any) -> None:
    settings.PREDICTIONS_AT_ONCE = 4
    file = admission.limited_file(lambda: None)

    with admission.file_limit.place():
        admission.require_place_for_file()
        file()
        with admission.file_limit.place():
            with pytest.raises(Busy):
                admission.require_place_for_file()
            with pytest.raises(Busy):
                file()
            admission.limited(lambda: None)()

    assert admission.prediction_limit.n_inside == admission.file_limit.n_inside == 0


def test_a_busy_server_refuses_a_file_too(settings: Any) -> None:
    settings.PREDICTIONS_AT_ONCE, settings.PREDICTIONS_WAITING = 1, 0

    with admission.prediction_limit.place():
        with pytest.raises(Busy):
            admission.require_place_for_file()
        with pytest.raises(Busy):
            admission.limited_file(lambda: None)()

    assert admission.prediction_limit.n_inside == admission.file_limit.n_inside == 0


def test_work_past_its_deadline_is_stopped(settings: Any) -> None:
    settings.PREDICTION_TIMEOUT_SECONDS = 0

    with pytest.raises(TookTooLong, match="longer than 0 s"):
        admission.limited(admission.check_time)()

    admission.check_time()  # without a deadline it does nothing


def test_two_large_bodies_are_handled_at_once_and_small_ones_at_any_time() -> None:
    large, handled = admission.HEAVY_BYTES + 1, []

    def handle() -> None:
        with admission.heavy_work():
            admission.body_was_read(large)
            admission.body_was_read(large)
            handled.append(1)

    with admission.heavy_limit.place(), admission.heavy_limit.place():
        thread = threading.Thread(target=handle)
        thread.start()
        wait_until(lambda: admission.heavy_limit.n_waiting == 1)
        assert not handled
        with admission.heavy_work():
            admission.body_was_read(admission.HEAVY_BYTES)
    thread.join()

    assert handled
    assert (admission.heavy_limit.n_inside, admission.heavy_limit.n_waiting) == (0, 0)


def test_a_body_read_by_a_page_takes_no_place() -> None:
    admission.body_was_read(admission.HEAVY_BYTES + 1)
    assert admission.heavy_limit.n_inside == 0
