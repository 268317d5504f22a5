"""Parquet input: small files that unpack to huge tables are refused before a cell is fetched."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest

from predictor.errors import InvalidRows, TooLarge
from predictor.ml.inputs.parquet_names import rename_columns
from predictor.ml.inputs.parquet_rows import (
    CHUNK_CHARACTERS,
    ParquetRows,
    read_parquet_rows,
    write_with_predictions,
)
from predictor.ml.inputs.row_checker import RowChecker
from predictor.ml.inputs.row_chunks import CHUNK_ROWS
from predictor.ml.types.reading import Reading, ValueKind
from predictor.ml.types.schema import FeatureField, Role, Signature, Task

LONG = 60_000
SIGNATURE = Signature(
    "y", Task.REGRESSION, (FeatureField("n", Role.NUMERIC, True), FeatureField("t", Role.TEXT, True))
)


def written(folder: Path, select: str) -> Path:
    path = folder / "rows.parquet"
    with duckdb.connect() as connection:
        connection.execute(f"COPY ({select}) TO '{path}' (FORMAT parquet)")
    return path


def read(path: Path, **limits: int) -> list[dict[str, Any]]:
    return read_parquet_rows(
        path,
        **{"max_rows": 10_000, "max_columns": 9, "max_cell_bytes": 65_536, "max_bytes": 1 << 20, **limits},
    )


def bulk(path: Path, *, max_cell_bytes: int = 65_536) -> ParquetRows:
    return ParquetRows(path, SIGNATURE, max_rows=50_000, max_columns=9, max_cell_bytes=max_cell_bytes)


def test_rows_are_read_with_gaps_bytes_and_numbers(tmp_path: Path) -> None:
    path = written(tmp_path, "SELECT 1.5 AS n, 'é' AS t, 'ab'::BLOB AS b UNION ALL SELECT NULL, NULL, NULL")

    assert read(path) == [{"n": 1.5, "t": "é", "b": "ab"}, {"n": None, "t": None, "b": None}]


@pytest.mark.parametrize("text", ["repeat('é', 40)", "repeat('ab', 40)::BLOB"])
def test_a_long_cell_is_refused_with_its_column(tmp_path: Path, text: str) -> None:
    path = written(tmp_path, f"SELECT i AS n, CASE WHEN i = 7 THEN {text} END AS t FROM range(9) r(i)")

    assert len(read(path, max_cell_bytes=80)) == 9
    with pytest.raises(TooLarge, match="column “t” is longer than 79 bytes") as refusal:
        read(path, max_cell_bytes=79)

    assert refusal.value.limit == 79


def test_a_table_that_unpacks_to_too_much_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, f"SELECT repeat('x', {LONG}) AS t FROM range(2000)")
    assert path.stat().st_size < 1 << 20

    with pytest.raises(TooLarge, match="Unpacked, the table holds 120,000,000 bytes"):
        read(path)


def test_numbers_count_towards_the_unpacked_size(tmp_path: Path) -> None:
    path = written(tmp_path, "SELECT 1 AS a, 2.0::DOUBLE AS b, true AS c FROM range(100)")

    assert len(read(path, max_bytes=2_400)) == 100
    with pytest.raises(TooLarge, match="2,400 bytes; one request may hold 2,399"):
        read(path, max_bytes=2_399)


@pytest.mark.parametrize("nested", ["[1, 2]", "{'a': 1}", "MAP {'a': 1}"])
def test_nested_columns_are_refused_before_reading(tmp_path: Path, nested: str) -> None:
    with pytest.raises(InvalidRows, match="“l” hold lists or objects"):
        read(written(tmp_path, f"SELECT 1 AS n, {nested} AS l"))


def test_a_long_cell_stops_a_batch_at_its_row(tmp_path: Path) -> None:
    long = "CASE WHEN i = 45_000 THEN repeat('x', 101) ELSE repeat('x', 100) END"
    path = written(tmp_path, f"SELECT i AS n, {long} AS t FROM range(50_000) r(i)")

    assert sum(each.n_rows for each in bulk(path, max_cell_bytes=101).bulk_chunks()) == 50_000
    with pytest.raises(TooLarge, match="column “t” is longer than 100 bytes"):
        list(bulk(path, max_cell_bytes=100).bulk_chunks())


def test_chunks_of_long_texts_hold_fewer_rows(tmp_path: Path) -> None:
    path = written(tmp_path, f"SELECT i AS n, repeat('x', {LONG}) AS t FROM range(3000) r(i)")

    first = next(bulk(path).bulk_chunks())

    assert first.n_rows < CHUNK_ROWS
    assert first.n_rows * LONG < 10 * CHUNK_CHARACTERS
    short = written(tmp_path, "SELECT i AS n, 'x' AS t FROM range(3000) r(i)")
    assert [each.n_rows for each in bulk(short).bulk_chunks(skip=500)] == [CHUNK_ROWS, 500]
    numbers = [value for each in bulk(short).bulk_chunks(skip=500) for value in each.columns["n"]]
    assert numbers == list(range(500, 3000))


def test_the_columns_of_a_file_are_cleaned_like_a_header(tmp_path: Path) -> None:
    rows = bulk(written(tmp_path, 'SELECT 1.5 AS " n", \'x\' AS "t "'))
    (chunk,) = rows.bulk_chunks()

    assert rows.names == (" n", "t ")
    assert {name: values.tolist() for name, values in chunk.columns.items()} == {"n": [1.5], "t": ["x"]}
    assert chunk.inputs == ['{"n":1.5,"t":"x"}']
    with pytest.raises(InvalidRows, match="In the file, column “n”: the column is there twice"):
        bulk(written(tmp_path, 'SELECT 1.5 AS n, 2.5 AS "n "'))


@pytest.fixture
def by_case(tmp_path: Path) -> Path:
    """A file whose columns n, N and file_row_number differ for people, not for DuckDB."""
    path = written(tmp_path, "SELECT i AS x, i * 10 AS y, i * 100 AS z FROM range(3) r(i)")
    rename_columns(path, {"x": "n", "y": "N", "z": "file_row_number"})
    return path


def test_columns_that_differ_by_case_are_two(by_case: Path) -> None:
    assert read(by_case)[2] == {"n": 2, "N": 20, "file_row_number": 200}

    fields = tuple(
        FeatureField(name, Role.NUMERIC, has_missing=False) for name in ("N", "file_row_number", "n")
    )
    signature = Signature(target="y", task=Task.REGRESSION, fields=fields)
    rows = ParquetRows(by_case, signature, max_rows=9, max_columns=9, max_cell_bytes=99)

    assert rows.names == ("n", "N", "file_row_number")
    (chunk,) = rows.bulk_chunks(skip=1)
    assert {name: values.tolist() for name, values in chunk.columns.items()} == {
        "N": [10.0, 20.0],
        "file_row_number": [100.0, 200.0],
        "n": [1.0, 2.0],
    }


def test_a_result_has_the_names_of_its_source(by_case: Path, tmp_path: Path) -> None:
    (tmp_path / "predictions.csv").write_bytes(b"1.5,\r\n2.5,\r\n3.5,late\r\n")
    result = tmp_path / "result.parquet"

    write_with_predictions(
        by_case,
        tmp_path / "predictions.csv",
        result,
        names=["prediction", "Warnings"],
        kinds=["DOUBLE", "VARCHAR"],
    )

    assert read(result)[1:] == [
        {"n": 1, "N": 10, "file_row_number": 100, "prediction": 2.5, "Warnings": None},
        {"n": 2, "N": 20, "file_row_number": 200, "prediction": 3.5, "Warnings": "late"},
    ]


def test_moments_with_a_zone_are_read_by_the_zone_of_their_field(tmp_path: Path) -> None:
    reading = Reading(ValueKind.DATE, dates=("Y-M-D",), zone="Europe/Berlin")
    signature = Signature(
        "y",
        Task.REGRESSION,
        (FeatureField("at", Role.DATETIME, True, reading=reading), FeatureField("c", Role.CATEGORICAL, True)),
    )
    moment = "TIMESTAMPTZ '2024-07-01 00:00:00+02:00'"
    path = written(tmp_path, f'SELECT {moment} AS "at", {moment} AS c UNION ALL SELECT NULL, NULL')

    rows = read(path)
    checked = RowChecker(signature).check(rows)
    chunks = ParquetRows(path, signature, max_rows=9, max_columns=9, max_cell_bytes=99).bulk_chunks()

    for columns in (checked.columns, next(iter(chunks)).columns):
        assert columns["at"].astype(str).tolist() == ["2024-07-01T00:00:00.000000", "NaT"]
        assert columns["c"].tolist() == ["2024-06-30T22:00:00", None]
