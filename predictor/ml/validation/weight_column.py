"""The weight column of a run: numbers of 0 or more that say how much each row counts. It is no feature.

A row of weight 2 is the same as the row twice, a row of weight 0 the same as no row. Only ratios matter to a fit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InvalidTrainingRequest, quoted
from ..types.schema import ColumnProfile, Role, TableSchema
from ..types.training_request import TrainingRequest
from ..types.warnings import TrainingWarning

NUMBERS = ("BIGINT", "DOUBLE", "BOOLEAN")
# Rows that an error names.
MAX_NAMED = 10
Weights = NDArray[np.float64]


def check_weight_column(name: str, table: TableSchema, target: str, parquet: str | Path) -> None:
    """Raises InvalidTrainingRequest when the profile shows that the column cannot weight the rows.

    The column is read only to name the rows that are wrong.
    """
    if name not in table:
        raise _refused(f"There is no column {quoted(name)} in this table to weight its rows by.")
    if name == target:
        raise _refused(f"The target {quoted(name)} cannot be the weight of the rows. Choose another column.")
    profile = as_numbers(table[name])
    if profile is None:
        raise _refused(
            f"{quoted(name)} holds no numbers, so it cannot weight the rows. Choose another column."
        )
    lowest = profile.minimum
    if profile.n_missing or (isinstance(lowest, (int, float)) and lowest < 0):
        values = _stored(parquet, table, profile)
        if values is None:
            raise _refused(
                f"{quoted(name)} cannot weight the rows: {profile.n_missing:,} of its cells are empty, and its "
                f"lowest number is {lowest}. A weight is a number of 0 or more."
            )
        _check(name, values)


def as_numbers(profile: ColumnProfile) -> ColumnProfile | None:
    """The column as it is read to weight rows; None where it holds no numbers."""
    if profile.role is Role.NUMERIC:
        return profile
    is_number = profile.storage in NUMBERS and profile.role is not Role.DATETIME
    return profile.with_role(Role.NUMERIC) if is_number else None


def weight_profile(request: TrainingRequest) -> ColumnProfile | None:
    """The weight column of a run, as it is read; None without one."""
    return as_numbers(request.schema[request.weight_column]) if request.weight_column else None


def weights_of(name: str, values: NDArray[Any]) -> tuple[Weights | None, list[TrainingWarning]]:
    """The weights (n,) of rows, and what is doubtful about them; None where all rows have the same one.

    Raises InvalidTrainingRequest that names the rows without a weight of 0 or more.
    """
    weights = np.asarray(values, np.float64)
    _check(name, weights)
    n_zero = int((weights == 0).sum())
    if n_zero == len(weights):
        raise _refused(f"All rows have the weight 0 in {quoted(name)}, so no row counts.")
    counting = weights[weights > 0]
    with np.errstate(over="ignore"):
        can_be_added = np.isfinite(np.square(counting).sum())
    if not can_be_added:
        raise _refused(
            f"The weights in {quoted(name)} are too large to be added up. Divide them by a number."
        )
    warnings = []
    if n_zero:
        message = (
            f"{n_zero:,} of {len(weights):,} rows have the weight 0 in {quoted(name)} and were left out."
        )
        warnings.append(TrainingWarning(message, name))
    if counting.min() == counting.max():
        message = (
            f"All rows that count have the same weight in {quoted(name)}, so the weights change nothing."
        )
        warnings.append(TrainingWarning(message, name))
        return (None if not n_zero else weights), warnings
    return weights, warnings


def _check(name: str, weights: Weights) -> None:
    is_missing, is_negative = np.isnan(weights), weights < 0
    for is_wrong, what in ((is_missing, "no weight"), (is_negative, "a negative weight")):
        if is_wrong.any():
            raise _refused(
                f"{_named_rows(np.flatnonzero(is_wrong) + 1)} {'has' if is_wrong.sum() == 1 else 'have'} {what} in "
                f"{quoted(name)}. Each row needs a number of 0 or more; 0 leaves the row out."
            )
    if np.isinf(weights).any():
        raise _refused(
            f"{_named_rows(np.flatnonzero(np.isinf(weights)) + 1)} have an infinite weight in {quoted(name)}."
        )


def _named_rows(numbers: Sequence[Any] | NDArray[Any]) -> str:
    shown = ", ".join(f"{each:,}" for each in numbers[:MAX_NAMED])
    more = f" and {len(numbers) - MAX_NAMED:,} more" if len(numbers) > MAX_NAMED else ""
    return f"Row{'' if len(numbers) == 1 else 's'} {shown}{more}"


def _stored(parquet: str | Path, table: TableSchema, profile: ColumnProfile) -> Weights | None:
    from ..tables.stored_tables import read_columns

    if not parquet or not Path(parquet).is_file():
        return None
    return np.asarray(read_columns(parquet, with_column(table, profile), [profile.name])[profile.name])


def with_column(table: TableSchema, profile: ColumnProfile) -> TableSchema:
    """The table with this profile in the place of the column of its name."""
    columns = tuple(profile if each.name == profile.name else each for each in table.columns)
    return replace(table, columns=columns)


def _refused(message: str) -> InvalidTrainingRequest:
    return InvalidTrainingRequest(message, field="weight_column")
