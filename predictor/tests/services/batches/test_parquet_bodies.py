from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from pytest_django import Settings

from predictor.errors import InvalidRows, InvalidTable, TooLarge
from predictor.services.batches import parquet_bodies


def body_of(folder: Path, select: str) -> bytes:
    path = folder / "given.parquet"
    with duckdb.connect() as connection:
        connection.execute(f"COPY ({select}) TO '{path}' (FORMAT parquet)")
    return path.read_bytes()


def test_rows_are_read_by_column_in_the_order_of_the_file(tmp_path: Path) -> None:
    body = body_of(
        tmp_path, "SELECT * FROM (VALUES (2, 'é', 1.5), (1, NULL, 'NaN'::DOUBLE)) AS t(n, \"Ort\", x)"
    )

    rows = parquet_bodies.read(body)

    assert rows == [{"n": 2, "Ort": "é", "x": 1.5}, {"n": 1, "Ort": None, "x": None}]
    assert list(rows[0]) == ["n", "Ort", "x"]


def test_a_file_without_rows_gives_none(tmp_path: Path) -> None:
    assert parquet_bodies.read(body_of(tmp_path, "SELECT 1 AS n WHERE false")) == []


@pytest.mark.parametrize("n_bytes", [0, 4, -8])
def test_a_body_that_is_no_whole_file_is_refused(tmp_path: Path, n_bytes: int) -> None:
    body = body_of(tmp_path, "SELECT 1 AS n")

    with pytest.raises(InvalidTable, match=r"^This is not a Parquet file that can be read\.$"):
        parquet_bodies.read(body[:n_bytes])


def test_lists_are_no_values(tmp_path: Path) -> None:
    with pytest.raises(InvalidRows, match="“l”"):
        parquet_bodies.read(body_of(tmp_path, "SELECT [1] AS l"))


@pytest.mark.parametrize(
    ("name", "enough"),
    [
        ("MAX_PREDICTION_ROWS", 3),
        ("MAX_TABLE_COLUMNS", 2),
        ("MAX_CELL_BYTES", 4),
        # Three numbers of eight bytes and three texts of four.
        ("MAX_BODY_BYTES", 36),
    ],
)
def test_each_limit_of_the_settings_holds(tmp_path: Path, settings: Settings, name: str, enough: int) -> None:
    body = body_of(tmp_path, "SELECT i AS n, 'éé' AS t FROM range(3) r(i)")
    setattr(settings, name, enough)
    assert len(parquet_bodies.read(body)) == 3

    setattr(settings, name, enough - 1)
    with pytest.raises(TooLarge) as refused:
        parquet_bodies.read(body)

    assert refused.value.limit == enough - 1


def test_no_file_is_left_behind(tmp_path: Path, settings: Settings) -> None:
    parquet_bodies.read(body_of(tmp_path, "SELECT 1 AS n"))
    with pytest.raises(InvalidTable):
        parquet_bodies.read(b"PAR1")

    assert list(Path(settings.WORK_DIR).iterdir()) == []
