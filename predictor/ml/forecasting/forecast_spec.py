"""Stored specification of a forecasting version: frequency, horizon, and the last window of every series.

forecast.json holds it: {"format": 1, "target", "date_column", "group_column", "frequency", "horizon", "shape",
"is_log", "floor", "aggregation", "series": [{"name", "end", "window"}], "errors", "golden"}, and "reading" and
"target_reading" where the dates and the target are read by one. With it, a horizon
is forecast without sending the past again.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import DamagedArtifact, InvalidInput, quoted
from ..features.columns import Columns
from ..features.date_steps import CYCLES, date_parts
from ..pipelines.fitted_pipeline import TargetScaling
from ..tables.zoned_moments import iso_text
from ..types.reading import Reading
from ..types.schema import FeatureField, Role, Signature, Task
from ..types.training_request import AGGREGATIONS
from .frequency import Frequency
from .lag_features import Floats, LagFeatures, Places, Shape, describe, filled
from .series import Series

FORMAT = 1
# Most periods that newer values may add to a series; beyond that, a new version is needed.
MAX_AHEAD = 10_000
# Input column of the pipeline that names the series; all others are numbers.
GROUP = "series"


@dataclass(frozen=True)
class SeriesEnd:
    """Last window of one series: values with gaps filled, oldest first. `end`: index of the last period."""

    name: str
    end: int
    window: tuple[float | None, ...]

    @classmethod
    def of(cls, series: Series, shape: Shape) -> SeriesEnd:
        values = filled(series.values, shape.season)[-shape.window :]
        return cls(series.name, series.end, tuple(float(each) for each in values if math.isfinite(each)))

    def extended(self, steps: NDArray[np.int64], values: Floats, shape: Shape) -> SeriesEnd:
        """A copy with newer values; `steps`: periods after the end, 0 or less for known ones. Raises InvalidInput."""
        ahead = max(int(steps.max()), 0)
        if ahead > MAX_AHEAD:
            which = f" of {quoted(self.name)}" if self.name else ""
            raise InvalidInput(
                f"The newest value{which} lies {ahead:,} periods past the end of what the version knows; at most "
                f"{MAX_AHEAD:,} can be added. Train a new version.",
                limit=MAX_AHEAD,
            )
        known = np.concatenate([self.padded(shape.window), np.full(ahead, np.nan)])
        places = steps + shape.window - 1
        known[places[places >= 0]] = values[places >= 0]
        return SeriesEnd.of(Series(self.name, self.end + ahead - len(known) + 1, known), shape)

    def padded(self, width: int) -> Floats:
        values = np.array(self.window[-width:], np.float64)
        return np.concatenate([np.full(width - len(values), np.nan), values])


@dataclass(frozen=True)
class ForecastPoints:
    """Forecast points of a request: the index of the series, and the step (periods after its end)."""

    series: Places
    steps: NDArray[np.int64]

    def __getitem__(self, chosen: NDArray[np.bool_]) -> ForecastPoints:
        return ForecastPoints(self.series[chosen], self.steps[chosen])


@dataclass(frozen=True)
class ForecastSpec:
    """Forecast specification; see the module. `floor`: lower bound of all forecasts, or None.

    `aggregation`: how rows of one period were aggregated ("sum" or "mean"); "" when each period had one.
    `reading`, `target_reading`: how texts become dates, and values of the target, as in training.
    """

    target: str
    date_column: str
    group_column: str
    frequency: Frequency
    horizon: int
    shape: Shape
    is_log: bool
    floor: float | None
    endings: tuple[SeriesEnd, ...]
    aggregation: str = ""
    reading: Reading | None = None
    target_reading: Reading | None = None

    @cached_property
    def codes(self) -> dict[str, int]:
        """Index of each series by its name."""
        return {each.name: place for place, each in enumerate(self.endings)}

    @cached_property
    def scaling(self) -> TargetScaling:
        return TargetScaling(is_log=self.is_log)

    @cached_property
    def _windows(self) -> Floats:
        return self.scaling.forward(np.stack([each.padded(self.shape.window) for each in self.endings]))

    @cached_property
    def _ends(self) -> NDArray[np.int64]:
        return np.array([each.end for each in self.endings], np.int64)

    def rows(self, columns: Columns) -> ForecastPoints:
        """Series and step of each row. An unknown series has the index -1, a missing date the step 0."""
        dates = columns[self.date_column].astype("datetime64[us]")
        n = len(dates)
        series = np.zeros(n, np.intp)
        if self.group_column:
            series = np.array([self.codes.get(name, -1) for name in columns[self.group_column]], np.intp)
        is_known = ~np.isnat(dates) & (series >= 0)
        steps = np.zeros(n, np.int64)
        steps[is_known] = self.frequency.indexes(dates[is_known]) - self._ends[series[is_known]]
        return ForecastPoints(series, steps)

    def is_within(self, rows: ForecastPoints) -> NDArray[np.bool_]:
        """Mask of the rows that can be forecast: the series is known, the step is within the horizon."""
        return (rows.series >= 0) & (rows.steps >= 1) & (rows.steps <= self.horizon)

    def describe(self, rows: ForecastPoints) -> LagFeatures:
        """The pipeline's input columns (lag and calendar features) for rows within the horizon."""
        described = self._described(rows)
        names = np.array([each.name for each in self.endings] + [None], object)[:-1]
        moments = self.frequency.local_moments(self._ends[rows.series] + rows.steps)
        columns = with_calendar(
            described.columns, moments, names[rows.series] if self.has_groups else None, self.frequency
        )
        return LagFeatures(columns, described.base, described.scale)

    def _described(self, rows: ForecastPoints) -> LagFeatures:
        """Lag features. Only the windows of the requested series are used: a version may have a thousand."""
        needed, places = np.unique(rows.series, return_inverse=True)
        return describe(self._windows[needed], places, rows.steps, self.shape)

    @property
    def has_groups(self) -> bool:
        """Whether the name of the series is a feature."""
        return len(self.endings) > 1

    def values(self, described: LagFeatures, answers: Floats) -> Floats:
        """Inverse transform: the pipeline's predictions in the target's own unit."""
        return self.bounded(self.scaling.inverse(described.base + described.scale * answers))

    def bounded(self, values: Floats) -> Floats:
        return values if self.floor is None else np.maximum(values, self.floor)

    def history_signature(self) -> Signature:
        """Signature of history rows: the fields of a forecast, and the target."""
        fields = self.signature().fields
        target = FeatureField(self.target, Role.NUMERIC, reading=self.target_reading)
        return Signature("", Task.REGRESSION, (*fields, target))

    def extended(self, columns: Columns) -> ForecastSpec:
        """A copy with newer history: each series ends where these values end.

        A value of a known period replaces it; several of one period are aggregated as in training.

        Rows of unknown series, or without a date or a value, are left out. Raises InvalidInput.
        """
        dates, values = columns[self.date_column].astype("datetime64[us]"), columns[self.target]
        placed = self.rows(columns)
        is_known = (placed.series >= 0) & ~np.isnat(dates) & np.isfinite(values)
        endings = list(self.endings)
        for code in np.unique(placed.series[is_known]):
            rows, ending = is_known & (placed.series == code), endings[code]
            steps, joined = self._joined(ending, placed.steps[rows], values[rows])
            endings[code] = ending.extended(steps, joined, self.shape)
        return replace(self, endings=tuple(endings))

    def _joined(
        self, ending: SeriesEnd, steps: NDArray[np.int64], values: Floats
    ) -> tuple[NDArray[np.int64], Floats]:
        """Aggregate to one value for each period. Raises InvalidInput."""
        which = f" of {quoted(ending.name)}" if ending.name else ""
        if self.is_log and self.floor is not None and values.min() < self.floor:
            raise InvalidInput(
                f"The newer values{which} go down to {values.min():g}, and the version was trained on the logarithm of "
                f"values from {self.floor:g}. Correct them, or train a new version."
            )
        distinct, places, counts = np.unique(steps, return_inverse=True, return_counts=True)
        if len(distinct) == len(steps):
            return steps, values
        if not self.aggregation:
            repeated = self.frequency.text(ending.end + int(distinct[np.argmax(counts > 1)]))
            raise InvalidInput(
                f"The newer values{which} have several rows for one period ({repeated}); the version was "
                "trained on one for each. Send one value for each period."
            )
        totals = np.bincount(places, weights=values).astype(np.float64)
        return distinct, totals if self.aggregation == "sum" else totals / counts

    def shown(self, moment: Any) -> str:
        """A date of the rows in a sentence."""
        zone = self.frequency.zone
        return iso_text(moment, zone) if zone else str(np.datetime_as_string(moment, unit="s"))

    def horizon_rows(self, horizon: int, groups: Sequence[str]) -> list[dict[str, Any]]:
        """Request rows for the next `horizon` periods of these series."""
        rows = []
        for name in groups:
            end = self.endings[self.codes[name]].end
            for step in range(1, horizon + 1):
                row: dict[str, Any] = {self.date_column: self.frequency.text(end + step)}
                rows.append({**row, self.group_column: name} if self.group_column else row)
        return rows

    def signature(self) -> Signature:
        """Input signature: a future date, and the series if there is a group column."""
        ends = [each.end for each in self.endings]
        first, last = self.frequency.text(min(ends) + 1), self.frequency.text(max(ends) + self.horizon)
        reading = self.reading
        fields = [
            FeatureField(
                self.date_column, Role.DATETIME, minimum=first, maximum=last, typical=first, reading=reading
            )
        ]
        if self.group_column:
            names = tuple(self.codes)
            fields.append(FeatureField(self.group_column, Role.CATEGORICAL, typical=names[0], levels=names))
        return Signature(self.target, Task.FORECASTING, tuple(fields))

    def to_json(self) -> dict[str, Any]:
        known = {"reading": self.reading, "target_reading": self.target_reading}
        readings = {name: each.to_json() for name, each in known.items() if each is not None}
        return {
            "format": FORMAT,
            "target": self.target,
            "date_column": self.date_column,
            "group_column": self.group_column,
            "frequency": self.frequency.to_json(),
            "horizon": self.horizon,
            "shape": self.shape.to_json(),
            "is_log": self.is_log,
            "floor": self.floor,
            "aggregation": self.aggregation,
            "series": [
                {"name": each.name, "end": each.end, "window": list(each.window)} for each in self.endings
            ],
            **readings,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ForecastSpec:
        """Raises DamagedArtifact."""
        try:
            endings = tuple(
                SeriesEnd(str(each["name"]), int(each["end"]), tuple(map(float, each["window"])))
                for each in data["series"]
            )
            aggregation = str(data.get("aggregation", ""))
            if not endings or aggregation not in ("", *AGGREGATIONS):
                raise ValueError
            spec = cls(
                target=str(data["target"]),
                date_column=str(data["date_column"]),
                group_column=str(data["group_column"]),
                frequency=Frequency.from_json(data["frequency"]),
                horizon=int(data["horizon"]),
                shape=Shape.from_json(data["shape"]),
                is_log=bool(data["is_log"]),
                floor=None if data["floor"] is None else float(data["floor"]),
                endings=endings,
                aggregation=aggregation,
                reading=Reading.from_json(data.get("reading")),
                target_reading=Reading.from_json(data.get("target_reading")),
            )
            if spec.shape.season < 1 or spec.horizon < 1:
                raise ValueError
        except (KeyError, OverflowError, TypeError, ValueError) as error:
            raise DamagedArtifact("The stored forecast specification is not complete.") from error
        return spec


def with_calendar(
    columns: Mapping[str, NDArray[Any]],
    moments: NDArray[Any],
    names: NDArray[Any] | None,
    frequency: Frequency,
) -> dict[str, NDArray[Any]]:
    """Add calendar features of the forecast date, and the name of the series, to the lag features.

    Elapsed time is no feature: linear models extrapolate it without limit, and trees cannot extrapolate it.
    """
    parts = date_parts(moments.astype("datetime64[us]").view(np.int64))
    features: dict[str, NDArray[Any]] = dict(columns)
    for part in frequency.calendar:
        angle = 2 * np.pi * np.asarray(parts[part], np.float64) / CYCLES[part]
        features |= {f"{part}_sine": np.sin(angle), f"{part}_cosine": np.cos(angle)}
        features[part] = np.asarray(parts[part], np.float64)
    return features if names is None else {**features, GROUP: names}


def roles_of(names: Iterable[str]) -> dict[str, Role]:
    """Role of each input column of the pipeline."""
    return {name: Role.CATEGORICAL if name == GROUP else Role.NUMERIC for name in names}
