"""Rows of a Parquet file as callers send them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb

from ..errors import InvalidTable, TooLarge
from .engine import connect, literal, quoted

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
            raise InvalidTable("This is not a Parquet file that can be read.") from None
    return [dict(zip(names, row, strict=True)) for row in rows]


def _expression(name: str, kind: str) -> str:
    if kind.startswith("DECIMAL") or kind in ("HUGEINT", "UHUGEINT"):
        return f"CAST({quoted(name)} AS DOUBLE)"
    if kind == "BLOB":
        return f"decode({quoted(name)})"
    return f"CAST({quoted(name)} AS TIMESTAMP)" if kind.startswith("TIMESTAMP") else quoted(name)
