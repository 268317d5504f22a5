"""Forecasts that need no model, and the unit that errors are measured in."""

from __future__ import annotations

import numpy as np

from .lag_features import Floats, filled
from .training_table import Points, View

SEASONAL, NAIVE, DRIFT = "seasonal_naive", "naive", "drift"
TITLES = {SEASONAL: "Seasonal naive", NAIVE: "Last value", DRIFT: "Drift"}
MEANINGS = {
    SEASONAL: "repeating the last season",
    NAIVE: "repeating the last value",
    DRIFT: "going on along the straight line from the first value to the last",
}


def baselines(view: View, points: Points) -> dict[str, Floats]:
    """Forecasts from the past alone: the last season again, the last value again, the line through the ends."""
    found = {key: np.empty(len(points)) for key in (SEASONAL, NAIVE, DRIFT)}
    season = view.shape.season
    for code in np.unique(points.series):
        values = filled(view.table.series[code].values, season)
        rows = points.series == code
        origins, steps = points.origins[rows], points.steps[rows]
        last = values[origins]
        found[NAIVE][rows] = last
        found[SEASONAL][rows] = values[origins + 1 + (steps - 1) % season - season]
        found[DRIFT][rows] = last + steps * (last - values[0]) / np.maximum(origins, 1)
    if season == 1:
        del found[SEASONAL]
    return found


def error_units(view: View, until: int) -> Floats:
    """For each series the mean absolute seasonal change before a period; never 0."""
    units = np.empty(len(view.table.series))
    for code, each in enumerate(view.table.series):
        known = each.values[: max(until - each.start + 1, 0)]
        known = known if len(known) > view.shape.season + 1 else each.values
        changes = np.abs(known[view.shape.season :] - known[: -view.shape.season])
        changes = changes[np.isfinite(changes)]
        unit = float(changes.mean()) if len(changes) else 0.0
        units[code] = unit or float(np.nanmean(np.abs(each.values))) or 1.0
    return units
