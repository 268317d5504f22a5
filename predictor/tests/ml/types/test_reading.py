from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, datetime

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


BERLIN = Reading(ValueKind.DATE, dates=("Y-M-D",), zone="Europe/Berlin")
BERLIN_IN_UTC = Reading(ValueKind.DATE, dates=("Y-M-D",), zone="Europe/Berlin", is_utc=True)


def test_values_with_a_zone_are_local_times_or_moments() -> None:
    moment = datetime(2024, 10, 27, 1, 30, tzinfo=UTC)
    assert BERLIN.settled(moment) == datetime(2024, 10, 27, 2, 30)
    assert BERLIN_IN_UTC.settled(moment) == datetime(2024, 10, 27, 1, 30)
    naive = datetime(2024, 7, 1)
    assert BERLIN.settled(naive) == naive
    assert BERLIN_IN_UTC.settled(naive) == datetime(2024, 6, 30, 22)


def test_values_are_written_with_the_offset_of_the_zone() -> None:
    assert BERLIN.written(datetime(2024, 7, 1)) == "2024-07-01T00:00:00+02:00"
    assert BERLIN_IN_UTC.written(datetime(2024, 10, 27, 1, 30)) == "2024-10-27T02:30:00+01:00"
    # No offset belongs to the hour that the clocks skip in spring.
    assert BERLIN.written(datetime(2024, 3, 31, 2, 30)) == "2024-03-31T02:30:00"
    assert Reading(ValueKind.DATE).written(datetime(2024, 7, 1)) == "2024-07-01T00:00:00"


@pytest.mark.parametrize("reading", [BERLIN, BERLIN_IN_UTC, Reading(ValueKind.DATE, has_short_years=True)])
def test_readings_of_dates_are_stored(reading: Reading) -> None:
    assert Reading.from_json(reading.to_json()) == reading


def test_a_reading_without_a_zone_is_stored_as_it_was() -> None:
    assert Reading(ValueKind.DATE, dates=("D.M.Y",)).to_json() == {"kind": "date", "dates": ["D.M.Y"]}


READINGS = [
    Reading(ValueKind.NUMBER, ".", ","),
    Reading(ValueKind.NUMBER, ",", " "),
    Reading(ValueKind.DATE, dates=tuple(DATE_FORMS)),
    Reading(ValueKind.BOOLEAN),
]


@pytest.mark.parametrize("reading", READINGS, ids=lambda reading: reading.words[:20])
@pytest.mark.parametrize(
    "text", ["(" + " " * 30_000 + "x", "-" + "\u00a0" * 30_000 + "x", "1" + ",111" * 30_000 + "x"]
)
def test_no_value_is_longer_than_a_hundred_characters(reading: Reading, text: str) -> None:
    # With a regular expression of cubic time this test would not end.
    with pytest.raises(Unreadable):
        reading.read(text)


@pytest.mark.parametrize("text", ["( $ 4 )", "-$4", "- 4 €", "(4 USD)", "$ -4", "−4%"])
def test_blanks_and_signs_stand_around_a_number_in_each_order(text: str) -> None:
    assert Reading(ValueKind.NUMBER).read(text) == -4


def test_a_number_of_a_hundred_characters_takes_linear_time() -> None:
    shape = Reading(ValueKind.NUMBER, ".", ",").patterns()["number"]
    # Far beyond what is read: two runs of blanks side by side would need hours.
    assert re.compile(shape, re.ASCII).fullmatch("(" + " " * 20_000 + "x") is None
