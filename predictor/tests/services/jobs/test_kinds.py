from __future__ import annotations

from typing import Any

import pytest

from predictor.models import TrainingRun
from predictor.services.jobs.kinds import JobKind

from .runs import Kind


class TwoAtOnce(Kind):
    n_slots = 2


def test_a_kind_has_as_many_slots_as_it_says_and_one_by_default() -> None:
    for kind, n_slots in ((Kind(), 1), (TwoAtOnce(), 2)):
        acquired = [kind.slots.acquire(blocking=False) for _ in range(n_slots + 1)]

        assert acquired == [True] * n_slots + [False]


def test_two_kinds_do_not_share_their_slots() -> None:
    first, second = Kind(), Kind()

    assert first.slots.acquire(blocking=False)
    assert second.slots.acquire(blocking=False)


def test_a_slot_that_was_not_taken_cannot_be_released() -> None:
    with pytest.raises(ValueError, match="released too many times"):
        Kind().slots.release()


@pytest.mark.parametrize("missing", ["hard_limit", "perform", "clean_up"])
def test_a_kind_without_its_own_part_cannot_be_made(missing: str) -> None:
    parts = {name: getattr(Kind, name) for name in ("name", "model", "hard_limit", "perform", "clean_up")}
    del parts[missing]
    incomplete = type("Incomplete", (JobKind,), parts)

    with pytest.raises(TypeError, match=missing):
        incomplete()


@pytest.mark.django_db
def test_the_rows_of_a_kind_are_read_anew_each_time(make_run: Any) -> None:
    kind = Kind()
    assert not kind.rows.exists()

    run = make_run()

    assert list(kind.rows) == [run]
    assert kind.rows.model is TrainingRun
