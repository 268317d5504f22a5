"""Pages of rows, their number and the most frequent values, read from a stored table in bounded time and memory."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from ...errors import InvalidInput, TookTooLong
from ..tables.duckdb_connection import connect
from ..types.reading import Reading, ValueKind
from ..types.row_query import MOMENTS, CellKind, RowQuery, cell_kind
from ..types.schema import ColumnProfile, Level, Scalar, TableSchema, canonical_text
from .row_conditions import ROW, Condition, StoredRows, row_condition, value_of

MEMORY_MB = 384
N_THREADS = 2
# Rows before a page in an order that has to be found: DuckDB keeps this many while it reads the column once.
MAX_DEPTH = 100_000
MAX_FACETS = 50
# DuckDB 2.0 fails with an internal error where it defers the columns of a Parquet file and the file's statistics show
# that no row matches. Pages read their row numbers first anyway.
WITHOUT = ("late_materialization",)


@dataclass(frozen=True)
class Row:
    """One row: its number in the table from 1, and its cells; dates as ISO 8601 text, None where one is missing."""

    number: int
    cells: tuple[Scalar, ...]


# An interrupt is repeated after this time.
AGAIN_SECONDS = 0.05


@contextmanager
def reading(
    parquet: Path,
    schema: TableSchema,
    seconds: float,
    *,
    scratch: Path | None = None,
    n_threads: int = N_THREADS,
) -> Iterator[StoredRows]:
    """The stored rows for statements that have to end within so many seconds. Raises TookTooLong."""
    with connect(
        [parquet.parent],
        memory_mb=MEMORY_MB,
        n_threads=n_threads,
        scratch=scratch,
        n_columns=len(schema.columns),
        without=WITHOUT,
    ) as connection:
        try:
            with _interrupted_after(connection, seconds):
                yield StoredRows(connection, parquet, schema)
        except duckdb.InterruptException:
            raise TookTooLong(
                "Finding these rows takes too long: filter by fewer texts, or sort by another column."
            ) from None
        except duckdb.OutOfMemoryException:
            raise TookTooLong(
                "Finding these rows needs more memory than there is for one page: filter them first."
            ) from None


@contextmanager
def _interrupted_after(connection: duckdb.DuckDBPyConnection, seconds: float) -> Iterator[None]:
    """Interrupt again and again once the time is over: between two statements, an interrupt has no effect."""
    is_over = threading.Event()

    def interrupt() -> None:
        pause = seconds
        while not is_over.wait(pause):
            connection.interrupt()
            pause = AGAIN_SECONDS

    thread = threading.Thread(target=interrupt, name="row-query-limit", daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def page(
    rows: StoredRows,
    query: RowQuery,
    positions: Sequence[int],
    *,
    offset: int,
    limit: int,
    n_matching: int | None,
    as_read: bool = False,
) -> tuple[Row, ...]:
    """The rows from `offset` on. `n_matching`: how many the query has, where it is known.

    Raises InvalidInput when an order would have to be followed too far.
    """
    numbers = _numbers(rows, query, offset, limit, n_matching)
    cells = _cells(rows, numbers, positions, as_read)
    return tuple(Row(number + 1, cells[number]) for number in numbers)


def count(rows: StoredRows, query: RowQuery) -> int:
    """How many rows the query has."""
    if not query.is_filtered:
        return rows.schema.n_rows
    condition = rows.condition(query)
    return int(_fetch(rows, f"SELECT count(*) FROM {rows.source()} WHERE {condition.sql}", condition)[0][0])


def count_within(rows: StoredRows, query: RowQuery, seconds: float) -> int | None:
    """How many rows the query has; None where counting takes longer."""
    try:
        with _interrupted_after(rows.connection, seconds):
            return count(rows, query)
    except duckdb.InterruptException:
        return None


def facets(rows: StoredRows, query: RowQuery, position: int, limit: int = MAX_FACETS) -> tuple[Level, ...]:
    """The most frequent values of a column in the rows of the query, without its filter of this column.

    Times of a zone have its offset, as in the cells.
    """
    condition, value = rows.condition(query.without(position)), rows.value(position)
    column = rows.schema.columns[position]
    found = _fetch(
        rows,
        f"SELECT {value} AS v, count(*) AS n FROM {rows.source()} WHERE ({condition.sql}) AND {value} IS NOT NULL "
        f"GROUP BY v ORDER BY n DESC, v LIMIT {min(int(limit), MAX_FACETS)}",
        condition,
    )
    return tuple(Level(str(canonical_text(_with_offset(value, column))), int(n)) for value, n in found)


def _with_offset(value: Any, column: ColumnProfile) -> Any:
    """A compared value as its cell is written, where it is a time of a zone."""
    reading = column.reading
    if not isinstance(value, datetime) or reading is None or not reading.zone:
        return value
    if column.storage == "TIMESTAMP":
        return cell_value(value, column)
    return reading.written(value)


def _numbers(rows: StoredRows, query: RowQuery, offset: int, limit: int, n_matching: int | None) -> list[int]:
    """Numbers of the rows of a page, from 0. The second half of an order is read from its end."""
    n_rows = rows.schema.n_rows
    if n_matching is not None:
        limit = max(0, min(limit, n_matching - offset))
    if not limit:
        return []
    if not query.is_filtered and not query.sort:
        return list(range(offset, min(offset + limit, n_rows)))
    condition, order = rows.condition(query), rows.order(query)
    # DuckDB keeps the order of a file unless a join is between.
    is_sorted = bool(query.sort) or rows.has_read_texts
    skipped = offset
    if is_sorted and n_matching is not None and offset > n_matching // 2:
        order, skipped = rows.order(query, is_reversed=True), n_matching - offset - limit
    if is_sorted and skipped > MAX_DEPTH:
        raise InvalidInput(
            f"An order is shown to {MAX_DEPTH:,} rows from its beginning and from its end. Filter the rows to see "
            "those between.",
            limit=MAX_DEPTH,
        )
    by = f"ORDER BY {order} " if is_sorted else ""
    found = _fetch(
        rows,
        f"SELECT t.{ROW} FROM {rows.source()} WHERE {condition.sql} {by}LIMIT {int(limit)} OFFSET {int(skipped)}",
        condition,
    )
    numbers = [int(row[0]) for row in found]
    return numbers if skipped == offset else numbers[::-1]


def _cells(
    rows: StoredRows, numbers: Sequence[int], positions: Sequence[int], as_read: bool
) -> dict[int, tuple[Scalar, ...]]:
    if not numbers:
        return {}
    columns = [rows.schema.columns[position] for position in positions]
    names = ", ".join([f"t.{ROW}", *map(rows.stored, positions)])
    is_run = numbers[-1] - numbers[0] == len(numbers) - 1 and list(numbers) == sorted(numbers)
    condition = (
        Condition(f"t.{ROW} BETWEEN {int(numbers[0])} AND {int(numbers[-1])}")
        if is_run
        else row_condition(numbers)
    )
    found = _fetch(rows, f"SELECT {names} FROM {rows.file()} WHERE {condition.sql}", condition)
    return {
        row[0]: tuple(
            cell_value(value, column, as_read=as_read) for value, column in zip(row[1:], columns, strict=True)
        )
        for row in found
    }


def cell_text(value: Any, column: ColumnProfile, *, as_read: bool = False) -> str | None:
    """A stored cell as text; see `cell_value`."""
    return canonical_text(cell_value(value, column, as_read=as_read))


def cell_value(value: Any, column: ColumnProfile, *, as_read: bool = False) -> Scalar:
    """A stored cell as the file had it, or as its reading understands it; None when it is missing."""
    reading = column.reading
    if value is None or value == "" or (isinstance(value, float) and math.isnan(value)):
        return None
    if column.storage in MOMENTS:
        if reading is not None and reading.zone and column.storage == "TIMESTAMP":
            return Reading(ValueKind.DATE, zone=reading.zone, is_utc=True).written(value)
        return str(value.isoformat())
    if as_read and reading is not None and (column.storage == "VARCHAR" or reading.kind is ValueKind.DATE):
        read = value_of(str(canonical_text(value)), reading)
        return reading.written(read) if isinstance(read, datetime) else read
    return value  # type: ignore[no-any-return]


def is_number(column: ColumnProfile) -> bool:
    """Whether its cells are set to the right."""
    return cell_kind(column) is CellKind.NUMBER


def _fetch(rows: StoredRows, sql: str, condition: Condition) -> list[Any]:
    return rows.connection.execute(sql, condition.values).fetchall()
