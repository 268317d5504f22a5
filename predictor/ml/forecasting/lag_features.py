"""What a forecast is made from: numbers that describe the past of a series as it was at one origin.

One global model forecasts every step of every series directly: a row is (series, origin, step), and the step
is a feature. So a whole horizon is one call of one exported model, and errors are not fed back as a recursive
forecast would.

Trees answer with means of targets that they have seen, so they cannot follow a trend beyond them. Therefore
neither features nor target are levels. Each row has a base, the mean of the last season plus the usual
departure of that place in the season (and, where that pays, what a season brings), and a scale, the spread of
the last two seasons. The target is (value - base) / scale, features are measured from the same base or level in
the same unit, and slopes come multiplied by the step. Series of any size and any level then share one model, and
a model that learns nothing still gives a sensible forecast.

Everything is computed from a window that ends at the origin: the same function serves training, backtest and
serving, and nothing of the future can enter.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Places = NDArray[np.intp]

# Seasons that the usual departure is the mean of, and last values that are features by themselves.
N_PROFILE, N_LAGS = 3, 6
# Without a season, the level is the last value and slopes span so many periods.
SHORT = 4
# How fast the last departure is forgotten, as features to choose from.
DECAYS = (0.9, 0.6)
# Beyond so many scales a target is an accident (a series that was constant and began to move).
FARTHEST = 20.0
SMALLEST = 1e-3


@dataclass(frozen=True)
class Shape:
    """What windows look like. `season` is 1 without one; `long_season` is 0 without one.

    `has_trend`: the base goes on by what the last season brought beside the one before.
    """

    season: int = 1
    long_season: int = 0
    has_trend: bool = False

    @property
    def window(self) -> int:
        """Periods that a forecast looks back on."""
        short = max(N_PROFILE * self.season, 2 * self.season + 1, 4 * SHORT)
        return max(short, self.long_season + self.season) if self.long_season else short

    @property
    def least(self) -> int:
        """Periods before an origin, so that it can be learnt from."""
        return max(self.season + 1, SHORT)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Shape:
        return cls(int(data["season"]), int(data["long_season"]), bool(data["has_trend"]))


@dataclass(frozen=True)
class Described:
    """Features by name, and what turns an answer into a value: base + scale · answer."""

    columns: dict[str, Floats]
    base: Floats
    scale: Floats


def filled(values: Floats, season: int) -> Floats:
    """Gaps take the value of a season before, else the last one: nothing after a gap fills it."""
    known = np.flatnonzero(~np.isnan(values))
    if not len(known):
        return values.copy()
    # The first season after the beginning has none before it; after that each place has.
    body = values[known[0] :]
    body = np.concatenate([_last_known(body[:season]), body[season:]])
    padded = np.concatenate([body, np.full(-len(body) % season, np.nan)]).reshape(-1, season)
    return np.concatenate([values[: known[0]], _last_known(padded).ravel()[: len(body)]])


def _last_known(values: Floats) -> Floats:
    """Along the first axis, each NaN as the last number before it."""
    rows = np.arange(len(values)).reshape(-1, *[1] * (values.ndim - 1))
    places = np.maximum.accumulate(np.where(np.isnan(values), 0, rows), axis=0)
    found: Floats = np.take_along_axis(values, places, axis=0)
    return found


def windows_of(values: Floats, shape: Shape) -> Floats:
    """The window that ends at each period (n, shape.window); NaN stands before the beginning."""
    padded = np.concatenate([np.full(shape.window - 1, np.nan), filled(values, shape.season)])
    return np.lib.stride_tricks.sliding_window_view(padded, shape.window)


def describe(windows: Floats, origins: Places, steps: NDArray[np.int64], shape: Shape) -> Described:
    """The features of rows that forecast `steps` periods past windows[origins]."""
    with warnings.catch_warnings():
        # Means of windows that begin before their series: NaN is what is meant.
        warnings.simplefilter("ignore", RuntimeWarning)
        return _describe(np.asarray(windows, np.float64), origins, steps, shape)


def _describe(windows: Floats, origins: Places, steps: NDArray[np.int64], shape: Shape) -> Described:
    season = shape.season
    profile, means = _profile(windows, season)
    level = means[0]
    scale = _scale(windows, level, season)
    place = (steps - 1) % season
    base = level[origins] + profile[origins, place]
    if shape.has_trend:
        base = base + _change(windows, means, season)[origins] * -(-steps // season)
    unit = scale[origins]
    ahead = steps / season

    columns = {"step": steps.astype(np.float64)}
    if season > 1:
        columns["place_in_season"] = place.astype(np.float64)
        columns["usual_departure"] = profile[origins, place] / unit
        for name, seasons_ago in (("one_season_ago", 1), ("two_seasons_ago", 2)):
            at = windows.shape[1] - seasons_ago * season + place
            columns[name] = (windows[origins, np.maximum(at, 0)] - base) / unit
    slope = ((means[0] - means[1]) / scale)[origins]
    columns |= {"slope": slope, "slope_ahead": slope * ahead, "slope_in_season": slope * place / season}
    columns |= _recent(windows, level, profile, scale, origins, steps)
    columns["long_mean"] = ((np.nanmean(windows, axis=1) - level) / scale)[origins]
    columns["last_spread"] = (np.nanstd(windows[:, -max(season, SHORT) :], axis=1) / scale)[origins]
    if shape.long_season:
        columns["one_year_ago"] = _long_ago(windows, origins, steps, shape) / unit
    return Described(columns, base, unit)


def _profile(windows: Floats, season: int) -> tuple[Floats, tuple[Floats, Floats]]:
    """The usual departure of each place in the season from its mean, and the means of the last two seasons."""
    if season == 1:
        width = SHORT // 2
        last, before = windows[:, -width:], windows[:, -2 * width : -width]
        slope = (np.nanmean(last, axis=1) - np.nanmean(before, axis=1)) / width
        level = windows[:, -1]
        return np.zeros((len(windows), 1)), (level, level - slope)
    n_blocks = min(N_PROFILE, windows.shape[1] // season)
    blocks = np.stack(
        [windows[:, windows.shape[1] - (ago + 1) * season :][:, :season] for ago in range(n_blocks)]
    )
    means = np.nanmean(blocks, axis=2)
    profile = np.nanmean(blocks - means[:, :, None], axis=0)
    usual: Floats = np.nan_to_num(profile)
    return usual, (means[0], means[1])


def _change(windows: Floats, means: tuple[Floats, Floats], season: int) -> Floats:
    """What a season brings; without one, what a period brought on average over the window."""
    if season > 1:
        change: Floats = np.nan_to_num(means[0] - means[1])
        return change
    n_known = np.isfinite(windows).sum(axis=1)
    first = windows[np.arange(len(windows)), windows.shape[1] - n_known]
    drift: Floats = (windows[:, -1] - first) / np.maximum(n_known - 1, 1)
    return drift


def _scale(windows: Floats, level: Floats, season: int) -> Floats:
    spread = np.nanstd(windows[:, -max(2 * season, 2 * SHORT) :], axis=1)
    least = np.maximum(SMALLEST * np.abs(level), np.finfo(np.float32).tiny)
    spread = np.where(spread > least, spread, np.nanstd(windows, axis=1))
    return np.where(spread > least, spread, np.where(np.abs(level) > 0, np.abs(level), 1.0))


def _recent(
    windows: Floats, level: Floats, profile: Floats, scale: Floats, origins: Places, steps: NDArray[np.int64]
) -> dict[str, Floats]:
    """Where the last values stood beside what their season expects, and how that fades."""
    season, width = profile.shape[1], windows.shape[1]
    lags = range(min(N_LAGS, width))
    expected = np.stack([level + profile[:, (season - 1 - lag) % season] for lag in lags])
    departures = (np.stack([windows[:, width - 1 - lag] for lag in lags]) - expected) / scale
    columns = {f"departure_{lag + 1}_ago": departures[lag][origins] for lag in lags}
    last = np.nanmean(departures[:3], axis=0)
    columns["recent_departure"] = last[origins]
    columns["departure_per_step"] = departures[0][origins] / steps
    for decay in DECAYS:
        columns[f"departure_fading_{decay}"] = last[origins] * decay**steps
    change = (windows[:, -1] - windows[:, -2]) / scale
    columns["last_change"] = change[origins]
    wide = ((np.nanmean(windows[:, -3:], axis=1) - np.nanmean(windows[:, -6:-3], axis=1)) / scale)[origins]
    return {**columns, "recent_slope": wide, "recent_slope_ahead": wide * steps / max(season, SHORT)}


def _long_ago(windows: Floats, origins: Places, steps: NDArray[np.int64], shape: Shape) -> Floats:
    """What followed a year ago, measured from the mean of the season before that."""
    width, long = windows.shape[1], shape.long_season
    at = width - 1 + steps - long * (-(-steps // long))
    before = np.nanmean(windows[:, width - long - shape.season : width - long], axis=1)
    return np.where(at >= 0, windows[origins, np.maximum(at, 0)] - before[origins], np.nan)
