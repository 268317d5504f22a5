"""Frequencies inferred from dates."""

from __future__ import annotations

import numpy as np
import pytest

from predictor.ml.forecasting.frequency import NAMED, find_frequency, gathering_frequency


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
