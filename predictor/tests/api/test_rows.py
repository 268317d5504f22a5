from __future__ import annotations

import io
import zipfile

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from predictor.tests.api.conftest import Caller, problem

NOTES = ["=1+1" if i % 3 == 0 else f"note {i}" for i in range(60)]
TABLE = "n,colour,price,note\n" + "".join(
    f'{i},{("red", "blue")[i % 2]},"$ {i * 1000:,}.50",{NOTES[i]} of {i % 7}\n' for i in range(60)
)


@pytest.fixture
def path(api: Caller) -> str:
    response = api.upload("datasets", SimpleUploadedFile("table.csv", TABLE.encode(), "text/csv"))
    return f"datasets/{response.json()['id']}/rows"


def test_a_page_has_rows_with_their_numbers_and_values(api: Caller, path: str) -> None:
    answer = api.get(
        path, **{"c2.in": "blue", "c1.min": "10", "sort": "-c1", "page": "2", "page_size": "5"}
    ).json()

    assert (answer["n_rows"], answer["n_matching"], answer["page"], answer["page_size"]) == (60, 25, 2, 5)
    assert [each["row"] for each in answer["rows"]] == [50, 48, 46, 44, 42]
    assert answer["rows"][0]["cells"] == [49, "blue", "$ 49,000.50", "note 49 of 0"]
    assert answer["columns"][2] == {"place": 3, "name": "price", "kind": "number"}


def test_values_come_as_they_are_read_on_request(api: Caller, path: str) -> None:
    answer = api.get(path, rows="3", columns="3,1", values="read").json()

    assert [each["name"] for each in answer["columns"]] == ["price", "n"]
    assert answer["rows"] == [{"row": 3, "cells": [2000.5, 2]}]


def test_facets_count_the_values_of_a_column(api: Caller, path: str) -> None:
    answer = api.get(f"{path}/facets", **{"column": "2", "c1.max": "10", "c2.in": "red"}).json()

    assert answer == {
        "column": "colour",
        "values": [{"value": "red", "count": 6}, {"value": "blue", "count": 5}],
    }


def test_rows_are_downloaded_as_csv_and_as_a_workbook(api: Caller, path: str) -> None:
    text = api.get(f"{path}/download", **{"c1.max": "1", "columns": "4,1"})
    book = api.get(f"{path}/download", **{"c1.max": "1", "kind": "xlsx"})

    assert text["Content-Type"] == "text/csv; charset=utf-8"
    assert b"".join(text) == b"row,note,n\r\n1,'=1+1 of 0,0\r\n2,note 1 of 1,1\r\n"
    with zipfile.ZipFile(io.BytesIO(b"".join(book))) as package:
        assert b"=1+1 of 0</t>" in package.read("xl/worksheets/sheet1.xml")


@pytest.mark.parametrize(
    ("params", "sentence"),
    [
        ({"c9.min": "1"}, "There is no column 9"),
        ({"c1.like": "1"}, "“c1.like” is not known"),
        ({"c1.min": "x"}, "needs a number"),
        ({"sort": "n"}, "takes columns by their number"),
        ({"columns": "1-9"}, "places from 1 to 4"),
        ({"page": "0"}, "from 1 to"),
        ({"page": "9" * 40}, "from 1 to"),
        ({"page_size": "501"}, "from 1 to 500"),
        ({"values": "raw"}, "file or read"),
        ({"rows": "61"}, "from 1 to 60"),
    ],
)
def test_what_cannot_be_asked_is_a_problem(
    api: Caller, path: str, params: dict[str, str], sentence: str
) -> None:
    assert sentence in problem(api.get(path, **params), 400)["detail"]


def test_an_unknown_kind_of_file_and_a_column_that_is_not_there_are_refused(api: Caller, path: str) -> None:
    assert "csv or xlsx" in problem(api.get(f"{path}/download", kind="exe"), 400)["detail"]
    assert "from 1 to 4" in problem(api.get(f"{path}/facets", column="5"), 400)["detail"]
    assert "from 1 to 4" in problem(api.get(f"{path}/facets"), 400)["detail"]


def test_a_page_behind_the_last_one_is_empty(api: Caller, path: str) -> None:
    assert api.get(path, page="999999999999", sort="c1").json()["rows"] == []
