from __future__ import annotations

from datetime import datetime

import pytest

from predictor.ml.types.reading import Reading, ValueKind
from predictor.ml.types.reading_evidence import (
    Confidence,
    Example,
    ReadingEvidence,
    evidence_of,
    lost_cells,
    other_readings,
    shown,
)

GERMAN = Reading(ValueKind.NUMBER, ",", ".")
ENGLISH = Reading(ValueKind.NUMBER, ".", ",")
DAY_FIRST, MONTH_FIRST = (Reading(ValueKind.DATE, dates=(form,)) for form in ("D/M/Y", "M/D/Y"))


def test_each_cell_is_counted_once() -> None:
    counts = {"1.234,5": 3, "0,5": 2, "n/a": 4, "#REF!": 1, "approx": 5}

    evidence = evidence_of(GERMAN, counts, n_rows=20)

    assert (evidence.n_read, evidence.n_words, evidence.n_unreadable) == (5, 5, 5)
    assert evidence.n_missing == 10  # the five words, and five empty cells
    assert evidence.n_filled == 15
    assert evidence.lost_share == pytest.approx(1 / 3)
    assert evidence.unreadable == (Example("approx", 5, None),)


def test_examples_show_the_usual_ways_of_writing_and_the_rarest() -> None:
    counts = {**{f"{n},5": 10 for n in range(10, 99)}, "(4)": 1, "1.000,25 €": 1, "-": 2}

    examples = evidence_of(GERMAN, counts, n_rows=1_000).examples

    assert [each.text for each in examples] == ["10,5", "-", "(4)", "1.000,25 €", "11,5"]
    assert [each.value for each in examples] == ["10.5", None, "-4", "1000.25", "11.5"]


def test_a_reading_without_another_one_is_certain() -> None:
    assert evidence_of(GERMAN, {"1.234,5": 1}, 1).confidence is Confidence.CERTAIN


def test_a_reading_beside_one_that_fits_as_well_is_likely_until_a_person_chooses_it() -> None:
    counts = {"1.234": 2, "5.678": 1}

    evidence = evidence_of(GERMAN, counts, 3)

    assert Reading(ValueKind.NUMBER, ".") in evidence.others
    assert evidence.confidence is Confidence.LIKELY
    assert evidence_of(GERMAN, counts, 3, is_chosen=True).confidence is Confidence.CERTAIN


def test_two_readings_of_which_none_was_taken_are_in_doubt() -> None:
    assert ReadingEvidence(0, 2, others=(DAY_FIRST, MONTH_FIRST)).confidence is Confidence.IN_DOUBT


def test_a_day_above_twelve_leaves_no_other_order() -> None:
    assert other_readings(DAY_FIRST, {"05/02/2021": 1, "06/03/2021": 1}) == (MONTH_FIRST,)
    assert other_readings(DAY_FIRST, {"05/02/2021": 1, "25/02/2021": 1}) == ()


def test_readings_that_give_the_same_values_are_no_others() -> None:
    assert other_readings(Reading(ValueKind.NUMBER), {"1": 1, "27": 1}) == ()


def test_evidence_round_trips_through_json() -> None:
    evidence = evidence_of(GERMAN, {"1.234": 2, "x" * 300: 1}, 5)

    assert ReadingEvidence.from_json(evidence.to_json()) == evidence
    assert ReadingEvidence.from_json(None) is None
    assert max(len(each.text) for each in evidence.unreadable) == 100


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, None),
        (True, "true"),
        (1234.5, "1234.5"),
        (7, "7"),
        (datetime(2024, 2, 1), "2024-02-01"),
        (datetime(2024, 2, 1, 3, 4), "2024-02-01T03:04:00"),
    ],
)
def test_values_are_shown_as_text(value: object, text: str | None) -> None:
    assert shown(value) == text


def test_a_refusal_says_how_many_which_and_how_to_allow_it() -> None:
    error = lost_cells("price", "numbers", ["none", "later"], 31, 80, max_lost_share=0.25)

    assert error.message == (
        "31 of 80 cells of “price” are not read as numbers and would become missing: “none”, “later”. "
        "At most 25% may. Choose another role or reading, or allow it with max_lost_share 0.39."
    )
    assert (error.field, error.limit) == ("max_lost_share", 0.25)
