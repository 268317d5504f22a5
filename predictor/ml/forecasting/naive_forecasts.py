"""Baseline forecasts (naive and classical ones), and the error unit of MASE."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from .classical_forecasts import DAMPED, NAIVE, SBA, SEASONAL, THETA, TSB, forecast, methods_for, width_of
from .forecast_spec import grouped
from .lag_features import Floats, filled, sliding_windows
from .training_table import Points, SeriesView

DRIFT = "drift"
TITLES = {
    SEASONAL: "Seasonal naive",
    NAIVE: "Last value",
    DRIFT: "Drift",
    THETA: "Theta",
    DAMPED: "Exponential smoothing",
    SBA: "Croston (SBA)",
    TSB: "TSB",
}
# In a sentence, where that is not its title in small letters.
NAMES = {THETA: "Theta", SBA: "Croston", TSB: "TSB"}
MEANINGS = {
    SEASONAL: "repeating the last season",
    NAIVE: "repeating the last value",
    DRIFT: "going on along the straight line from the first value to the last",
    THETA: "exponential smoothing with half of the linear trend",
    DAMPED: "newer values count more, and a trend fades",
    SBA: "the size of a demand divided by the time between two",
    TSB: "the size of a demand times its probability",
}


def baselines(view: SeriesView, points: Points) -> dict[str, Floats]:
    """Baseline forecasts: repeat the last season, repeat the last value, extrapolate first to last value; classical."""
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
    known = np.concatenate([view.table.series[code].values for code in np.unique(points.series)])
    return {**forecasts, **classical(view, points, methods_for(known))}


def classical(view: SeriesView, points: Points, methods: Sequence[str]) -> dict[str, Floats]:
    """Forecasts of classical methods in the target's own unit, from the last periods before each origin."""
    width, floor = width_of(view.shape), floor_of(view)
    windows: list[Floats] = []
    places = np.empty(len(points), np.intp)
    n = 0
    for code, rows in grouped(points.series, np.ones(len(points), bool)):
        values = filled(view.table.series[code].values, view.shape.season)
        padded = np.concatenate([np.full(width - 1, np.nan), values])
        ends, inverse = np.unique(points.origins[rows], return_inverse=True)
        windows.append(sliding_windows(padded, width)[ends])
        places[rows] = inverse + n
        n += len(ends)
    joined, horizon = np.concatenate(windows), int(points.steps.max())
    least = -math.inf if floor is None else floor
    return {
        method: np.maximum(forecast(method, joined, places, points.steps, horizon, view.shape), least)
        for method in methods
    }


def floor_of(view: SeriesView) -> float | None:
    """Lower bound of forecasts: 0 if no observed value is negative, else None."""
    return 0.0 if min(float(np.nanmin(each.values)) for each in view.table.series) >= 0 else None


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
