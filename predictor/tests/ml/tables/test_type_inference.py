from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from predictor.ml.tables import ingest_reader
from predictor.ml.tables.duckdb_connection import connect
from predictor.ml.tables.type_inference import (
    RECHECK,
    ColumnPlan,
    Evidence,
    cast_sql,
    evidence_sql,
    plan_column,
    reading_sql,
    typing_warnings,
)

from ..imported_tables import Read


@pytest.mark.parametrize(
    ("cells", "storage", "values"),
    [
        (["1", "-2", " 3 ", "+4"], "BIGINT", [1, -2, 3, 4]),
        (["1", "2.5", "-.5", "1e3", "7."], "DOUBLE", [1.0, 2.5, -0.5, 1000.0, 7.0]),
        (["1E05", "2E10", "", "5E03"], "VARCHAR", ["1E05", "2E10", None, "5E03"]),
        (["10234", "10e4", "NA"], "VARCHAR", ["10234", "10e4", "NA"]),
        (["1E05", "9E999"], "VARCHAR", ["1E05", "9E999"]),
        (["1.5e-3", "1e-05", "-1e5", "2E+10", "NA"], "DOUBLE", [0.0015, 1e-05, -1e5, 2e10, None]),
        (["9007199254740992", "1"], "BIGINT", [9007199254740992, 1]),
        (["true", "FALSE", "True"], "BOOLEAN", [True, False, True]),
        (["2024-02-29", "1969-12-31"], "DATE", ["2024-02-29", "1969-12-31"]),
        (["2024-01-05", "2024-01-05 10:30"], "TIMESTAMP", ["2024-01-05T00:00:00", "2024-01-05T10:30:00"]),
        (["2024-01-05T10:00:00+02:00", "2024-01-05T10:00:00Z"], "TIMESTAMP",
         ["2024-01-05T08:00:00", "2024-01-05T10:00:00"]),
        (["00501", "10115"], "VARCHAR", ["00501", "10115"]),
        (["007", "1.5"], "VARCHAR", ["007", "1.5"]),
        (["+4917212345", "+4930123"], "VARCHAR", ["+4917212345", "+4930123"]),
        (["12345678901234567890", "5"], "VARCHAR", ["12345678901234567890", "5"]),
        (["9007199254740993", "5"], "VARCHAR", ["9007199254740993", "5"]),
        (["1_000", "0x1F"], "VARCHAR", ["1_000", "0x1F"]),
        (["01/02/2024", "25/12/2024"], "VARCHAR", ["01/02/2024", "25/12/2024"]),
        (["2024-02-30", "2024-01-01"], "VARCHAR", ["2024-02-30", "2024-01-01"]),
        (["1", "two"], "VARCHAR", ["1", "two"]),
        (["true", "maybe"], "VARCHAR", ["true", "maybe"]),
        (["٣", "٤"], "VARCHAR", ["٣", "٤"]),
        ([" x", "y "], "VARCHAR", [" x", "y "]),
        (["  ", "x"], "VARCHAR", [None, "x"]),
        (["=1+1", "@SUM(A1)"], "VARCHAR", ["=1+1", "@SUM(A1)"]),
        (["NA", "DE"], "VARCHAR", ["NA", "DE"]),
        (["NA", "5", "null", "-"], "BIGINT", [None, 5, None, None]),
        (["NaN", "0.5"], "DOUBLE", [None, 0.5]),
        (["", "5"], "BIGINT", [None, 5]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("is_large", [False, True])
def test_it_types_a_column_only_without_loss(
    read: Read,
    monkeypatch: pytest.MonkeyPatch,
    cells: list[str],
    storage: str,
    values: list[Any],
    is_large: bool,
) -> None:
    if is_large:  # the first row decides, and has to be corrected by the others
        monkeypatch.setattr(ingest_reader, "MAX_SAMPLED_ROWS", 1)
    imported = read("v,w\n" + "".join(f'"{cell}",z\n' for cell in cells))
    assert imported.storages["v"] == storage
    assert [row["v"] for row in imported.rows] == values


@pytest.mark.parametrize(
    ("cells", "warning"),
    [
        (["1", "two", "3.5"], "Mixed: 2 numbers and 1 other cell"),
        (["2024-01-05", "soon"], "Mixed: 1 date and 1 other cell"),
        (
            ["2024-01-05", "01/02/2024"],
            "The cells can be read in two ways: as dates written Y-M-D or D/M/Y, or as",
        ),
        (
            ["01/02/2024", "03/04/2024"],
            "The cells can be read in two ways: as dates written D/M/Y, or as dates w",
        ),
        (["00501", "10115"], "Kept as text: 1 number with a leading zero"),
        (["12345678901234567890", "5"], "Kept as text: 1 whole number too large"),
        (
            ["1E05", "2E10", "7"],
            "Kept as text: 2 cells such as 1E05, which may be codes with the letter E. Choose the",
        ),
        (["", ""], "Every cell is missing"),
        (["NA", "5"], "1 cell with a word such as NA"),
        (["$1,234.5", "$5"], "Read as numbers, decimal mark “.”, thousands mark “,”: “$1,234.5” is 1234.5."),
        (["45 %", "50%"], "Read as numbers, decimal mark “.”: “45 %” is 45."),
        (["45 %", "some", *[f"{n}%" for n in range(12)]], "13 numbers written with a currency"),
        (["=HYPERLINK(x)", "+1+1", "@SUM(A1)"], "3 cells look like a spreadsheet formula"),
        (["2024-01-05T10:00Z", "2024-01-05T10:00"], "1 time without a UTC offset"),
    ],
)
def test_it_warns_of_what_is_doubtful_and_counts_it(read: Read, cells: list[str], warning: str) -> None:
    imported = read("v,w\n" + "".join(f'"{cell}",{number}\n' for number, cell in enumerate(cells)))
    assert f"“v”: {warning}" in imported.warnings
    assert any(warning in text for text in imported.report.schema["v"].warnings)


# --- Later rows of a large file, which have to fit the plan -------------------------------------------------

ODD_CELLS = (
    "", " ", "1", "-2", " 3 ", "+4", "007", "1.5", ".5", "1e3", "9007199254740993", "1_0", "1,5", "NA", "nan", "-",
    "true", "FALSE", "yes", "2024-01-05", "2024-02-30", "0000-01-01", "2024-01-05 10:00:00", "2024-01-05T10:00",
    "2024-01-05T10:00:00+02:00", "10000-01-01 00:00:00", "0044-03-15 (BC) 10:00:00", "infinity", "-inf", "1e400",
    "9999-12-31T23:00:00-14:00", "01/02/2024", "abc", "=1+1", "京",
)  # fmt: skip


@pytest.fixture(scope="module")
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    with connect([Path("/nowhere")], memory_mb=100, n_threads=1) as connection:
        yield connection


def kinds_of(database: duckdb.DuckDBPyConnection, cells: Sequence[str]) -> list[str]:
    """The kind of each cell: a column of one row for each."""
    columns = ", ".join(f"${place + 1} AS c{place}" for place in range(len(cells)))
    counts = database.execute(evidence_sql(range(len(cells)), ".", f"(SELECT {columns})"), list(cells))
    return [kind for _, kind, _ in sorted(counts.fetchall())]


def plan_of(kinds: Sequence[str]) -> ColumnPlan:
    evidence = Evidence.of_kinds(Counter(kinds))
    return plan_column(0, "v", evidence, decimal=".", takes_infinite_as_missing=True)


def read_cell(database: duckdb.DuckDBPyConnection, plan: ColumnPlan, cell: str, *, is_proved: bool) -> Any:
    """The value of one cell, or the error of a cell that does not fit the plan."""
    value = reading_sql(plan, max_cell_bytes=100, is_proved=is_proved)
    relation = f"(SELECT *, {cast_sql(plan, is_proved=is_proved)} FROM (SELECT $1::VARCHAR AS c0))"
    try:
        return database.execute(f"SELECT {value} FROM {relation}", [cell]).fetchone()
    except duckdb.Error as error:
        if RECHECK not in str(error):
            raise
        return RECHECK


@pytest.mark.parametrize(
    "first_cells",
    [
        ["1"], ["1", "NA"], ["1", "inf"], ["1.5"], ["1.5", "NA"], ["1.5", "inf"], ["true"], ["2024-01-05"],
        ["2024-01-05 10:00:00"], ["2024-01-05T10:00Z"], ["2024-01-05T10:00Z", "2024-01-05", "-"],
    ],
)  # fmt: skip
def test_a_later_cell_is_accepted_only_if_it_leaves_the_plan_as_it_is(
    database: duckdb.DuckDBPyConnection, first_cells: list[str]
) -> None:
    first_kinds = kinds_of(database, first_cells)
    plan = plan_of(first_kinds)
    assert plan.storage != "VARCHAR"

    for cell, kind in zip(ODD_CELLS, kinds_of(database, ODD_CELLS), strict=True):
        is_accepted = plan_of([*first_kinds, kind]) == plan
        expected = read_cell(database, plan, cell, is_proved=True) if is_accepted else RECHECK
        assert read_cell(database, plan, cell, is_proved=False) == expected, cell


@pytest.mark.parametrize(
    "cell",
    ["infinity", "-infinity", "10000-01-01 00:00:00", "0044-03-15 (BC) 10:00:00", "0000-01-01 00:00:00"],
)
@pytest.mark.parametrize("n_sampled", [1, 100])
def test_a_time_outside_of_the_years_1_to_9999_stays_text(
    read: Read, monkeypatch: pytest.MonkeyPatch, cell: str, n_sampled: int
) -> None:
    monkeypatch.setattr(ingest_reader, "MAX_SAMPLED_ROWS", n_sampled)

    imported = read(f"v,w\n2024-01-05 10:00:00,1\n{cell},2\n")

    assert [row["v"] for row in imported.rows] == ["2024-01-05 10:00:00", cell]


@pytest.mark.parametrize("cell", ["0000-01-01", "0000-01-01 10:00", "9999-12-31T23:00:00-14:00"])
def test_a_column_of_times_outside_of_the_calendar_stays_text(read: Read, cell: str) -> None:
    assert [row["v"] for row in read(f"v,w\n{cell},1\n{cell},2\n").rows] == [cell, cell]


# --- Plans and warnings -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kinds", "storage"),
    [
        ({}, "VARCHAR"),
        ({"blank": 3}, "VARCHAR"),
        ({"word": 3}, "VARCHAR"),
        ({"infinite": 3}, "VARCHAR"),
        ({"integer": 2, "blank": 1, "word": 1}, "BIGINT"),
        ({"integer": 2, "infinite": 1}, "BIGINT"),
        ({"integer": 2, "number": 1}, "DOUBLE"),
        ({"number": 2, "infinite": 1, "word": 1}, "DOUBLE"),
        ({"boolean": 2, "blank": 1}, "BOOLEAN"),
        ({"boolean": 1, "boolean in title case": 1, "boolean in upper case": 1}, "BOOLEAN"),
        ({"boolean": 2, "integer": 1}, "VARCHAR"),
        ({"date": 2}, "DATE"),
        ({"date": 2, "moment": 1}, "TIMESTAMP"),
        ({"zoned": 2}, "TIMESTAMP"),
        ({"date": 2, "infinite": 1}, "VARCHAR"),
        ({"integer": 2, "date": 1}, "VARCHAR"),
        ({"integer": 2, "zeros": 1}, "VARCHAR"),
        ({"integer": 2, "huge": 1}, "VARCHAR"),
        ({"integer": 2, "code": 1}, "VARCHAR"),
        ({"code": 2, "infinite": 1, "word": 1}, "VARCHAR"),
        ({"integer": 2, "code": 1, "number": 1}, "DOUBLE"),
        ({"ambiguous": 2}, "VARCHAR"),
        ({"decorated": 2}, "VARCHAR"),
    ],
)
def test_the_narrowest_type_that_holds_every_cell_is_planned(kinds: dict[str, int], storage: str) -> None:
    plan = plan_column(3, "v", Evidence.of_kinds(kinds), decimal=".", takes_infinite_as_missing=False)

    assert plan.storage == storage
    assert plan.has_words_for_missing == (storage != "VARCHAR" and "word" in kinds)
    assert plan.has_offsets == ("zoned" in kinds)
    assert not plan.has_infinite_as_missing


def test_evidence_counts_integers_as_numbers_and_offsets_as_times() -> None:
    evidence = Evidence.of_kinds({"blank": 5, "integer": 2, "number": 3, "moment": 1, "zoned": 4, "other": 7})

    assert evidence == Evidence(n_filled=17, n_integers=2, n_numbers=5, n_moments=5, n_zoned_moments=4)


def test_evidence_counts_codes_with_an_e_as_numbers_beside_fractions_alone() -> None:
    assert Evidence.of_kinds({"integer": 1, "code": 2}) == Evidence(
        n_filled=3, n_integers=1, n_numbers=1, n_codes=2
    )
    assert Evidence.of_kinds({"number": 1, "code": 2}) == Evidence(n_filled=3, n_numbers=3)


@pytest.mark.parametrize("kinds", [{"code": 2, "other": 2}, {"code": 1, "number": 1}])
def test_codes_among_other_texts_or_numbers_give_no_warning_about_codes(kinds: dict[str, int]) -> None:
    evidence = Evidence.of_kinds(kinds)
    plan = plan_column(0, "v", evidence, decimal=".", takes_infinite_as_missing=False)

    assert typing_warnings(plan, evidence, n_seen=3, is_exact=True) == ()


@given(
    moments=st.lists(
        st.datetimes(datetime(1, 1, 2), timezones=st.just(timezone(timedelta(hours=2)))), min_size=1
    )
)
@settings(max_examples=25, deadline=None)
def test_a_time_with_an_offset_is_cast_to_utc(
    database: duckdb.DuckDBPyConnection, moments: list[datetime]
) -> None:
    plan = ColumnPlan(0, "v", "TIMESTAMP", has_offsets=True)
    cells = [moment.isoformat() for moment in moments]

    rows = database.execute(
        f"SELECT {cast_sql(plan, is_proved=True)} FROM (SELECT unnest($1::VARCHAR[]) AS c0)", [cells]
    ).fetchall()

    assert [row[0] for row in rows] == [moment.astimezone(UTC).replace(tzinfo=None) for moment in moments]


@pytest.mark.parametrize(
    ("kinds", "warning"),
    [
        (
            {"integer": 1, "other": 1},
            "Mixed: 1 number and 1 other cell among the first 1,000 rows; kept as text.",
        ),
        ({"boolean": 2, "other": 1}, "Mixed: 2 truth values and 1 other cell among the first 1,000 rows"),
        (
            {"zeros": 2},
            "Kept as text: 2 numbers with a leading zero, which a number would lose among the first",
        ),
    ],
)
def test_counts_of_a_sample_are_not_given_for_the_whole_file(kinds: dict[str, int], warning: str) -> None:
    evidence = Evidence.of_kinds(kinds)
    plan = plan_column(0, "v", evidence, decimal=".", takes_infinite_as_missing=False)

    [sampled] = typing_warnings(plan, evidence, n_seen=1_000, is_exact=False)
    [exact] = typing_warnings(plan, evidence, n_seen=1_000, is_exact=True)

    assert sampled.startswith(warning)
    assert exact == sampled.replace(" among the first 1,000 rows", "")


def test_a_column_that_is_empty_in_the_sample_gives_no_warning() -> None:
    plan, evidence = ColumnPlan(0, "v", "VARCHAR"), Evidence()

    assert typing_warnings(plan, evidence, n_seen=1_000, is_exact=False) == ()
    assert typing_warnings(plan, evidence, n_seen=3, is_exact=True) == ("Every cell is missing.",)


@pytest.mark.parametrize("kinds", [{"integer": 3}, {"other": 3}, {"date": 1, "moment": 1}, {"zoned": 2}])
def test_a_column_of_one_kind_gives_no_warning(kinds: dict[str, int]) -> None:
    evidence = Evidence.of_kinds(kinds)
    plan = plan_column(0, "v", evidence, decimal=".", takes_infinite_as_missing=False)

    assert typing_warnings(plan, evidence, n_seen=3, is_exact=True) == ()


@pytest.mark.parametrize(
    ("kinds", "spelling"),
    [
        ({"boolean": 3}, ()),
        ({"boolean in title case": 3}, ("False", "True")),
        ({"boolean in upper case": 3, "boolean": 2}, ("FALSE", "TRUE")),
        ({"boolean in upper case": 2, "boolean": 2}, ()),
        ({"integer": 2}, ()),
    ],
)
def test_truth_values_are_spelt_as_most_of_them_are(kinds, spelling):
    assert Evidence.of_kinds(kinds).boolean_spelling == spelling
