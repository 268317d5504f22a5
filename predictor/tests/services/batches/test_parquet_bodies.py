from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest
from pytest_django import Settings

from predictor.errors import InvalidRows, InvalidTable, MlwebError, TooLarge
from predictor.services.batches import parquet_bodies


def parquet(select: str, folder: Path) -> bytes:
    path = folder / "made.parquet"
    duckdb.sql(f"COPY ({select}) TO '{path}' (FORMAT parquet)")
    return path.read_bytes()


def left_in(folder: Any) -> list[str]:
    return [path.name for path in Path(folder).iterdir()]


def test_rows_are_read_with_their_names_and_values(tmp_path: Path, settings: Settings) -> None:
    body = parquet(
        """SELECT * FROM (VALUES (1::TINYINT, 2.5::FLOAT, 'Łódź', true, 1.10::DECIMAL(9, 2)),
                                 (NULL, NULL, NULL, NULL, NULL)) AS t("größe", x, city, is_new, price)""",
        tmp_path,
    )

    rows = parquet_bodies.read(body)

    assert rows == [
        {"größe": 1, "x": 2.5, "city": "Łódź", "is_new": True, "price": 1.1},
        dict.fromkeys(("größe", "x", "city", "is_new", "price")),
    ]
    assert type(rows[0]["price"]) is float
    assert left_in(settings.WORK_DIR) == []


def test_the_rows_of_duckdb_are_those_of_pandas(tmp_path: Path, settings: Settings) -> None:
    body = parquet("SELECT i AS n, i / 7 AS share, 'x' || i AS name FROM range(50) t(i)", tmp_path)
    frame = duckdb.sql(f"SELECT * FROM '{tmp_path}/made.parquet'").df()

    assert isinstance(frame, pd.DataFrame)
    assert parquet_bodies.read(body) == frame.to_dict("records")


@pytest.mark.parametrize(
    ("select", "limits", "error", "sentence"),
    [
        (
            "SELECT 1 AS x FROM range(4)",
            {"MAX_PREDICTION_ROWS": 3},
            TooLarge,
            "may hold 3 rows; this holds 4",
        ),
        ("SELECT 1 AS a, 2 AS b, 3 AS c", {"MAX_TABLE_COLUMNS": 2}, TooLarge, "may have 2 columns"),
        (
            "SELECT repeat('x', 11) AS name",
            {"MAX_CELL_BYTES": 10},
            TooLarge,
            "“name” is longer than 10 bytes",
        ),
        (
            "SELECT repeat('x', 9) AS n FROM range(9)",
            {"MAX_BODY_BYTES": 80},
            TooLarge,
            "Unpacked, the table holds 81 bytes",
        ),
        ("SELECT [1] AS l, 1 AS x", {}, InvalidRows, "“l” hold lists or objects"),
    ],
)
def test_each_limit_of_the_settings_is_named(
    tmp_path: Path, settings: Settings, select: str, limits: Any, error: type[MlwebError], sentence: str
) -> None:
    for name, value in limits.items():
        setattr(settings, name, value)

    with pytest.raises(error, match=sentence) as refused:
        parquet_bodies.read(parquet(select, tmp_path))

    assert [refused.value.limit] == list(limits.values() or [None])
    assert left_in(settings.WORK_DIR) == []


@pytest.mark.parametrize("body", [b"", b"PAR1", b"PAR1\x15\x00\x00 cut off", b"x1,x2\n1,2\n"])
def test_what_is_no_parquet_file_is_refused_and_leaves_no_file(body: bytes, settings: Settings) -> None:
    with pytest.raises(InvalidTable, match="not a Parquet file that can be read"):
        parquet_bodies.read(body)

    assert left_in(settings.WORK_DIR) == []
