"""The rows of a query as a file: CSV that no spreadsheet runs as formulas, or an XLSX workbook."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from ...errors import TooLarge
from ..csv_files.csv_writing import csv_lines, exported
from ..types.row_query import RowQuery
from ..types.schema import ColumnProfile
from .row_conditions import ROW, StoredRows
from .row_pages import cell_text, is_number
from .xlsx_writing import MAX_SHEET_COLUMNS, MAX_SHEET_ROWS, Workbook

FORMATS = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
# About ten seconds of work.
MAX_FILE_CELLS = 20_000_000
BLOCK_CELLS = 100_000
ROW_NAME = "row"

Block = list[Sequence[Any]]


def write_file(
    rows: StoredRows,
    query: RowQuery,
    positions: Sequence[int],
    destination: Path,
    *,
    kind: str,
    n_matching: int,
    as_read: bool = False,
) -> None:
    """Write the rows with their numbers in the table and the chosen columns. Raises TooLarge."""
    columns = [rows.schema.columns[position] for position in positions]
    _refuse_size(n_matching, len(columns) + 1, kind)
    write = _write_xlsx if kind == "xlsx" else _write_csv
    write(destination, columns, _blocks(rows, query, positions), as_read)


def _refuse_size(n_rows: int, n_columns: int, kind: str) -> None:
    if kind == "xlsx" and (n_rows > MAX_SHEET_ROWS - 1 or n_columns > MAX_SHEET_COLUMNS):
        raise TooLarge(
            f"A sheet of Excel holds {MAX_SHEET_ROWS:,} rows with its header and {MAX_SHEET_COLUMNS:,} columns; these "
            f"are {n_rows:,} rows. Filter them, or take CSV.",
            limit=MAX_SHEET_ROWS,
        )
    if n_rows * n_columns > MAX_FILE_CELLS:
        raise TooLarge(
            f"{n_rows:,} rows of {n_columns:,} columns are more than {MAX_FILE_CELLS:,} cells. Filter the rows, choose "
            "fewer columns, or download the uploaded file.",
            limit=MAX_FILE_CELLS,
        )


def _blocks(rows: StoredRows, query: RowQuery, positions: Sequence[int]) -> Iterator[Block]:
    """The rows in blocks, each a list of columns: row numbers from 1, then stored cells."""
    condition, order = rows.condition(query), rows.order(query)
    by = f" ORDER BY {order}" if query.sort or rows.has_read_texts else ""
    names = ", ".join([f"t.{ROW} + 1", *map(rows.stored, positions)])
    result = rows.connection.execute(
        f"SELECT {names} FROM {rows.source()} WHERE {condition.sql}{by}", condition.values
    )
    n_rows = max(1, BLOCK_CELLS // (len(positions) + 1))
    while block := result.fetchmany(n_rows):
        yield list(zip(*block, strict=True))


def _write_csv(
    destination: Path, columns: Sequence[ColumnProfile], blocks: Iterable[Block], as_read: bool
) -> None:
    with destination.open("wb") as file:
        file.write(csv_lines([[ROW_NAME, *(column.name for column in columns)]]))
        for numbers, *stored in blocks:
            texts: list[Sequence[str]] = [list(map(str, numbers))]
            for cells, column in zip(stored, columns, strict=True):
                written = [each or "" for each in _texts(cells, column, as_read)]
                # Numbers are safe as they are.
                is_plain = is_number(column) and column.storage != "VARCHAR"
                texts.append(written if is_plain else exported(written))
            file.write("".join(f"{','.join(row)}\r\n" for row in zip(*texts, strict=True)).encode("utf-8"))


def _write_xlsx(
    destination: Path, columns: Sequence[ColumnProfile], blocks: Iterable[Block], as_read: bool
) -> None:
    with Workbook(destination) as workbook:
        workbook.write_header([ROW_NAME, *(column.name for column in columns)])
        for numbers, *stored in blocks:
            shown: list[Sequence[Any]] = [numbers]
            for cells, column in zip(stored, columns, strict=True):
                shown.append(cells if _is_typed(column) else _texts(cells, column, as_read))
            workbook.write_rows(zip(*shown, strict=True))


def _is_typed(column: ColumnProfile) -> bool:
    """Whether its stored values mean the same in a workbook: not texts, and not times of a zone."""
    return column.storage != "VARCHAR" and column.reading is None


def _texts(cells: Sequence[Any], column: ColumnProfile, as_read: bool) -> list[str | None]:
    if column.reading is None:
        write = _plain_writer(column)
        if write is not None:
            return [None if cell is None else write(cell) for cell in cells]
    known: dict[Any, str | None] = {}
    for cell in set(cells):
        known[cell] = cell_text(cell, column, as_read=as_read)
    return [known[cell] for cell in cells]


def _plain_writer(column: ColumnProfile) -> Callable[[Any], str] | None:
    """The writer of a column whose cells need no look at their value; None for others."""
    if column.storage == "VARCHAR":
        return str
    return str if column.storage in ("BIGINT", "INTEGER", "HUGEINT") else None
