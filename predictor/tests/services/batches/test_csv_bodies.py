from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from predictor.errors import InvalidRows, InvalidTable, MlwebError, RaggedRows, TooLarge, UnsupportedContent
from predictor.ml.inputs.row_chunks import CHUNK_ROWS
from predictor.ml.types.schema import FeatureField, Role, Signature, Task
from predictor.services.batches import csv_bodies

SIGNATURE = Signature(
    "y",
    Task.REGRESSION,
    (
        FeatureField("n", Role.NUMERIC),
        FeatureField("c", Role.CATEGORICAL, has_missing=True, levels=("3", "Łódź")),
    ),
)


def read(body: str | bytes) -> list[dict[str, Any]]:
    return csv_bodies.read(body.encode() if isinstance(body, str) else body, SIGNATURE)


def test_cells_become_values_and_columns_that_the_model_does_not_know_keep_their_texts() -> None:
    rows = read("id,n,y,c\n007,1,2.50,Łódź\n,-0.5,,3.0\n")

    assert rows == [
        {"id": "007", "n": 1, "y": "2.50", "c": "Łódź"},
        {"id": "", "n": -0.5, "y": "", "c": "3"},
    ]
    assert type(rows[0]["n"]) is int


def test_what_is_no_number_stays_a_text_and_an_empty_cell_is_missing() -> None:
    assert read("n,c\nabc,\n,Ulm\n") == [{"n": "abc", "c": None}, {"n": None, "c": "Ulm"}]


def test_a_column_that_may_be_missing_can_be_left_out() -> None:
    assert read("n\n1\n") == [{"n": 1}]


def test_all_chunks_are_read_in_order_with_their_other_columns() -> None:
    n = 2 * CHUNK_ROWS + 1
    body = "n,id\n" + "".join(f"{number},k{number}\n" for number in range(n))

    rows = read(body)

    assert rows == [{"n": number, "id": f"k{number}"} for number in range(n)]


def test_the_separator_the_decimal_comma_and_quotes_are_found_as_in_a_file() -> None:
    assert read('n;c;note\n1,5;3;"a;\n""b"""\n2,5;;\n') == [
        {"n": 1.5, "c": "3", "note": 'a;\n"b"'},
        {"n": 2.5, "c": None, "note": ""},
    ]


@pytest.mark.parametrize(
    ("body", "error", "sentence"),
    [
        (b"", InvalidTable, "empty"),
        (b"n,c\n", InvalidTable, "a header but no rows"),
        (b"n,c\n1,3\n1\n", RaggedRows, "Rows 2 do not have the header's 2 cells"),
        (b"c\n3\n", InvalidRows, "lacks the column “n”"),
        (b"n, n\n1,2\n", InvalidTable, "same name"),
        (b"\x89PNG\r\n\x1a\n000", UnsupportedContent, "PNG"),
    ],
)
def test_a_body_that_cannot_be_read_is_refused_with_a_sentence(
    body: bytes, error: type[Exception], sentence: str
) -> None:
    with pytest.raises(error, match=sentence):
        read(body)


@pytest.mark.parametrize(
    ("name", "enough", "error"),
    [
        ("MAX_BODY_BYTES", 15, TooLarge),
        ("MAX_PREDICTION_ROWS", 2, TooLarge),
        ("MAX_TABLE_COLUMNS", 2, TooLarge),
        ("MAX_CELL_BYTES", 4, InvalidTable),
    ],
)
def test_each_limit_of_the_settings_holds(
    settings: Settings, name: str, enough: int, error: type[MlwebError]
) -> None:
    body = "n,c\n1,3\n2,éé\n"
    setattr(settings, name, enough)
    assert len(read(body)) == 2

    setattr(settings, name, enough - 1)
    with pytest.raises(error) as refused:
        read(body)

    assert refused.value.limit == enough - 1


def test_no_file_is_left_behind(settings: Settings) -> None:
    read("n\n1\n")
    with pytest.raises(InvalidRows):
        read("c\n3\n")

    assert list(Path(settings.WORK_DIR).iterdir()) == []
