"""Validation of a file's columns, with a cache of distinct cells.

The result of a cell depends on the cell alone. So each distinct cell is parsed and checked once, by the functions
that check a single row (`reader_for`), and cached: the city “Köln” in a million rows costs one check and a million
look-ups. Plain numbers, which repeat less, are parsed a column at a time (`read_numbers`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from ...errors import quoted
from ..types.schema import FeatureField, Role
from .number_columns import places_of_others, read_numbers, typed_numbers, with_points, with_points_only
from .row_checker import RowWarning, dtype_of
from .value_readers import InvalidValue, bounds, reader_for

# With more values than this, a column's cache is cleared: some megabytes per column, more than a chunk of rows.
MAX_CACHED_VALUES = 20_000


@dataclass(frozen=True)
class CheckedColumn:
    """One validated column of a chunk: canonical values, each value as JSON, warnings and faults by row index.

    `odd`: the indices of the cells that are not plain numbers; None when they are not known.
    """

    values: NDArray[Any]
    texts: Sequence[str]
    warnings: Mapping[int, tuple[RowWarning, ...]]
    faults: Mapping[int, str]
    odd: Sequence[int] | None = None


@dataclass
class CellColumn:
    """Parser and validator of one column. `convert` turns a cell into what a JSON caller would send.

    `are_texts` as in `RowChecker.check`. `decimal`: the decimal mark of numbers that are text; empty: typed cells.
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
        self._read = reader_for(self.feature)
        self._dtype = dtype_of(self.feature)
        self._low, self._high, _ = bounds(self.feature)

    def check(self, cells: Sequence[Any]) -> CheckedColumn:
        """Parse and validate the cells of one chunk of rows."""
        whole = self._as_numbers(cells) if self.feature.role is Role.NUMERIC else None
        if whole is None:
            return self._looked_up(cells)
        numbers, texts, others = whole
        is_usual = (numbers >= self._low) & (numbers <= self._high)
        is_usual[others] = False
        if is_usual.all():
            return CheckedColumn(numbers, texts, {}, {}, odd=() if texts is cells else None)
        return self._patched(cells, numbers, texts, np.flatnonzero(~is_usual).tolist())

    def _as_numbers(self, cells: Sequence[Any]) -> tuple[NDArray[Any], Sequence[str], list[int]] | None:
        """The cells as numbers and as JSON, and the indices of the others; None where each cell is looked up."""
        if not self.decimal:
            typed = typed_numbers(cells)
            return None if typed is None else (*typed, [])
        texts = cells
        if self.decimal == ",":
            texts = with_points(cells) if self.feature.reading is None else with_points_only(cells)
        numbers, others = read_numbers(texts), list[int]()
        if numbers is None:
            others = places_of_others(texts)
            numbers = read_numbers(_with(texts, dict.fromkeys(others, "0"))) if others else None
        return None if numbers is None or len(others) == len(cells) else (numbers, texts, others)

    def _patched(
        self, cells: Sequence[Any], numbers: NDArray[Any], texts: Sequence[str], odd: Sequence[int]
    ) -> CheckedColumn:
        """A column of numbers in which the cells at the `odd` indices are looked up."""
        checked = self._looked_up([cells[place] for place in odd])
        numbers[odd] = checked.values
        return CheckedColumn(
            values=numbers,
            texts=_with(texts, dict(zip(odd, checked.texts, strict=True))),
            warnings={odd[index]: warnings for index, warnings in checked.warnings.items()},
            faults={odd[index]: fault for index, fault in checked.faults.items()},
            odd=odd if texts is cells else None,
        )

    def _looked_up(self, cells: Sequence[Any]) -> CheckedColumn:
        new = set(cells).difference(self._places)
        if new:
            if len(self._places) > MAX_CACHED_VALUES:
                self._clear_cache()
                new = set(cells)
            for cell in new:
                self._add_to_cache(cell)
        places = list(map(self._places.__getitem__, cells))
        values = np.empty(len(places), self._dtype)
        values[:] = list(map(self._values.__getitem__, places))
        return CheckedColumn(
            values=values,
            texts=list(map(self._texts.__getitem__, places)),
            warnings=_by_row(places, self._warnings),
            faults=_by_row(places, self._faults),
        )

    def _clear_cache(self) -> None:
        for cache in (self._places, self._values, self._texts, self._warnings, self._faults):
            cache.clear()

    def _add_to_cache(self, cell: Any) -> None:
        place, value, notes = (
            len(self._values),
            None if cell is None else self.convert(cell),
            list[tuple[str, str, str]](),
        )
        try:
            canonical = self._read(value, notes)
            text = json_text(value)
        except InvalidValue as refused:
            canonical, text = self._read(None, []), ""
            self._faults[place] = f"column {quoted(self.feature.name)}: {refused}"
            notes = []
        if notes and self.are_texts:
            notes = [note for note in notes if note[0] != "coerced"]
        if notes:
            self._warnings[place] = tuple(RowWarning(*note) for note in notes)
        self._places[cell] = place
        self._values.append(canonical)
        self._texts.append(text)


def _with(texts: Sequence[str], others: Mapping[int, str]) -> list[str]:
    """A copy of the texts with some of them replaced, by index."""
    merged = list(texts)
    for place, text in others.items():
        merged[place] = text
    return merged


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
