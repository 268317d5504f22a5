"""Stored specification of a forecasting version: frequency, horizon, and the last window of every series.

forecast.json holds it: {"format": 1, "target", "date_column", "group_column", "frequency", "horizon", "shape",
"is_log", "floor", "aggregation", "series": [{"name", "end", "window"}], "errors", "golden"}, and "reading" and
"target_reading" where the dates and the target are read by one. With it, a horizon
is forecast without sending the past again.

Where other columns are used, "known" and "static" hold their fields, and each series has "known" (their last windows),
"ahead" (values of periods after the end, which the training table had already) and "static" (its facts). "holidays" are
those of public_holidays.py. "method" stands where a classical forecast answers; then windows may be longer.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import DamagedArtifact, InvalidInput, quoted, quoted_list
from ..features.columns import Columns
from ..features.date_steps import CYCLES, date_parts
from ..pipelines.fitted_pipeline import TargetScaling
from ..tables.zoned_moments import iso_text
from ..types.reading import Reading
from ..types.schema import FeatureField, Role, Scalar, Signature, Task
from ..types.training_request import AGGREGATIONS
from ..validation.target import missing
from .classical_forecasts import METHODS, forecast, width_of
from .frequency import Frequency
from .known_columns import by_period, compared, empty_values, is_number, known_features, static_features
from .lag_features import Floats, LagFeatures, Places, Shape, describe, filled
from .public_holidays import COMPARED, NAME, Holidays, year_of
from .series import Series

FORMAT = 1
# Most periods that newer values may add to a series; beyond that, a new version is needed.
MAX_AHEAD = 10_000
# Input column of the pipeline that names the series; all others are numbers.
GROUP = "series"


@dataclass(frozen=True)
class SeriesEnd:
    """Last window of one series: values with gaps filled, oldest first. `end`: index of the last period.

    `known`: the same window of each known column. `ahead`: its values after the end. `static`: the facts.
    """

    name: str
    end: int
    window: tuple[float | None, ...]
    known: Mapping[str, tuple[Scalar, ...]] = field(default_factory=dict)
    ahead: Mapping[str, tuple[Scalar, ...]] = field(default_factory=dict)
    static: Mapping[str, Scalar] = field(default_factory=dict)

    @classmethod
    def of(cls, series: Series, shape: Shape, width: int = 0) -> SeriesEnd:
        """The end of a series. `width`: number of values that are kept, if more than those of the window."""
        n = len(series)
        return cls(
            series.name,
            series.end,
            _window(series.values, shape, width),
            {name: _known_window(each[:n], shape) for name, each in series.known.items()},
            {name: scalars(each[n:]) for name, each in series.known.items()},
            dict(series.static),
        )

    def extended(
        self,
        steps: NDArray[np.int64],
        values: Floats,
        shape: Shape,
        known: Mapping[str, tuple[NDArray[np.int64], NDArray[Any]]] | None = None,
        width: int = 0,
    ) -> SeriesEnd:
        """A copy with newer values; `steps`: periods after the end, 0 or less for known ones. Raises InvalidInput.

        `known`: steps and values of the known columns. `width`: see `of`.
        """
        ahead = max(int(steps.max()), 0)
        if ahead > MAX_AHEAD:
            which = f" of {quoted(self.name)}" if self.name else ""
            raise InvalidInput(
                f"The newest value{which} lies {ahead:,} periods past the end of what the version knows; at most "
                f"{MAX_AHEAD:,} can be added. Train a new version.",
                limit=MAX_AHEAD,
            )
        width = max(width, shape.window)
        newer = np.concatenate([self.padded(width), np.full(ahead, np.nan)])
        places = steps + width - 1
        newer[places[places >= 0]] = values[places >= 0]
        series = Series(
            self.name,
            self.end + ahead - len(newer) + 1,
            newer,
            {name: self._newer(name, *each, ahead, shape) for name, each in (known or {}).items()},
            self.static,
        )
        return SeriesEnd.of(series, shape, width)

    def _newer(
        self, name: str, steps: NDArray[np.int64], values: NDArray[Any], n_ahead: int, shape: Shape
    ) -> NDArray[Any]:
        """A known column from the window to the last stored value, with newer values up to the new end."""
        role = Role.CATEGORICAL if values.dtype == object else Role.NUMERIC
        stored = self.ahead.get(name, ())
        last = self.known.get(name, ())[-shape.window :]
        window = empty_values(shape.window, role)
        window[shape.window - len(last) :] = last
        later = empty_values(max(len(stored), n_ahead), role)
        later[: len(stored)] = stored
        newer = np.concatenate([window, later])
        sent = by_period(steps + shape.window - 1, values, shape.window + n_ahead, role)
        is_sent = ~missing(sent)
        newer[: len(sent)][is_sent] = sent[is_sent]
        return newer

    def planned(self, steps: NDArray[np.int64], known: Mapping[str, NDArray[Any]], horizon: int) -> SeriesEnd:
        """A copy with these values of the known columns after the end, up to the horizon."""
        ahead = dict(self.ahead)
        for name, values in known.items():
            role = Role.CATEGORICAL if values.dtype == object else Role.NUMERIC
            stored = self.ahead.get(name, ())
            later = empty_values(max(len(stored), horizon), role)
            later[: len(stored)] = stored
            sent = by_period(steps - 1, values, len(later), role)
            is_sent = ~missing(sent)
            later[is_sent] = sent[is_sent]
            ahead[name] = scalars(later)
        return replace(self, ahead=ahead)

    def padded(self, width: int) -> Floats:
        return _padded(self.window, width)

    def to_json(self) -> dict[str, Any]:
        more = {"known": self.known, "ahead": self.ahead}
        lists = {
            key: {name: list(each) for name, each in values.items()} for key, values in more.items() if values
        }
        facts = {"static": dict(self.static)} if self.static else {}
        return {"name": self.name, "end": self.end, "window": list(self.window), **lists, **facts}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> SeriesEnd:
        return cls(
            str(data["name"]),
            int(data["end"]),
            tuple(map(float, data["window"])),
            {str(name): tuple(each) for name, each in data.get("known", {}).items()},
            {str(name): tuple(each) for name, each in data.get("ahead", {}).items()},
            dict(data.get("static", {})),
        )


def _window(values: Floats, shape: Shape, width: int = 0) -> tuple[float, ...]:
    last = filled(values, shape.season)[-max(width, shape.window) :]
    return tuple(float(each) for each in last if math.isfinite(each))


def _known_window(values: NDArray[Any], shape: Shape) -> tuple[Scalar, ...]:
    return scalars(values[-shape.window :]) if values.dtype == object else _window(values, shape)


def _padded(window: Sequence[float | None] | Floats, width: int) -> Floats:
    values = np.array(window[-width:], np.float64)
    return np.concatenate([np.full(width - len(values), np.nan), values])


def scalars(values: NDArray[Any]) -> tuple[Scalar, ...]:
    """Canonical values as JSON scalars; missing ones are None."""
    return tuple(
        None if is_gone else value for is_gone, value in zip(missing(values), values.tolist(), strict=True)
    )


@dataclass(frozen=True)
class ForecastPoints:
    """Forecast points of a request: the index of the series, and the step (periods after its end).

    `known`: the values of the columns that are known in advance.
    """

    series: Places
    steps: NDArray[np.int64]
    known: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    def __getitem__(self, chosen: NDArray[np.bool_]) -> ForecastPoints:
        known = {name: each[chosen] for name, each in self.known.items()}
        return ForecastPoints(self.series[chosen], self.steps[chosen], known)

    @property
    def without(self) -> Mapping[str, NDArray[np.bool_]]:
        """For each known column, which points have no value of it."""
        return {name: missing(each) for name, each in self.known.items()}


@dataclass(frozen=True)
class ForecastSpec:
    """Forecast specification; see the module. `floor`: lower bound of all forecasts, or None.

    `aggregation`: how rows of one period were aggregated ("sum" or "mean"); "" when each period had one.
    `reading`, `target_reading`: how texts become dates, and values of the target, as in training.
    `known`: the columns whose values come with a request; `static`: those whose values are stored with the series.
    `holidays`: the public holidays of the stored windows and of some years to come.
    `method`: a classical forecast that answers instead of the pipeline (see classical_forecasts.py), or "".
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
    known: tuple[FeatureField, ...] = ()
    static: tuple[FeatureField, ...] = ()
    holidays: Holidays | None = None
    method: str = ""

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
        known = {each.name: self._known_of(each, columns, series, steps) for each in self.known}
        return ForecastPoints(series, steps, known)

    def _known_of(
        self, column: FeatureField, columns: Columns, series: Places, steps: NDArray[np.int64]
    ) -> NDArray[Any]:
        """The values of a known column in these rows; where a row has none, the stored ones."""
        sent = columns.get(column.name)
        values = empty_values(len(steps), column.role) if sent is None else sent.copy()
        for row in np.flatnonzero(missing(values) & (series >= 0) & (steps >= 1)):
            stored = self.endings[series[row]].ahead.get(column.name, ())
            if steps[row] <= len(stored):
                values[row] = stored[steps[row] - 1]
        return values

    def is_within(self, rows: ForecastPoints) -> NDArray[np.bool_]:
        """Mask of the rows that can be forecast: the series is known, the step is within the horizon.

        Each column that is known in advance needs a value.
        """
        is_in: NDArray[np.bool_] = (rows.series >= 0) & (rows.steps >= 1) & (rows.steps <= self.horizon)
        for is_gone in rows.without.values():
            is_in = is_in & ~is_gone
        return is_in

    def describe(self, rows: ForecastPoints) -> LagFeatures:
        """The pipeline's input columns (lag and calendar features) for rows within the horizon."""
        described = self._described(rows)
        # Only those of the rows: a version may have ten thousand series.
        names = np.array([*(self.endings[code].name for code in rows.series), None], object)[:-1]
        moments = self.frequency.local_moments(self._ends[rows.series] + rows.steps)
        static = [self.endings[code].static for code in rows.series] if self.static else []
        facts = static_features(self.static, static, np.arange(len(static)))
        columns = with_calendar(
            {**described.columns, **facts},
            moments,
            names if self.has_groups else None,
            self.frequency,
        )
        return LagFeatures(columns, described.base, described.scale)

    def _described(self, rows: ForecastPoints) -> LagFeatures:
        """Lag features. Only the windows of the requested series are used: a version may have a thousand."""
        needed, places = np.unique(rows.series, return_inverse=True)
        described = describe(self._windows[needed], places, rows.steps, self.shape)
        columns: dict[str, NDArray[Any]] = dict(described.columns)
        for each in self.known:
            dtype = np.float64 if is_number(each.role) else object
            ends = [
                compared(each, np.array([*self.endings[code].known.get(each.name, ()), None], dtype)[:-1])
                for code in needed
            ]
            windows = {
                part: np.stack([_padded(end[part], self.shape.window) for end in ends]) for part in ends[0]
            }
            values = rows.known[each.name]
            columns |= known_features(each, values, windows, places, rows.steps, self.shape)
        columns |= self._holiday_features(rows, needed, places)
        return replace(described, columns=columns)

    def _holiday_features(
        self, rows: ForecastPoints, needed: Places, places: Places
    ) -> dict[str, NDArray[Any]]:
        """Features of public holidays. `places`: the place of each row's series in the `needed` ones."""
        if self.holidays is None:
            return {}
        ends, width = self._ends[needed], self.shape.window
        past = self.holidays.numbers(self.frequency, (ends[:, None] + np.arange(1 - width, 1)).reshape(-1))
        # As in training, nothing is known before a series begins.
        is_before = np.isnan(self._windows[needed])
        windows = {
            name: np.where(is_before, np.nan, past[name].reshape(len(needed), width))
            for name in COMPARED
            if name in past
        }
        targets = self._ends[rows.series] + rows.steps
        return self.holidays.features(self.frequency, targets, windows, places, rows.steps, self.shape)

    @property
    def width(self) -> int:
        """Number of values that are stored of each series, if it is longer."""
        return width_of(self.shape) if self.method else self.shape.window

    def classical(self, rows: ForecastPoints) -> Floats:
        """Forecasts of the method, in the target's own unit."""
        needed, places = np.unique(rows.series, return_inverse=True)
        windows = np.stack([self.endings[code].padded(self.width) for code in needed])
        return self.bounded(forecast(self.method, windows, places, rows.steps, self.horizon, self.shape))

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
        """Signature of history rows: the fields of a forecast, and the target. Known columns may be left out."""
        fields = self._may_be_missing(self.signature()).fields
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
        sent = {each.name: columns.get(each.name, empty_values(len(dates), each.role)) for each in self.known}
        for code, rows in grouped(placed.series, is_known):
            ending = endings[code]
            steps, joined = self._joined(ending, placed.steps[rows], values[rows])
            known = {each.name: (placed.steps[rows], sent[each.name][rows]) for each in self.known}
            endings[code] = ending.extended(steps, joined, self.shape, known, self.width)
        self._require_holidays(max(each.end for each in endings))
        return replace(self, endings=tuple(endings))

    def _require_holidays(self, end: int) -> None:
        """Raises InvalidInput when a horizon after `end` would reach past the stored holidays."""
        stored = self.holidays
        if stored is not None and year_of(self.frequency, end + self.horizon + 1) > stored.last_year:
            raise InvalidInput(
                f"The version has the public holidays until the end of {stored.last_year}, and the forecast would go "
                "further. Train a new version."
            )

    def future_signature(self) -> Signature:
        """Signature of rows with values of the future: the fields of a forecast. Known columns may be left out."""
        return self._may_be_missing(self.signature())

    def _may_be_missing(self, signature: Signature) -> Signature:
        names = {each.name for each in self.known}
        fields = (
            replace(each, has_missing=each.has_missing or each.name in names) for each in signature.fields
        )
        return replace(signature, fields=tuple(fields))

    def planned(self, columns: Columns) -> ForecastSpec:
        """A copy with these values of the known columns; a value replaces a stored one.

        Rows outside of the horizon are left out: a plan may be longer. Raises InvalidInput for unknown series.
        """
        placed = self.rows({name: columns[name] for name in (self.date_column, self.group_column) if name})
        if (placed.series < 0).any():
            unknown = columns[self.group_column][placed.series < 0][0]
            raise InvalidInput(
                f"There is no series {quoted(unknown)}. The version knows {quoted_list(self.codes)}."
            )
        endings = list(self.endings)
        is_in = (placed.steps >= 1) & (placed.steps <= self.horizon)
        for code, rows in grouped(placed.series, is_in):
            known = {each.name: columns[each.name][rows] for each in self.known if each.name in columns}
            endings[code] = endings[code].planned(placed.steps[rows], known, self.horizon)
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
            ending = self.endings[self.codes[name]]
            for step in range(1, horizon + 1):
                row: dict[str, Any] = {self.date_column: self.frequency.text(ending.end + step)}
                group = {self.group_column: name} if self.group_column else {}
                rows.append({**row, **group, **self.stored_values(ending, step)})
        return rows

    def stored_values(self, ending: SeriesEnd, step: int) -> dict[str, Scalar]:
        """The stored values of the known columns for a period after the end, as a request sends them."""
        row: dict[str, Scalar] = {}
        for each in self.known:
            stored = ending.ahead.get(each.name, ())
            value = stored[step - 1] if step <= len(stored) else None
            row[each.name] = bool(value) if each.role is Role.BOOLEAN and value in (0, 1) else value
        return row

    def signature(self) -> Signature:
        """Input signature: a future date, the series if there is a group column, and what is known in advance."""
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
        fields += self.known
        return Signature(self.target, Task.FORECASTING, tuple(fields))

    def to_json(self) -> dict[str, Any]:
        known = {"reading": self.reading, "target_reading": self.target_reading}
        readings = {name: each.to_json() for name, each in known.items() if each is not None}
        lists = {"known": self.known, "static": self.static}
        columns: dict[str, Any] = {
            name: [each.to_json() for each in fields] for name, fields in lists.items() if fields
        }
        if self.holidays is not None:
            columns["holidays"] = self.holidays.to_json()
        if self.method:
            columns["method"] = self.method
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
            "series": [each.to_json() for each in self.endings],
            **readings,
            **columns,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ForecastSpec:
        """Raises DamagedArtifact."""
        try:
            endings = tuple(map(SeriesEnd.from_json, data["series"]))
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
                known=tuple(map(FeatureField.from_json, data.get("known", ()))),
                static=tuple(map(FeatureField.from_json, data.get("static", ()))),
                holidays=Holidays.from_json(data.get("holidays")),
                method=str(data.get("method", "")),
            )
            if spec.method and spec.method not in METHODS:
                raise ValueError
            if spec.shape.season < 1 or spec.horizon < 1:
                raise ValueError
        except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
            raise DamagedArtifact("The stored forecast specification is not complete.") from error
        return spec


def grouped(codes: Places, is_in: NDArray[np.bool_]) -> Iterator[tuple[int, Places]]:
    """Each code with its rows in their order, of the rows that are in: one sort, however many codes there are."""
    rows = np.flatnonzero(is_in)
    rows = rows[np.argsort(codes[rows], kind="stable")]
    for part in np.split(rows, np.flatnonzero(np.diff(codes[rows])) + 1):
        if len(part):
            yield int(codes[part[0]]), part


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
    return {name: Role.CATEGORICAL if name in (GROUP, NAME) else Role.NUMERIC for name in names}
