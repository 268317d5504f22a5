from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from predictor.errors import InvalidTable
from predictor.ml.inputs.parquet_names import rename_columns, top_names


def written(path: Path, select: str) -> Path:
    duckdb.connect().execute(f"COPY ({select}) TO '{path}' (FORMAT parquet, ROW_GROUP_SIZE 2048)")
    return path


def names_of(path: Path) -> list[str]:
    return top_names(duckdb.connect(), path)


@pytest.mark.parametrize("n_columns", [1, 3, 14, 15, 16, 300])
def test_columns_are_renamed_and_their_values_stay(tmp_path: Path, n_columns: int) -> None:
    columns = ", ".join(f"i * {n} AS column_{n}" for n in range(n_columns))
    path = written(tmp_path / "t.parquet", f"SELECT {columns} FROM range(5000) t(i)")
    before = duckdb.connect().execute(f"SELECT * FROM '{path}'").fetchall()

    rename_columns(path, {f"column_{n}": f"{'É' * (n % 200 + 1)}{n}" for n in range(n_columns)})

    assert names_of(path) == [f"{'É' * (n % 200 + 1)}{n}" for n in range(n_columns)]
    assert duckdb.connect().execute(f"SELECT * FROM '{path}'").fetchall() == before
    statistics = "SELECT path_in_schema FROM parquet_metadata"
    (first, *_) = duckdb.connect().execute(f"{statistics}('{path}')").fetchone() or ()
    assert first == "É0"


def test_names_that_differ_by_case_are_told_apart(tmp_path: Path) -> None:
    path = written(tmp_path / "t.parquet", "SELECT 1 AS x, 'two' AS y, DATE '2024-01-01' AS z")
    rename_columns(path, {"x": "a", "y": "A", "z": "a_1"})

    assert names_of(path) == ["a", "A", "a_1"]
    assert duckdb.connect().execute(f"SELECT columns(*)::VARCHAR FROM '{path}'").fetchall() == [
        ("1", "two", "2024-01-01")
    ]


def test_names_within_nested_columns_are_no_columns(tmp_path: Path) -> None:
    path = written(
        tmp_path / "t.parquet",
        "SELECT {'x': 1, 'y': {'z': [2, 3]}} AS s, [4] AS l, MAP {'k': 5} AS m, 6 AS x",
    )
    assert names_of(path) == ["s", "l", "m", "x"]

    rename_columns(path, {"x": "X", "s": "S"})

    assert names_of(path) == ["S", "l", "m", "X"]
    assert duckdb.connect().execute(f"SELECT S.x, S.y.z[2], l[1], X FROM '{path}'").fetchall() == [
        (1, 3, 4, 6)
    ]


@pytest.mark.parametrize("content", [b"PAR1" + b"\0" * 20, b"PAR1\x15\x02\x03\0\0\0PAR1", b"x" * 30])
def test_a_file_without_a_footer_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "t.parquet"
    path.write_bytes(content)
    with pytest.raises(InvalidTable):
        rename_columns(path, {})
