"""Rows of a Parquet file as callers send them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from ..errors import InvalidRows, InvalidTable, TooLarge, listed
from .bulk_rows import CHUNK_ROWS, BulkChunk, chunk_of_columns, refuse_lacking
from .cell_columns import CellColumn
from .engine import connect, literal, quoted
from .schema import Signature

MEMORY_MB = 256


def read_parquet_rows(path: Path, *, max_rows: int, max_columns: int) -> list[dict[str, Any]]:
    """Rows {column: value}; numbers of other widths become Python's, what is nested is refused.

    Raises InvalidTable for what is no Parquet file, TooLarge.
    """
    source = f"read_parquet({literal(str(path))})"
    with connect([path.parent], memory_mb=MEMORY_MB, n_threads=1) as connection:
        try:
            described = connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
            (n_rows,) = connection.execute(f"SELECT count(*) FROM {source}").fetchall()[0]
            if n_rows > max_rows:
                raise TooLarge(
                    f"One request may hold {max_rows:,} rows; this holds {n_rows:,}.", limit=max_rows
                )
            if len(described) > max_columns:
                raise TooLarge(f"A table may have {max_columns:,} columns.", limit=max_columns)
            # An index that pandas stored is no column of the table.
            names = [str(each[0]) for each in described if not str(each[0]).startswith("__index_level_")]
            selected = ", ".join(
                _expression(str(each[0]), str(each[1])) for each in described if each[0] in names
            )
            rows = connection.execute(f"SELECT {selected} FROM {source}").fetchall()
        except duckdb.Error:
            raise unreadable() from None
    return [dict(zip(names, row, strict=True)) for row in rows]


class ParquetRows:
    """The rows of a Parquet file to be predicted, in chunks; memory is bounded by DuckDB's limit.

    Raises InvalidTable for what is no Parquet file (a cut-off one has no footer), InvalidRows for columns that
    are lacking or nested, TooLarge.
    """

    share_read = 0.0

    def __init__(self, source: Path, signature: Signature, *, max_rows: int, max_columns: int):
        self._path = source
        self._from = f"read_parquet({literal(str(source))}, file_row_number = true)"
        with self._connected() as connection:
            described = connection.execute(f"DESCRIBE SELECT * FROM {self._from}").fetchall()
            (self.n_rows_total,) = connection.execute(f"SELECT count(*) FROM {self._from}").fetchall()[0]
        kinds = {str(each[0]): str(each[1]) for each in described if each[0] != "file_row_number"}
        self.names = tuple(kinds)
        if not self.n_rows_total:
            raise InvalidTable("The file holds no rows.")
        if self.n_rows_total > max_rows:
            raise TooLarge(f"A batch may hold {max_rows:,} rows; cut the file into several.", limit=max_rows)
        if len(kinds) > max_columns:
            raise TooLarge(f"A table may have {max_columns:,} columns.", limit=max_columns)
        refuse_lacking(self.names, [each.name for each in signature.fields if not each.has_missing])
        self._columns = [CellColumn(each, lambda cell: cell) for each in signature.fields]
        self._used = [each.name for each in signature.fields if each.name in kinds]
        nested = [name for name in self._used if _is_nested(kinds[name])]
        if nested:
            raise InvalidRows(f"The columns {listed(nested)} hold lists or objects, which are no values.")
        self._selected = ", ".join(_expression(name, kinds[name]) for name in self._used) or "1"

    def bulk_chunks(self, *, skip: int = 0) -> Iterator[BulkChunk]:
        """The `lines` are empty: the rows stand in the file."""
        first_row = skip + 1
        query = f"SELECT {self._selected} FROM {self._from} WHERE file_row_number >= {int(skip)}"
        with self._connected() as connection:
            cursor = connection.execute(query)
            while rows := cursor.fetchmany(CHUNK_ROWS):
                self.share_read = (first_row - 1 + len(rows)) / self.n_rows_total
                cells = dict(zip(self._used, zip(*rows, strict=True), strict=False))
                yield chunk_of_columns(first_row, [""] * len(rows), cells, self._columns, {})
                first_row += len(rows)

    @contextmanager
    def _connected(self) -> Iterator[duckdb.DuckDBPyConnection]:
        with connect([self._path.parent], memory_mb=MEMORY_MB, n_threads=1) as connection:
            try:
                yield connection
            except duckdb.Error:
                raise unreadable() from None


def write_beside(
    source: Path, answers: Path, result: Path, *, names: Sequence[str], kinds: Sequence[str]
) -> None:
    """A Parquet file of the source's own columns and, row by row, those of `answers` (CSV without a header).

    `names` and `kinds` (DuckDB's types) are those of the answers. Raises InvalidTable.
    """
    columns = ", ".join(f"'c{place}': {literal(kind)}" for place, kind in enumerate(kinds))
    renamed = ", ".join(f"a.c{place} AS {quoted(name)}" for place, name in enumerate(names))
    query = f"""
        COPY (
            SELECT s.*, {renamed} FROM read_parquet({literal(str(source))}) AS s POSITIONAL JOIN read_csv(
                {literal(str(answers))}, header = false, auto_detect = false, columns = {{{columns}}},
                delim = ',', quote = '"', escape = '"', nullstr = '', new_line = '\\r\\n', parallel = false
            ) AS a
        ) TO {literal(str(result))} (FORMAT parquet)
    """
    folders = [source.parent, answers.parent, result.parent]
    with connect(folders, memory_mb=MEMORY_MB, n_threads=1, scratch=answers.parent) as connection:
        try:
            connection.execute(query)
        except duckdb.Error as error:
            raise InvalidTable("The answers could not be put beside the rows of the file.") from error


def unreadable() -> InvalidTable:
    return InvalidTable("This is not a Parquet file that can be read.")


def _is_nested(kind: str) -> bool:
    return kind.endswith("]") or kind.startswith(("STRUCT", "MAP", "UNION"))


def _expression(name: str, kind: str) -> str:
    if kind in ("FLOAT", "DOUBLE"):
        return f"CASE WHEN isnan({quoted(name)}) THEN NULL ELSE {quoted(name)} END"
    if kind.startswith("DECIMAL") or kind in ("HUGEINT", "UHUGEINT"):
        return f"CAST({quoted(name)} AS DOUBLE)"
    if kind == "BLOB":
        return f"decode({quoted(name)})"
    return f"CAST({quoted(name)} AS TIMESTAMP)" if kind.startswith("TIMESTAMP") else quoted(name)
