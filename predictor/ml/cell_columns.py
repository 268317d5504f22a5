"""Columns of a file, checked by their distinct cells.

What a cell becomes depends on the cell alone, so each distinct one is read and checked once, by the same
functions that check a single row (`cells.py`), and remembered: the city “Köln” in a million rows costs a million
look-ups. Plain numbers, which repeat less, are read many at a time.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from ..errors import shown
from .cells import Refused, bounds, reader_for
from .rows import RowWarning, dtype_of
from .schema import FeatureField, Role

# Beyond it a column's memory is emptied: some megabytes for each column, and more than a chunk of rows.
MOST_REMEMBERED = 20_000
# Numbers that JSON writes alike, one a line.
PLAIN = r"-?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,17})?"
ALL_PLAIN = re.compile(rf"{PLAIN}(?:\n{PLAIN})*")
ONE_PLAIN = re.compile(PLAIN)


@dataclass(frozen=True)
class TakenColumn:
    """One column of a chunk: canonical values, each value as a member of a JSON object, and by their place the
    cells with warnings and those that cannot be used."""

    values: NDArray[Any]
    members: list[str]
    warnings: Mapping[int, tuple[RowWarning, ...]]
    faults: Mapping[int, str]


@dataclass
class CellColumn:
    """Reads one column. `convert` makes of a cell what a JSON caller would send; `are_texts` as in RowChecker."""

    feature: FeatureField
    convert: Callable[[Any], Any]
    are_texts: bool = False
    has_plain_numbers: bool = False
    _places: dict[Any, int] = field(default_factory=dict)
    _values: list[Any] = field(default_factory=list)
    _members: list[str] = field(default_factory=list)
    _warnings: dict[int, tuple[RowWarning, ...]] = field(default_factory=dict)
    _faults: dict[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._prefix = orjson.dumps(self.feature.name).decode() + ":"
        self._check = reader_for(self.feature)
        self._dtype = dtype_of(self.feature)
        self.has_plain_numbers = self.has_plain_numbers and self.feature.role is Role.NUMERIC

    def take(self, cells: Sequence[Any]) -> TakenColumn:
        """The cells of one chunk of rows."""
        new = set(cells).difference(self._places)
        if new:
            if len(self._places) > MOST_REMEMBERED:
                self._forget()
                new = set(cells)
            self._learn(new)
        places = list(map(self._places.__getitem__, cells))
        values = np.empty(len(places), self._dtype)
        values[:] = list(map(self._values.__getitem__, places))
        return TakenColumn(
            values=values,
            members=list(map(self._members.__getitem__, places)),
            warnings=_by_row(places, self._warnings),
            faults=_by_row(places, self._faults),
        )

    def _forget(self) -> None:
        for memory in (self._places, self._values, self._members, self._warnings, self._faults):
            memory.clear()

    def _learn(self, cells: set[Any]) -> None:
        if None in cells:
            self._learn_one(None)
            cells = cells - {None}
        if not self.has_plain_numbers:
            for cell in cells:
                self._learn_one(cell)
            return
        text = "\n".join(cells)
        if ALL_PLAIN.fullmatch(text) and text.count("\n") == len(cells) - 1:
            self._learn_numbers(list(cells))
            return
        plain = [cell for cell in cells if ONE_PLAIN.fullmatch(cell)]
        self._learn_numbers(plain)
        for cell in cells.difference(plain):
            self._learn_one(cell)

    def _learn_numbers(self, cells: Sequence[str]) -> None:
        low, high, _ = bounds(self.feature)
        for cell, number in zip(cells, map(float, cells), strict=True):
            if low <= number <= high:
                self._places[cell] = len(self._values)
                self._values.append(number)
                self._members.append(self._prefix + cell)
            else:
                self._learn_one(cell)

    def _learn_one(self, cell: Any) -> None:
        place, value, notes = (
            len(self._values),
            None if cell is None else self.convert(cell),
            list[tuple[str, str, str]](),
        )
        try:
            canonical = self._check(value, notes)
            member = self._prefix + json_text(value)
        except Refused as refused:
            canonical, member = self._check(None, []), ""
            self._faults[place] = f"column {shown(self.feature.name)}: {refused}"
            notes = []
        if notes and self.are_texts:
            notes = [note for note in notes if note[0] != "coerced"]
        if notes:
            self._warnings[place] = tuple(RowWarning(*note) for note in notes)
        self._places[cell] = place
        self._values.append(canonical)
        self._members.append(member)


def _by_row(places: Sequence[int], known: Mapping[int, Any]) -> dict[int, Any]:
    if not known:
        return {}
    return {row: known[place] for row, place in enumerate(places) if place in known}


def json_text(value: Any) -> str:
    """A scalar as JSON; dates in ISO 8601."""
    try:
        return orjson.dumps(value, default=str).decode()
    except TypeError:  # an integer beyond 64 bits
        return json.dumps(value, default=str, ensure_ascii=False)
