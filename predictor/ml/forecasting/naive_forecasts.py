"""Baseline forecasts (seasonal naive, last value, drift), and the error unit of MASE."""

from __future__ import annotations

import numpy as np

from .forecast_spec import grouped
from .lag_features import Floats, filled
from .training_table import Points, SeriesView

SEASONAL, NAIVE, DRIFT = "seasonal_naive", "naive", "drift"
TITLES = {SEASONAL: "Seasonal naive", NAIVE: "Last value", DRIFT: "Drift"}
MEANINGS = {
    SEASONAL: "repeating the last season",
    NAIVE: "repeating the last value",
    DRIFT: "going on along the straight line from the first value to the last",
}


def baselines(view: SeriesView, points: Points) -> dict[str, Floats]:
    """Baseline forecasts: repeat the last season, repeat the last value, extrapolate first to last value."""
    forecasts = {key: np.empty(len(points)) for key in (SEASONAL, NAIVE, DRIFT)}
    season = view.shape.season
    for code, rows in grouped(points.series, np.ones(len(points), bool)):
        values = filled(view.table.series[code].values, season)
        origins, steps = points.origins[rows], points.steps[rows]
        last = values[origins]
        forecasts[NAIVE][rows] = last
        forecasts[SEASONAL][rows] = values[origins + 1 + (steps - 1) % season - season]
        forecasts[DRIFT][rows] = last + steps * (last - values[0]) / np.maximum(origins, 1)
    if season == 1:
        del forecasts[SEASONAL]
    return forecasts


def error_units(view: SeriesView, until: int) -> Floats:
    """Error unit of MASE for each series: mean absolute seasonal difference up to a period; never 0."""
    units = np.empty(len(view.table.series))
    for code, each in enumerate(view.table.series):
        known = each.values[: max(until - each.start + 1, 0)]
        known = known if len(known) > view.shape.season + 1 else each.values
        changes = np.abs(known[view.shape.season :] - known[: -view.shape.season])
        changes = changes[np.isfinite(changes)]
        unit = float(changes.mean()) if len(changes) else 0.0
        units[code] = unit or float(np.nanmean(np.abs(each.values))) or 1.0
    return units
