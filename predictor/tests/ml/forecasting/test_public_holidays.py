"""Public holidays as features. The days are those of the calendars of 2024 in Germany and Bavaria."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from predictor.errors import DamagedArtifact, InvalidInput, InvalidTrainingRequest
from predictor.ml.forecasting.forecast_spec import ForecastSpec
from predictor.ml.forecasting.frequency import NAMED, Frequency
from predictor.ml.forecasting.lag_features import Shape
from predictor.ml.forecasting.public_holidays import Holidays, checked_place, year_of
from predictor.ml.forecasting.training_table import Points, described

from .views import spec_of, view_of

BAVARIA = Holidays.of("DE-BY", 2022, 2026)


def indexes(frequency: Frequency, *days: str) -> np.ndarray:
    return frequency.indexes(np.array(days, "datetime64[us]"))


def test_the_holidays_of_a_part_of_a_country_are_more() -> None:
    corpus_christi = np.array(["2024-05-30", "2024-04-01"], "datetime64[D]").astype(np.int64)
    assert BAVARIA.are_holidays(corpus_christi).tolist() == [True, True]
    assert Holidays.of("DE", 2024, 2024).are_holidays(corpus_christi).tolist() == [False, True]


def test_days_know_the_holiday_and_the_days_around_it() -> None:
    daily = NAMED["daily"]
    numbers = BAVARIA.numbers(daily, indexes(daily, "2024-03-31", "2024-04-01", "2024-04-02", "2024-05-31"))
    assert numbers["today"].tolist() == [0, 1, 0, 0]
    assert numbers["tomorrow"].tolist() == [1, 0, 0, 0]
    assert numbers["yesterday"].tolist() == [0, 0, 1, 1]


def test_the_hours_of_a_day_have_its_holiday() -> None:
    hourly = NAMED["hourly"]
    numbers = BAVARIA.numbers(
        hourly, indexes(hourly, "2024-04-01T00:00", "2024-04-01T23:00", "2024-04-02T01:00")
    )
    assert numbers["today"].tolist() == [1, 1, 0]
    assert numbers["yesterday"].tolist() == [0, 0, 1]


def test_the_friday_before_a_holiday_on_monday_is_the_day_before_it() -> None:
    weekday = Frequency("weekday")
    assert BAVARIA.numbers(weekday, indexes(weekday, "2024-05-17"))["tomorrow"].tolist() == [1]


def test_longer_periods_count_their_holidays_from_monday_to_friday() -> None:
    """May 2024: the 1st, 9th, 20th and 30th. 1 November is a Friday; 3 October and 25 and 26 December are weekdays."""
    monthly, weekly = NAMED["monthly"], NAMED["weekly"]
    assert BAVARIA.numbers(monthly, indexes(monthly, "2024-05-01", "2024-06-01"))["count"].tolist() == [4, 0]
    at_the_end = Frequency("month", 1, 0, 31)
    assert BAVARIA.numbers(at_the_end, indexes(at_the_end, "2024-05-31"))["count"].tolist() == [4]
    assert BAVARIA.numbers(weekly, indexes(weekly, "2024-12-23", "2024-12-16"))["count"].tolist() == [2, 0]
    assert BAVARIA.numbers(NAMED["quarterly"], np.array([(2024 - 1970) * 4 + 3]))["count"].tolist() == [4]


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("Bavaria", "no public holidays of “Bavaria”. Name a country by its two letters"),
        ("DE-XX", "no public holidays of “XX” in DE. Its parts are: BB, BE,"),
        ("", "no public holidays of “”"),
    ],
)
def test_an_unknown_place_is_refused(place: str, message: str) -> None:
    with pytest.raises(InvalidTrainingRequest, match=message) as caught:
        checked_place(place)
    assert caught.value.field == "holidays"


def test_the_years_are_bounded() -> None:
    with pytest.raises(InvalidTrainingRequest, match="known from 1900 to 2150"):
        Holidays.of("DE", 1850, 2000)


def test_a_served_row_has_the_features_of_training() -> None:
    daily = NAMED["daily"]
    start = int(indexes(daily, "2024-03-06")[0])
    values = np.random.default_rng(1).normal(100, 10, 60)
    shape = Shape(7)
    whole, short = (
        view_of(each, each[5:], shape=shape, horizon=14, frequency="daily", starts=(start, start + 5))
        for each in (values, values[:46])
    )
    whole, short = (replace(each, table=replace(each.table, holidays=BAVARIA)) for each in (whole, short))
    spec = spec_of(short, holidays=BAVARIA.within(2024, 2026))
    spec = ForecastSpec.from_json(json.loads(json.dumps(spec.to_json())))
    points = Points(np.repeat([0, 1], 14), np.repeat([45, 40], 14), np.tile(np.arange(1, 15), 2))
    moments = daily.moments(np.tile(start + 45 + np.arange(1, 15), 2))
    rows = {"month": moments, "shop": np.repeat(np.array(["a", "b"], object), 14)}

    trained, served = described(whole, points).columns, spec.describe(spec.rows(rows)).columns

    assert served.keys() == trained.keys()
    assert {"holiday:name", "holiday:today", "holiday_departure:today", "holiday:tomorrow"} <= {*trained}
    for name, column in trained.items():
        if column.dtype == object:
            assert served[name].tolist() == column.tolist()
        else:
            assert np.allclose(served[name], column, equal_nan=True), name
    # 1 May, and Easter in the window before.
    assert trained["holiday:name"].tolist().count("Labor Day") == 2
    assert "none" in trained["holiday:name"]


def test_history_past_the_stored_years_is_refused() -> None:
    spec = spec_of(view_of(np.arange(30.0), frequency="daily"), holidays=BAVARIA.within(1970, 1971))
    moments = spec.frequency.moments(np.array([366 + 360]))
    assert year_of(spec.frequency, 366 + 360) == 1971
    spec.extended({"month": moments, "sold": np.array([1.0])})
    with pytest.raises(InvalidInput, match="the public holidays until the end of 1971"):
        spec.extended({"month": moments + np.timedelta64(3, "D"), "sold": np.array([1.0])})


def test_damaged_holidays_are_refused() -> None:
    assert Holidays.from_json(None) is None
    with pytest.raises(DamagedArtifact):
        Holidays.from_json({"place": "DE", "library": "1", "years": [2024, 2025], "days": [["soon", "x"]]})
