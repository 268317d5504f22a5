"""Training table of a forecast: one row for every series, origin and step of the horizon."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..pipelines.fitted_pipeline import TargetScaling
from ..types.schema import Task
from ..validation.target import Target
from ..validation.training_table import TrainingTable
from .forecast_spec import grouped, roles_of, with_calendar
from .known_columns import compared, empty_values, known_features, roles_of_known, static_features
from .lag_features import (
    FARTHEST,
    Floats,
    LagFeatures,
    Places,
    Shape,
    describe,
    padded_values,
    sliding_windows,
)
from .public_holidays import COMPARED
from .series import Series, SeriesTable

# Cells (windows × periods) whose features are computed at once: 32 MB, and a few copies.
WINDOW_CELLS = 4_000_000


@dataclass(frozen=True)
class SeriesView:
    """The series with a target transform (values or logarithms), a window shape and a horizon."""

    table: SeriesTable
    shape: Shape
    horizon: int
    is_log: bool
    _filled: dict[int, Floats] = field(default_factory=dict, init=False, repr=False, compare=False)

    def filled(self, code: int) -> Floats:
        """The values of a series in the view's unit without gaps, with NaN in the places of a window before them."""
        if code not in self._filled:
            values = self.scaling.forward(self.table.series[code].values)
            self._filled[code] = padded_values(values, self.shape)
        return self._filled[code]

    @property
    def scaling(self) -> TargetScaling:
        return TargetScaling(is_log=self.is_log)


@dataclass(frozen=True)
class Points:
    """Forecast points: for each row the series, the position of the origin in the series, and the step."""

    series: Places
    origins: Places
    steps: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.steps)

    def made_at(self, table: SeriesTable) -> NDArray[np.int64]:
        """Period index of the origin of each row: the forecast is made at the end of this period."""
        return np.array([each.start for each in table.series])[self.series] + self.origins

    def __getitem__(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> Points:
        return Points(self.series[rows], self.origins[rows], self.steps[rows])


def training_points(view: SeriesView, max_rows: int, seed: int) -> Points:
    """Training rows: a random sample (about `max_rows`) of all origins and steps with a known outcome."""
    rng = np.random.default_rng(seed)
    first = view.shape.least - 1
    sizes = [max(len(each) - 1 - first, 0) * view.horizon for each in view.table.series]
    share = min(1.0, max_rows / max(sum(sizes), 1))
    parts = []
    for code, (each, size) in enumerate(zip(view.table.series, sizes, strict=True)):
        cells = np.arange(size)
        if share < 1:
            cells = np.sort(rng.choice(size, min(size, math.ceil(size * share)), replace=False))
        steps, origins = cells % view.horizon + 1, first + cells // view.horizon
        parts.append(_known(each, code, origins, steps))
    return joined(parts)


def tested_points(view: SeriesView, first: int, last: int, until: int, most_rows: int, seed: int) -> Points:
    """Rolling-origin test rows: made at the ends of periods first … last, with an outcome by period `until`.

    Above `most_rows`, fewer origins are taken (evenly spaced, with the first), then fewer series (at random).
    """
    series = [
        code for code, each in enumerate(view.table.series) if each.start + view.shape.least - 1 <= first
    ]
    n_origins = min(last - first + 1, max(1, most_rows // max(len(series) * view.horizon, 1)))
    indexes = np.unique(np.linspace(first, last, n_origins).astype(np.int64))
    n_series = max(1, most_rows // (len(indexes) * view.horizon))
    if len(series) > n_series:
        series = sorted(np.random.default_rng(seed).choice(series, n_series, replace=False).tolist())
    parts = []
    for code in series:
        each = view.table.series[code]
        origins = np.repeat(indexes - each.start, view.horizon)
        steps = np.tile(np.arange(1, view.horizon + 1), len(indexes))
        is_in = (each.start + origins + steps <= until) & (origins < len(each))
        parts.append(_known(each, code, origins[is_in], steps[is_in]))
    return joined(parts)


def described(view: SeriesView, points: Points) -> LagFeatures:
    """Features of the points, with base and scale in the view's unit (values or logarithms)."""
    columns: dict[str, NDArray[Any]] = {}
    base, scale = np.empty(len(points)), np.empty(len(points))
    for part in _parts(view, points):
        steps = points.steps[part.rows]
        features = describe(
            part.windows({code: view.filled(code) for code in part.codes}), part.origins, steps, view.shape
        )
        base[part.rows], scale[part.rows] = features.base, features.scale
        described = {
            **features.columns,
            **_known_features(view, points, part),
            **_holiday_features(view, points, part),
        }
        for name, values in described.items():
            empty = None if values.dtype == object else np.nan
            columns.setdefault(name, np.full(len(points), empty, values.dtype))[part.rows] = values
    names = np.array([each.name for each in view.table.series] + [None], object)[:-1]
    moments = view.table.frequency.local_moments(points.made_at(view.table) + points.steps)
    has_groups = len(view.table.series) > 1
    columns |= static_features(view.table.static, [each.static for each in view.table.series], points.series)
    return LagFeatures(
        with_calendar(columns, moments, names[points.series] if has_groups else None, view.table.frequency),
        base,
        scale,
    )


@dataclass(frozen=True)
class _Part:
    """Points of some series, whose windows fit in memory together.

    `ends`: for each series its index and the positions at which its windows end. `rows`: the points. `origins`: for
    each of these the place of its window among all.
    """

    ends: Sequence[tuple[int, Places]]
    rows: Places
    origins: Places
    width: int

    @property
    def codes(self) -> list[int]:
        return list(dict.fromkeys(code for code, _ in self.ends))

    def windows(self, padded: Mapping[int, Floats]) -> Floats:
        """The windows, one after the other. `padded`: of each series its values, with NaN before the first one."""
        return np.concatenate([sliding_windows(padded[code], self.width)[ends] for code, ends in self.ends])


def _parts(view: SeriesView, points: Points) -> Iterator[_Part]:
    """The points in parts of about WINDOW_CELLS; many short series share one, since each call of NumPy has a price."""
    size = max(1, WINDOW_CELLS // view.shape.window)
    ends: list[tuple[int, Places]] = []
    rows: list[Places] = []
    origins: list[Places] = []
    n = 0
    for code, of_series in grouped(points.series, np.ones(len(points), bool)):
        needed, places = np.unique(points.origins[of_series], return_inverse=True)
        for start in range(0, len(needed), size):
            part = needed[start : start + size]
            if ends and n + len(part) > size:
                yield _Part(ends, np.concatenate(rows), np.concatenate(origins), view.shape.window)
                ends, rows, origins, n = [], [], [], 0
            is_in = (places >= start) & (places < start + size)
            ends.append((code, part))
            rows.append(of_series[is_in])
            origins.append(places[is_in] - start + n)
            n += len(part)
    if ends:
        yield _Part(ends, np.concatenate(rows), np.concatenate(origins), view.shape.window)


def _known_features(view: SeriesView, points: Points, part: _Part) -> dict[str, NDArray[Any]]:
    """Features of the columns that are known in advance."""
    features: dict[str, NDArray[Any]] = {}
    steps, targets = points.steps[part.rows], points.origins[part.rows] + points.steps[part.rows]
    for each in view.table.known:
        values = empty_values(len(part.rows), each.role)
        for code, rows in grouped(points.series[part.rows], np.ones(len(part.rows), bool)):
            values[rows] = view.table.series[code].known[each.name][targets[rows]]
        padded: dict[str, dict[int, Floats]] = {}
        for code in part.codes:
            series = view.table.series[code]
            for name, numbers in compared(each, series.known[each.name][: len(series)]).items():
                padded.setdefault(name, {})[code] = padded_values(numbers, view.shape)
        windows = {name: part.windows(of_series) for name, of_series in padded.items()}
        features |= known_features(each, values, windows, part.origins, steps, view.shape)
    return features


def _holiday_features(view: SeriesView, points: Points, part: _Part) -> dict[str, NDArray[Any]]:
    """Features of public holidays."""
    holidays, frequency = view.table.holidays, view.table.frequency
    if holidays is None:
        return {}
    series = {code: view.table.series[code] for code in part.codes}
    first = min(each.start for each in series.values())
    past = holidays.numbers(frequency, np.arange(first, view.table.end + 1))
    windows = {}
    for name in COMPARED:
        if name in past:
            spans = {
                code: past[name][each.start - first : each.end + 1 - first] for code, each in series.items()
            }
            windows[name] = part.windows(
                {code: padded_values(span, view.shape) for code, span in spans.items()}
            )
    chosen = points[part.rows]
    targets = chosen.made_at(view.table) + chosen.steps
    return holidays.features(frequency, targets, windows, part.origins, chosen.steps, view.shape)


def actual(view: SeriesView, points: Points) -> Floats:
    """Observed values at the points, in the target's own unit."""
    observed = np.empty(len(points))
    for code, rows in grouped(points.series, np.ones(len(points), bool)):
        observed[rows] = view.table.series[code].values[points.origins[rows] + points.steps[rows]]
    return observed


def training_table(view: SeriesView, points: Points, target: str) -> TrainingTable:
    """The points as a regression table: their features and the scaled target."""
    features = described(view, points)
    y = (view.scaling.forward(actual(view, points)) - features.base) / features.scale
    table = Target(target, Task.REGRESSION, np.clip(y, -FARTHEST, FARTHEST))
    roles = roles_of(features.columns) | roles_of_known(view.table.known, view.table.static)
    return TrainingTable(features.columns, roles, table)


def _known(series: Series, code: int, origins: Places, steps: NDArray[np.int64]) -> Points:
    """Points of one series whose outcome is observed."""
    is_in = origins + steps < len(series)
    origins, steps = origins[is_in], steps[is_in]
    is_in = np.isfinite(series.values[origins + steps])
    return _points(code, origins[is_in], steps[is_in])


def _points(code: int, origins: Places, steps: NDArray[np.int64]) -> Points:
    return Points(np.full(len(steps), code, np.intp), origins.astype(np.intp), steps.astype(np.int64))


def joined(parts: Sequence[Points]) -> Points:
    """Concatenate points."""
    return Points(
        np.concatenate([each.series for each in parts]),
        np.concatenate([each.origins for each in parts]),
        np.concatenate([each.steps for each in parts]),
    )


def fits_log(series: tuple[Series, ...]) -> bool:
    """Whether a log transform fits: no value is negative, and the median is above 1."""
    values = np.concatenate([each.values[np.isfinite(each.values)] for each in series])
    return bool(values.min() >= 0 and np.median(values) > 1)
