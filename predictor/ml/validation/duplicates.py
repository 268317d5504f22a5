"""Rows that are there more than once: on both sides of a split, they are recognised instead of predicted."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .splits import Index
from .training_table import TrainingTable

SAMPLE_ROWS = 2_000
# A combination that is more common than this share is a habit of the table, not a copied record.
HABIT_SHARE, HABIT_ROWS = 0.05, 10
Hashes = NDArray[np.uint64]


@dataclass(frozen=True)
class Duplicates:
    """`n_copies` rows repeat an earlier one in features and target, `n_conflicting` in the features alone.

    `groups` numbers the rows by their features; None when nothing repeats or when repeats are to be expected,
    because the features can tell only a few kinds of rows apart. `are_kept_together`: by a split at random.
    """

    n_copies: int = 0
    n_conflicting: int = 0
    groups: Index | None = None
    are_kept_together: bool = False

    @property
    def sentence(self) -> str:
        """What was found and done; empty when there is nothing to tell."""
        if self.groups is None:
            return ""
        parts = []
        if self.n_copies:
            parts.append(f"{_rows(self.n_copies)} an earlier row in every feature and in the target")
        if self.n_conflicting:
            parts.append(f"{_rows(self.n_conflicting)} an earlier row's features with another target")
        kept = (
            " Such rows were kept on one side of every split, so that no score comes from recognising a row."
        )
        return f"Duplicates: {', and '.join(parts)}.{kept if self.are_kept_together else ''}"

    def to_json(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if name != "groups"}


def find_duplicates(table: TrainingTable, *, is_kept_together: bool = True) -> Duplicates:
    """Repeated rows, found by hashing: n log n, and a few passes over each column."""
    features = np.zeros(len(table), np.uint64)
    for values in table.columns.values():
        features = _mixed(features, _hashes(values))
    both = _mixed(features, np.asarray(table.target.y, np.float64).view(np.uint64))
    _, first, inverse, counts = np.unique(
        features, return_index=True, return_inverse=True, return_counts=True
    )
    n_kinds = len(first)
    n_copies = len(table) - len(np.unique(both))
    n_conflicting = len(table) - n_kinds - n_copies
    if n_kinds == len(table) or not _is_surprising(table, int(counts.max())):
        return Duplicates(n_copies, n_conflicting)
    # Numbered by their first row: text is hashed with a salt, and the split has to be the same each time.
    number = np.empty(n_kinds, np.intp)
    number[np.argsort(first)] = np.arange(n_kinds)
    return Duplicates(n_copies, n_conflicting, number[inverse], is_kept_together)


def _is_surprising(table: TrainingTable, n_largest: int) -> bool:
    """Whether the features could tell the rows apart: more kinds than rows, were the columns independent.

    In a table of three yes-or-no columns, equal rows are equal cases, not copies of one.
    """
    if n_largest > max(HABIT_ROWS, HABIT_SHARE * len(table)):
        return False
    rows = np.linspace(0, len(table) - 1, min(len(table), SAMPLE_ROWS)).astype(np.intp)
    log_kinds = 0.0
    for values in table.columns.values():
        _, counts = np.unique(_hashes(values[rows]), return_counts=True)
        log_kinds -= float(np.log(np.sum((counts / len(rows)) ** 2)))
    return bool(log_kinds > np.log(len(table)))


def _hashes(values: NDArray[Any]) -> Hashes:
    """64 bits for each value, equal for equal ones; all missing values are one."""
    if values.dtype == object:
        return np.fromiter(map(hash, values), np.int64, len(values)).view(np.uint64)
    if values.dtype.kind == "M":
        return values.astype(np.int64).view(np.uint64)
    # Adding 0 makes -0.0 and 0.0 one; NaNs may differ in bits that mean nothing.
    numbers = np.asarray(values, np.float64) + 0.0
    return np.where(np.isnan(numbers), np.nan, numbers).view(np.uint64)


def _mixed(state: Hashes, hashes: Hashes) -> Hashes:
    """One more column into the hash of a row (the finaliser of SplitMix64, Steele et al., 2014)."""
    mixed = state * np.uint64(0x9E3779B97F4A7C15) + hashes
    mixed ^= mixed >> np.uint64(30)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(27)
    mixed *= np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def _rows(n: int) -> str:
    return f"{n:,} row repeats" if n == 1 else f"{n:,} rows repeat"
