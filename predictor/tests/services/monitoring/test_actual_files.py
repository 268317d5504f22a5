from __future__ import annotations

import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from predictor.errors import InvalidTable, TooLarge, UnsupportedContent
from predictor.services.monitoring import actual_files
from predictor.services.monitoring.actuals import Fault, GivenActual

KEY = uuid.UUID("01980a2e-7c11-7d7e-8a44-0d3c5b1f2a90")


def read(tmp_path: Path, content: str | bytes, **more: Any) -> list[GivenActual | Fault]:
    path = tmp_path / "file"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return list(actual_files.read(path, **more))


def test_a_csv_file_is_read(tmp_path: Path) -> None:
    first, second = read(
        tmp_path,
        f"prediction;value;note;known_at\n{KEY};12,5;x;2026-03-01\n{KEY};yes;;2026-03-01T12:00:00+02:00\n",
    )

    assert first == GivenActual(1, "12,5", KEY, known_at=datetime(2026, 3, 1, tzinfo=UTC))
    assert isinstance(second, GivenActual)
    assert (second.value, second.known_at) == ("yes", datetime(2026, 3, 1, 10, tzinfo=UTC))


def test_other_names_of_the_columns_are_known(tmp_path: Path) -> None:
    (found,) = read(tmp_path, "Request,ROW,Actual\nnight,3,no\n")
    assert found == GivenActual(1, "no", None, "night", 3)


def test_json_lines_are_read(tmp_path: Path) -> None:
    found = read(tmp_path, f'{{"prediction": "{KEY}", "value": true}}\n\nnot json\n[1]\n{{"value": 1}}\n')

    assert found[0] == GivenActual(1, True, KEY)
    assert [isinstance(each, Fault) for each in found] == [False, True, True, True]
    assert isinstance(found[3], Fault)
    assert "names no prediction" in found[3].message


def test_a_parquet_file_is_read_where_it_is_allowed(tmp_path: Path) -> None:
    rows = "(VALUES ('a', 1, 1.5::DOUBLE), ('b', 2, 2.5::DOUBLE)) AS t(request_id, row_number, value)"
    duckdb.sql(f"COPY (FROM {rows}) TO '{tmp_path / 'file'}' (FORMAT parquet)")
    content = (tmp_path / "file").read_bytes()

    assert read(tmp_path, content, allow_parquet=True) == [
        GivenActual(1, 1.5, None, "a", 1),
        GivenActual(2, 2.5, None, "b", 2),
    ]
    with pytest.raises(UnsupportedContent, match="import_actuals"):
        read(tmp_path, content)
    with pytest.raises(InvalidTable, match="cannot be read"):
        read(tmp_path, b"PAR1" + b"x" * 50, allow_parquet=True)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("not-an-id,,1,", "is no id of a prediction"),
        (",,1,", "names no prediction"),
        (f"{KEY},,,", "has no “value”"),
        (",0,1,", "names no prediction"),
        (f"{KEY},zero,1,", "rows are counted from 1"),
        (f"{KEY},1,1,soon", "known_at"),
        (f"{KEY},1,1,99999-01-01", "known_at"),
    ],
)
def test_a_wrong_line_is_a_fault(tmp_path: Path, line: str, why: str) -> None:
    (found,) = read(tmp_path, f"prediction,row_number,value,known_at\n{line}\n")
    assert isinstance(found, Fault)
    assert why in found.message


def test_unknown_names_of_a_request_are_a_fault() -> None:
    found = actual_files.given_of({"prediction": str(KEY), "value": 1, "label": 2}, 4, is_strict=True)
    assert isinstance(found, Fault)
    assert "“label” is not known" in found.message


@pytest.mark.parametrize(
    "content", ["a,b\n1,2\n", "value\n1\n", f"prediction\n{KEY}\n", "", b"\x89PNG\r\n\x1a\n0000"]
)
def test_other_files_are_refused(tmp_path: Path, content: str | bytes) -> None:
    with pytest.raises((InvalidTable, UnsupportedContent)):
        read(tmp_path, content)


def test_a_file_has_a_most(tmp_path: Path) -> None:
    with pytest.raises(TooLarge):
        read(tmp_path, "request_id,value\n" + "a,1\n" * 4, most=3)
