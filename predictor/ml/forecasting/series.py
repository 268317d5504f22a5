"""Regular time series from the rows of a table (date, value and perhaps group), with warnings.

A series has one value for each period from its first to its last, NaN where there is none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InvalidTrainingRequest, Problem, quoted, quoted_list
from ..pipelines.signatures import field_of, reading_of
from ..types.schema import FeatureField, Role, TableSchema
from ..types.training_request import MAX_HORIZON, ForecastOptions
from ..types.warnings import TrainingWarning
from ..validation.target import missing
from .frequency import NAMED, Frequency, Moments, find_frequency, gathering_frequency
from .known_columns import by_period, static_value
from .public_holidays import YEARS_AHEAD, Holidays, is_of_years, year_of

Floats = NDArray[np.float64]

MAX_SERIES = 10_000
MOST_NAMED = 5
# Series with fewer values than this are too short to learn from, and are left out.
MIN_PERIODS = 8
# Most periods of a series (eleven years of hours), or most periods for each date with a value.
MAX_PERIODS, MOST_EMPTY = 100_000, 100


@dataclass(frozen=True)
class Series:
    """One regular series; `start` is the index of its first period. `name` is its group, "" without one.

    `known`: the columns that are known in advance, each from the first period on and perhaps past the last one.
    `static`: the facts of the series.
    """

    name: str
    start: int
    values: Floats
    known: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    static: Mapping[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.values)

    @property
    def end(self) -> int:
        """The index of its last period."""
        return self.start + len(self.values) - 1


@dataclass(frozen=True)
class SeriesTable:
    """Series of one frequency, by name. `n_missing` counts the periods without a value.

    `known`, `static`: the fields of their other columns. `holidays`: those of all their years and some more.
    """

    frequency: Frequency
    series: tuple[Series, ...]
    n_missing: int
    known: tuple[FeatureField, ...] = ()
    static: tuple[FeatureField, ...] = ()
    holidays: Holidays | None = None

    @cached_property
    def end(self) -> int:
        """Index of the last period of all series."""
        return max(each.end for each in self.series)

    @cached_property
    def longest(self) -> int:
        """Number of periods of the longest series among those that reach `end`."""
        last = self.end
        return max(len(each) for each in self.series if each.end == last)


def make_series(
    options: ForecastOptions,
    target: str,
    columns: Mapping[str, NDArray[Any]],
    *,
    zone: str = "",
    roles: Mapping[str, Role] | None = None,
) -> tuple[SeriesTable, list[TrainingWarning]]:
    """Regular series, one for each group, from canonical columns. Raises InvalidTrainingRequest.

    `zone`: the time zone of the dates, which are then in UTC. `roles`: of the known and static columns.
    """
    warnings: list[TrainingWarning] = []
    dates, values = columns[options.date_column], columns[target]
    groups = columns[options.group_column] if options.group_column else np.full(len(dates), "", object)
    is_whole = ~missing(dates)
    if options.group_column:
        is_whole &= ~missing(groups)
    if n_left_out := int((~is_whole).sum()):
        what = "date or group" if options.group_column else "date"
        message = f"{n_left_out:,} of {len(dates):,} rows have no {what} and were left out."
        warnings.append(TrainingWarning(message, options.date_column))
    rows = np.flatnonzero(is_whole)
    names, codes = np.unique(groups[rows].astype(str), return_inverse=True)
    _check_count(names, options)
    order = np.lexsort((dates[rows], codes))
    rows, codes = rows[order], codes[order]
    parts = np.split(np.arange(len(rows)), np.flatnonzero(np.diff(codes)) + 1) if len(rows) else []
    moments = [dates[rows[part]].astype("datetime64[us]") for part in parts]
    if sum(map(len, moments)) < MIN_PERIODS:
        raise InvalidTrainingRequest(
            f"Only {sum(map(len, moments))} rows have a date in {quoted(options.date_column)}; "
            f"at least {MIN_PERIODS} are needed.",
            limit=MIN_PERIODS,
        )
    frequency = _frequency(options, moments, warnings, zone)
    roles = dict(roles or {})
    regular = [
        _with_columns(
            _regular(frequency, str(name), moment, values[rows[part]], rows[part], options),
            frequency.indexes(moment) if options.known_columns else None,
            {each: columns[each][rows[part]] for each in (*options.known_columns, *options.static_columns)},
            roles,
            options,
        )
        for name, moment, part in zip(names, moments, parts, strict=True)
    ]
    series = _long_enough(regular, warnings, options)
    n_missing = sum(int(np.isnan(each.values).sum()) for each in series)
    if n_missing:
        total = sum(map(len, series))
        message = f"{n_missing:,} of {total:,} periods have no value; they are taken as missing, not as 0."
        warnings.append(TrainingWarning(message, target))
    known, static = (
        tuple(field_of(each, roles[each], columns[each][rows], "") for each in names)
        for names in (options.known_columns, options.static_columns)
    )
    return SeriesTable(frequency, tuple(series), n_missing, known, static), warnings


def holidays_of(table: SeriesTable, options: ForecastOptions) -> Holidays | None:
    """The public holidays of all years of the series and of some more; None where none are asked for.

    Raises InvalidTrainingRequest.
    """
    if not options.holidays:
        return None
    if is_of_years(table.frequency):
        raise InvalidTrainingRequest(
            f"Public holidays do not tell periods of whole years ({table.frequency.title}) apart; leave them out.",
            field="holidays",
        )
    first = min(each.start for each in table.series)
    last = table.end + (options.horizon or table.frequency.usual_horizon)
    years = year_of(table.frequency, first) - 1, year_of(table.frequency, last) + YEARS_AHEAD
    return Holidays.of(options.holidays, *years)


def known_fields(
    table: SeriesTable, schema: TableSchema, columns: Mapping[str, NDArray[Any]]
) -> tuple[FeatureField, ...]:
    """The fields of the known columns, as a request has to send them.

    They may be left out where the training table has their values of the future for each series.
    """
    return tuple(
        replace(
            each,
            has_missing=all(len(series.known[each.name]) > len(series) for series in table.series),
            reading=reading_of(schema[each.name], each.role, columns[each.name]),
        )
        for each in table.known
    )


def _check_count(names: NDArray[Any], options: ForecastOptions) -> None:
    if len(names) > MAX_SERIES:
        raise InvalidTrainingRequest(
            f"The column {quoted(options.group_column)} makes {len(names):,} series; at most {MAX_SERIES:,} "
            "can be forecast together. Choose a column with fewer values.",
            limit=MAX_SERIES,
        )


def _frequency(
    options: ForecastOptions, moments: Sequence[Moments], warnings: list[TrainingWarning], zone: str
) -> Frequency:
    if options.frequency:
        return NAMED[options.frequency].in_zone(zone)
    distinct = [np.unique(each) for each in moments]
    inferred = find_frequency(distinct, zone)
    if inferred is not None:
        return inferred
    resampled = gathering_frequency(distinct, zone)
    if not options.aggregation:
        raise InvalidTrainingRequest(
            f"The dates in {quoted(options.date_column)} have no regular frequency: neither hourly, daily, weekly, "
            f"monthly nor any other. Choose how to aggregate the rows of one period (sum or mean), and they are "
            f"grouped by period ({resampled.title}); or choose another date column."
        )
    message = (
        f"The dates are irregular, so they were grouped by period ({resampled.title}, {options.aggregation}). "
        "The last period may not be complete."
    )
    warnings.append(TrainingWarning(message, options.date_column))
    return resampled


def _regular(
    frequency: Frequency,
    name: str,
    moments: Moments,
    values: Floats,
    rows: NDArray[np.intp],
    options: ForecastOptions,
) -> Series:
    """Resample to one value for each period: several rows of a period are aggregated, or refused."""
    is_known = ~np.isnan(values)
    moments, values, rows = moments[is_known], values[is_known], rows[is_known]
    if not len(values):
        return Series(name, 0, np.empty(0))
    indexes = frequency.indexes(moments)
    distinct, first, counts = np.unique(indexes, return_index=True, return_counts=True)
    if not options.aggregation and len(distinct) < len(indexes):
        raise _repeated(frequency, name, distinct, first, counts, rows, options)
    _check_span(frequency, name, distinct, options)
    totals = np.add.reduceat(values, first)
    aggregated = totals if options.aggregation == "sum" else totals / counts
    regular = np.full(int(distinct[-1] - distinct[0]) + 1, np.nan)
    regular[distinct - distinct[0]] = aggregated
    return Series(name, int(distinct[0]), regular)


def _with_columns(
    series: Series,
    indexes: NDArray[np.int64] | None,
    values: Mapping[str, NDArray[Any]],
    roles: Mapping[str, Role],
    options: ForecastOptions,
) -> Series:
    """The series with its known columns, up to MAX_HORIZON periods past its last value, and its facts."""
    facts = {
        name: static_value(values[name], roles[name], name, series.name) for name in options.static_columns
    }
    if indexes is None or not len(series):
        return replace(series, static=facts)
    ahead = min(max(int(indexes.max()) - series.end, 0), MAX_HORIZON)
    known = {
        name: by_period(indexes - series.start, values[name], len(series) + ahead, roles[name])
        for name in options.known_columns
    }
    return replace(series, known=known, static=facts)


def _check_span(
    frequency: Frequency, name: str, distinct: NDArray[np.int64], options: ForecastOptions
) -> None:
    """Refuse a requested frequency that leaves almost all periods empty; an inferred one fits its dates."""
    first, last = int(distinct[0]), int(distinct[-1])
    n_periods, limit = last - first + 1, max(MAX_PERIODS, MOST_EMPTY * len(distinct))
    if options.frequency and n_periods > limit:
        which = f" of {quoted(name)}" if name else ""
        raise InvalidTrainingRequest(
            f"From the first date{which} in {quoted(options.date_column)}, {frequency.text(first)}, to the last, "
            f"{frequency.text(last)}, there are {n_periods:,} periods ({frequency.title}), and {len(distinct):,} have "
            "a value. Correct these dates, or choose a frequency of longer periods.",
            limit=limit,
        )


def _repeated(
    frequency: Frequency,
    name: str,
    distinct: NDArray[np.int64],
    first: NDArray[np.intp],
    counts: NDArray[np.intp],
    rows: NDArray[np.intp],
    options: ForecastOptions,
) -> InvalidTrainingRequest:
    repeated = np.flatnonzero(counts > 1)
    problems = []
    for index in repeated[:MOST_NAMED]:
        numbers = sorted(int(row) + 1 for row in rows[first[index] : first[index] + counts[index]])
        where = f" of {quoted(name)}" if name else ""
        row_list = ", ".join(f"{number:,}" for number in numbers[:MOST_NAMED])
        problems.append(Problem(f"{frequency.text(int(distinct[index]))}{where}: rows {row_list}"))
    examples = "; ".join(problem.detail for problem in problems[:2])
    hint = (
        ""
        if options.group_column
        else " If the table holds several series, choose the column that names them."
    )
    periods = "1 period has" if len(repeated) == 1 else f"{len(repeated):,} periods have"
    return InvalidTrainingRequest(
        f"{periods} more than one row ({examples}{'; …' if len(repeated) > 2 else ''}). Choose how to "
        f"aggregate them: sum or mean.{hint}",
        problems=problems,
    )


def _long_enough(
    series: Sequence[Series], warnings: list[TrainingWarning], options: ForecastOptions
) -> list[Series]:
    kept = [each for each in series if np.isfinite(each.values).sum() >= MIN_PERIODS]
    left_out = [each.name for each in series if np.isfinite(each.values).sum() < MIN_PERIODS]
    if not kept:
        raise InvalidTrainingRequest(
            f"No series has {MIN_PERIODS} values or more; a forecast needs more of the past.",
            limit=MIN_PERIODS,
        )
    if left_out:
        message = f"Series of fewer than {MIN_PERIODS} values were left out: {quoted_list(left_out)}."
        warnings.append(TrainingWarning(message, options.group_column or None))
    return kept
