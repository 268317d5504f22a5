"""The values that a column is set to when one asks how the answer would change: few, real, and where the rows are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..types.schema import Role
from ..validation.target import missing

MAX_GRID = 20

Array = NDArray[Any]


@dataclass(frozen=True)
class Grid:
    """The values that a column is set to: as canonical cells, and as JSON. `facts`: its counts or marks."""

    cells: Array
    shown: list[Any]
    facts: Mapping[str, Any]


def grid_of(role: Role, values: Array, size: int = MAX_GRID) -> Grid | None:
    """At most `size` values that the column really has, and missing where it is; None for free text."""
    is_missing = missing(values)
    present = values[~is_missing]
    if role is Role.TEXT or not len(present):
        return None
    make = _levels if role in (Role.CATEGORICAL, Role.BOOLEAN) else _quantiles
    made = make(role, present, size)
    if not is_missing.any():
        return made
    counts = made.facts.get("counts")
    facts = made.facts if counts is None else {"counts": [*counts, int(is_missing.sum())]}
    gap = np.array([None], object) if role is Role.CATEGORICAL else values[is_missing][:1]
    return Grid(np.concatenate([made.cells, gap]), [*made.shown, None], facts)


def _levels(role: Role, present: Array, size: int) -> Grid:
    """The most frequent levels, most frequent first."""
    if role is Role.BOOLEAN:
        cells = np.array([0.0, 1.0])
        return Grid(cells, [False, True], {"counts": [int((present == cell).sum()) for cell in cells]})
    levels, counts = np.unique(present.astype(str), return_counts=True)
    first = np.argsort(-counts, kind="stable")[:size]
    shown = [str(level) for level in levels[first]]
    return Grid(np.array([*shown, None], object)[:-1], shown, {"counts": counts[first].tolist()})


def _quantiles(role: Role, present: Array, size: int) -> Grid:
    """Values at even steps through the sorted column, so that the grid is fine where the rows are."""
    ordered = np.sort(present)
    distinct = np.unique(ordered)
    if len(distinct) > size:
        distinct = np.unique(_at(ordered, size))
    return Grid(distinct, _shown(role, distinct), {"marks": _shown(role, _at(ordered, 11))})


def _at(ordered: Array, n: int) -> Array:
    return ordered[np.linspace(0, len(ordered) - 1, n).round().astype(np.intp)]


def _shown(role: Role, values: Array) -> list[Any]:
    if role is Role.DATETIME:
        return [str(each) for each in np.datetime_as_string(values, unit="s")]
    return [float(each) for each in values]
