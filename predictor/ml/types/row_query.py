"""What a caller wants to see of the rows of a table: filters, search, order and rows, from the text of a URL.

Columns are named by their place in the file, from 1: `c3.min=20&c3.max=30&c5.in=red&c5.in=blue&c6.has=late&sort=-c3`.
Standard library only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from ...errors import InvalidInput, quoted
from .reading import ValueKind
from .schema import ColumnProfile, Role, TableSchema

NAMES = ("q", "rows", "sort")
PARTS = ("min", "max", "in", "has", "missing")
FILTER_NAME = re.compile(r"c([1-9][0-9]{0,5})\.(" + "|".join(PARTS) + r")", re.ASCII)
SORT_KEY = re.compile(r"(-?)c([1-9][0-9]{0,5})", re.ASCII)
ROW_NUMBER = re.compile(r"[1-9][0-9]{0,11}", re.ASCII)
NUMBER = re.compile(r"[+-]?(?:\d{1,40}(?:\.\d{0,40})?|\.\d{1,40})(?:[eE][+-]?\d{1,3})?", re.ASCII)
DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?", re.ASCII)

MAX_FILTERS = 50
MAX_SORT_KEYS = 3
MAX_VALUES = 200
MAX_ROWS = 1_000
MAX_TEXT = 200
# Different texts of one column that are read as numbers, dates or categories for one page.
MAX_READ_TEXTS = 50_000
NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "FLOAT", "DOUBLE")
WHOLE = NUMBERS[:5]
MOMENTS = ("DATE", "TIMESTAMP")
KINDS = {ValueKind.NUMBER: "number", ValueKind.DATE: "date", ValueKind.BOOLEAN: "boolean"}


class CellKind(StrEnum):
    """How the cells of a column are compared: it decides the filters that a column takes."""

    NUMBER = "number"
    DATE = "date"
    BOOLEAN = "boolean"
    CATEGORY = "category"
    TEXT = "text"

    @property
    def parts(self) -> tuple[str, ...]:
        """The filters of such a column, beside `missing`."""
        if self is CellKind.DATE:
            return ("min", "max")
        if self is CellKind.NUMBER:
            return ("min", "max", "in")
        return ("in",) if self is CellKind.BOOLEAN else ("in", "has")


def is_read_by_text(column: ColumnProfile) -> bool:
    """Whether its stored cells become values by a reading, and are few enough to be read for one page."""
    reading = column.reading
    if reading is None or column.n_distinct > MAX_READ_TEXTS:
        return False
    return column.storage == "VARCHAR" or (column.storage in NUMBERS and reading.kind is ValueKind.DATE)


def cell_kind(column: ColumnProfile) -> CellKind:
    """How a column is compared: by its stored type, or by its reading where the file has texts."""
    if column.reading is not None and is_read_by_text(column):
        kind = KINDS.get(column.reading.kind)
        return CellKind(kind) if kind else CellKind.CATEGORY
    if column.storage in NUMBERS:
        return CellKind.NUMBER
    if column.storage in MOMENTS:
        return CellKind.DATE
    if column.storage == "BOOLEAN":
        return CellKind.BOOLEAN
    return CellKind.CATEGORY if column.role in (Role.CATEGORICAL, Role.BOOLEAN) else CellKind.TEXT


@dataclass(frozen=True)
class ColumnFilter:
    """The condition on one column; all its parts have to hold. `position`: of the column, from 0.

    `minimum`, `maximum` are inclusive; a day without a time is the whole day. `contains` takes no account of case.
    """

    position: int
    minimum: str = ""
    maximum: str = ""
    one_of: tuple[str, ...] = ()
    contains: str = ""
    is_missing: bool | None = None

    @property
    def names(self) -> list[tuple[str, str]]:
        """As in a URL."""
        name = f"c{self.position + 1}."
        texts = [("min", self.minimum), ("max", self.maximum), ("has", self.contains)]
        missing = [] if self.is_missing is None else [("missing", "yes" if self.is_missing else "no")]
        parts = [*texts, *(("in", each) for each in self.one_of), *missing]
        return [(name + part, text) for part, text in parts if text or part == "in"]


@dataclass(frozen=True)
class SortKey:
    """One key of the order. `position`: of the column, from 0. Missing cells come last in both directions."""

    position: int
    is_descending: bool = False

    def __str__(self) -> str:
        return f"{'-' if self.is_descending else ''}c{self.position + 1}"


@dataclass(frozen=True)
class RowQuery:
    """Which rows, in which order; without an order, as in the file. `rows`: numbers of rows in the table, from 1."""

    filters: tuple[ColumnFilter, ...] = ()
    search: str = ""
    sort: tuple[SortKey, ...] = ()
    rows: tuple[int, ...] = ()

    @property
    def is_filtered(self) -> bool:
        return bool(self.filters or self.search or self.rows)

    def filter_of(self, position: int) -> ColumnFilter:
        return next((each for each in self.filters if each.position == position), ColumnFilter(position))

    def without(self, position: int) -> RowQuery:
        """The query without the filter of a column."""
        return replace(self, filters=tuple(each for each in self.filters if each.position != position))

    @property
    def names(self) -> list[tuple[str, str]]:
        """The query as names and values of a URL; `parse` reads them."""
        named = [name for each in self.filters for name in each.names]
        if self.search:
            named.append(("q", self.search))
        if self.rows:
            named.append(("rows", ",".join(map(str, self.rows))))
        if self.sort:
            named.append(("sort", ",".join(map(str, self.sort))))
        return named

    @classmethod
    def parse(cls, params: Mapping[str, Sequence[str]], schema: TableSchema) -> RowQuery:
        """The query that a URL asks for. Names that are no filter are left to the caller; empty values say nothing.

        Raises InvalidInput for an unknown column, a part that its column does not take, and a value that is none.
        """
        found: dict[int, ColumnFilter] = {}
        for name, texts in params.items():
            match = FILTER_NAME.fullmatch(name)
            # A text of a category may be empty; no other value.
            values = [text for text in texts if text != ""] if match else []
            if match is None or not values:
                continue
            position = _position(match[1], schema)
            known = found.get(position, ColumnFilter(position))
            found[position] = _with_part(known, match[2], values, schema.columns[position])
        if len(found) > MAX_FILTERS:
            raise InvalidInput(f"At most {MAX_FILTERS} columns can be filtered at once.", limit=MAX_FILTERS)
        return cls(
            filters=tuple(found[position] for position in sorted(found)),
            search=_text(_last(params.get("q")), "q").strip(),
            sort=_sort(_last(params.get("sort")), schema),
            rows=_rows(_last(params.get("rows")), schema),
        )


def is_filter_name(name: str) -> bool:
    """Whether a URL's name is a filter of a column."""
    return FILTER_NAME.fullmatch(name) is not None


def _last(texts: Sequence[str] | None) -> str:
    return texts[-1] if texts else ""


def _position(number: str, schema: TableSchema) -> int:
    position = int(number) - 1
    if position >= len(schema.columns):
        raise InvalidInput(f"There is no column {number}: the table has {len(schema.columns):,}.")
    return position


def _with_part(known: ColumnFilter, part: str, texts: list[str], column: ColumnProfile) -> ColumnFilter:
    kind, text = cell_kind(column), texts[-1]
    if part == "missing":
        if text not in ("yes", "no"):
            raise InvalidInput(f"“missing” of {quoted(column.name)} has to be yes or no.")
        return replace(known, is_missing=text == "yes")
    if part not in kind.parts:
        taken = " and ".join(f"“{each}”" for each in (*kind.parts, "missing"))
        raise InvalidInput(f"{quoted(column.name)} ({kind.value}) takes {taken}, not {quoted(part)}.")
    if part == "has":
        return replace(known, contains=_text(text, column.name))
    if part == "in":
        return replace(known, one_of=_values(texts, kind, column.name))
    check = moment_of if kind is CellKind.DATE else number_of
    check(text.strip(), column.name)
    return replace(known, minimum=text.strip()) if part == "min" else replace(known, maximum=text.strip())


def _values(texts: list[str], kind: CellKind, name: str) -> tuple[str, ...]:
    if len(texts) > MAX_VALUES:
        raise InvalidInput(
            f"{quoted(name)} can be compared with {MAX_VALUES} values at once.", limit=MAX_VALUES
        )
    for text in texts:
        if kind is CellKind.NUMBER:
            number_of(text.strip(), name)
        elif kind is CellKind.BOOLEAN and text not in ("true", "false"):
            raise InvalidInput(f"{quoted(name)} is true or false, not {quoted(text)}.")
        elif "\0" in text:
            raise InvalidInput(f"The text for {quoted(name)} holds a character that no cell has.")
    return tuple(dict.fromkeys(texts))


def number_of(text: str, name: str) -> int | float:
    """A bound as a number. Raises InvalidInput."""
    if not NUMBER.fullmatch(text):
        raise InvalidInput(f"{quoted(name)} needs a number such as 12.5, not {quoted(text)}.")
    bare = text.lstrip("+-")
    return int(text) if bare.isdecimal() and len(bare) <= 37 else float(text)


def moment_of(text: str, name: str) -> tuple[datetime, bool]:
    """A bound as a local time, and whether it is a whole day. Raises InvalidInput."""
    is_day = DAY.fullmatch(text) is not None
    try:
        if not is_day and not MOMENT.fullmatch(text):
            raise ValueError
        return datetime.fromisoformat(text), is_day
    except ValueError:
        raise InvalidInput(
            f"{quoted(name)} needs a date such as 2024-01-31 or 2024-01-31T12:00, not {quoted(text)}."
        ) from None


def _text(text: str, name: str) -> str:
    if len(text) > MAX_TEXT:
        raise InvalidInput(
            f"The text for {quoted(name)} is longer than {MAX_TEXT} characters.", limit=MAX_TEXT
        )
    if "\0" in text:
        raise InvalidInput(f"The text for {quoted(name)} holds a character that no cell has.")
    return text


def _sort(text: str, schema: TableSchema) -> tuple[SortKey, ...]:
    keys: dict[int, SortKey] = {}
    for each in _parts(text, MAX_SORT_KEYS, "“sort” takes"):
        match = SORT_KEY.fullmatch(each)
        if match is None:
            raise InvalidInput(f"“sort” takes columns by their number such as c3 or -c3, not {quoted(each)}.")
        position = _position(match[2], schema)
        keys.setdefault(position, SortKey(position, match[1] == "-"))
    return tuple(keys.values())


def _rows(text: str, schema: TableSchema) -> tuple[int, ...]:
    numbers: dict[int, None] = {}
    for each in _parts(text, MAX_ROWS, "“rows” takes"):
        if not ROW_NUMBER.fullmatch(each) or int(each) > schema.n_rows:
            raise InvalidInput(
                f"“rows” takes numbers of rows from 1 to {schema.n_rows:,} such as 12,57, not {quoted(each)}."
            )
        numbers[int(each)] = None
    return tuple(numbers)


def _parts(text: str, limit: int, beginning: str) -> Iterable[str]:
    parts = [each.strip() for each in text.split(",", limit + 1)] if text.strip() else []
    if len(parts) > limit:
        raise InvalidInput(f"{beginning} at most {limit:,} of them.", limit=limit)
    return parts


def positions_of(text: str, n_columns: int) -> tuple[int, ...]:
    """Columns to show, from 0, by their places such as 1-4,9. Raises InvalidInput."""
    positions: dict[int, Any] = {}
    for each in _parts(text, MAX_VALUES, "“columns” takes"):
        first, dash, last = each.partition("-")
        ends = (first, last if dash else first)
        is_range = all(ROW_NUMBER.fullmatch(end) and int(end) <= n_columns for end in ends)
        if not is_range or int(ends[0]) > int(ends[1]):
            raise InvalidInput(
                f"“columns” takes places from 1 to {n_columns:,} such as 1-4,9, not {quoted(each)}."
            )
        positions |= dict.fromkeys(range(int(ends[0]) - 1, int(ends[1])))
    return tuple(positions)


def written_positions(positions: Iterable[int]) -> str:
    """The shortest text that `positions_of` reads as these columns, in their order."""
    runs: list[list[int]] = []
    for each in positions:
        if runs and runs[-1][1] == each - 1:
            runs[-1][1] = each
        else:
            runs.append([each, each])
    return ",".join(f"{a + 1}" if a == b else f"{a + 1}-{b + 1}" for a, b in runs)
