from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from predictor.ml.csv_files.csv_writing import exported, exported_cell, neutralised
from predictor.ml.inputs import column_checker
from predictor.ml.inputs.column_checker import CellColumn, json_text
from predictor.ml.inputs.csv_rows import CsvLimits, CsvOptions, CsvRows
from predictor.ml.inputs.row_checker import RowChecker
from predictor.ml.types.reading import Reading, ValueKind
from predictor.ml.types.schema import FeatureField, Role, Signature, Task

SIGNATURE = Signature(
    target="y",
    task=Task.REGRESSION,
    fields=(
        FeatureField("n", Role.NUMERIC, has_missing=True, minimum=0.0, maximum=100.0),
        FeatureField("b", Role.BOOLEAN, has_missing=True),
        FeatureField("c", Role.CATEGORICAL, has_missing=True, levels=("3", "true", "Bern")),
        FeatureField("d", Role.DATETIME, has_missing=True, minimum="2020-01-01", maximum="2021-01-01"),
        FeatureField("t", Role.TEXT),
        FeatureField("absent", Role.NUMERIC, has_missing=True),
    ),
)
NAMES = ("n", "b", "c", "d", "t")
ODD = (
    "", " ", "0", "-0", "007", "1.50", "1e3", "1e400", "999", "-5", "NA", "nan", "inf", "abc", "1_000", "٣", "1\n2",
    "12345678901234567890", "0.12345678901234567890", "-0.0", " 7 ", "+3", "1,5", "1,234.5", "0x1F", "\uff11\uff12",
    "NULL", "7 %", "$5", "1e-05", "-", ".5", "5.", "[1", "2]", "1,2", "999999999999999.99", "0.0123456789012345678",
    "true", "FALSE", "1", "yes", "3", "3.0", "Bern", " Bern", "Ulm",
    "2020-05-31", "2020-05-31T14:30:00Z", "2020-02-30", "1999-01-01", "=1+1", 'a "b", c', "京",
)  # fmt: skip
CELLS = st.one_of(
    st.sampled_from(ODD), st.floats(-10, 200, width=32).map(repr), st.integers(-9, 150).map(str)
)


@pytest.fixture(params=[1, 20_000], ids=["small-cache", "usual-cache"])
def _memory(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(column_checker, "MAX_CACHED_VALUES", request.param)


def columns_of(columns: Any) -> dict[str, list[Any]]:
    """As lists in which NaN equals NaN."""
    return {name: [str(each) for each in np.asarray(values).tolist()] for name, values in columns.items()}


def read_back(lines: Sequence[str]) -> list[list[str]]:
    return list(csv.reader(io.StringIO("".join(f"{each}\r\n" for each in lines), newline="")))


@pytest.mark.usefixtures("_memory")
@pytest.mark.parametrize(("delimiter", "decimal"), [(",", "."), (";", ",")], ids=["point", "comma"])
@given(table=st.lists(st.tuples(*[CELLS] * 5), min_size=1, max_size=30))
@settings(max_examples=60, deadline=None, derandomize=True, database=None)
def test_column_checks_equal_row_checks(delimiter: str, decimal: str, table: list[tuple[str, ...]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, delimiter=delimiter).writerows([NAMES, *table])
        limits = CsvLimits(max_bytes=1 << 20, max_rows=100)
        options = CsvOptions(delimiter=delimiter, decimal=decimal)
        rows = CsvRows(path, SIGNATURE, options, limits, scratch=Path(folder), is_lenient=True)
        (chunk,) = rows.chunks()
        # Twice: cached cells have to give the same result.
        rows.bulk_chunk(chunk)
        bulk = rows.bulk_chunk(chunk)
    expected = RowChecker(SIGNATURE).check_leniently(chunk.rows)

    warnings = [tuple(each for each in row if each.code != "coerced") for row in expected.checked.warnings]
    assert set(bulk.errors) == set(expected.errors)
    assert columns_of(bulk.columns) == columns_of(expected.checked.columns)
    assert [bulk.warnings.get(place, ()) for place in bulk.places] == warnings
    assert [orjson.loads(each) for each in bulk.inputs] == [chunk.rows[place] for place in bulk.places]
    assert bulk.lines == [",".join(map(exported_cell, row)) for row in chunk.cells]
    assert read_back(bulk.lines) == [[neutralised(each) for each in row] for row in chunk.cells]


PLAIN = st.one_of(
    st.integers(-150, 150).map(str), st.floats(-150, 150, width=32).map(lambda each: f"{each:.3f}")
)
DANGEROUS = (
    "=1+1",
    "+1+1",
    "-1+1",
    "@A1",
    "\t=1",
    "\r=1",
    "-",
    "+",
    '=A1&"x"',
    "=1,5",
    "-1,5",
    "-5 %",
    "a,b",
    '"',
    "1\n2",
)
COLUMNS = [
    CellColumn(
        FeatureField("n", Role.NUMERIC, has_missing=True, minimum=0.0, maximum=100.0), str, True, decimal
    )
    for decimal in (".", ",")
]


@pytest.mark.parametrize("column", COLUMNS, ids=["point", "comma"])
@given(
    plain=st.lists(PLAIN, min_size=1, max_size=30),
    others=st.lists(st.tuples(st.integers(0, 30), st.sampled_from(DANGEROUS)), max_size=5),
)
@settings(max_examples=100, deadline=None, derandomize=True, database=None)
def test_a_formula_among_numbers_is_neutralised(
    column: CellColumn, plain: list[str], others: list[tuple[int, str]]
) -> None:
    cells = list(plain)
    for place, cell in others:
        cells.insert(place, cell)
    assert list(exported(cells, column.check(cells).odd)) == [exported_cell(each) for each in cells]


NUMBER = FeatureField("n", Role.NUMERIC, has_missing=True, minimum=0.0, maximum=100.0)
UNBOUNDED = FeatureField("n", Role.NUMERIC, has_missing=True)


@pytest.mark.parametrize("feature", [NUMBER, UNBOUNDED], ids=["bounded", "unbounded"])
@given(
    cells=st.one_of(
        st.lists(st.one_of(st.none(), st.floats(), st.floats(-150, 250)), min_size=1, max_size=30),
        st.lists(
            st.one_of(st.none(), st.integers(-(2**63), 2**64), st.integers(-150, 250)),
            min_size=1,
            max_size=30,
        ),
        st.lists(st.one_of(st.none(), st.booleans()), min_size=1, max_size=5),
    )
)
@settings(max_examples=100, deadline=None, derandomize=True, database=None)
def test_checks_of_typed_numbers_equal_row_checks(feature: FeatureField, cells: list[Any]) -> None:
    checked = CellColumn(feature, lambda cell: cell).check(cells)
    partly_valid = RowChecker(Signature("y", Task.REGRESSION, (feature,))).check_leniently(
        [{"n": each} for each in cells]
    )

    kept = [place for place in range(len(cells)) if place not in partly_valid.errors]
    assert set(checked.faults) == set(partly_valid.errors)
    assert columns_of({"n": checked.values[kept]}) == columns_of(partly_valid.checked.columns)
    assert [checked.warnings.get(place, ()) for place in kept] == [
        tuple(each) for each in partly_valid.checked.warnings
    ]
    assert [checked.texts[place] for place in kept] == [json_text(cells[place]) for place in kept]


READINGS = (
    Reading(ValueKind.NUMBER, ","),
    Reading(ValueKind.NUMBER, ",", "."),
    Reading(ValueKind.NUMBER, ".", ","),
    Reading(ValueKind.NUMBER, ".", "'", missing=("k.a.",)),
    Reading(ValueKind.NUMBER, missing=("-999", "k.a.")),
    Reading(ValueKind.NUMBER, ",", codes=True),
)
READ_NUMBERS = Signature(
    target="y",
    task=Task.REGRESSION,
    fields=tuple(
        FeatureField(f"r{place}", Role.NUMERIC, has_missing=True, minimum=-1e3, maximum=1e3, reading=each)
        for place, each in enumerate(READINGS)
    ),
)
WRITTEN = st.one_of(
    st.from_regex(r"-?[0-9]{1,4}([.,][0-9]{1,4})?", fullmatch=True),
    st.from_regex(r"-?[1-9][0-9]{0,2}([.,'][0-9]{3}){1,2}([.,][0-9]{1,2})?", fullmatch=True),
    st.sampled_from(
        [
            "",
            " ",
            "NA",
            "k.A.",
            "-999",
            "(4)",
            "$5",
            "7 %",
            "+3",
            "inf",
            "1e400",
            "007",
            "1E05",
            "x",
            "1.2,5",
            "−3",
        ]
    ),
)


@pytest.mark.parametrize("decimal", [".", ","])
@given(table=st.lists(st.lists(WRITTEN, min_size=6, max_size=6), min_size=1, max_size=30))
@settings(max_examples=100, deadline=None, derandomize=True, database=None)
def test_columns_of_numbers_are_read_as_their_readings_say(decimal: str, table: list[list[str]]) -> None:
    """Whole columns of plain numbers are parsed at once, with the values that each cell has by its reading."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, delimiter=";").writerows([READ_NUMBERS.names, *table])
        limits = CsvLimits(max_bytes=1 << 20, max_rows=100)
        options = CsvOptions(delimiter=";", decimal=decimal)
        rows = CsvRows(path, READ_NUMBERS, options, limits, scratch=Path(folder), is_lenient=True)
        (chunk,) = rows.chunks()
        bulk = rows.bulk_chunk(chunk)
    expected = RowChecker(READ_NUMBERS).check_leniently(chunk.rows)

    assert set(bulk.errors) == set(expected.errors)
    assert columns_of(bulk.columns) == columns_of(expected.checked.columns)
    assert [orjson.loads(each) for each in bulk.inputs] == [chunk.rows[place] for place in bulk.places]
