from __future__ import annotations

import json

import numpy as np
import pytest

from predictor.errors import InvalidRows
from predictor.ml.inputs.column_checker import CellColumn, CheckedColumn
from predictor.ml.inputs.row_checker import RowWarning
from predictor.ml.inputs.row_chunks import check_columns, chunk_of_columns, require_columns
from predictor.ml.types.schema import FeatureField, Role

LINES = ["1,a", "x,b", "3,c", "4,d"]
KEYS = {"n": '"n":', "t": '"t":'}
UNSEEN, RANGE_MARGIN = RowWarning("unseen", "t", "It is new."), RowWarning("out_of_range", "n", "It is far.")


def column(texts: list[str], **options: object) -> CheckedColumn:
    values = np.array([json.loads(text or "null") for text in texts], dtype=object)
    return CheckedColumn(values, texts, **{"warnings": {}, "faults": {}, **options})


def test_valid_rows_are_json_objects_in_the_order_of_the_file() -> None:
    taken = {"t": column(['"a"', "null"]), "n": column(["1", "2.5"])}

    chunk = chunk_of_columns(11, LINES[:2], taken, KEYS, {})

    assert (chunk.first_row, chunk.n_rows, list(chunk.places)) == (11, 2, [0, 1])
    assert chunk.inputs == ['{"n":1,"t":"a"}', '{"n":2.5,"t":null}']
    assert {name: values.tolist() for name, values in chunk.columns.items()} == {
        "t": ["a", None],
        "n": [1, 2.5],
    }
    assert (chunk.warnings, chunk.errors) == ({}, {})


def test_a_row_with_a_fault_is_left_out_of_the_columns() -> None:
    taken = {
        "n": column(
            ["1", "", "3", "4"], faults={1: "column “n”: it is no number."}, warnings={3: (RANGE_MARGIN,)}
        ),
        "t": column(['"a"', '"b"', '"c"', '"d"'], warnings={1: (UNSEEN,), 3: (UNSEEN,)}),
    }

    chunk = chunk_of_columns(1_000, LINES, taken, KEYS, {})

    assert chunk.errors == {1: "Row 1,001, column “n”: it is no number."}
    assert list(chunk.places) == [0, 2, 3]
    assert chunk.columns["n"].tolist() == [1, 3, 4]
    assert [json.loads(text)["t"] for text in chunk.inputs] == ["a", "c", "d"]
    assert chunk.warnings == {3: (RANGE_MARGIN, UNSEEN)}
    assert chunk.lines == LINES


def test_all_faults_of_a_row_are_named() -> None:
    taken = {
        "n": column(["1", ""], faults={1: "column “n”: it is no number."}),
        "t": column(['"a"', ""], faults={1: "column “t”: it holds a NUL character."}),
    }

    chunk = chunk_of_columns(1, LINES[:2], taken, KEYS, {})

    assert chunk.errors == {
        1: "Row 2, column “n”: it is no number. And column “t”: it holds a NUL character."
    }


def test_the_error_of_a_row_hides_the_faults_of_its_cells() -> None:
    taken = {"n": column(["1", ""], faults={1: "column “n”: it is no number."})}

    chunk = chunk_of_columns(1, LINES[:2], taken, {"n": '"n":'}, {1: "Row 2 has 1 cells instead of 2."})

    assert chunk.errors == {1: "Row 2 has 1 cells instead of 2."}
    assert list(chunk.places) == [0]


def test_a_chunk_of_invalid_rows_has_empty_columns() -> None:
    taken = {"n": column(["", ""], faults={0: "column “n”: no.", 1: "column “n”: no."})}

    chunk = chunk_of_columns(1, LINES[:2], taken, {"n": '"n":'}, {})

    assert (chunk.inputs, list(chunk.places), chunk.columns["n"].shape) == ([], [], (0,))


def test_a_file_without_a_column_of_the_model_has_empty_objects() -> None:
    assert chunk_of_columns(1, LINES[:2], {}, {}, {}).inputs == ["{}", "{}"]


def test_a_column_that_is_not_in_the_file_is_missing_in_every_row() -> None:
    columns = [
        CellColumn(FeatureField(name, Role.NUMERIC, has_missing=True), lambda cell: cell)
        for name in ("n", "m")
    ]

    taken = check_columns({"n": [1, 2, 3]}, columns, n_rows=3)

    assert taken["n"].values.tolist() == [1.0, 2.0, 3.0]
    assert np.isnan(taken["m"].values).all()
    assert {place: [each.code for each in notes] for place, notes in taken["m"].warnings.items()} == {
        0: ["missing"],
        1: ["missing"],
        2: ["missing"],
    }


def test_lacking_columns_are_refused_together() -> None:
    require_columns(["a", "b"], ["b"])
    with pytest.raises(
        InvalidRows, match=r"lacks the column “c”, which the model needs. Its columns are “a”, “b”"
    ):
        require_columns(["a", "b"], ["a", "c"])
    with pytest.raises(InvalidRows, match=r"lacks the columns “n0”, .*“n4” and 2 more,") as refusal:
        require_columns(["a"], [f"n{number}" for number in range(7)])

    assert [problem.pointer for problem in refusal.value.problems] == [f"/n{number}" for number in range(5)]
