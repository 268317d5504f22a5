"""Offsets by our tables are those of zoneinfo, and the zone of a column is found from its offsets."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from predictor.ml.types.zones import (
    COMMON,
    UnknownZone,
    find_zone,
    is_zone,
    offset_text,
    to_local,
    to_utc,
    zone_table,
)

ZONES = st.sampled_from((*COMMON, "Asia/Kolkata", "Asia/Kathmandu"))
MOMENTS = st.datetimes(datetime(1900, 1, 1), datetime(2099, 12, 31))


def with_offset(moment: datetime, zone: str) -> tuple[datetime, int]:
    offset = moment.replace(tzinfo=UTC).astimezone(ZoneInfo(zone)).utcoffset()
    assert offset is not None
    return moment, int(offset.total_seconds())


@settings(max_examples=300, deadline=None, derandomize=True)
@given(zone=ZONES, moment=MOMENTS)
def test_local_times_are_those_of_zoneinfo(zone: str, moment: datetime) -> None:
    assert to_local(moment, zone) == moment.replace(tzinfo=UTC).astimezone(ZoneInfo(zone)).replace(
        tzinfo=None
    )
    assert to_utc(moment, zone) == moment.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC).replace(tzinfo=None)


def test_a_skipped_hour_is_moved_on_and_a_repeated_one_is_the_first() -> None:
    assert to_utc(datetime(2024, 3, 31, 2, 30), "Europe/Berlin") == datetime(2024, 3, 31, 1, 30)
    assert to_utc(datetime(2024, 10, 27, 2, 30), "Europe/Berlin") == datetime(2024, 10, 27, 0, 30)


def test_fixed_offsets_and_utc() -> None:
    noon = datetime(2024, 1, 1, 12)
    assert to_local(noon, "+05:30") == datetime(2024, 1, 1, 17, 30)
    assert to_utc(noon, "-03:30") == datetime(2024, 1, 1, 15, 30)
    assert to_local(noon, "") == to_utc(noon, "") == noon
    assert [offset_text(each) for each in (0, 19_800, -12_600)] == ["+00:00", "+05:30", "-03:30"]


@pytest.mark.parametrize("zone", ["Europe/Nowhere", "+15:00", "+99:99", "../etc/passwd", "/etc/passwd", "5"])
def test_it_rejects_what_is_no_zone(zone: str) -> None:
    assert not is_zone(zone)
    with pytest.raises(UnknownZone):
        zone_table(zone)


@pytest.mark.parametrize(
    "zone", ["Europe/Berlin", "America/New_York", "Australia/Sydney", "Africa/Casablanca"]
)
def test_the_zone_of_a_year_of_days_is_found(zone: str) -> None:
    days = [datetime(2024, 1, 1) + timedelta(days=each) for each in range(366)]
    assert find_zone(with_offset(day, zone) for day in days) == zone


def test_one_offset_is_a_fixed_one_and_offsets_of_no_zone_are_utc() -> None:
    noon = datetime(2024, 1, 1, 12)
    assert find_zone([(noon, 3_600), (noon + timedelta(days=1), 3_600)]) == "+01:00"
    assert find_zone([(noon, 0)]) == ""
    assert find_zone([(noon, 3_600), (noon, 7_200)]) == ""
    assert find_zone([]) == ""
    # Berlin, had it changed its clocks on another day.
    assert find_zone([(datetime(2024, 3, 30, 12), 7_200), (datetime(2024, 3, 29), 3_600)]) == ""


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Europe/London", "Australia/Sydney"])
def test_midnights_of_a_zone_that_are_written_in_utc_belong_to_it(zone: str) -> None:
    days = [datetime(2024, 1, 1) + timedelta(days=each) for each in range(366)]
    in_utc = [day.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC).replace(tzinfo=None) for day in days]
    assert find_zone((day, 0) for day in in_utc) == zone
    # In winter alone they are at one time of day; and hours are no midnights.
    assert find_zone((day, 0) for day in in_utc[:30]) == ""
    assert find_zone((day + timedelta(hours=each), 0) for day in in_utc for each in (0, 1)) == ""
    assert find_zone((day + timedelta(minutes=17), 0) for day in in_utc) == ""
