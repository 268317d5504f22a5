"""Sandboxed DuckDB connections: no network, no extensions, no files outside the given folders."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb

LOCKDOWN = (
    "SET autoinstall_known_extensions = false",
    "SET autoload_known_extensions = false",
    "SET allow_community_extensions = false",
    "SET TimeZone = 'UTC'",
    "SET enable_progress_bar = false",
)

# Elimination of common subexpressions takes time quadratic in the columns: ten seconds for 400 of them. With few
# columns it saves a tenth of the work.
WIDE = 60


def connect(
    folders: Sequence[Path],
    *,
    memory_mb: int,
    n_threads: int,
    scratch: Path | None = None,
    n_columns: int = 0,
    without: Sequence[str] = (),
) -> duckdb.DuckDBPyConnection:
    """An in-memory database that reads and writes below `folders` only; it spills to `scratch`, or never.

    `n_columns`: how many columns the statements will have. `without`: names of optimizers that are not used.
    """
    connection = duckdb.connect(":memory:")
    for statement in LOCKDOWN:
        connection.execute(statement)
    if disabled := [*without, *(["common_subexpressions"] if n_columns > WIDE else [])]:
        connection.execute(f"SET disabled_optimizers = {literal(','.join(disabled))}")
    connection.execute(f"SET memory_limit = '{int(memory_mb)}MB'")
    connection.execute(f"SET threads = {int(n_threads)}")
    connection.execute(f"SET temp_directory = {literal(str(scratch) if scratch else '')}")
    allowed = ", ".join(literal(str(folder)) for folder in folders)
    connection.execute(f"SET allowed_directories = [{allowed}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    return connection


def literal(text: str) -> str:
    """A text as an SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """A column name as a quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'
