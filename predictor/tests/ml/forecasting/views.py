"""Small series, and the views of them that forecasts are made from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from predictor.ml.forecasting.forecast_spec import ForecastSpec, SeriesEnd
from predictor.ml.forecasting.frequency import NAMED
from predictor.ml.forecasting.lag_features import Shape
from predictor.ml.forecasting.series import Series, SeriesTable
from predictor.ml.forecasting.training_table import SeriesView

NAMES = "abcdefgh"


def table_of(*values: Sequence[float], frequency: str = "monthly", starts: Sequence[int] = ()) -> SeriesTable:
    """Series named a, b, …; one alone has no name. `starts`: index of the first period of each, 0 if not given."""
    starts = starts or [0] * len(values)
    names = NAMES if len(values) > 1 else [""]
    series = [
        Series(name, start, np.asarray(each, np.float64))
        for name, start, each in zip(names, starts, values, strict=False)
    ]
    return SeriesTable(NAMED[frequency], tuple(series), 0)


def view_of(
    *values: Sequence[float],
    shape: Shape = Shape(1),
    horizon: int = 2,
    is_log: bool = False,
    **options: Any,
) -> SeriesView:
    return SeriesView(table_of(*values, **options), shape, horizon, is_log)


def spec_of(view: SeriesView, **changes: Any) -> ForecastSpec:
    """The stored specification of these series; columns “month”, “sold” and, for several series, “shop”."""
    fields: dict[str, Any] = {
        "target": "sold",
        "date_column": "month",
        "group_column": "shop" if len(view.table.series) > 1 else "",
        "frequency": view.table.frequency,
        "horizon": view.horizon,
        "shape": view.shape,
        "is_log": view.is_log,
        "floor": None,
        "endings": tuple(SeriesEnd.of(each, view.shape) for each in view.table.series),
    }
    return ForecastSpec(**{**fields, **changes})
