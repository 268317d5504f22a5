"""Classical forecasts of single series: Theta, damped exponential smoothing, and two for series with many zeros.

Each is computed for many windows of the past at once, and from nothing but the window. So a version can be compared
with them in its backtest, and can be served by one of them instead of its model. Parameters are chosen for each window,
from a grid, by the mean squared error of its forecasts one period ahead.

Theta: Assimakopoulos and Nikolopoulos (2000), in the form of Hyndman and Billah (2003): simple exponential smoothing
with half of the linear trend. Damped trend: Gardner and McKenzie (1985). Both are made of values without their season
(classical decomposition, where a test finds a season), as in the M4 competition.
SBA: Croston (1972) with the correction of Syntetos and Boylan (2005). TSB: Teunter, Syntetos and Babai (2011).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from .lag_features import Floats, Places, Shape

SEASONAL, NAIVE, THETA, DAMPED, SBA, TSB = "seasonal_naive", "naive", "theta", "damped", "sba", "tsb"
# Weights of the newest value; of the trend, as a share of that weight; and how fast a trend fades.
ALPHAS = np.array([0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9])
BETAS, PHIS = np.array([0.05, 0.2, 0.5]), np.array([0.85, 0.95])
OCCURRENCE_ALPHAS = np.array([0.05, 0.1, 0.2, 0.3])
# Seasons, and least and most periods, that a window has.
N_SEASONS, LEAST_WIDTH, MOST_WIDTH = 5, 40, 200
# Share of zeros from which on a series is intermittent.
INTERMITTENT = 0.3
# One-sided 90 % point of the normal distribution, for the test of a season.
SEASON_POINT = 1.645
# Windows that are computed at once.
CHUNK = 2_000


def width_of(shape: Shape) -> int:
    """Number of periods that these forecasts are made from."""
    return max(shape.window, min(max(N_SEASONS * shape.season, LEAST_WIDTH), MOST_WIDTH))


def methods_for(values: Floats) -> tuple[str, ...]:
    """The methods that fit series with these values (NaN for none)."""
    known = values[np.isfinite(values)]
    is_intermittent = len(known) > 0 and known.min() >= 0 and float((known == 0).mean()) >= INTERMITTENT
    return (THETA, DAMPED, SBA, TSB) if is_intermittent else (THETA, DAMPED)


def forecast(
    method: str, windows: Floats, origins: Places, steps: NDArray[np.int64], horizon: int, shape: Shape
) -> Floats:
    """Forecasts of `steps` periods after the ends of windows[origins]. NaN stands before a series begins."""
    compute = METHODS[method]
    parts = [
        compute(windows[start : start + CHUNK], horizon, shape.season)
        for start in range(0, len(windows), CHUNK)
    ]
    forecasts = np.concatenate(parts)[origins, steps - 1]
    # Where the numbers of a window are too small or too large for a method, its last value stands.
    last = windows[origins, -1]
    usable: Floats = np.where(np.isfinite(forecasts), forecasts, last)
    return usable


def theta(windows: Floats, horizon: int, season: int) -> Floats:
    """Theta forecasts (n, horizon)."""
    adjusted, ahead, is_ratio = deseasonalised(windows, horizon, season)
    slope, n_known = _slope(adjusted)
    levels, errors = _smoothed(adjusted)
    best = np.argmin(errors, axis=1)
    level, alpha = levels[np.arange(len(best)), best], ALPHAS[best]
    # The drift of the smoothed series, see equation 12 of Hyndman and Billah.
    start = (1 - (1 - alpha) ** n_known) / alpha
    drift = slope[:, None] / 2 * (np.arange(horizon) + start[:, None])
    return _with_season(level[:, None] + drift, ahead, is_ratio)


def damped(windows: Floats, horizon: int, season: int) -> Floats:
    """Forecasts of exponential smoothing with a damped additive trend, or without any where that was no worse."""
    adjusted, ahead, is_ratio = deseasonalised(windows, horizon, season)
    rows = np.arange(len(windows))
    levels, plain_errors = _smoothed(adjusted)
    plain = levels[rows, np.argmin(plain_errors, axis=1)][:, None] + np.zeros(horizon)
    alpha, share, phi = (each.ravel() for each in np.meshgrid(ALPHAS, BETAS, PHIS, indexing="ij"))
    level, trend, errors = _holt(adjusted, alpha, alpha * share, phi)
    best = np.argmin(errors, axis=1)
    faded = np.cumsum(phi[best][:, None] ** np.arange(1, horizon + 1), axis=1)
    trended = level[rows, best][:, None] + trend[rows, best][:, None] * faded
    # AICc with 3 and 6 parameters (one and three weights, one and two states, one variance).
    n = np.isfinite(adjusted).sum(axis=1)
    is_better = _aicc(errors.min(axis=1), n, 6) < _aicc(plain_errors.min(axis=1), n, 3)
    return _with_season(np.where(is_better[:, None], trended, plain), ahead, is_ratio)


def sba(windows: Floats, horizon: int, season: int) -> Floats:
    """Croston forecasts with the correction of Syntetos and Boylan: the same for each period ahead."""
    return _intermittent(windows, horizon, is_tsb=False)


def tsb(windows: Floats, horizon: int, season: int) -> Floats:
    """Forecasts of Teunter, Syntetos and Babai: size of demand times its probability, the same for each period."""
    return _intermittent(windows, horizon, is_tsb=True)


def _intermittent(windows: Floats, horizon: int, *, is_tsb: bool) -> Floats:
    size_alpha, rate_alpha = (
        each.ravel() for each in np.meshgrid(OCCURRENCE_ALPHAS, OCCURRENCE_ALPHAS, indexing="ij")
    )
    if not is_tsb:
        size_alpha = rate_alpha = OCCURRENCE_ALPHAS
    n, k = len(windows), len(size_alpha)
    is_known, is_demand = np.isfinite(windows), windows > 0
    n_demands = np.maximum(is_demand.sum(axis=1), 1)
    # Both begin with the means of the window.
    size = np.tile((np.where(is_demand, windows, 0).sum(axis=1) / n_demands)[:, None], k)
    share = np.maximum(is_demand.sum(axis=1), 0.5) / np.maximum(is_known.sum(axis=1), 1)
    rate = np.tile((share if is_tsb else 1 / share)[:, None], k)
    gap, errors = np.ones((n, 1)), np.zeros((n, k))

    def answer() -> Floats:
        combined: Floats = size * rate if is_tsb else (1 - rate_alpha / 2) * size / rate
        return combined

    for t in range(windows.shape[1]):
        value, known, demand = windows[:, [t]], is_known[:, [t]], is_demand[:, [t]]
        errors += np.where(known, (np.nan_to_num(value) - answer()) ** 2, 0)
        size = np.where(demand, size + size_alpha * (np.nan_to_num(value) - size), size)
        observed = demand.astype(np.float64) if is_tsb else gap
        is_update = known if is_tsb else demand
        rate = np.where(is_update, rate + rate_alpha * (observed - rate), rate)
        gap = np.where(demand, 1.0, gap + known)
    best = np.argmin(errors, axis=1)
    flat: Floats = answer()[np.arange(n), best][:, None] + np.zeros(horizon)
    return flat


def naive(windows: Floats, horizon: int, season: int) -> Floats:
    """The last value, for each period ahead."""
    last: Floats = windows[:, [-1]] + np.zeros(horizon)
    return last


def seasonal_naive(windows: Floats, horizon: int, season: int) -> Floats:
    """The values of the last season, again and again."""
    last: Floats = windows[:, windows.shape[1] - season + np.arange(horizon) % season]
    return last


METHODS: dict[str, Callable[[Floats, int, int], Floats]] = {
    SEASONAL: seasonal_naive, NAIVE: naive, THETA: theta, DAMPED: damped, SBA: sba, TSB: tsb,
}  # fmt: skip


def _aicc(squares: Floats, n: NDArray[np.intp], n_parameters: int) -> Floats:
    left = np.maximum(n - n_parameters - 1, 0.5)
    tiny = np.finfo(np.float64).tiny
    value: Floats = n * np.log(np.maximum(squares, tiny) / np.maximum(n, 1)) + 2 * n_parameters * (
        1 + (n_parameters + 1) / left
    )
    return value


def _smoothed(values: Floats) -> tuple[Floats, Floats]:
    """Simple exponential smoothing by each of ALPHAS: last levels and sums of squared errors, (n, len(ALPHAS))."""
    level, _, errors = _holt(values, ALPHAS, np.zeros_like(ALPHAS), np.zeros_like(ALPHAS))
    return level, errors


def _holt(values: Floats, alpha: Floats, beta: Floats, phi: Floats) -> tuple[Floats, Floats, Floats]:
    """Level, trend and sum of squared errors at the end, for each window and each set of parameters."""
    n, k = len(values), len(alpha)
    level, trend, errors = np.full((n, k), np.nan), np.zeros((n, k)), np.zeros((n, k))
    for t in range(values.shape[1]):
        value = values[:, [t]]
        expected = level + phi * trend
        error = value - expected
        is_usual, is_first = np.isfinite(error), np.isfinite(value) & ~np.isfinite(level)
        errors += np.where(is_usual, error**2, 0)
        level = np.where(is_usual, expected + alpha * error, np.where(is_first, value, level))
        trend = np.where(is_usual, phi * trend + beta * error, trend)
    return np.nan_to_num(level), trend, errors


def _slope(values: Floats) -> tuple[Floats, NDArray[np.intp]]:
    """Slope of the least-squares line of each window, and the number of its values."""
    is_known = np.isfinite(values)
    n = is_known.sum(axis=1)
    times = np.where(is_known, np.arange(values.shape[1], dtype=np.float64), 0)
    filled = np.where(is_known, values, 0)
    safe = np.maximum(n, 1)
    time_mean, mean = times.sum(axis=1) / safe, filled.sum(axis=1) / safe
    centred = np.where(is_known, times - time_mean[:, None], 0)
    spread = (centred**2).sum(axis=1)
    slope = (centred * (filled - mean[:, None])).sum(axis=1) / np.where(spread > 0, spread, 1)
    return slope, n


def deseasonalised(windows: Floats, horizon: int, season: int) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Windows without their season, the season of the periods ahead, and whether it is a ratio (else a difference).

    Classical decomposition: ratios to a centred moving average where all values are above 0, else differences. A window
    whose autocorrelation at one season is not significant (one-sided, 5 %), or of less than two seasons, stays.
    """
    n, width = windows.shape
    is_ratio = np.nanmin(np.where(np.isfinite(windows), windows, np.inf), axis=1) > 0
    neutral = np.where(is_ratio, 1.0, 0.0)[:, None]
    if season == 1 or width < 2 * season:
        return windows, np.tile(neutral, horizon), is_ratio
    average = _centred_average(windows, season)
    with np.errstate(all="ignore"):
        departure = np.where(is_ratio[:, None], windows / average, windows - average)
    profile = np.empty((n, season))
    places = (np.arange(width) - width) % season
    for place in range(season):
        part = departure[:, places == place]
        is_known = np.isfinite(part)
        counts = is_known.sum(axis=1)
        mean = np.where(is_known, part, 0).sum(axis=1) / np.maximum(counts, 1)
        profile[:, place] = np.where(counts > 0, mean, neutral[:, 0])
    middle = profile.mean(axis=1, keepdims=True)
    profile = np.where(is_ratio[:, None], profile / np.where(middle == 0, 1, middle), profile - middle)
    profile = np.where(_is_seasonal(windows, season)[:, None], profile, neutral)
    past, ahead = profile[:, places], profile[:, np.arange(horizon) % season]
    with np.errstate(all="ignore"):
        adjusted = np.where(is_ratio[:, None], windows / past, windows - past)
    return adjusted, ahead, is_ratio


def _centred_average(windows: Floats, season: int) -> Floats:
    """Moving average over one season, for an even season with half weights at both ends; NaN where it does not fit."""
    weights = np.full(season, 1 / season)
    if season % 2 == 0:
        weights = np.concatenate([[0.5], np.ones(season - 1), [0.5]]) / season
    views = np.lib.stride_tricks.sliding_window_view(windows, len(weights), axis=1)
    average = np.full_like(windows, np.nan)
    half = len(weights) // 2
    average[:, half : half + views.shape[1]] = views @ weights
    return average


def _is_seasonal(windows: Floats, season: int) -> NDArray[np.bool_]:
    """Whether the autocorrelation at one season is significant, given those at shorter lags (Bartlett's formula).

    It is that of the departures from the linear trend: a trend alone correlates all lags.
    """
    is_known = np.isfinite(windows)
    slope, n = _slope(windows)
    level = windows - slope[:, None] * np.arange(windows.shape[1])
    mean = np.where(is_known, level, 0).sum(axis=1) / np.maximum(n, 1)
    centred = np.where(is_known, level - mean[:, None], 0)
    variance = np.maximum((centred**2).sum(axis=1), np.finfo(np.float64).tiny)
    lags = [(centred[:, lag:] * centred[:, :-lag]).sum(axis=1) / variance for lag in range(1, season + 1)]
    squares = np.sum([each**2 for each in lags[:-1]], axis=0)
    limit = SEASON_POINT * np.sqrt((1 + 2 * squares) / np.maximum(n, 1))
    seasonal: NDArray[np.bool_] = (lags[-1] > limit) & (n >= 2 * season + 1)
    return seasonal


def _with_season(values: Floats, ahead: Floats, is_ratio: NDArray[np.bool_]) -> Floats:
    return np.where(is_ratio[:, None], values * ahead, values + ahead)
