from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from predictor.ml.inputs.row_checker import RowWarning
from predictor.ml.inputs.row_chunks import BulkChunk
from predictor.ml.types.schema import Signature, Task
from predictor.models import BatchFormat
from predictor.services.predictions.bulk_answers import BulkAnswerer
from predictor.services.predictions.loaded_versions import LoadedVersion
from predictor.services.predictions.result_writer import ResultWriter
from predictor.services.predictions.row_answers import NOT_A_NUMBER

from .stub_predictor import NAN, Stub

REGRESSION = Signature("y", Task.REGRESSION, ())
MISSING, EXTRA = RowWarning("missing", "x", "No x, no y."), RowWarning("extra", "z", "An extra column.")


def writer_of(
    file_format: BatchFormat,
    *,
    signature: Signature = REGRESSION,
    names: tuple[str, ...] = ("x",),
    has_errors: bool = True,
    **arrays: Any,
) -> ResultWriter:
    """A writer for a file with these columns, and predictions that are these arrays."""
    version = LoadedVersion(signature, None, Stub(signature, arrays))  # type: ignore[arg-type]
    answerer = BulkAnswerer(version, is_neutralised=file_format is BatchFormat.CSV)
    rows: Any = SimpleNamespace(names=names)
    return ResultWriter(file_format, rows, answerer, has_errors=has_errors)


def chunk_of(
    lines: list[str],
    *,
    warnings: dict[int, tuple[RowWarning, ...]] | None = None,
    errors: dict[int, str] | None = None,
) -> BulkChunk:
    places = [place for place in range(len(lines)) if place not in (errors or {})]
    return BulkChunk(1, lines, places, {}, ["{}"] * len(places), warnings or {}, errors or {})


def written(writer: ResultWriter, chunk: BulkChunk) -> bytes:
    return writer.head + writer.chunk(chunk, writer._answerer.answer(chunk))


def test_a_csv_has_the_error_or_the_prediction_of_each_row_at_its_place() -> None:
    writer = writer_of(BatchFormat.CSV, values=np.array([1.5, NAN, 2.0]))
    chunk = chunk_of(
        ["1", "2", "3", "4"], warnings={3: (MISSING, EXTRA)}, errors={1: 'Row 2: "b", no number.'}
    )

    content = written(writer, chunk)

    assert content.decode() == (
        "x,prediction,warnings,error\r\n"
        "1,1.5,,\r\n"
        '2,,,"Row 2: ""b"", no number."\r\n'
        "3,,,\r\n"
        '4,2.0,"“x”: No x, no y. “z”: An extra column.",\r\n'
    )


def test_a_csv_without_the_error_column_warns_of_a_row_without_a_prediction() -> None:
    writer = writer_of(BatchFormat.CSV, has_errors=False, values=np.array([1.5, NAN, np.inf]))
    chunk = chunk_of(["1", "2", "3"], warnings={0: (EXTRA,), 2: (EXTRA,)})

    content = written(writer, chunk)

    assert content.decode() == (
        "x,prediction,warnings\r\n"
        "1,1.5,“z”: An extra column.\r\n"
        f"2,,{NOT_A_NUMBER}\r\n"
        f"3,,{NOT_A_NUMBER} “z”: An extra column.\r\n"
    )


def test_a_row_without_a_prediction_has_as_many_cells_as_the_others() -> None:
    shares = np.array([[0.25, 0.75], [NAN, 1.0]])
    writer = writer_of(
        BatchFormat.CSV, signature=Signature("y", Task.BINARY, (), ("no", "yes")),
        probabilities=shares, codes=np.array([1, 0]),
    )  # fmt: skip

    head, good, broken, odd = written(
        writer, chunk_of(["1", "2", "3"], warnings={2: (EXTRA,)}, errors={1: "bad"})
    ).splitlines()

    assert head == b"x,prediction,probability_no,probability_yes,warnings,error"
    assert good == b"1,yes,0.25,0.75,,"
    assert broken == b"2,,,,,bad"
    assert odd.decode() == "3,,,,“z”: An extra column.,"


def test_json_lines_hold_the_row_as_it_was_and_its_prediction_or_error() -> None:
    writer = writer_of(BatchFormat.JSONL, names=(), values=np.array([1.5, NAN, 2.0]))
    lines = ['{"x": 1}', '"not \\"an object"', '{"x":3}', '{"ü": "\\n"}']
    chunk = chunk_of(lines, warnings={3: (MISSING,)}, errors={1: 'Line 2 is “"x”.'})

    content = written(writer, chunk)

    assert writer.head == b""
    assert content.endswith(b"\n")
    assert [json.loads(line) for line in content.splitlines()] == [
        {"input": {"x": 1}, "prediction": 1.5, "warnings": []},
        {"input": 'not "an object', "prediction": None, "error": 'Line 2 is “"x”.'},
        {"input": {"x": 3}, "prediction": None, "error": NOT_A_NUMBER, "warnings": []},
        {
            "input": {"ü": "\n"},
            "prediction": 2.0,
            "warnings": [{"code": "missing", "column": "x", "message": "No x, no y."}],
        },
    ]


def test_formula_cells_are_neutralised_in_a_csv() -> None:
    writer = writer_of(
        BatchFormat.CSV, signature=Signature("y", Task.BINARY, (), ("=1+1", "b")), names=("@SUM(A1)", "-5"),
        probabilities=np.eye(2), codes=np.array([0, 1]),
    )  # fmt: skip
    chunk = chunk_of(
        ["1,2", "3,4", "5,6"],
        warnings={1: (RowWarning("unseen", "x", "=A1"),)},
        errors={2: "@A1, “x” is no number."},
    )

    rows = list(csv.reader(io.StringIO(written(writer, chunk).decode(), newline="")))

    # “probability_=1+1” does not begin with a sign, so it is no formula.
    assert rows[0] == [
        "'@SUM(A1)",
        "-5",
        "prediction",
        "probability_=1+1",
        "probability_b",
        "warnings",
        "error",
    ]
    assert [row[2] for row in rows[1:]] == ["'=1+1", "b", ""]
    assert (rows[2][5], rows[3][6]) == ("“x”: =A1", "'@A1, “x” is no number.")


@pytest.mark.parametrize(
    ("names", "added"),
    [
        (("x",), ("prediction", "warnings", "error")),
        (("prediction", "error"), ("prediction_2", "warnings", "error_2")),
        # In DuckDB, names that differ only in case are the same.
        (("PREDICTION", "Prediction_2", "Warnings"), ("prediction_3", "warnings_2", "error")),
        ((), ("prediction", "warnings", "error")),
    ],
)
def test_added_columns_get_a_number_where_the_file_has_their_name(
    names: tuple[str, ...], added: tuple[str, ...]
) -> None:
    writer = writer_of(BatchFormat.CSV, names=names, values=np.zeros(1))

    assert writer.added == added
    assert writer.head.decode() == ",".join([*names, *added]) + "\r\n"


def test_an_added_column_does_not_take_the_name_of_another() -> None:
    # “probability_a” of the file moves that of class “a” to “probability_a_2”, which class “a_2” has too.
    writer = writer_of(
        BatchFormat.CSV, signature=Signature("y", Task.MULTICLASS, (), ("a", "a_2", "b")),
        names=("probability_a",), probabilities=np.eye(3), codes=np.arange(3),
    )  # fmt: skip

    assert len({name.casefold() for name in (*writer.added, "probability_a")}) == len(writer.added) + 1


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(width=32), st.none() | st.text(min_size=1), st.none() | st.text(min_size=1)),
        min_size=1,
        max_size=6,
    )
)
def test_each_row_of_a_csv_can_be_read_back(rows: list[tuple[float, str | None, str | None]]) -> None:
    errors = {place: error for place, (_, _, error) in enumerate(rows) if error}
    warnings = {
        place: (RowWarning("extra", "z", text),)
        for place, (_, text, error) in enumerate(rows)
        if text and not error
    }
    numbers = np.array([number for number, _, error in rows if not error])
    writer = writer_of(BatchFormat.CSV, values=numbers)
    chunk = chunk_of([str(place) for place in range(len(rows))], warnings=warnings, errors=errors)

    read = list(csv.reader(io.StringIO(written(writer, chunk).decode(), newline="")))

    for place, ((number, text, error), (own, value, warning, fault)) in enumerate(
        zip(rows, read[1:], strict=True)
    ):
        assert own == str(place)
        assert fault.removeprefix("'") == (error or "").removeprefix("'")
        assert warning == (f"“z”: {text}" if text and not error else "")
        assert value == ("" if error or not np.isfinite(number) else str(float(f"{number:.7g}")))


@pytest.mark.parametrize("file_format", [BatchFormat.CSV, BatchFormat.JSONL])
def test_a_csv_and_json_lines_are_finished_as_they_are_written(
    tmp_path: Path, file_format: BatchFormat
) -> None:
    writer = writer_of(file_format, values=np.zeros(1))

    assert writer.finished(tmp_path / "source", tmp_path / "work") == tmp_path / "work"


def test_a_parquet_file_is_joined_row_by_row_and_keeps_formulas_as_they_are(tmp_path: Path) -> None:
    source, work = tmp_path / "source.parquet", tmp_path / "work"
    duckdb.sql(f"COPY (SELECT * FROM (VALUES (1, '=1'), (2, 'b'), (3, NULL)) AS t(x, note)) TO '{source}'")
    writer = writer_of(BatchFormat.PARQUET, names=("x", "note"), values=np.array([0.5, NAN]))
    chunk = chunk_of(
        ["", "", ""],
        warnings={0: (RowWarning("extra", "z", '=A1, "z"'),)},
        errors={1: "-A1\r\nis no number."},
    )
    work.write_bytes(written(writer, chunk))

    result = writer.finished(source, work)

    assert result.parent == tmp_path
    table = duckdb.sql(f"SELECT * FROM '{result}'")
    assert table.columns == ["x", "note", "prediction", "warnings", "error"]
    assert [str(kind) for kind in table.types[2:]] == ["DOUBLE", "VARCHAR", "VARCHAR"]
    assert table.fetchall() == [
        (1, "=1", 0.5, '“z”: =A1, "z"', None),
        (2, "b", None, None, "-A1\r\nis no number."),
        (3, None, None, None, None),
    ]


def test_a_row_says_which_cells_were_escaped_and_why() -> None:
    signature = Signature("y", Task.BINARY, (), classes=("=no", "yes"))
    arrays = {"probabilities": np.eye(2)[[0, 1, 1]], "codes": np.array([0, 1, 1])}
    writer = writer_of(BatchFormat.CSV, signature=signature, names=("g",), has_errors=False, **arrays)
    chunk = replace(chunk_of(["'=1+1", "a", "'@b"], warnings={2: (EXTRA,)}), escaped={0: ["g"], 2: ["g"]})

    rows = list(csv.DictReader(io.StringIO(written(writer, chunk).decode())))

    why = "Written with an apostrophe, so that no spreadsheet runs it as a formula:"
    assert [row["prediction"] for row in rows] == ["'=no", "yes", "yes"]
    assert [row["warnings"] for row in rows] == [
        f"{why} “g”, “prediction”.", "", f"“z”: An extra column. {why} “g”.",
    ]  # fmt: skip


def test_json_lines_say_nothing_of_apostrophes() -> None:
    writer = writer_of(BatchFormat.JSONL, values=np.array([1.0]))
    chunk = replace(chunk_of(['{"g":"=1"}']), escaped={0: ["g"]})

    assert json.loads(written(writer, chunk))["warnings"] == []
