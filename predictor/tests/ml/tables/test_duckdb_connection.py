from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from predictor.ml.tables.duckdb_connection import connect


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM 'https://example.org/x.csv'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true",
        "COPY (SELECT 1) TO '/tmp/outside.parquet'",
        "ATTACH '/tmp/outside.db'",
    ],
)
def test_the_database_cannot_access_files_outside_its_folder(tmp_path: Path, statement: str) -> None:
    with connect([tmp_path], memory_mb=100, n_threads=1) as connection, pytest.raises(duckdb.Error):
        connection.execute(statement)
