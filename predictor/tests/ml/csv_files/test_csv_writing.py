from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from predictor.ml.csv_files.csv_writing import (
    csv_lines,
    escape_sentence,
    escaped_places,
    exported,
    exported_cell,
    neutralised,
    quoted_cell,
)


@pytest.mark.parametrize(
    "cell",
    [
        *["=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "=", "@", "-٣x", "-A1", "+(1)", "-5 kg", "- a"],
        *[
            "+49-30-123",
            "-1/2",
            "-2*3",
            "+1:1",
            "-$A$1",
            "+1&1",
            "\t-A1",
            "\ra",
            "--1",
            "+-(1)",
            "-\n=1",
            "+,",
            "-1^2",
        ],
    ],
)
def test_a_formula_gets_an_apostrophe(cell: str) -> None:
    assert neutralised(cell) == f"'{cell}"


@pytest.mark.parametrize(
    "cell",
    [
        *["", "-5", "+1.5", "-1e-5", "-.5", "-inf", "a=1", " =1", "'=1", "1-2", "京", -5, -0.5, None, True],
        *[
            "+",
            "-",
            "++",
            "--",
            "-5 %",
            "-10%",
            "-1,5",
            "-1.000,50",
            "+4 123",
            "+49 30 123",
            "- 5",
            "-$5",
            "-5 €",
        ],
        *["-1'000.5", "\t-5", "\r12", "-1\u00a0000"],
    ],
)
def test_numbers_and_other_cells_stay_as_they_are(cell: Any) -> None:
    assert neutralised(cell) is cell


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (None, ""),
        (1.5, "1.5"),
        (True, "true"),
        (False, "false"),
        ("True", "True"),
        ("a;b c", "a;b c"),
        ("a,b", '"a,b"'),
        ('say "hi"', '"say ""hi"""'),
        ("a\r\nb", '"a\r\nb"'),
        ("=1", "=1"),
    ],
)
def test_a_cell_is_quoted_as_in_rfc_4180(cell: Any, text: str) -> None:
    assert quoted_cell(cell) == text


def test_a_formula_is_neutralised_before_it_is_quoted() -> None:
    assert exported_cell('=A1&","') == '"\'=A1&"","""'


CELLS = st.one_of(st.text("=+-@\t\r\n,\"' a1.é京", max_size=6), st.integers(), st.none())
TABLES = st.integers(2, 4).flatmap(
    lambda width: st.lists(st.lists(CELLS, min_size=width, max_size=width), max_size=6)
)


@given(table=TABLES)
@settings(max_examples=50, deadline=None)
def test_the_csv_module_reads_the_lines_as_the_neutralised_cells(table: list[list[Any]]) -> None:
    rows = csv.reader(io.StringIO(csv_lines(table).decode("utf-8"), newline=""))

    assert list(rows) == [["" if cell is None else str(neutralised(cell)) for cell in row] for row in table]


def test_no_row_is_no_line() -> None:
    assert csv_lines([]) == b""


@given(cells=st.lists(st.text('=+-@\t\r\n,"a1.é', max_size=4), max_size=6))
@settings(max_examples=50, deadline=None)
def test_a_column_is_exported_like_its_cells(cells: list[str]) -> None:
    expected = [exported_cell(cell) for cell in cells]

    assert list(exported(cells)) == expected
    assert list(exported(cells, odd=range(len(cells)))) == expected


def test_a_plain_column_is_returned_as_it_is() -> None:
    cells = ["a", "1", "", "京"]

    assert exported(cells) is cells
    assert exported(cells, odd=()) is cells


def test_only_the_odd_cells_of_a_column_are_checked() -> None:
    assert exported(["=1", "-1", "=2"], odd=(2,)) == ["=1", "-1", "'=2"]


@given(cells=st.lists(st.text(st.sampled_from('=+-@1a,."\n'), max_size=4), max_size=6))
def test_the_places_of_apostrophes_are_those_that_exporting_adds(cells: list[str]) -> None:
    written = exported(cells)

    places = escaped_places(cells, written)

    read_back = (
        [row[0] if row else "" for row in csv.reader(io.StringIO("\n".join(written)))] if cells else []
    )
    if "\n" not in "".join(cells) and all(cells):
        assert [
            n for n, (cell, other) in enumerate(zip(cells, read_back, strict=True)) if cell != other
        ] == places
    assert all(written[place].lstrip('"').startswith("'") for place in places)


def test_a_column_that_is_written_as_it_is_has_no_escaped_cells() -> None:
    cells = ["a", "b"]

    assert exported(cells) is cells
    assert escaped_places(cells, cells) == []


def test_a_row_names_its_escaped_columns() -> None:
    assert escape_sentence(["g", "=x"]) == (
        "Written with an apostrophe, so that no spreadsheet runs it as a formula: “g”, “=x”."
    )
