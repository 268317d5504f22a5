from __future__ import annotations

from datetime import UTC, datetime

import pytest

from predictor.ml.types.date_forms import DATE_FORMS
from predictor.ml.types.reading import Reading, Unreadable, ValueKind


@pytest.mark.parametrize("text", ["٣١.١٢.٢٠٢٤", "２０２４-05-31", "3१.12.2024"])
def test_dates_have_ascii_digits_as_numbers_have(text: str) -> None:
    with pytest.raises(Unreadable):
        Reading(ValueKind.DATE, dates=tuple(DATE_FORMS)).read(text)


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
