"""A RowQuery as SQL over a stored table: conditions and order, with everything that a caller sent as parameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from ...errors import InvalidInput, TooLarge, quoted
from ..tables.duckdb_connection import identifier, literal
from ..tables.stored_tables import names_in_sql
from ..types.reading import Reading, Unreadable, ValueKind
from ..types.row_query import (
    MAX_READ_TEXTS,
    MOMENTS,
    WHOLE,
    CellKind,
    ColumnFilter,
    RowQuery,
    cell_kind,
    is_read_by_text,
    moment_of,
    number_of,
)
from ..types.schema import ColumnProfile, TableSchema
from ..types.zones import to_utc

ROW = "file_row_number"
READ_TYPES = {ValueKind.NUMBER: "DOUBLE", ValueKind.DATE: "TIMESTAMP", ValueKind.BOOLEAN: "BOOLEAN"}


@dataclass(frozen=True)
class Condition:
    """An SQL condition and the values of its parameters, in order."""

    sql: str
    values: list[Any] = field(default_factory=list)

    @classmethod
    def every(cls, conditions: Sequence[Condition]) -> Condition:
        """All of them. Without any, a condition that always holds."""
        if not conditions:
            return cls("true")
        return cls(
            " AND ".join(f"({each.sql})" for each in conditions),
            [value for each in conditions for value in each.values],
        )


class StoredRows:
    """A stored Parquet file as an SQL relation whose columns are named by their place: c0, c1, …

    Columns whose texts are read get their values from a temporary table of their distinct texts.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, parquet: Path, schema: TableSchema):
        self.connection, self.schema = connection, schema
        self._file = f"read_parquet({literal(str(parquet))}, file_row_number = true)"
        names = names_in_sql(connection, parquet, schema.names)
        self._names = [identifier(names[name]) for name in schema.names]
        self._read: dict[int, str] = {}

    def stored(self, position: int) -> str:
        """A column as it is stored."""
        return f"t.{self._names[position]}"

    def value(self, position: int) -> str:
        """A column as it is compared: by its reading, where it has one for its texts."""
        column = self.schema.columns[position]
        if column.reading is None or not is_read_by_text(column):
            return self.stored(position)
        if position not in self._read:
            self._read[position] = self._read_texts(position, column.name, column.reading)
        return f"{self._read[position]}.value"

    @property
    def has_read_texts(self) -> bool:
        """Whether the source joins values to the file, which does not keep its order."""
        return bool(self._read)

    def file(self) -> str:
        """The FROM clause of the stored cells alone."""
        return f"{self._file} AS t"

    def source(self) -> str:
        """The FROM clause with the values that were used so far."""
        joins = (
            f" LEFT JOIN {table} ON {table}.cell = {self._as_text(position)}"
            for position, table in self._read.items()
        )
        return self.file() + "".join(joins)

    def condition(self, query: RowQuery) -> Condition:
        """Which rows the query is about. Raises InvalidInput, TooLarge."""
        conditions = [each for known in query.filters for each in self._conditions(known)]
        if query.search:
            conditions.append(self._search(query.search))
        if query.rows:
            conditions.append(row_condition([number - 1 for number in query.rows]))
        return Condition.every(conditions)

    def order(self, query: RowQuery, *, is_reversed: bool = False) -> str:
        """The ORDER BY clause: missing cells last, equal rows as in the file; or all of it backwards."""
        keys = []
        for key in query.sort:
            direction = "DESC" if key.is_descending != is_reversed else "ASC"
            keys.append(f"{self.value(key.position)} {direction} NULLS {'FIRST' if is_reversed else 'LAST'}")
        return ", ".join([*keys, f"t.{ROW} {'DESC' if is_reversed else 'ASC'}"])

    def _conditions(self, known: ColumnFilter) -> list[Condition]:
        column = self.schema.columns[known.position]
        kind, value = cell_kind(column), self.value(known.position)
        found: list[Condition] = []
        if known.is_missing is not None:
            found.append(Condition(f"{value} IS {'' if known.is_missing else 'NOT '}NULL"))
        if known.contains:
            found.append(_contains(value, known.contains))
        if known.one_of:
            found.append(_one_of(value, known, kind, column))
        if known.minimum:
            found.append(Condition(f"{value} >= ?", [_least(known.minimum, kind, column)]))
        if known.maximum:
            found.append(_at_most(value, known.maximum, kind, column))
        return found

    def _search(self, text: str) -> Condition:
        positions = [i for i, column in enumerate(self.schema.columns) if column.storage == "VARCHAR"]
        if not positions:
            raise InvalidInput("No column holds texts that could be searched; filter a column instead.")
        conditions = [_contains(self.stored(position), text) for position in positions]
        return Condition(
            " OR ".join(each.sql for each in conditions),
            [value for each in conditions for value in each.values],
        )

    def _as_text(self, position: int) -> str:
        """A column as the text that its reading reads: of whole numbers without a point, as `canonical_text`."""
        stored, storage = self.stored(position), self.schema.columns[position].storage
        if storage == "VARCHAR":
            return stored
        if storage in WHOLE:
            return f"CAST({stored} AS VARCHAR)"
        return (
            f"CASE WHEN {stored} = trunc({stored}) AND abs({stored}) < 9e15 "
            f"THEN CAST(CAST({stored} AS BIGINT) AS VARCHAR) ELSE CAST({stored} AS VARCHAR) END"
        )

    def _read_texts(self, position: int, name: str, reading: Reading) -> str:
        """A temporary table (cell, value) with the values of a column's distinct texts. Raises TooLarge."""
        texts = [
            row[0]
            for row in self.connection.execute(
                f"SELECT DISTINCT {self._as_text(position)} AS cell FROM {self._file} AS t "
                f"WHERE {self.stored(position)} IS NOT NULL LIMIT {MAX_READ_TEXTS + 1}"
            ).fetchall()
        ]
        if len(texts) > MAX_READ_TEXTS:
            raise TooLarge(
                f"{quoted(name)} has more than {MAX_READ_TEXTS:,} different texts to read.",
                limit=MAX_READ_TEXTS,
            )
        table, kind = f"read_{position}", READ_TYPES.get(reading.kind, "VARCHAR")
        self.connection.execute(f"CREATE TEMP TABLE {table} (cell VARCHAR, value {kind})")
        values = [value_of(text, reading) for text in texts]
        self.connection.execute(
            f"INSERT INTO {table} SELECT unnest(?::VARCHAR[]), unnest(?::{kind}[])", [texts, values]
        )
        return table


def value_of(text: str, reading: Reading) -> Any:
    """The value of a cell; None when it is missing or unreadable."""
    try:
        value = reading.read(text)
    except Unreadable:
        return None
    return float(value) if reading.kind is ValueKind.NUMBER and value is not None else value  # type: ignore[arg-type]


def row_condition(numbers: Sequence[int]) -> Condition:
    """The rows with these numbers, from 0."""
    # Numbers in the statement, not in a parameter: then DuckDB skips the row groups without them.
    return Condition(f"t.{ROW} IN ({', '.join(str(int(each)) for each in numbers)})")


def _contains(value: str, text: str) -> Condition:
    if text.lower() == text.upper():
        # Half the time for digits and signs.
        return Condition(f"contains({value}, ?)", [text])
    return Condition(f"contains(lower({value}), lower(?))", [text])


def _one_of(value: str, known: ColumnFilter, kind: CellKind, column: ColumnProfile) -> Condition:
    values: list[Any] = list(known.one_of)
    if kind is CellKind.NUMBER:
        values = [number_of(text.strip(), column.name) for text in known.one_of]
    elif kind is CellKind.BOOLEAN:
        values = [text == "true" for text in known.one_of]
    return Condition(f"{value} IN ({', '.join('?' * len(values))})", values)


def _least(text: str, kind: CellKind, column: ColumnProfile) -> Any:
    if kind is not CellKind.DATE:
        return number_of(text, column.name)
    return _stored_moment(moment_of(text, column.name)[0], column)


def _at_most(value: str, text: str, kind: CellKind, column: ColumnProfile) -> Condition:
    if kind is not CellKind.DATE:
        return Condition(f"{value} <= ?", [number_of(text, column.name)])
    moment, is_day = moment_of(text, column.name)
    if not is_day:
        return Condition(f"{value} <= ?", [_stored_moment(moment, column)])
    if moment.date() == date.max:
        return Condition(f"{value} IS NOT NULL")
    return Condition(f"{value} < ?", [_stored_moment(moment + timedelta(days=1), column)])


def _stored_moment(moment: datetime, column: ColumnProfile) -> datetime:
    """A local time as the column's values are: in UTC where they are stored so or read so."""
    reading = column.reading
    if reading is None or not reading.zone:
        return moment
    is_utc = column.storage in MOMENTS or reading.is_utc
    try:
        return to_utc(moment, reading.zone) if is_utc else moment
    except OverflowError:
        raise InvalidInput(f"{quoted(column.name)} needs a date of the years 1 to 9999.") from None
