"""Training examples stored with a version: nearest neighbours of a row, and observed values of columns.

The distance is Gower's ("A general coefficient of similarity", 1971) on the original columns: a number or date
counts by its difference as a share of the column's usual spread, a category 0 or 1, a text by Jaccard's distance
of the words; a missing value is at distance 1 from any other. Columns are weighted by their importance to the
version.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import DamagedArtifact
from ..types.schema import FeatureField, Role, Scalar, Signature

MAX_EXAMPLES = 2_000
# Size of the stored file; with long texts, fewer rows are stored.
MAX_BYTES = 2_000_000
# Share of the weight that all columns have equally: a column without importance still counts.
EQUAL_SHARE = 0.1
WORD = re.compile(r"\w+")

Array = NDArray[Any]
Columns = Mapping[str, Array]


@dataclass(frozen=True)
class NearestExample:
    """A nearest neighbour among the training rows. `distance`: 0 for an equal row, 1 for one that differs in all."""

    distance: float
    row: Mapping[str, Scalar]
    target: Scalar


class Examples:
    """Training rows with their targets. `targets` are values, or class codes of the signature.

    `weights`: the weight of each column, by name; equal if None.
    """

    def __init__(
        self,
        signature: Signature,
        columns: Columns,
        targets: Sequence[float],
        weights: Mapping[str, float] | None = None,
    ):
        self.signature = signature
        self.columns = columns
        self.targets = targets
        if any(len(columns[name]) != len(targets) for name in signature.names):
            raise DamagedArtifact("The stored training rows are not whole.")
        self._scales = {field.name: Scale(field.role, columns[field.name]) for field in signature.fields}
        self._weights = _shares(signature.names, weights or {})

    def __len__(self) -> int:
        return len(self.targets)

    def nearest(self, row: Columns, k: int) -> list[NearestExample]:
        """The k rows nearest to the single one, nearest first; ties in stored order."""
        distances = self.distances_to(row)
        return [
            NearestExample(round(float(distances[place]), 4), self.row(int(place)), self.target(int(place)))
            for place in np.argsort(distances, kind="stable")[:k]
        ]

    def distances_to(self, row: Columns) -> Array:
        """Distances (n,) of all stored rows to the single one, 0 to 1."""
        distances = np.zeros(len(self))
        for name, weight in self._weights.items():
            distances += weight * self._scales[name].distances(self.columns[name], row[name][0])
        return distances

    def distances(self, name: str, cells: Array, other: Any) -> Array:
        """Distances (n,) from cells of a column to another cell, 0 to 1."""
        return self._scales[name].distances(cells, other)

    def row(self, place: int) -> dict[str, Scalar]:
        return {
            field.name: scalar_of(field, self.columns[field.name][place]) for field in self.signature.fields
        }

    def target(self, place: int) -> Scalar:
        value = self.targets[place]
        return self.signature.classes[int(value)] if self.signature.classes else value


class Scale:
    """Gower's distance between cells of one column."""

    def __init__(self, role: Role, values: Array):
        self._role = role
        numbers = _numbers(values) if role in (Role.NUMERIC, Role.DATETIME) else np.empty(0)
        present = numbers[np.isfinite(numbers)]
        # The range without the outermost rows: one typing error must not make all others equal.
        low, high = np.quantile(present, [0.05, 0.95]) if len(present) else (0.0, 0.0)
        span = float(high - low) or float(np.ptp(present) if len(present) else 0.0)
        self._spread = span or 1.0
        self._values = values
        # Split into words once: this takes longer than everything else.
        self._words = [_words(each) for each in values] if role is Role.TEXT else []

    def distances(self, values: Array, other: Any) -> Array:
        """(n,) from 0 (equal, or both missing) to 1."""
        if self._role in (Role.NUMERIC, Role.DATETIME):
            numbers, number = _numbers(values), float(_numbers(np.array([other], values.dtype))[0])
            gaps = np.minimum(np.abs(numbers - number) / self._spread, 1.0)
            return np.where(np.isnan(numbers) & np.isnan(number), 0.0, np.nan_to_num(gaps, nan=1.0))
        if self._role is Role.BOOLEAN:
            number = float(other)
            is_same = (values == number) | (np.isnan(values) & np.isnan(number))
            return np.where(is_same, 0.0, 1.0)
        if self._role is Role.TEXT:
            words = _words(other)
            all_words = self._words if values is self._values else [_words(each) for each in values]
            return np.array([_jaccard_distance(each, words) for each in all_words])
        return np.where(values == other, 0.0, 1.0)


def scalar_of(field: FeatureField, cell: Any) -> Scalar:
    """A canonical cell as a JSON scalar, in the form that callers send."""
    if field.role is Role.DATETIME:
        return None if np.isnat(cell) else _moment(field, np.datetime64(cell, "us"))
    if field.role in (Role.NUMERIC, Role.BOOLEAN):
        value = float(cell)
        if np.isnan(value):
            return None
        if field.role is Role.BOOLEAN:
            return bool(value)
        return int(value) if field.is_integer and value.is_integer() else value
    return cell or None  # type: ignore[no-any-return]


def _moment(field: FeatureField, moment: np.datetime64) -> str:
    is_date = len(str(field.minimum or "")) <= len("2024-01-31") and moment == moment.astype("datetime64[D]")
    is_whole = moment == moment.astype("datetime64[s]")
    return str(np.datetime_as_string(moment, unit="D" if is_date else "s" if is_whole else "us"))


def _numbers(values: Array) -> Array:
    if values.dtype.kind != "M":
        return values.astype(np.float64)
    micros = values.astype("datetime64[us]")
    return np.where(np.isnat(micros), np.nan, micros.view(np.int64).astype(np.float64))


def _words(text: Any) -> frozenset[str]:
    return frozenset(WORD.findall(text.lower())) if isinstance(text, str) else frozenset()


def _jaccard_distance(some: frozenset[str], others: frozenset[str]) -> float:
    """Jaccard's distance: the share of words that only one of the two has."""
    return 1 - len(some & others) / len(some | others) if some | others else 0.0


def _shares(names: Sequence[str], weights: Mapping[str, float]) -> dict[str, float]:
    importances = {name: max(weights.get(name) or 0.0, 0.0) for name in names}
    total = sum(importances.values())
    equal = EQUAL_SHARE if total else 1.0
    return {
        name: equal / len(names) + (1 - equal) * (each / total if total else 0.0)
        for name, each in importances.items()
    }
