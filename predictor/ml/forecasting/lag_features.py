"""Lag features for direct multi-step forecasting: numbers that describe the past of a series at an origin.

One global model forecasts every step of every series directly: a row is (series, origin, step), and the step
is a feature. So a whole horizon is one call of one exported model, and errors are not fed back as in a
recursive forecast.

Trees predict means of training targets, so they cannot extrapolate a trend. Therefore neither features nor
target are levels. Each row has a base: the mean of the last season plus the seasonal effect of that position in
the season (and, where it helps, the change from season to season). It also has a scale: the standard deviation
of the last two seasons. The target is (value - base) / scale. Features are measured from the same base or level
in the same unit, and slopes are also given multiplied by the step. Series of any size and any level then share
one model, and a model that learns nothing still gives a sensible forecast.

Everything is computed from a window that ends at the origin: training, backtest and serving call the same
function, and no later value can leak in.
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

# Seasons that the seasonal profile is averaged over, and last values that are features by themselves.
N_PROFILE, N_LAGS = 3, 6
# Without a season, the level is the last value and slopes span so many periods.
SHORT = 4
# Decay factors per step of the last departure; each gives one feature.
DECAYS = (0.9, 0.6)
# Targets are clipped at so many scales: a constant series that begins to move gives huge ones.
FARTHEST = 20.0
# Least scale, as a share of the level.
SMALLEST = 1e-3


@dataclass(frozen=True)
class Shape:
    """Season lengths and trend, which define the window. `season` is 1, `long_season` 0 without one.

    `has_trend`: the base continues the change between the means of the last two seasons.
    """

    season: int = 1
    long_season: int = 0
    has_trend: bool = False

    @property
    def window(self) -> int:
        """Length of the window in periods."""
        short = max(N_PROFILE * self.season, 2 * self.season + 1, 4 * SHORT)
        return max(short, self.long_season + self.season) if self.long_season else short

    @property
    def least(self) -> int:
        """Least number of periods up to an origin that is used for training."""
        return max(self.season + 1, SHORT)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Shape:
        return cls(int(data["season"]), int(data["long_season"]), bool(data["has_trend"]))


@dataclass(frozen=True)
class LagFeatures:
    """Lag features by name, and what turns a prediction into a value: base + scale · prediction."""

    columns: dict[str, Floats]
    base: Floats
    scale: Floats


def filled(values: Floats, season: int) -> Floats:
    """Fill gaps with the value one season before, else with the last value; never with a later one."""
    known = np.flatnonzero(~np.isnan(values))
    if not len(known):
        return values.copy()
    # The first season has none before it: its gaps take the last value.
    body = values[known[0] :]
    body = np.concatenate([_last_known(body[:season]), body[season:]])
    padded = np.concatenate([body, np.full(-len(body) % season, np.nan)]).reshape(-1, season)
    return np.concatenate([values[: known[0]], _last_known(padded).ravel()[: len(body)]])


def _last_known(values: Floats) -> Floats:
    """Forward fill along the first axis: each NaN takes the last number before it."""
    rows = np.arange(len(values)).reshape(-1, *[1] * (values.ndim - 1))
    sources = np.maximum.accumulate(np.where(np.isnan(values), 0, rows), axis=0)
    forward_filled: Floats = np.take_along_axis(values, sources, axis=0)
    return forward_filled


def windows_of(values: Floats, shape: Shape) -> Floats:
    """Sliding windows (n, shape.window), one that ends at each period; NaN before the first period."""
    return sliding_windows(padded_values(values, shape), shape.window)


def padded_values(values: Floats, shape: Shape) -> Floats:
    """The values with gaps filled, after as many NaN as the first window has places before them."""
    return np.concatenate([np.full(shape.window - 1, np.nan), filled(values, shape.season)])


def sliding_windows(padded: Floats, width: int) -> Floats:
    """Views of the padded values: the window that ends at each period."""
    return np.lib.stride_tricks.sliding_window_view(padded, width)


def describe(windows: Floats, origins: Places, steps: NDArray[np.int64], shape: Shape) -> LagFeatures:
    """Lag features of rows that forecast `steps` periods after the end of windows[origins]."""
    with warnings.catch_warnings():
        # The mean over periods before the first value is NaN on purpose.
        warnings.simplefilter("ignore", RuntimeWarning)
        return _describe(np.asarray(windows, np.float64), origins, steps, shape)


def _describe(windows: Floats, origins: Places, steps: NDArray[np.int64], shape: Shape) -> LagFeatures:
    season = shape.season
    profile, means = _profile(windows, season)
    level = means[0]
    scale = _scale(windows, level, season)
    place = (steps - 1) % season
    base = _base(windows, profile, means, origins, steps, shape)
    unit = scale[origins]
    ahead = steps / season

    columns = {"step": steps.astype(np.float64)}
    if season > 1:
        columns["place_in_season"] = place.astype(np.float64)
        columns["usual_departure"] = profile[origins, place] / unit
        for name, seasons_ago in (("one_season_ago", 1), ("two_seasons_ago", 2)):
            column = windows.shape[1] - seasons_ago * season + place
            columns[name] = (windows[origins, np.maximum(column, 0)] - base) / unit
    slope = ((means[0] - means[1]) / scale)[origins]
    columns |= {"slope": slope, "slope_ahead": slope * ahead, "slope_in_season": slope * place / season}
    columns |= _recent(windows, level, profile, scale, origins, steps)
    columns["long_mean"] = ((np.nanmean(windows, axis=1) - level) / scale)[origins]
    columns["last_spread"] = (np.nanstd(windows[:, -max(season, SHORT) :], axis=1) / scale)[origins]
    if shape.long_season:
        columns["one_year_ago"] = _long_ago(windows, origins, steps, shape) / unit
    return LagFeatures(columns, base, unit)


def base_of(windows: Floats, origins: Places, steps: NDArray[np.int64], shape: Shape) -> Floats:
    """The base that `describe` gives to rows of these windows."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return _base(windows, *_profile(windows, shape.season), origins, steps, shape)


def _base(
    windows: Floats,
    profile: Floats,
    means: tuple[Floats, Floats],
    origins: Places,
    steps: NDArray[np.int64],
    shape: Shape,
) -> Floats:
    season = shape.season
    base: Floats = means[0][origins] + profile[origins, (steps - 1) % season]
    if shape.has_trend:
        base = base + _change(windows, means, season)[origins] * -(-steps // season)
    return base


def _profile(windows: Floats, season: int) -> tuple[Floats, tuple[Floats, Floats]]:
    """Seasonal profile (mean departure at each position in the season), and the last two seasons' means."""
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
    """Trend: the change between the last two seasons; without a season, the mean change per period."""
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
    """Departures of the last values from the seasonal expectation, and their decay with the step."""
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
    """The value one long season (a year) before the forecast date, relative to the mean of the season then."""
    width, long = windows.shape[1], shape.long_season
    column = width - 1 + steps - long * (-(-steps // long))
    before = np.nanmean(windows[:, width - long - shape.season : width - long], axis=1)
    return np.where(column >= 0, windows[origins, np.maximum(column, 0)] - before[origins], np.nan)
