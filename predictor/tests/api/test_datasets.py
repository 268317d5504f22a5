from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import override_settings

from predictor.models import Dataset, Scope, User, Workspace
from predictor.tests.api.conftest import Caller, problem

TABLE = b"id,age,city\n00501,31,Bern\n00502,45,Basel\n00503,,Bern\n"


def upload(api: Caller, content: bytes = TABLE, filename: str = "people.csv", **fields: Any) -> Any:
    return api.upload("datasets", SimpleUploadedFile(filename, content, "text/csv"), **fields)


def test_an_upload_becomes_a_dataset_with_columns_and_roles(api: Caller) -> None:
    response = upload(api, name="People")

    found = response.json()
    assert response.status_code == 201
    assert (found["name"], found["n_rows"], found["n_columns"]) == ("People", 3, 3)
    assert [each["name"] for each in found["columns"]] == ["id", "age", "city"]
    assert len(found["sha256"]) == 64


def test_a_bare_csv_body_is_an_upload_too(api: Caller) -> None:
    response = api.post("datasets?name=Bare", TABLE, content_type="text/csv")

    assert (response.status_code, response.json()["name"]) == (201, "Bare")


def test_the_same_file_again_is_the_same_dataset(api: Caller) -> None:
    first, second = upload(api), upload(api, filename="again.csv")

    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json()["id"] == second.json()["id"]


# --- Bad files ---------------------------------------------------------------------------------------------
LONG_NAME = b"a" * 129
BAD = {
    "empty": (b"", 400, "empty"),
    "only blank lines": (b"\n\n\n", 400, "empty"),
    "header only": (b"a,b\n", 400, "row"),
    "one name twice": (b"a,a\n1,2\n", 400, "“a”"),
    "one name twice when trimmed": (b"a, a \n1,2\n", 400, "“a”"),
    "one name twice in NFC": ("é,e\u0301\n1,2\n".encode(), 400, "“é”"),
    "a blank name": (b"a,\n1,2\n", 400, "2"),
    "a name that turns the text": ("a,b\u202ec\n1,2\n".encode(), 400, "invisible"),
    "a name of no width": ("a,b\u200bc\n1,2\n".encode(), 400, "invisible"),
    "a long name": (LONG_NAME + b",b\n1,2\n", 400, "128"),
    "latin-1": ("name,age\nJosé,3\nAnaïs,4\n".encode("latin-1"), 400, "offset"),
    "GBK": ("name,age\n北京客户流失,3\n上海房价,4\n".encode("gbk"), 400, "offset"),
    "a PNG": (b"\x89PNG\r\n\x1a\n" + b"\0" * 50, 415, "PNG"),
    "an Excel file": (b"PK\x03\x04" + b"[Content_Types].xml" + b"\0" * 50, 415, "Excel"),
    "a web page": (b"<!DOCTYPE html><html><body>hi</body></html>", 415, "web page"),
    "ragged rows": (b"a,b\n1,2\n1\n1,2,3\n" + b"1,2\n" * 5, 400, "2"),
    "a NUL": (b"a,b\n1,\x002\n", 400, "NUL"),
    "infinity": (b"a,b\n" + b"1,2\n" * 5 + b"inf,2\n", 400, "6"),
    "a number beyond all": (b"a,b\n" + b"1,2\n" * 5 + b"1e400,2\n", 400, "6"),
    "a huge cell": (b"a,b\n1," + b"x" * 70_000 + b"\n", 413, "65,536"),
    "too many columns": (b",".join(b"c%d" % n for n in range(1_001)) + b"\n", 413, "1,000"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_file_gets_its_status_and_sentence_and_leaves_nothing(
    api: Caller, case: str, settings: Any
) -> None:
    content, status, sentence = BAD[case]

    response = upload(api, content)

    assert sentence in problem(response, status)["detail"]
    assert not Dataset.objects.exists()
    assert [path for path in settings.UPLOAD_DIR.rglob("*") if path.is_file() and path.stat().st_size] == []


def test_infinite_numbers_have_the_type_of_an_invalid_table(api: Caller) -> None:
    found = problem(upload(api, b"a,b\n1,2\ninf,3\n4,5\n"), 400)

    assert found["type"] == "urn:mlweb:problem:invalid-table"


def test_an_undeclared_encoding_is_suggested_and_taken_when_it_is_named(api: Caller) -> None:
    content = "name,age\n" + "".join(f"Müller {n} Straße,{n}\n" for n in range(30))

    found = problem(upload(api, content.encode("cp1252")), 400)
    response = upload(api, content.encode("cp1252"), encoding=found["suggestion"])

    assert found["suggestion"] == "cp1252"
    assert response.status_code == 201


GOOD = {
    "a byte order mark": ("\ufeffa,b\n1,2\n".encode(), {}, ["a", "b"]),
    "UTF-16": ("a,b\n1,2\n".encode("utf-16"), {}, ["a", "b"]),
    "semicolons": (b"a;b\n1,5;2\n", {}, ["a", "b"]),
    "tabs": (b"a\tb\n1\t2\n", {}, ["a", "b"]),
    "pipes": (b"a|b\n1|2\n", {}, ["a", "b"]),
    "ragged rows left out": (b"a,b\n1,2\n1\n3,4\n", {"skip_bad_rows": "true"}, ["a", "b"]),
    "infinity taken as missing": (b"a,b\n1,2\ninf,3\n", {"infinite_as_missing": "true"}, ["a", "b"]),
    "markup as names": (b"<script>,{{7*7}},__proto__\n1,2,3\n", {}, ["<script>", "{{7*7}}", "__proto__"]),
    "formulas as cells": (b'a,b\n=1+1,"@SUM(A1)"\n', {}, ["a", "b"]),
}


@pytest.mark.parametrize("case", GOOD)
def test_an_unusual_file_is_taken(api: Caller, case: str) -> None:
    content, fields, names = GOOD[case]

    response = upload(api, content, **fields)

    assert response.status_code == 201, response.content
    assert [each["name"] for each in response.json()["columns"]] == names


@pytest.mark.parametrize(
    "filename", ["../../etc/passwd.csv", "a\0b.csv", "x" * 400 + ".csv", "a\u202egpj.csv", "C:\\x\\y.csv"]
)
def test_a_hostile_file_name_is_refused_or_cleaned(api: Caller, filename: str) -> None:
    response = upload(api, filename=filename)

    assert response.status_code in (201, 400)
    if response.status_code == 201:
        name = response.json()["filename"]
        assert name.isprintable()
        assert len(name) <= 200
        assert not set("/\\") & set(name)


@pytest.mark.parametrize(
    "fields",
    [
        {"encoding": "klingon"},
        {"delimiter": "abc"},
        {"decimal": "x"},
        {"skip_bad_rows": "maybe"},
        {"name": "x" * 300},
    ],
)
def test_an_invalid_option_is_400(api: Caller, fields: dict[str, str]) -> None:
    problem(upload(api, **fields), 400)


@override_settings(MAX_UPLOAD_BYTES=100)
def test_a_file_over_the_limit_is_413_and_leaves_nothing(api: Caller, settings: Any) -> None:
    found = problem(upload(api, TABLE * 100), 413)

    assert found["limit"] == 100
    assert [path for path in settings.UPLOAD_DIR.rglob("*") if path.is_file()] == []


def test_no_file_at_all_is_400(api: Caller) -> None:
    problem(api.client.post(api.path("datasets"), {"name": "x"}, headers=api.headers), 400)


def test_two_files_are_400(api: Caller) -> None:
    files = {"file": SimpleUploadedFile("a.csv", TABLE), "more": SimpleUploadedFile("b.csv", TABLE)}

    problem(api.client.post(api.path("datasets"), files, headers=api.headers), 400)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"--x\r\nContent-Disposition: form-data; name", "multipart/form-data; boundary=x"),
        (b"", "multipart/form-data; boundary=x"),
        (b"abc", "multipart/form-data"),
    ],
)
def test_a_body_that_was_cut_is_400(api: Caller, body: bytes, content_type: str) -> None:
    problem(api.post("datasets", body, content_type=content_type), 400)


def test_json_is_no_upload(api: Caller) -> None:
    problem(api.post("datasets", {"file": "x"}), 415)


# --- Reading and deleting ----------------------------------------------------------------------------------
def test_datasets_are_listed_and_filtered(api: Caller) -> None:
    upload(api, name="People")

    assert api.get("datasets").json()["count"] == 1
    assert api.get("datasets", name="peo").json()["count"] == 1
    assert api.get("datasets", name="x").json()["count"] == 0


def test_a_list_of_datasets_keeps_its_sql_budget(api: Caller, django_assert_max_num_queries: Any) -> None:
    for number in range(5):
        upload(api, TABLE + b"9,9,%d\n" % number)

    with django_assert_max_num_queries(4):
        assert len(api.get("datasets").json()["results"]) == 5


def test_a_dataset_is_previewed_and_downloaded(api: Caller) -> None:
    made = upload(api).json()["id"]

    preview = api.get(f"datasets/{made}/preview", limit=2).json()
    download = api.get(f"datasets/{made}/download")

    assert (preview["columns"], len(preview["rows"])) == (["id", "age", "city"], 2)
    assert preview["rows"][0][0] == "00501"
    assert b"".join(download.streaming_content) == TABLE
    assert "attachment" in download["Content-Disposition"]


@pytest.mark.parametrize("limit", ["0", "x", "-1", "99999", "9" * 30])
def test_an_invalid_preview_length_is_400(api: Caller, limit: str) -> None:
    problem(api.get(f"datasets/{upload(api).json()['id']}/preview", limit=limit), 400)


def test_only_an_admin_deletes(
    api: Caller, call_as: Callable[..., Caller], admin: User, workspace: Workspace
) -> None:
    made = upload(api).json()["id"]

    problem(api.send("delete", f"datasets/{made}"), 403)
    assert call_as(admin, workspace).send("delete", f"datasets/{made}").status_code == 204
    problem(api.get(f"datasets/{made}"), 404)


@pytest.mark.parametrize("path", ["", "/preview", "/download"])
def test_another_workspaces_dataset_answers_like_a_missing_one(
    api: Caller, outsider: Caller, path: str
) -> None:
    made = upload(api).json()["id"]

    there = problem(outsider.get(f"datasets/{made}{path}"), 404)
    missing = problem(outsider.get(f"datasets/999999{path}"), 404)
    assert {**there, "request_id": ""} == {**missing, "request_id": ""}


def test_anonymous_is_401_and_a_viewer_does_not_upload(
    anonymous: Caller, call_as: Callable[..., Caller], viewer: User, workspace: Workspace
) -> None:
    problem(upload(anonymous), 401)
    problem(upload(call_as(viewer, workspace)), 403)
    problem(upload(call_as(viewer, workspace, Scope.READ)), 403)


@pytest.mark.parametrize("pk", ["0", "9" * 40, "x", "-1"])
def test_an_invalid_id_is_404(api: Caller, pk: str) -> None:
    problem(api.get(f"datasets/{pk}"), 404)


REPORT = b"Sales in June\n\na,b\n,[kg]\n1,2\n2,3\n3,4\nTotal,,9\n"


def test_lines_around_a_table_are_left_out_and_told(api: Caller) -> None:
    dataset = upload(api, REPORT).json()

    assert dataset["n_rows"] == 3
    assert [each["storage"] for each in dataset["columns"]] == ["BIGINT", "BIGINT"]
    assert dataset["options"]["skip_lines"] == 2
    assert dataset["options"]["n_skipped_lines"] == 4
    assert dataset["options"]["skipped_lines"] == [
        {"line": 1, "place": "above", "text": "Sales in June"},
        {"line": 4, "place": "units", "text": ",[kg]"},
        {"line": 8, "place": "footer", "text": "Total,,9"},
    ]
    assert dataset["warnings"][0].startswith("Not read as rows: 2 lines above the header")


def test_the_options_say_which_lines_are_no_rows(api: Caller) -> None:
    options = {"skip_lines": "4", "units_lines": "1", "footer_lines": "2", "comment": "none"}
    dataset = upload(api, b"x\ny\nz\nw\na,b\nu,v\n1,2\n3,4\n5,6\n", **options).json()

    assert (dataset["n_rows"], [each["name"] for each in dataset["columns"]]) == (1, ["a", "b"])
    for wrong in (
        {"skip_lines": "-1"},
        {"skip_lines": "x"},
        {"footer_lines": "1e3"},
        {"comment": "long mark"},
    ):
        problem(upload(api, b"a,b\n1,2\n", **wrong), 400)


def test_a_refusal_names_the_option_that_may_help(api: Caller) -> None:
    found = problem(upload(api, b"Cities\nname,city\nBob,Rome\nEve,Ulm\n"), 400)

    assert (found["option"], found["value"]) == ("skip_lines", "1")
    assert upload(api, b"Cities\nname,city\nBob,Rome\nEve,Ulm\n", skip_lines="1").status_code == 201


def test_a_column_without_name_and_cells_is_told(api: Caller) -> None:
    dataset = upload(api, b"a;b;;\n1;2;;\n3;4;;\n").json()

    assert [each["name"] for each in dataset["columns"]] == ["a", "b"]
    assert dataset["options"]["left_out"] == {
        "column 3": "It has neither a name nor a cell.",
        "column 4": "It has neither a name nor a cell.",
    }
