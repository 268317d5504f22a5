"""Columns of a file, checked by their distinct cells.

What a cell becomes depends on the cell alone, so each distinct one is read and checked once, by the same
functions that check a single row (`cells.py`), and remembered: the city “Köln” in a million rows costs a million
look-ups. Plain numbers, which repeat less, are read by the column (`number_cells.py`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from ...errors import shown
from ..types.schema import FeatureField, Role
from .number_columns import places_of_others, read_numbers, typed_numbers, with_points
from .row_checker import RowWarning, dtype_of
from .value_readers import Refused, bounds, reader_for

# Beyond it a column's memory is emptied: some megabytes for each column, and more than a chunk of rows.
MOST_REMEMBERED = 20_000


@dataclass(frozen=True)
class TakenColumn:
    """One column of a chunk: canonical values, each value as JSON, and by their place the cells with warnings and
    those that cannot be used. `odd`: the places of the cells that are no plain numbers; None: any may be none."""

    values: NDArray[Any]
    texts: Sequence[str]
    warnings: Mapping[int, tuple[RowWarning, ...]]
    faults: Mapping[int, str]
    odd: Sequence[int] | None = None


@dataclass
class CellColumn:
    """Reads one column. `convert` makes of a cell what a JSON caller would send; `are_texts` as in RowChecker.

    `decimal`: numbers stand in the cells as text, with this as their point.
    """

    feature: FeatureField
    convert: Callable[[Any], Any]
    are_texts: bool = False
    decimal: str = ""
    _places: dict[Any, int] = field(default_factory=dict)
    _values: list[Any] = field(default_factory=list)
    _texts: list[str] = field(default_factory=list)
    _warnings: dict[int, tuple[RowWarning, ...]] = field(default_factory=dict)
    _faults: dict[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.key = orjson.dumps(self.feature.name).decode() + ":"
        self._check = reader_for(self.feature)
        self._dtype = dtype_of(self.feature)
        self._low, self._high, _ = bounds(self.feature)

    def take(self, cells: Sequence[Any]) -> TakenColumn:
        """The cells of one chunk of rows."""
        whole = self._as_numbers(cells) if self.feature.role is Role.NUMERIC else None
        if whole is None:
            return self._looked_up(cells)
        numbers, texts, others = whole
        is_usual = (numbers >= self._low) & (numbers <= self._high)
        is_usual[others] = False
        if is_usual.all():
            return TakenColumn(numbers, texts, {}, {}, odd=() if texts is cells else None)
        return self._mended(cells, numbers, texts, np.flatnonzero(~is_usual).tolist())

    def _as_numbers(self, cells: Sequence[Any]) -> tuple[NDArray[Any], Sequence[str], list[int]] | None:
        """The cells as numbers and as JSON, but for those at some places; None where they are read one by one."""
        if not self.decimal:
            typed = typed_numbers(cells)
            return None if typed is None else (*typed, [])
        texts = with_points(cells) if self.decimal == "," else cells
        numbers, others = read_numbers(texts), list[int]()
        if numbers is None:
            others = places_of_others(texts)
            numbers = read_numbers(_with(texts, dict.fromkeys(others, "0"))) if others else None
        return None if numbers is None or len(others) == len(cells) else (numbers, texts, others)

    def _mended(
        self, cells: Sequence[Any], numbers: NDArray[Any], texts: Sequence[str], odd: Sequence[int]
    ) -> TakenColumn:
        """A column of numbers, but for the cells at some places, of which there may be something to say."""
        found = self._looked_up([cells[place] for place in odd])
        numbers[odd] = found.values
        return TakenColumn(
            values=numbers,
            texts=_with(texts, dict(zip(odd, found.texts, strict=True))),
            warnings={odd[at]: said for at, said in found.warnings.items()},
            faults={odd[at]: said for at, said in found.faults.items()},
            odd=odd if texts is cells else None,
        )

    def _looked_up(self, cells: Sequence[Any]) -> TakenColumn:
        new = set(cells).difference(self._places)
        if new:
            if len(self._places) > MOST_REMEMBERED:
                self._forget()
                new = set(cells)
            for cell in new:
                self._learn(cell)
        places = list(map(self._places.__getitem__, cells))
        values = np.empty(len(places), self._dtype)
        values[:] = list(map(self._values.__getitem__, places))
        return TakenColumn(
            values=values,
            texts=list(map(self._texts.__getitem__, places)),
            warnings=_by_row(places, self._warnings),
            faults=_by_row(places, self._faults),
        )

    def _forget(self) -> None:
        for memory in (self._places, self._values, self._texts, self._warnings, self._faults):
            memory.clear()

    def _learn(self, cell: Any) -> None:
        place, value, notes = (
            len(self._values),
            None if cell is None else self.convert(cell),
            list[tuple[str, str, str]](),
        )
        try:
            canonical = self._check(value, notes)
            text = json_text(value)
        except Refused as refused:
            canonical, text = self._check(None, []), ""
            self._faults[place] = f"column {shown(self.feature.name)}: {refused}"
            notes = []
        if notes and self.are_texts:
            notes = [note for note in notes if note[0] != "coerced"]
        if notes:
            self._warnings[place] = tuple(RowWarning(*note) for note in notes)
        self._places[cell] = place
        self._values.append(canonical)
        self._texts.append(text)


def _with(texts: Sequence[str], others: Mapping[int, str]) -> list[str]:
    """The texts, with others at some places."""
    found = list(texts)
    for place, text in others.items():
        found[place] = text
    return found


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
