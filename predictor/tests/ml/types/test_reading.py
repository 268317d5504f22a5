from __future__ import annotations

from contextlib import suppress

import pytest

from predictor.ml.types.date_forms import DATE_FORMS
from predictor.ml.types.reading import Reading, Unreadable, ValueKind


@pytest.mark.parametrize("text", ["٣١.١٢.٢٠٢٤", "２０２４-05-31", "3१.12.2024"])
def test_dates_have_ascii_digits_as_numbers_have(text: str) -> None:
    with pytest.raises(Unreadable):
        Reading(ValueKind.DATE, dates=tuple(DATE_FORMS)).read(text)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("$1,234.50", 1234.5),
        ("45 %", 45.0),
        ("-1e+3", -1000.0),
        ("1E05", None),
        ("007", None),
        (" 7 ", 7.0),
        ("1'000'000", 1e6),
        ("1,23", None),
        ("abc", None),
        ("", None),
        ("1e400", None),
        ("inf", None),
        ("٣", None),
        ("1_000", None),
    ],
)
def test_a_number_is_read_as_a_person_meant_it(text: str, number: float | None) -> None:
    assert number_of(text) == number


def number_of(text: str) -> float | int | None:
    """The number of a text with thousands marks “,” or “'”; None when it is missing or unreadable."""
    for thousands in (",", "'"):
        with suppress(Unreadable):
            return Reading(ValueKind.NUMBER, ".", thousands).read(text)  # type: ignore[return-value]
    return None


@pytest.mark.parametrize(("text", "number"), [("1E05", 100_000.0), ("007", 7), ("+4917212345", 4917212345)])
def test_codes_are_numbers_where_a_person_said_so(text: str, number: float) -> None:
    assert Reading(ValueKind.NUMBER, codes=True).read(text) == number
