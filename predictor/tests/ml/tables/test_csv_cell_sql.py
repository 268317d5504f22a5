from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from predictor.ml.tables.csv_cell_sql import Cell, kind_sql
from predictor.ml.tables.duckdb_connection import connect


@pytest.fixture(scope="module")
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    with connect([Path("/nowhere")], memory_mb=100, n_threads=1) as connection:
        yield connection


def values(database: duckdb.DuckDBPyConnection, sql: str, cells: Sequence[str | None]) -> list[object]:
    """The value of an SQL expression for each cell; the cell is the column `cell`."""
    rows = database.execute(f"SELECT {sql} FROM (SELECT unnest($1::VARCHAR[]) AS cell)", [list(cells)])
    return [row[0] for row in rows.fetchall()]


def kinds(
    database: duckdb.DuckDBPyConnection, cells: Sequence[str | None], decimal: str = "."
) -> list[object]:
    return values(database, kind_sql(Cell("cell", decimal)), cells)


@pytest.mark.parametrize(
    ("kind", "cells"),
    [
        ("blank", [None, "", "   "]),
        ("integer", ["0", "-0", "+4", "+123456", " 12 ", "9007199254740992", "-9007199254740992"]),
        ("number", ["1.5", "-.5", "7.", "1.e3", "-1e3", "+1.5E-3", "1e-400", "123456789012345678.5"]),
        ("code", ["1E05", "2e10", " 5E03 ", "10e4", "0e5", "1e3"]),
        ("word", ["NA", " n/a ", "#N/A", "NaN", "null", "None", "-", ".", "?"]),
        ("boolean", ["true", "false", " tRUE "]),
        ("boolean in title case", ["True", " False "]),
        ("boolean in upper case", ["TRUE", " FALSE"]),
        ("date", ["2024-02-29", " 1969-12-31 ", "0001-01-01", "9999-12-31"]),
        ("infinite", ["inf", "-Infinity", " +INF ", "1e400", "-1e400"]),
        ("zeros", ["007", "-01", "+00"]),
        ("huge", ["9007199254740993", "-9007199254740993", "12345678901234567890", "1" + "0" * 60]),
        ("zoned", ["2024-01-05T10:00Z", "2024-01-05 10:00:00+02:00", "2024-01-05T10:00:00.5-0230"]),
        ("moment", ["2024-01-05T10:00", " 2024-01-05 10:00:59.123456 "]),
        ("ambiguous", ["01/02/2024", "1.2.24", "25-12-2024 10:00"]),
        ("decorated", ["$5", "-1,234.50", "45 %", "1'000", "12 EUR", "€ 7"]),
        ("other", ["abc", "0x1F", "1_000", "٣", "yes", "+1234567", "1e", "--", "12:30", "1 2 x"]),
        # Not in the calendar of Python's dates.
        ("other", ["2024-02-30", "2023-02-29", "0000-01-01", "10000-01-01 00:00:00", "2024-01-05T24:01"]),
        ("other", ["9999-12-31T23:00:00-14:00", "0001-01-01T00:00:00+14:00"]),
    ],
)
def test_each_cell_is_of_one_kind(
    database: duckdb.DuckDBPyConnection, kind: str, cells: list[str | None]
) -> None:
    assert kinds(database, cells) == [kind] * len(cells)


def number_kind(cell: str) -> str | None:
    """The kind of a number by Python's float; None for what is no number, or none that is kept as one."""
    text = cell.strip(" ")
    if "_" in text or not re.search("[0-9]", text):
        return None
    try:
        value = float(text)
    except ValueError:
        return None
    mantissa = re.split("[eE]", text)[0]
    digits = mantissa.lstrip("+-")
    is_whole = "." not in mantissa
    if re.match("0[0-9]", digits):
        return None
    if is_whole and mantissa.startswith("+") and len(digits) > 6:  # a telephone number
        return None
    if math.isinf(value):
        return "infinite"
    if text == mantissa and is_whole:
        return "integer" if abs(int(text)) <= 2**53 else None
    return "number"


READ_AS_NUMBERS = ("integer", "number", "code", "infinite")
NUMBER_TEXTS = st.one_of(
    st.text("0123456789+-.eE_ ", max_size=8),
    st.from_regex(r"\A ?[+-]?[0-9]{0,20}(\.[0-9]{0,4})?([eE][+-]?[0-9]{1,3})? ?\Z"),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.integers(-(2**54), 2**54).map(str),
)


@given(cells=st.lists(NUMBER_TEXTS, min_size=1, max_size=40))
@settings(max_examples=50, deadline=None)
def test_numbers_are_those_that_python_reads_without_loss(
    database: duckdb.DuckDBPyConnection, cells: list[str]
) -> None:
    found = [
        {"code": "number"}.get(kind, kind) if kind in READ_AS_NUMBERS else None
        for kind in kinds(database, cells)
    ]

    assert found == [number_kind(cell) for cell in cells]


@given(numbers=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=40))
@settings(max_examples=25, deadline=None)
def test_a_number_is_the_same_with_a_decimal_comma(
    database: duckdb.DuckDBPyConnection, numbers: list[float]
) -> None:
    cell = Cell("cell", ",")
    cells = [repr(number).replace(".", ",") for number in numbers]

    assert values(database, cell.is_number, cells) == [True] * len(cells)
    assert values(database, cell.cast("DOUBLE"), cells) == numbers


@pytest.mark.parametrize("cell", ["1.5", "1.234", "1.234,5", "1.", ".5"])
def test_a_point_in_a_decimal_comma_file_makes_no_number(
    database: duckdb.DuckDBPyConnection, cell: str
) -> None:
    comma = Cell("cell", ",")

    assert not any(values(database, comma.is_number, [cell]))
    assert values(database, comma.cast("DOUBLE"), [cell]) == [None]


def moment_kind(text: str) -> str:
    """The kind of a time by Python's datetime."""
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return "other"
    return "moment" if moment.tzinfo is None else "zoned"


@st.composite
def moment_texts(draw: st.DrawFn) -> str:
    """Texts of the form 2024-01-05T10:00:59.123456+02:00; some are not in the calendar."""
    year, month, day = (
        draw(st.sampled_from([0, 1, 1900, 2023, 2024, 9999])),
        draw(st.integers(0, 13)),
        draw(st.integers(0, 32)),
    )
    hour, minute, second = draw(st.integers(0, 23)), draw(st.integers(0, 60)), draw(st.integers(0, 60))
    fraction = draw(st.sampled_from(["", ".500", ".123456"]))
    offset = draw(st.sampled_from(["", "", "Z", "+02:00", "-02:30", "+14:00", "-14:00"]))
    separator = draw(st.sampled_from("T "))
    return (
        f"{year:04d}-{month:02d}-{day:02d}{separator}{hour:02d}:{minute:02d}:{second:02d}{fraction}{offset}"
    )


@given(cells=st.lists(moment_texts(), min_size=1, max_size=40))
@settings(max_examples=25, deadline=None)
def test_times_are_those_of_the_calendar(database: duckdb.DuckDBPyConnection, cells: list[str]) -> None:
    assert kinds(database, cells) == [moment_kind(cell) for cell in cells]


@given(days=st.lists(st.tuples(st.integers(0, 9999), st.integers(0, 13), st.integers(0, 32)), min_size=1))
@settings(max_examples=25, deadline=None)
def test_dates_are_those_of_the_calendar(
    database: duckdb.DuckDBPyConnection, days: list[tuple[int, int, int]]
) -> None:
    def is_date(year: int, month: int, day: int) -> bool:
        try:
            return bool(date(year, month, day))
        except ValueError:
            return False

    cells = [f"{year:04d}-{month:02d}-{day:02d}" for year, month, day in days]

    assert [kind == "date" for kind in kinds(database, cells)] == [is_date(*day) for day in days]


ODD_TIMES = (
    "2024-01-05", "2024-01-05 10:00:00", "2024-01-05T10:00:00", "2024-01-05T10:00", " 2024-01-05 10:00 ",
    "2024-01-05 10:00:00.5", "infinity", "-infinity", "epoch", "10000-01-01 00:00:00", "0000-01-01 00:00:00",
    "0044-03-15 (BC) 10:00:00", "2024-01-05T10:00Z", "2024-1-5", "abc", "",
)  # fmt: skip


def test_the_fast_check_of_a_date_or_time_equals_the_kinds(database: duckdb.DuckDBPyConnection) -> None:
    is_accepted = [bool(each) for each in values(database, Cell("cell", ".").is_date_or_moment, ODD_TIMES)]

    assert is_accepted == [kind in ("date", "moment") for kind in kinds(database, ODD_TIMES)]
