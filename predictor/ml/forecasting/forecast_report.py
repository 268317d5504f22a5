"""Evaluation report of a forecast, compared with the baselines, as one JSON document.

`report()`: the keys of evaluation_report.py that any task has (format, task, metric, n_rows, held_out, baselines,
verdict, coverage), and
    "frequency", "horizon", "season", "n_series" (those that were tested), "n_series_in_all", "n_forecasts", "n_cuts",
    "by_step": [{"step", "n", "mae", "rmse", "mase", "smape", "baselines": {key: {the same}}}],
    "backtest": [{"series", "origin", "dates", "actual", "forecast", "low", "high", "seasonal_naive"}], forecasts
                as they were made at each cut, of at most MAX_SHOWN series,
    "history": [{"series", "dates", "values"}], what came before them,
    "left_out": [], see ml/types/left_out.py,
    "known_columns", "static_columns": names, where other columns are used,
    "served_method": {"method", "title", "mase", "mase_of_model", "sentence"}, where a classical forecast answers,
    "holidays": {"place", "library", "years"}, where public holidays are.
Every number is finite or null.

MASE: the mean absolute error divided by that of the seasonal-naive forecast one step ahead in the past of its
series (Hyndman and Koehler, "Another look at measures of forecast accuracy", 2006). sMAPE: the mean of
2·|error| / (|value| + |forecast|), 0 to 2.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..calibration.conformal import REPORTED_COVERAGES
from ..evaluation.verdict import Comparison, Verdict, short
from ..metrics.scores import finite
from ..types.schema import Task
from .backtest import Backtest
from .classical_forecasts import NAIVE, SEASONAL
from .horizon_intervals import StepErrors
from .lag_features import Floats
from .naive_forecasts import MEANINGS, NAMES, TITLES, baselines, error_units, floor_of
from .training_table import Points, SeriesView, actual, described

N_RESAMPLES = 1_000
# Fewer horizons without overlap prove nothing: all 4 of 4 are better by chance in 1 of 16 tests.
MIN_WINDOWS = 5
MAX_SHOWN, HISTORY_SHOWN = 4, 24
SHOWN_COVERAGE = 0.9


def report(
    backtest: Backtest,
    answers: Floats,
    known: KnownErrors,
    *,
    seed: int,
    method: str = "",
) -> dict[str, Any]:
    """Evaluation report from the predictions for the reported rows, and the errors for intervals.

    `method`: the classical forecast that they are of; then it is no baseline.
    """
    judged = ReportedForecasts(backtest, answers, method)
    ends = {coverage: judged.ends(known, coverage) for coverage in REPORTED_COVERAGES}
    own = judged.metrics(judged.forecast)
    others = {key: judged.metrics(values) for key, values in judged.baselines.items()}
    view = backtest.view
    return {
        "format": 1,
        "task": Task.FORECASTING.value,
        "metric": "mae",
        "n_rows": len(judged.points),
        "held_out": own,
        "baselines": [{"key": key, "title": TITLES[key], "held_out": score} for key, score in others.items()],
        "verdict": judged.verdict(seed).to_json(),
        "coverage": judged.coverage(ends),
        "frequency": view.table.frequency.title,
        "horizon": view.horizon,
        "season": view.shape.season,
        "n_series": len(np.unique(judged.points.series)),
        "n_series_in_all": len(view.table.series),
        "n_forecasts": judged.n_forecasts,
        "n_cuts": len(backtest.reported),
        "by_step": judged.by_step(),
        "backtest": judged.shown(*ends[SHOWN_COVERAGE]),
        "history": judged.history(),
        **_other_columns(view),
        # A forecast is tested in full, or the run fails.
        "left_out": [],
    }


def _other_columns(view: SeriesView) -> dict[str, Any]:
    named = {"known_columns": view.table.known, "static_columns": view.table.static}
    columns: dict[str, Any] = {key: [each.name for each in fields] for key, fields in named.items() if fields}
    if view.table.holidays is not None:
        stored = view.table.holidays.to_json()
        columns["holidays"] = {key: stored[key] for key in ("place", "library", "years")}
    return columns


@dataclass(frozen=True)
class KnownErrors:
    """Backtest errors, in units of scale, which can be filtered by the period in which they became known."""

    backtest: Backtest
    rows: NDArray[np.intp]
    errors: Floats

    def at(self, end: int) -> StepErrors:
        """Calibration errors that were known at the end of a period."""
        points = self.backtest.points[self.rows]
        is_known = points.made_at(self.backtest.view.table) + points.steps <= end
        return StepErrors.fit(points.steps[is_known], self.errors[is_known], self.backtest.view.horizon)


class ReportedForecasts:
    """The reported forecasts with the observed values and the baseline forecasts."""

    def __init__(self, backtest: Backtest, answers: Floats, method: str = ""):
        self.view, self.cuts = backtest.view, backtest.cuts
        rows = backtest.judged
        sizes = np.cumsum([len(part) for _, part in backtest.reported])
        self._parts = np.split(np.arange(len(rows)), sizes[:-1])
        self.points: Points = backtest.points[rows]
        self.value = actual(self.view, self.points)
        self._described = described(self.view, self.points)
        self._answers = answers
        floor = floor_of(self.view)
        self._floor = -math.inf if floor is None else floor
        self.forecast = self._value(answers)
        simple = baselines(self.view, self.points)
        self._seasonal = simple.get(SEASONAL, simple[NAIVE])
        self.baselines = {key: each for key, each in simple.items() if key != method}
        self._unit = error_units(self.view, self.cuts.tested[0])[self.points.series]

    @property
    def n_forecasts(self) -> int:
        """Number of forecasts made: distinct pairs of series and origin."""
        return len(np.unique(np.stack([self.points.series, self.points.origins]), axis=1).T)

    def _value(self, answers: Floats) -> Floats:
        raw = self._described.base + self._described.scale * answers
        return np.maximum(self.view.scaling.inverse(raw), self._floor)

    def metrics(
        self, forecast: Floats, rows: NDArray[np.bool_] | slice = slice(None)
    ) -> dict[str, float | None]:
        value, forecast = self.value[rows], forecast[rows]
        error = np.abs(forecast - value)
        size = np.abs(forecast) + np.abs(value)
        return finite(
            {
                "mae": float(error.mean()),
                "rmse": float(np.sqrt(np.mean(error**2))),
                "mase": float((error / self._unit[rows]).mean()),
                "smape": float(np.mean(np.where(size > 0, 2 * error / np.where(size > 0, size, 1), 0.0))),
            }
        )

    def by_step(self) -> list[dict[str, Any]]:
        steps = []
        for step in range(1, self.view.horizon + 1):
            rows = self.points.steps == step
            if rows.any():
                others = {key: self.metrics(values, rows) for key, values in self.baselines.items()}
                steps.append(
                    {
                        "step": step,
                        "n": int(rows.sum()),
                        **self.metrics(self.forecast, rows),
                        "baselines": others,
                    }
                )
        return steps

    def ends(self, known: KnownErrors, coverage: float) -> tuple[Floats, Floats]:
        """Interval ends (low, high) as they would have been at each cut, from the errors known by then."""
        low, high = np.empty(len(self.points)), np.empty(len(self.points))
        for cut, rows in zip(self.cuts.tested, self._parts, strict=True):
            low[rows], high[rows] = known.at(cut).ends(self.points.steps[rows], coverage)
        return self._value(self._answers + low), self._value(self._answers + high)

    def coverage(self, ends: Mapping[float, tuple[Floats, Floats]]) -> list[dict[str, float]]:
        """Empirical coverage and mean width of the intervals, for each nominal coverage."""
        coverages = []
        for coverage, (low, high) in ends.items():
            is_in = (low <= self.value) & (self.value <= high)
            width = float(np.mean(high - low))
            coverages.append({"coverage": coverage, "covered": float(is_in.mean()), "mean_width": width})
        return coverages

    def verdict(self, seed: int) -> Verdict:
        """Comparison with each baseline, the strongest first; the sentence is about that one."""
        own = np.abs(self.forecast - self.value)
        losses = {key: np.abs(values - self.value) for key, values in self.baselines.items()}
        compared = sorted(
            (self._compared(key, own, other, seed) for key, other in losses.items()),
            key=lambda each: each.gain,
        )
        first = compared[0]
        sentence = self._sentence(first, own.mean(), losses[first.baseline].mean())
        return Verdict(sentence, (), compared)

    def _compared(self, key: str, own: Floats, other: Floats, seed: int) -> Comparison:
        gain, low, high = self._gains((other - own) / self._unit, seed)
        theirs = float((other / self._unit).mean())
        relative = [each / theirs if theirs > 0 else None for each in (gain, low, high)]
        return Comparison(key, TITLES[key], gain, low, high, *relative)

    def _gains(self, difference: Floats, seed: int) -> tuple[float, float, float]:
        """The mean gain and its 95 % interval, in units of MASE."""
        return gains_of(difference, self.points.made_at(self.view.table), self.view.horizon, seed=seed)

    def _sentence(self, compared: Comparison, ours: float, theirs: float) -> str:
        key, n = compared.baseline, self.n_forecasts
        name = NAMES.get(key, TITLES[key].lower())
        what = f"the {name} forecast ({MEANINGS[key]}), the best of those that need no model"
        times = "1 forecast" if n == 1 else f"{n:,} forecasts"
        numbers = f"mean absolute error {short(ours)} against {short(theirs)} in {times} of the past"
        if compared.outcome == "better":
            return f"The forecast is better than {what}: {numbers}, and chance does not explain it."
        if compared.outcome == "worse":
            return f"The forecast is worse than {what}: {numbers}. Use that one instead."
        if not math.isfinite(compared.gain_low):
            looks = "better" if compared.gain > 0 else "no better"
            return (
                f"The forecast looks {looks} than {what}: {numbers}. Those span less than {MIN_WINDOWS} horizons: "
                "too few past forecasts to be sure."
            )
        return f"The forecast is not shown to be better than {what}: {numbers}, which chance alone can give."

    def shown(self, low: Floats, high: Floats) -> list[dict[str, Any]]:
        """Forecasts made at each cut, with their observed values and interval ends."""
        made_at, frequency = self.points.made_at(self.view.table), self.view.table.frequency
        forecasts = []
        for code in self._shown_series():
            for cut in self.cuts.tested:
                rows = np.flatnonzero((self.points.series == code) & (made_at == cut))
                rows = rows[np.argsort(self.points.steps[rows])]
                if len(rows):
                    forecasts.append(
                        {
                            "series": self.view.table.series[code].name,
                            "origin": frequency.text(cut),
                            "dates": [frequency.text(cut + int(step)) for step in self.points.steps[rows]],
                            **{
                                name: _numbers(values[rows])
                                for name, values in (
                                    ("actual", self.value),
                                    ("forecast", self.forecast),
                                    ("low", low),
                                    ("high", high),
                                    (SEASONAL, self._seasonal),
                                )
                            },
                        }
                    )
        return forecasts

    def history(self) -> list[dict[str, Any]]:
        """Observed values of the shown series: some periods before the first cut, then up to the end."""
        histories = []
        for code in self._shown_series():
            each = self.view.table.series[code]
            before = max(2 * self.view.shape.season, 2 * self.view.horizon, HISTORY_SHOWN)
            n = min(len(each), max(each.end - self.cuts.tested[0], 0) + before)
            dates = [self.view.table.frequency.text(index) for index in range(each.end - n + 1, each.end + 1)]
            histories.append({"series": each.name, "dates": dates, "values": _numbers(each.values[-n:])})
        return histories

    def _shown_series(self) -> list[int]:
        """Codes of the series to show: those with the largest mean absolute value."""
        codes = np.unique(self.points.series)
        sizes = {int(code): float(np.nanmean(np.abs(self.view.table.series[code].values))) for code in codes}
        return sorted(sorted(sizes, key=lambda code: (-sizes[code], code))[:MAX_SHOWN])


def gains_of(
    difference: Floats, made_at: NDArray[np.int64], horizon: int, *, seed: int
) -> tuple[float, float, float]:
    """Mean gain and its 95 % interval by circular block bootstrap (Politis and Romano 1992), from each row's gain.

    Errors of several series at one date are dependent, so each date counts once. Errors of overlapping horizons
    are dependent, so blocks as long as a horizon are drawn. With fewer than MIN_WINDOWS blocks, the interval is
    infinite.
    """
    dates, places, counts = np.unique(made_at, return_inverse=True, return_counts=True)
    means = np.bincount(places, weights=difference) / counts
    n, span = len(dates), int(dates[-1] - dates[0]) + 1
    if span < MIN_WINDOWS * horizon:
        return float(means.mean()), -math.inf, math.inf
    block = max(1, math.ceil(horizon * n / span))
    drawn = np.random.default_rng(seed).integers(0, n, (N_RESAMPLES, math.ceil(n / block)))
    resampled = means[(drawn[:, :, None] + np.arange(block)) % n]
    low, high = np.quantile(resampled.mean(axis=(1, 2)), [0.025, 0.975])
    return float(means.mean()), float(low), float(high)


def _numbers(values: Floats) -> list[float | None]:
    return [float(f"{value:.7g}") if math.isfinite(value) else None for value in values.tolist()]
