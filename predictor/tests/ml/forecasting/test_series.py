"""Rows with dates become regular series, or are refused with the rows that are in the way."""

from __future__ import annotations

import numpy as np
import pytest

from predictor.errors import InvalidTrainingRequest
from predictor.ml.forecasting.series import make_series
from predictor.ml.types.training_request import ForecastOptions

DAYS = (np.datetime64("2024-01-01", "D") + np.arange(20)).astype("datetime64[us]")


def table(dates=DAYS, values=None, groups=None):
    found = {"day": dates, "sold": np.arange(len(dates), dtype=float) if values is None else values}
    return found if groups is None else {**found, "shop": groups}


def test_gaps_are_missing_and_counted():
    dates = np.delete(DAYS, [3, 4])
    made, warnings = make_series(ForecastOptions("day"), "sold", table(dates))
    assert len(made.series[0]) == 20
    assert made.n_missing == 2
    assert any("2 of 20 periods have no value" in each.message for each in warnings)


def test_two_rows_of_one_date_are_refused_by_their_numbers():
    dates = np.concatenate([DAYS, DAYS[4:5]])
    with pytest.raises(InvalidTrainingRequest, match=r"2024-01-05: rows 5, 21.*sum or mean") as refused:
        make_series(ForecastOptions("day"), "sold", table(dates))
    assert len(refused.value.problems) == 1


@pytest.mark.parametrize(("aggregation", "value"), [("sum", 24.0), ("mean", 12.0)])
def test_or_they_are_joined_as_asked(aggregation, value):
    dates = np.concatenate([DAYS, DAYS[4:5]])
    made, _ = make_series(ForecastOptions("day", aggregation=aggregation), "sold", table(dates))
    assert made.series[0].values[4] == value


def test_each_group_is_a_series_of_its_own():
    dates, shops = np.concatenate([DAYS, DAYS[2:]]), np.array(["a"] * 20 + ["b"] * 18, object)
    made, _ = make_series(ForecastOptions("day", "shop"), "sold", table(dates, groups=shops))
    assert [(each.name, len(each)) for each in made.series] == [("a", 20), ("b", 18)]
    assert made.series[1].start == made.series[0].start + 2


def test_irregular_dates_are_refused_or_gathered_with_a_warning():
    seconds = np.sort(np.random.default_rng(0).choice(40 * 86_400, 400, replace=False))
    dates = (np.datetime64("2024-01-01", "s") + seconds).astype("datetime64[us]")
    with pytest.raises(InvalidTrainingRequest, match=r"no regular rhythm.*gathered by period \(daily\)"):
        make_series(ForecastOptions("day"), "sold", table(dates))
    made, warnings = make_series(ForecastOptions("day", aggregation="sum"), "sold", table(dates))
    assert made.frequency.title == "daily"
    assert any("irregular" in each.message for each in warnings)


def test_one_date_far_from_the_others_is_named_and_not_filled_up_to():
    dates = np.concatenate([[np.datetime64("1900-01-01", "us")], DAYS])
    options = ForecastOptions("day", frequency="hourly")
    with pytest.raises(
        InvalidTrainingRequest, match=r"1900-01-01.* to the last, 2024-01-20.*21 have a value"
    ):
        make_series(options, "sold", table(dates))
    made, _ = make_series(ForecastOptions("day", frequency="daily"), "sold", table(dates))
    assert len(made.series[0]) > 45_000
