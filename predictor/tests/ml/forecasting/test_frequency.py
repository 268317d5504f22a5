"""Frequencies inferred from dates."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from predictor.ml.forecasting.frequency import NAMED, Frequency, find_frequency, gathering_frequency


def moments(first: str, n: int, unit: str, every: int = 1) -> np.ndarray:
    return (np.datetime64(first, unit) + every * np.arange(n)).astype("datetime64[us]")


@pytest.mark.parametrize(
    ("dates", "title"),
    [
        (moments("2020-01", 30, "M"), "monthly"),
        (moments("2020-01", 12, "M", 3), "quarterly"),
        (moments("1990", 20, "Y"), "yearly"),
        (moments("2024-01-03", 30, "D", 7), "weekly"),
        (moments("2024-01-01", 60, "D"), "daily"),
        (moments("2024-01-01T00", 60, "h"), "hourly"),
        (moments("2024-01-01T00:07", 60, "m", 15), "every 15 minutes"),
        (moments("2020-01", 30, "M") + np.timedelta64(14, "D"), "monthly"),
        (moments("2020-02", 30, "M") - np.timedelta64(1, "D"), "monthly"),
    ],
)
def test_it_infers_the_frequency_and_periods_round_trip_to_dates(dates, title):
    frequency = find_frequency([dates])
    assert frequency is not None
    assert frequency.title == title
    indexes = frequency.indexes(dates)
    assert np.array_equal(np.diff(indexes), np.ones(len(dates) - 1))
    assert np.array_equal(frequency.moments(indexes), dates)


def test_weekdays_have_no_gap_at_weekends():
    days = moments("2024-01-01", 60, "D")
    days = days[np.is_busday(days.astype("datetime64[D]"))]
    frequency = find_frequency([days])
    assert frequency is not None
    assert frequency.title == "weekday"
    assert np.array_equal(np.diff(frequency.indexes(days)), np.ones(len(days) - 1))


def test_it_infers_the_frequency_of_dates_with_gaps():
    dates = np.delete(moments("2024-01-01", 60, "D"), [7, 8, 30])
    frequency = find_frequency([dates])
    assert frequency is not None
    assert frequency.title == "daily"
    assert frequency.indexes(dates)[-1] - frequency.indexes(dates)[0] == 59


def test_irregular_dates_have_no_frequency_and_are_resampled_to_periods_that_are_seldom_empty():
    rng = np.random.default_rng(0)
    seconds = np.sort(rng.choice(200 * 86_400, 900, replace=False))
    dates = (np.datetime64("2024-01-01", "s") + seconds).astype("datetime64[us]")
    assert find_frequency([dates]) is None
    assert gathering_frequency([dates]) == NAMED["daily"]


def test_the_last_day_of_a_month_stays_the_last_day():
    dates = moments("2020-02", 30, "M") - np.timedelta64(1, "D")
    frequency = find_frequency([dates])
    assert frequency is not None
    after = frequency.indexes(dates[-1:]) + 1
    assert frequency.text(int(after[0])) == "2022-07-31"


def in_utc(local: pd.DatetimeIndex) -> np.ndarray:
    return local.tz_convert("UTC").tz_localize(None).to_numpy().astype("datetime64[us]")


@pytest.mark.parametrize(
    ("start", "n", "every", "title"),
    [
        ("2023-12-01", 400, "D", "daily"),
        ("2023-12-04 08:30", 60, "7D", "weekly"),
        ("2023-12-04", 60, "W-MON", "weekly"),
        ("2020-01-01", 40, "MS", "monthly"),
        ("2020-01-31", 40, "ME", "monthly"),
        ("2020-01-01", 20, "QS", "quarterly"),
        ("2000-01-01", 20, "YS", "yearly"),
        ("2023-12-01", 300, "B", "weekday"),
        ("2024-10-20", 400, "h", "hourly"),
        ("2024-03-20", 2_000, "15min", "every 15 minutes"),
        ("2024-10-20", 400, "6h", "every 6 hours"),
    ],
)
@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Adelaide"])
def test_periods_are_those_of_the_zone(start: str, n: int, every: str, title: str, zone: str):
    if every in ("7D", "6h", "D"):
        # Local times: pandas counts such steps in UTC.
        local = pd.date_range(start, periods=n, freq=every).tz_localize(zone)
    else:
        local = pd.date_range(start, periods=n, freq=every, tz=zone)
    dates = in_utc(local)

    frequency = find_frequency([dates], zone)

    assert frequency is not None
    assert frequency.title == title
    indexes = frequency.indexes(dates)
    assert np.array_equal(np.diff(indexes), np.ones(n - 1))
    assert np.array_equal(frequency.moments(indexes), dates)
    assert [frequency.text(index) for index in indexes] == [each.isoformat() for each in local]
    wall = local.tz_localize(None).to_numpy().astype("datetime64[us]")
    assert np.array_equal(frequency.local_moments(indexes), wall)
    assert Frequency.from_json(frequency.to_json()) == frequency


@pytest.mark.parametrize("name", sorted(NAMED))
@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/St_Johns", "+05:30"])
def test_named_frequencies_begin_with_local_time(name: str, zone: str):
    frequency = NAMED[name].in_zone(zone)
    starts = frequency.local_moments(np.arange(0, 2_000, 37))
    assert np.array_equal(starts, starts.astype("datetime64[h]" if name == "hourly" else "datetime64[D]"))
    assert np.array_equal(frequency.indexes(frequency.moments(np.arange(2_000))), np.arange(2_000))


def test_a_frequency_without_a_zone_is_stored_as_it_was():
    assert NAMED["daily"].to_json() == {"unit": "time", "every": 86_400_000_000, "anchor": 0, "day": 1}
    assert Frequency.from_json(NAMED["daily"].to_json()) == NAMED["daily"]


def test_irregular_times_are_grouped_by_days_of_the_zone():
    rng = np.random.default_rng(0)
    seconds = np.sort(rng.choice(200 * 86_400, 900, replace=False))
    dates = (np.datetime64("2024-01-01", "s") + seconds).astype("datetime64[us]")
    assert gathering_frequency([dates], "Europe/Berlin") == NAMED["daily"].in_zone("Europe/Berlin")
