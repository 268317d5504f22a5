"""Baseline forecasts and the error unit of MASE, computed by hand.

Formulas: Hyndman and Athanasopoulos, "Forecasting: principles and practice", 3rd edition, sections 5.2 and 5.8.
"""

from __future__ import annotations

import numpy as np
import pytest

from predictor.ml.forecasting.lag_features import Shape
from predictor.ml.forecasting.naive_forecasts import baselines, error_units
from predictor.ml.forecasting.training_table import Points

from .views import view_of

QUARTERS = [10.0, 20.0, 30.0, 40.0, 11.0, 23.0, 35.0, 47.0]


def points(series, origins, steps):
    return Points(np.asarray(series), np.asarray(origins), np.asarray(steps))


def test_the_seasonal_naive_forecast_repeats_the_last_season():
    view = view_of(QUARTERS, shape=Shape(4))

    forecasts = baselines(view, points([0] * 5, [7] * 5, [1, 2, 3, 4, 5]))

    assert forecasts["seasonal_naive"].tolist() == [11.0, 23.0, 35.0, 47.0, 11.0]
    assert forecasts["naive"].tolist() == [47.0] * 5


def test_the_drift_continues_the_line_from_the_first_value_to_the_last():
    view = view_of(QUARTERS, shape=Shape(4))

    forecasts = baselines(view, points([0] * 3, [7, 7, 3], [1, 2, 1]))

    # (47 - 10) / 7 for each period; at an earlier origin, (40 - 10) / 3.
    assert forecasts["drift"] == pytest.approx([47 + 37 / 7, 47 + 2 * 37 / 7, 50.0])


def test_no_baseline_knows_a_value_after_its_origin():
    later = [*QUARTERS[:5], 999.0, 999.0, 999.0]
    at = points([0] * 4, [4] * 4, [1, 2, 3, 4])

    before, after = (baselines(view_of(each, shape=Shape(4)), at) for each in (QUARTERS, later))

    for key, forecast in before.items():
        assert forecast.tolist() == after[key].tolist(), key


def test_a_gap_takes_the_value_one_season_before():
    gap = [*QUARTERS[:7], np.nan]

    forecasts = baselines(view_of(gap, shape=Shape(4)), points([0, 0], [7, 7], [1, 4]))

    assert forecasts["naive"].tolist() == [40.0, 40.0]
    assert forecasts["seasonal_naive"].tolist() == [11.0, 40.0]


def test_each_series_is_forecast_from_its_own_past():
    view = view_of([1.0, 2.0, 3.0], [10.0, 10.0, 16.0])

    forecasts = baselines(view, points([1, 0, 1], [2, 2, 1], [1, 1, 1]))

    assert forecasts["naive"].tolist() == [16.0, 3.0, 10.0]
    assert forecasts["drift"].tolist() == [19.0, 4.0, 10.0]
    assert "seasonal_naive" not in forecasts, "without a season it would be the last value again"


def test_a_forecast_from_the_first_value_alone_has_no_drift():
    forecasts = baselines(view_of([5.0, 6.0]), points([0], [0], [3]))

    assert forecasts["drift"].tolist() == [5.0]


def test_the_error_unit_is_the_mean_seasonal_difference_of_the_past():
    view = view_of(QUARTERS, shape=Shape(4))

    # Differences of 1, 3, 5 and 7; up to the seventh period, of the first three.
    assert error_units(view, 7).tolist() == [4.0]
    assert error_units(view, 6).tolist() == [3.0]


def test_the_error_unit_counts_periods_of_the_table_and_not_of_the_series():
    view = view_of([1.0, 2.0, 4.0, 8.0], [1.0, 2.0, 4.0, 8.0], starts=[0, 2])

    # The first series up to its third value, the second up to its first: too few, so all of them count.
    assert error_units(view, 2) == pytest.approx([1.5, 7 / 3])


@pytest.mark.parametrize(
    ("values", "unit"),
    [([3.0] * 6, 3.0), ([-3.0] * 6, 3.0), ([0.0] * 6, 1.0), ([1.0, np.nan, 3.0, np.nan, 5.0], 3.0)],
    ids=["constant", "negative", "zeros", "no two neighbours"],
)
def test_the_error_unit_is_never_zero(values, unit):
    assert error_units(view_of(values), 100).tolist() == [unit]
