"""How often a series is observed, as its dates say."""

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
def test_a_rhythm_is_found_and_its_periods_give_the_dates_back(dates, title):
    found = find_frequency([dates])
    assert found is not None
    assert found.title == title
    indexes = found.indexes(dates)
    assert np.array_equal(np.diff(indexes), np.ones(len(dates) - 1))
    assert np.array_equal(found.moments(indexes), dates)


def test_weekdays_have_no_gap_at_weekends():
    days = moments("2024-01-01", 60, "D")
    days = days[np.is_busday(days.astype("datetime64[D]"))]
    found = find_frequency([days])
    assert found is not None
    assert found.title == "weekday"
    assert np.array_equal(np.diff(found.indexes(days)), np.ones(len(days) - 1))


def test_gaps_do_not_hide_a_rhythm():
    dates = np.delete(moments("2024-01-01", 60, "D"), [7, 8, 30])
    found = find_frequency([dates])
    assert found is not None
    assert found.title == "daily"
    assert found.indexes(dates)[-1] - found.indexes(dates)[0] == 59


def test_dates_without_a_rhythm_have_none_and_are_gathered_where_few_periods_stay_empty():
    rng = np.random.default_rng(0)
    seconds = np.sort(rng.choice(200 * 86_400, 900, replace=False))
    dates = (np.datetime64("2024-01-01", "s") + seconds).astype("datetime64[us]")
    assert find_frequency([dates]) is None
    assert gathering_frequency([dates]) == NAMED["daily"]


def test_the_last_day_of_a_month_stays_the_last_day():
    dates = moments("2020-02", 30, "M") - np.timedelta64(1, "D")
    found = find_frequency([dates])
    assert found is not None
    after = found.indexes(dates[-1:]) + 1
    assert found.text(int(after[0])) == "2022-07-31"
