"""From rows with a date, a value and perhaps a group to regular series, with what was doubtful said.

Standard form of a series: one value for each period from its first to its last, NaN where there is none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InvalidTrainingRequest, Problem, listed, shown
from ..types.training_request import ForecastOptions
from ..types.warnings import TrainingWarning
from ..validation.target import missing
from .frequency import NAMED, Frequency, Moments, find_frequency, gathering_frequency

Floats = NDArray[np.float64]

MAX_SERIES = 1_000
MOST_NAMED = 5
# A series of fewer periods than this cannot teach its rhythm, and is left out beside longer ones.
MIN_PERIODS = 8
# Periods that a series may have by its dates alone (hours of eleven years), or for each date that has a value.
MAX_PERIODS, MOST_EMPTY = 100_000, 100


@dataclass(frozen=True)
class Series:
    """One regular series; `start` is the index of its first period. `name` is its group, "" without one."""

    name: str
    start: int
    values: Floats

    def __len__(self) -> int:
        return len(self.values)

    @property
    def end(self) -> int:
        """The index of its last period."""
        return self.start + len(self.values) - 1


@dataclass(frozen=True)
class SeriesTable:
    """Series of one frequency, by name. `n_missing` counts the periods without a value."""

    frequency: Frequency
    series: tuple[Series, ...]
    n_missing: int

    @property
    def end(self) -> int:
        """The last period of all."""
        return max(each.end for each in self.series)

    @property
    def longest(self) -> int:
        """How many periods the longest series has that goes on to the end."""
        return max(len(each) for each in self.series if each.end == self.end)


def make_series(
    options: ForecastOptions, target: str, columns: Mapping[str, NDArray[Any]]
) -> tuple[SeriesTable, list[TrainingWarning]]:
    """The series of a table in canonical columns. Raises InvalidTrainingRequest."""
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
            f"Only {sum(map(len, moments))} rows have a date in {shown(options.date_column)}; "
            f"at least {MIN_PERIODS} are needed.",
            limit=MIN_PERIODS,
        )
    frequency = _frequency(options, moments, warnings)
    made = [
        _regular(frequency, str(name), moment, values[rows[part]], rows[part], options)
        for name, moment, part in zip(names, moments, parts, strict=True)
    ]
    kept = _long_enough(made, warnings, options)
    n_missing = sum(int(np.isnan(each.values).sum()) for each in kept)
    if n_missing:
        total = sum(map(len, kept))
        message = f"{n_missing:,} of {total:,} periods have no value; they are taken as missing, not as 0."
        warnings.append(TrainingWarning(message, target))
    return SeriesTable(frequency, tuple(kept), n_missing), warnings


def _check_count(names: NDArray[Any], options: ForecastOptions) -> None:
    if len(names) > MAX_SERIES:
        raise InvalidTrainingRequest(
            f"The column {shown(options.group_column)} makes {len(names):,} series; at most {MAX_SERIES:,} "
            "can be forecast together. Choose a column with fewer values.",
            limit=MAX_SERIES,
        )


def _frequency(
    options: ForecastOptions, moments: Sequence[Moments], warnings: list[TrainingWarning]
) -> Frequency:
    if options.frequency:
        return NAMED[options.frequency]
    distinct = [np.unique(each) for each in moments]
    found = find_frequency(distinct)
    if found is not None:
        return found
    gathered = gathering_frequency(distinct)
    if not options.aggregation:
        raise InvalidTrainingRequest(
            f"The dates in {shown(options.date_column)} follow no regular rhythm: neither hourly, daily, weekly, "
            f"monthly nor any other. Say how rows of one period are to be joined (sum or mean), and they are "
            f"gathered by period ({gathered.title}); or choose another date column."
        )
    message = (
        f"The dates are irregular, so they were gathered by period ({gathered.title}, {options.aggregation}). "
        "The last period may not be complete."
    )
    warnings.append(TrainingWarning(message, options.date_column))
    return gathered


def _regular(
    frequency: Frequency,
    name: str,
    moments: Moments,
    values: Floats,
    rows: NDArray[np.intp],
    options: ForecastOptions,
) -> Series:
    """One value for each period; several rows of one period are joined as asked, or refused by their number."""
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
    joined = totals if options.aggregation == "sum" else totals / counts
    regular = np.full(int(distinct[-1] - distinct[0]) + 1, np.nan)
    regular[distinct - distinct[0]] = joined
    return Series(name, int(distinct[0]), regular)


def _check_span(
    frequency: Frequency, name: str, distinct: NDArray[np.int64], options: ForecastOptions
) -> None:
    """A frequency that was found fits its dates; one that was asked for may leave hardly any period a value."""
    first, last = int(distinct[0]), int(distinct[-1])
    n_periods, limit = last - first + 1, max(MAX_PERIODS, MOST_EMPTY * len(distinct))
    if options.frequency and n_periods > limit:
        which = f" of {shown(name)}" if name else ""
        raise InvalidTrainingRequest(
            f"From the first date{which} in {shown(options.date_column)}, {frequency.text(first)}, to the last, "
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
    twice = np.flatnonzero(counts > 1)
    problems = []
    for place in twice[:MOST_NAMED]:
        numbers = sorted(int(row) + 1 for row in rows[first[place] : first[place] + counts[place]])
        where = f" of {shown(name)}" if name else ""
        told = ", ".join(f"{number:,}" for number in numbers[:MOST_NAMED])
        problems.append(Problem(f"{frequency.text(int(distinct[place]))}{where}: rows {told}"))
    told = "; ".join(problem.detail for problem in problems[:2])
    hint = (
        ""
        if options.group_column
        else " If the table holds several series, choose the column that names them."
    )
    periods = "1 period has" if len(twice) == 1 else f"{len(twice):,} periods have"
    return InvalidTrainingRequest(
        f"{periods} more than one row ({told}{'; …' if len(twice) > 2 else ''}). Say how they are "
        f"to be joined: sum or mean.{hint}",
        problems=problems,
    )


def _long_enough(
    made: Sequence[Series], warnings: list[TrainingWarning], options: ForecastOptions
) -> list[Series]:
    kept = [each for each in made if np.isfinite(each.values).sum() >= MIN_PERIODS]
    left_out = [each.name for each in made if np.isfinite(each.values).sum() < MIN_PERIODS]
    if not kept:
        raise InvalidTrainingRequest(
            f"No series has {MIN_PERIODS} values or more; a forecast needs more of the past.",
            limit=MIN_PERIODS,
        )
    if left_out:
        message = f"Series of fewer than {MIN_PERIODS} values were left out: {listed(left_out)}."
        warnings.append(TrainingWarning(message, options.group_column or None))
    return kept
