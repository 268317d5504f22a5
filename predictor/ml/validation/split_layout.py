"""Split constraints of a table: copies of a row stay together, groups stay whole, or times stay in order."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...errors import InvalidTrainingRequest, quoted
from ..types.split import SplitBy, SplitKind
from .duplicates import Duplicates
from .split_suggestions import MIN_GROUPS
from .splits import SplitConstraints
from .target import missing
from .training_table import TrainingTable


def layout_of(split: SplitBy, table: TrainingTable, duplicates: Duplicates) -> SplitConstraints:
    """The constraints of this split. Raises InvalidTrainingRequest when the rows have too few groups."""
    values = table.split_by
    if split.kind is SplitKind.RANDOM or values is None:
        return SplitConstraints(together=duplicates.groups)
    if split.kind is SplitKind.TIME:
        is_missing = missing(values)
        times = np.asarray(values.astype(np.int64) if values.dtype.kind == "M" else values, np.float64)
        # Rows without a time count as the earliest: they are fitted on and never tested on.
        return SplitConstraints(times=np.where(is_missing, -np.inf, times))
    groups = _groups(values)
    if len(np.unique(groups)) < MIN_GROUPS:
        raise InvalidTrainingRequest(
            f"The split cannot be by {quoted(split.column)}: the rows with a target have fewer than "
            f"{MIN_GROUPS} of its values. Choose another column."
        )
    return SplitConstraints(together=groups)


def _groups(values: NDArray[np.object_]) -> NDArray[np.intp]:
    """A group number for each row; a row whose group is missing is a group of its own."""
    is_missing = missing(values)
    _, codes = np.unique(values[~is_missing].astype(str), return_inverse=True)
    groups = np.empty(len(values), np.intp)
    groups[~is_missing] = codes
    groups[is_missing] = len(codes) + np.arange(int(is_missing.sum()))
    return groups
