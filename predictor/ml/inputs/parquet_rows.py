"""Parquet input of predictions, read at once or in chunks, with limits on the unpacked size."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC
from pathlib import Path
from typing import Any

import duckdb

from ...errors import InvalidRows, InvalidTable, TooLarge, quoted_list
from ..tables.duckdb_connection import connect, identifier, literal
from ..tables.long_cells import refusal, refusal_of, when_too_long
from ..types.column_names import ROW_NUMBER
from ..types.schema import Signature
from .column_checker import CellColumn
from .parquet_names import rename_columns, top_names
from .row_chunks import CHUNK_ROWS, BulkChunk, check_columns, chunk_of_columns, require_columns
from .row_names import file_columns

MEMORY_MB = 256
# A chunk ends after this many characters of text, or at CHUNK_ROWS.
CHUNK_CHARACTERS = 8 << 20
# At most this many bytes are fetched at once, even when every cell has the maximum length.
FETCHED_BYTES = 16 << 20
# DuckDB returns these as local times that need another package; they are fetched in UTC (`_expression`).
ZONED = "TIMESTAMP WITH TIME ZONE"
TEXTS = ("VARCHAR", "JSON", "BLOB")
# Assumed unpacked size of a cell that is not text.
NUMBER_BYTES = 8


def read_parquet_rows(
    path: Path, *, max_rows: int, max_columns: int, max_cell_bytes: int, max_bytes: int
) -> list[dict[str, Any]]:
    """Rows {column: value}; all kinds of numbers become Python numbers.

    `max_bytes` limits the whole table, unpacked.
    Raises InvalidTable (not a Parquet file), InvalidRows (nested columns), TooLarge.
    """
    source = f"read_parquet({literal(str(path))})"
    with connect([path.parent], memory_mb=MEMORY_MB, n_threads=1, n_columns=max_columns) as connection:
        try:
            described = connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
            (n_rows,) = connection.execute(f"SELECT count(*) FROM {source}").fetchall()[0]
            if n_rows > max_rows:
                raise TooLarge(
                    f"One request may hold {max_rows:,} rows; this holds {n_rows:,}.", limit=max_rows
                )
            if len(described) > max_columns:
                raise TooLarge(f"A table may have {max_columns:,} columns.", limit=max_columns)
            # The index that pandas stores is not a column of the table.
            kinds = {
                str(name): str(kind)
                for name, kind, *_ in described
                if not str(name).startswith("__index_level_")
            }
            own = own_names(connection, path, [str(each[0]) for each in described])
            _refuse_nested(kinds)
            _refuse_unpacked(connection, source, kinds, n_rows, max_cell_bytes, max_bytes)
            selected = ", ".join(_expression(name, kind) for name, kind in kinds.items())
            rows = connection.execute(f"SELECT {selected} FROM {source}").fetchall()
        except duckdb.Error:
            raise unreadable() from None
    names = [own[name] for name in kinds]
    zoned = [place for place, kind in enumerate(kinds.values()) if kind == ZONED]
    return [dict(zip(names, _in_utc(row, zoned), strict=True)) for row in rows]


def _refuse_unpacked(
    connection: duckdb.DuckDBPyConnection,
    source: str,
    kinds: Mapping[str, str],
    n_rows: int,
    max_cell_bytes: int,
    max_bytes: int,
) -> None:
    """Raises TooLarge before a cell is fetched: dictionary encoding stores a text once for all the rows that repeat
    it, so a small file may unpack to a huge table."""
    texts = [name for name, kind in kinds.items() if kind in TEXTS]
    n_bytes = NUMBER_BYTES * n_rows * (len(kinds) - len(texts))
    if texts:
        sizes = (_n_bytes(name, kinds[name]) for name in texts)
        measured = ", ".join(f"max({size}), sum({size})" for size in sizes)
        (lengths,) = connection.execute(f"SELECT {measured} FROM {source}").fetchall()
        for name, longest in zip(texts, lengths[::2], strict=True):
            if (longest or 0) > max_cell_bytes:
                raise refusal(name, limit=max_cell_bytes)
        n_bytes += sum(int(each or 0) for each in lengths[1::2])
    if n_bytes > max_bytes:
        raise TooLarge(
            f"Unpacked, the table holds {n_bytes:,} bytes; one request may hold {max_bytes:,}. "
            "Send fewer rows, or the file as a batch.",
            limit=max_bytes,
        )


class ParquetRows:
    """Reader of one Parquet file in chunks; memory is bounded by DuckDB's limit and the size of a chunk.

    Raises InvalidTable (not a Parquet file; a truncated one has no footer), InvalidRows (missing or nested columns)
    and TooLarge. A cell that is too long raises only when its row is reached.
    """

    share_read = 0.0

    def __init__(
        self, source: Path, signature: Signature, *, max_rows: int, max_columns: int, max_cell_bytes: int
    ):
        self._path, self._max_cell_bytes = source, max_cell_bytes
        self._used: list[str] = []
        self._from = f"read_parquet({literal(str(source))})"
        with self._connected() as connection:
            described = connection.execute(f"DESCRIBE SELECT * FROM {self._from}").fetchall()
            (self.n_rows_total,) = connection.execute(f"SELECT count(*) FROM {self._from}").fetchall()[0]
            own = own_names(connection, source, [str(each[0]) for each in described])
        kinds = {own[str(each[0])]: str(each[1]) for each in described}
        in_sql = {name: sql for sql, name in own.items()}
        self.names = tuple(kinds)
        if not self.n_rows_total:
            raise InvalidTable("The file holds no rows.")
        if self.n_rows_total > max_rows:
            raise TooLarge(f"A batch may hold {max_rows:,} rows; cut the file into several.", limit=max_rows)
        if len(kinds) > max_columns:
            raise TooLarge(f"A table may have {max_columns:,} columns.", limit=max_columns)
        sources = file_columns(self.names, signature.names)
        require_columns(list(sources), [each.name for each in signature.fields if not each.has_missing])
        self._columns = [CellColumn(each, lambda cell: cell) for each in signature.fields]
        self._fields = [name for name in signature.names if name in sources]
        self._used = [sources[name] for name in self._fields]
        _refuse_nested({name: kinds[name] for name in self._used})
        self._keys = {each.feature.name: each.key for each in self._columns if each.feature.name in sources}
        self._zoned = [place for place, name in enumerate(self._used) if kinds[name] == ZONED]
        self._texts = [place for place, name in enumerate(self._used) if kinds[name] in TEXTS]
        self._selected = ", ".join(
            self._guarded(place, in_sql[name], kinds[name]) for place, name in enumerate(self._used)
        )
        # A column of that name in the file would clash with the number of the row.
        self._is_numbered = ROW_NUMBER not in {name.lower() for name in in_sql.values()}

    def bulk_chunks(self, *, skip: int = 0) -> Iterator[BulkChunk]:
        """Chunks; `lines` are empty, because `write_with_predictions` takes the rows from the file itself."""
        first_row = skip + 1
        for rows in self._fetched(skip):
            self.share_read = (first_row - 1 + len(rows)) / self.n_rows_total
            cells = dict(zip(self._fields, zip(*rows, strict=True), strict=False))
            checked = check_columns(cells, self._columns, len(rows))
            yield chunk_of_columns(first_row, [""] * len(rows), checked, self._keys, {})
            first_row += len(rows)

    def _fetched(self, skip: int) -> Iterator[list[tuple[Any, ...]]]:
        """Rows in chunks of bounded size. A dictionary-encoded text is here unpacked, once per row."""
        numbered = self._from.removesuffix(")") + ", file_row_number = true)"
        rest = (
            f"{numbered} WHERE file_row_number >= {int(skip)}"
            if self._is_numbered
            else f"{self._from} OFFSET {int(skip)}"
        )
        query = f"SELECT {self._selected or 1} FROM {rest}"
        n_at_once = max(1, FETCHED_BYTES // (self._max_cell_bytes * max(1, len(self._texts))))
        chunk: list[tuple[Any, ...]] = []
        n_characters = 0
        with self._connected(len(self._used)) as connection:
            cursor = connection.execute(query)
            while rows := cursor.fetchmany(min(n_at_once, CHUNK_ROWS - len(chunk))):
                chunk += [_in_utc(row, self._zoned) for row in rows] if self._zoned else rows
                n_characters += sum(len(row[place] or "") for place in self._texts for row in rows)
                if len(chunk) == CHUNK_ROWS or n_characters > CHUNK_CHARACTERS:
                    yield chunk
                    chunk, n_characters = [], 0
        if chunk:
            yield chunk

    def _guarded(self, place: int, name: str, kind: str) -> str:
        """SQL for the value of a cell. A cell that is too long ends the query before it is copied."""
        value = _expression(name, kind)
        if kind not in TEXTS:
            return value
        too_long = when_too_long(_n_bytes(name, kind), place, limit=self._max_cell_bytes)
        return f"CASE {too_long} ELSE {value} END"

    @contextmanager
    def _connected(self, n_columns: int = 0) -> Iterator[duckdb.DuckDBPyConnection]:
        folders = [self._path.parent]
        with connect(folders, memory_mb=MEMORY_MB, n_threads=1, n_columns=n_columns) as connection:
            try:
                yield connection
            except duckdb.Error as error:
                too_long = refusal_of(str(error), self._used, limit=self._max_cell_bytes)
                raise too_long or unreadable() from None


def write_with_predictions(
    source: Path, predictions: Path, result: Path, *, names: Sequence[str], kinds: Sequence[str]
) -> None:
    """Write a Parquet file: the source's columns, joined row by row with those of `predictions` (CSV without a header).

    `names` and `kinds` (DuckDB types) are the columns of the predictions. Raises InvalidTable.
    """
    columns = ", ".join(f"'c{place}': {literal(kind)}" for place, kind in enumerate(kinds))
    folders = [source.parent, predictions.parent, result.parent]
    with connect(folders, memory_mb=MEMORY_MB, n_threads=1, scratch=predictions.parent) as connection:
        try:
            described = connection.execute(
                f"DESCRIBE SELECT * FROM read_parquet({literal(str(source))})"
            ).fetchall()
            own = own_names(connection, source, [str(each[0]) for each in described])
            # Names that DuckDB does not tell apart are written into the footer at the end.
            neutral = {f"column_{place}": name for place, name in enumerate([*own.values(), *names])}
            is_renamed = any(sql != name for sql, name in own.items())
            written = list(neutral) if is_renamed else list(neutral.values())
            sources = [
                *(f"s.{identifier(sql)}" for sql in own),
                *(f"a.c{place}" for place in range(len(names))),
            ]
            selected = ", ".join(
                f"{sql} AS {identifier(name)}" for sql, name in zip(sources, written, strict=True)
            )
            connection.execute(f"""
                COPY (
                    SELECT {selected} FROM read_parquet({literal(str(source))}) AS s POSITIONAL JOIN read_csv(
                        {literal(str(predictions))}, header = false, auto_detect = false, columns = {{{columns}}},
                        delim = ',', quote = '"', escape = '"', nullstr = '', new_line = '\\r\\n', parallel = false
                    ) AS a
                ) TO {literal(str(result))} (FORMAT parquet)
            """)
        except duckdb.Error as error:
            raise InvalidTable("The predictions could not be joined to the rows of the file.") from error
    if is_renamed:
        rename_columns(result, neutral)


def own_names(connection: duckdb.DuckDBPyConnection, path: Path, described: Sequence[str]) -> dict[str, str]:
    """The name in the file of each column as SQL calls it. Columns of exactly one name keep the names of SQL."""
    names = top_names(connection, path)
    if len(names) != len(described) or len(set(names)) < len(names):
        return {name: name for name in described}
    return dict(zip(described, names, strict=True))


def unreadable() -> InvalidTable:
    return InvalidTable("This is not a Parquet file that can be read.")


def _in_utc(row: tuple[Any, ...], places: Sequence[int]) -> tuple[Any, ...]:
    """A row whose moments at these places, naive and in UTC, say that they are in UTC."""
    if not places:
        return row
    cells = list(row)
    for place in places:
        cells[place] = None if cells[place] is None else cells[place].replace(tzinfo=UTC)
    return tuple(cells)


def _refuse_nested(kinds: Mapping[str, str]) -> None:
    nested = [
        name
        for name, kind in kinds.items()
        if kind.endswith("]") or kind.startswith(("STRUCT", "MAP", "UNION"))
    ]
    if nested:
        raise InvalidRows(f"The columns {quoted_list(nested)} hold lists or objects, which are no values.")


def _n_bytes(name: str, kind: str) -> str:
    """SQL for the length of a text in bytes (DuckDB's `strlen` counts bytes)."""
    return (
        f"octet_length({identifier(name)})"
        if kind == "BLOB"
        else f"strlen(CAST({identifier(name)} AS VARCHAR))"
    )


def _expression(name: str, kind: str) -> str:
    if kind in ("FLOAT", "DOUBLE"):
        return f"CASE WHEN isnan({identifier(name)}) THEN NULL ELSE {identifier(name)} END"
    if kind.startswith("DECIMAL") or kind in ("HUGEINT", "UHUGEINT"):
        return f"CAST({identifier(name)} AS DOUBLE)"
    if kind == "BLOB":
        return f"decode({identifier(name)})"
    return f"CAST({identifier(name)} AS TIMESTAMP)" if kind.startswith("TIMESTAMP") else identifier(name)
