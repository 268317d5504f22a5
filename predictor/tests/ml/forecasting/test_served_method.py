"""Whether a classical forecast answers instead of the model."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from predictor.ml.forecasting.backtest import Backtest, find_cuts, make_backtest
from predictor.ml.forecasting.classical_forecasts import METHODS, theta
from predictor.ml.forecasting.forecast_spec import ForecastSpec, SeriesEnd
from predictor.ml.forecasting.lag_features import Shape
from predictor.ml.forecasting.naive_forecasts import classical
from predictor.ml.forecasting.public_holidays import Holidays
from predictor.ml.forecasting.series import Series
from predictor.ml.forecasting.served_method import scaled, served_method
from predictor.ml.forecasting.training_table import described

from .views import spec_of, view_of

SHAPE = Shape(4)
VALUES = 100 + np.arange(80.0) + np.tile([0.0, 9, 3, -6], 20) + np.random.default_rng(4).normal(0, 1, 80)


def backtest(is_log: bool = False) -> Backtest:
    view = view_of(VALUES, VALUES[9:] * 2, shape=SHAPE, horizon=3, is_log=is_log, starts=(0, 9))
    return make_backtest(view, find_cuts(view.table, SHAPE, 3), "sold", max_rows=400, seed=0)


def test_the_model_stays_where_it_is_better() -> None:
    made = backtest()
    assert served_method(made, made.table.target.y[made.split.search]) is None


def test_the_best_classical_forecast_answers_where_the_model_is_worse() -> None:
    made = backtest()
    chosen = served_method(made, np.full(len(made.split.search), 5.0))
    assert chosen is not None
    # Trend and season are there, which neither the last value nor the last season has.
    assert chosen.method in ("theta", "damped")
    assert chosen.error < 0.98 * chosen.error_of_model
    assert f"{chosen.title} answers instead of the model" in chosen.sentence


def test_a_model_that_knows_holidays_stays() -> None:
    made = backtest()
    table = replace(made.view.table, holidays=Holidays("DE", "1", 1970, 2000, {}))
    knowing = replace(made, view=replace(made.view, table=table))
    assert served_method(knowing, np.full(len(made.split.search), 5.0)) is None


@pytest.mark.parametrize("is_log", [False, True])
def test_scaled_forecasts_are_those_of_the_method(is_log: bool) -> None:
    made = backtest(is_log)
    points = made.points[made.judged]
    past = described(made.view, points)
    values = made.view.scaling.inverse(past.base + past.scale * scaled(made, points, "theta"))
    assert values == pytest.approx(classical(made.view, points, ["theta"])["theta"])


@pytest.mark.parametrize("method", METHODS)
def test_a_stored_end_is_forecast_as_in_the_backtest(method: str) -> None:
    """The windows are longer than those of the lag features, and newer history moves them along."""
    whole, short = (view_of(VALUES[:n], shape=SHAPE, horizon=3) for n in (70, 66))
    spec = spec_of(short, method=method)
    endings = tuple(SeriesEnd.of(each, SHAPE, spec.width) for each in short.table.series)
    assert len(endings[0].window) == spec.width > SHAPE.window
    spec = ForecastSpec.from_json(replace(spec, endings=endings).to_json())
    newer = {"month": spec.frequency.moments(np.arange(66, 70)), "sold": VALUES[66:70]}
    extended = spec.extended(newer)
    assert extended.endings == (SeriesEnd.of(Series("", 0, VALUES[:70]), SHAPE, spec.width),)
    rows = extended.rows({"month": spec.frequency.moments(np.arange(70, 73))})
    expected = METHODS[method](VALUES[None, 70 - spec.width : 70], 3, 4)[0]
    assert extended.classical(rows) == pytest.approx(expected)
    assert len(whole.table.series[0]) == 70
    assert method != "theta" or np.array_equal(expected, theta(VALUES[None, 70 - spec.width : 70], 3, 4)[0])
