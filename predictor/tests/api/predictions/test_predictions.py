from __future__ import annotations

import csv
import io
import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import override_settings

from predictor.models import ModelVersion, PredictionLog, RegisteredModel, Scope, User, Workspace
from predictor.services import registry
from predictor.tests.api.conftest import Caller, problem
from predictor.tests.services.forecast_versions import forecast_version

PATH = "models/article/predictions"
ROWS = {"rows": [{"x1": 1, "x2": 2}]}


def test_a_prediction_answers_with_model_version_request_and_rows(api: Caller, linear: ModelVersion) -> None:
    response = api.post(PATH, ROWS)

    found = response.json()
    assert response.status_code == 200
    assert (found["model"], found["version"]) == ("article", 1)
    assert found["request_id"] == response["X-Request-ID"]
    assert found["predictions"][0]["prediction"] == -0.4
    assert found["predictions"][0]["warnings"] == []
    assert PredictionLog.objects.get().pk == uuid.UUID(found["predictions"][0]["id"])


def test_columns_and_data_give_the_same_answer_as_rows(api: Caller, linear: ModelVersion) -> None:
    found = api.post(PATH, {"columns": ["x2", "x1"], "data": [[2, 1], [4, 3]]}).json()

    assert [each["prediction"] for each in found["predictions"]] == [-0.4, 1.2]


def test_the_log_names_the_token_and_its_person(api: Caller, linear: ModelVersion, member: User) -> None:
    api.post(PATH, ROWS)

    row = PredictionLog.objects.get()
    assert (row.actor, row.source) == (member, "api")
    assert row.api_token is not None


def test_anonymous_is_401(anonymous: Caller, linear: ModelVersion) -> None:
    problem(anonymous.post(PATH, ROWS), 401)


def test_a_token_without_the_scope_is_403(
    call_as: Callable[..., Caller], viewer: User, workspace: Workspace, linear: ModelVersion
) -> None:
    problem(call_as(viewer, workspace, Scope.READ).post(PATH, ROWS), 403)


def test_a_viewer_may_predict(
    call_as: Callable[..., Caller], viewer: User, workspace: Workspace, linear: ModelVersion
) -> None:
    assert call_as(viewer, workspace, Scope.PREDICT).post(PATH, ROWS).status_code == 200


def test_another_workspaces_model_answers_like_a_missing_one(
    outsider: Caller, api: Caller, linear: ModelVersion
) -> None:
    there = problem(outsider.post(f"/api/v1/acme/{PATH}", ROWS), 404)
    missing = problem(api.post("models/nothing/predictions", ROWS), 404)

    assert {**there, "request_id": ""} == {**missing, "request_id": ""}


BAD = {
    "no rows": ({"rows": []}, 400, "no row"),
    "no body": ({}, 400, "Send either"),
    "a list": ([1], 400, "Send an object"),
    "both forms": ({"rows": [], "columns": []}, 400, "Send either"),
    "an unknown name": ({"rows": [{}], "row": 1}, 400, "did you mean “rows”?"),
    "rows that are no list": ({"rows": {"x1": 1}}, 400, "has to be a list"),
    "a row that is no object": ({"rows": [{"x1": 1, "x2": 2}, 5]}, 400, "row 2 is not"),
    "a missing column": ({"rows": [{"x1": 1}]}, 400, "Row 1, column “x2”"),
    "text for a number": (
        {"rows": [{"x1": "abc", "x2": 2}]},
        400,
        "Row 1, column “x1”: “abc” is not a number",
    ),
    "a list as a value": ({"rows": [{"x1": [1], "x2": 2}]}, 400, "Row 1, column “x1”: a list"),
    "an object as a value": ({"rows": [{"x1": {"a": 1}, "x2": 2}]}, 400, "Row 1, column “x1”: an object"),
    "columns that are no names": ({"columns": [1], "data": []}, 400, "list of names"),
    "a column twice": ({"columns": ["x1", "x1"], "data": []}, 400, "more than once: “x1”"),
    "data of another width": ({"columns": ["x1", "x2"], "data": [[1, 2], [1]]}, 400, "row 2 is not"),
    "data without columns": ({"data": [[1]]}, 400, "list of names"),
    "a version that is a list": ({**ROWS, "version": [1]}, 400, "version"),
    "a version that is not there": ({**ROWS, "version": 9}, 404, "“9”"),
    "an alias that is not there": ({**ROWS, "version": "x"}, 404, "“x”"),
    "strict that is no boolean": ({**ROWS, "strict": "yes"}, 400, "strict"),
    "doubt when strict": ({"rows": [{"x1": 1, "x2": 2, "x3": 3}], "strict": True}, 422, "x3"),
    "text for a number when strict": ({"rows": [{"x1": "30", "x2": 2}], "strict": True}, 422, "x1"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_rows_get_their_status_and_sentence(api: Caller, linear: ModelVersion, case: str) -> None:
    body, status, sentence = BAD[case]

    found = problem(api.post(PATH, body), status)

    assert sentence in found["detail"]
    assert not PredictionLog.objects.exists()


def test_a_faulty_cell_is_named_by_a_pointer(api: Caller, linear: ModelVersion) -> None:
    found = problem(api.post(PATH, {"rows": [{"x1": 1, "x2": 2}, {"x1": 1, "x2": "abc"}]}), 400)

    assert found["errors"][0]["pointer"] == "/rows/1/x2"


DOUBTFUL = {
    "null": ({"x1": None, "x2": 2}, "missing"),
    "an empty text": ({"x1": "", "x2": 2}, "missing"),
    "text for a number": ({"x1": "30", "x2": 2}, "coerced"),
    "an extra column": ({"x1": 1, "x2": 2, "x3": 3}, "extra"),
    "markup as a name": ({"x1": 1, "x2": 2, "<script>": 3}, "extra"),
}


@pytest.mark.parametrize("case", DOUBTFUL)
def test_doubtful_rows_are_answered_with_a_warning(api: Caller, linear: ModelVersion, case: str) -> None:
    row, code = DOUBTFUL[case]

    response = api.post(PATH, {"rows": [row]})

    assert response.status_code == 200
    assert [each["code"] for each in response.json()["predictions"][0]["warnings"]] == [code]


@pytest.mark.parametrize(
    "body",
    [
        b'{"rows": [{"x1": NaN, "x2": 1}]}',
        b'{"rows": [{"x1": 1e999, "x2": 1}]}',
        b'{"rows": [{"x1": 1, "x1": 2, "x2": 1}]}',
        b'{"rows": [{"x1": "\\ud800", "x2": 1}]}',
        b'{"rows": [{"x1": 1, "x2": 1, "a\\u0000": 1}]}',
        b'{"rows": [{"x1": "\xff", "x2": 1}]}',
        b'{"rows": ' + b"[" * 50 + b"]" * 50 + b"}",
    ],
)
def test_invalid_or_unstorable_json_is_400(api: Caller, linear: ModelVersion, body: bytes) -> None:
    problem(api.post(PATH, body), 400)


@override_settings(MAX_PREDICTION_ROWS=2)
def test_too_many_rows_are_413_with_the_limit_and_the_alternatives(api: Caller, linear: ModelVersion) -> None:
    found = problem(api.post(PATH, {"rows": [{"x1": 1, "x2": 2}] * 3}), 413)

    assert found["limit"] == 2
    assert "CSV" in found["detail"]


@pytest.mark.parametrize("content_type", ["text/plain", "application/json; charset=utf-16", "image/png"])
def test_another_content_type_is_415(api: Caller, linear: ModelVersion, content_type: str) -> None:
    problem(api.post(PATH, json.dumps(ROWS).encode(), content_type=content_type), 415)


def test_a_model_without_a_version_is_404_and_an_archived_version_409(
    api: Caller, linear: ModelVersion, member: User
) -> None:
    registry.remove_alias(registered_model=linear.registered_model, alias="champion", by=member)
    problem(api.post(PATH, ROWS), 404)
    registry.archive(model_version=linear, by=member)

    problem(api.post(PATH, {**ROWS, "version": 1}), 409)


def test_a_prediction_keeps_its_sql_budget(
    api: Caller, linear: ModelVersion, django_assert_max_num_queries: Any
) -> None:
    api.post(PATH, ROWS)

    # Token with membership; model; version; log (a savepoint's two statements count here, not in production).
    with django_assert_max_num_queries(6):
        api.post(PATH, {"rows": [{"x1": 1, "x2": 2}] * 50})


# --- CSV ---------------------------------------------------------------------------------------------------
def csv_of(response: Any) -> list[list[str]]:
    assert response.status_code == 200, response.getvalue()
    assert response["Content-Type"].startswith("text/csv")
    return list(csv.reader(io.StringIO(response.getvalue().decode())))


def test_a_csv_body_gets_a_csv_answer(api: Caller, linear: ModelVersion) -> None:
    response = api.post(f"{PATH}?version=1", b"x1,x2\n1,2\n", content_type="text/csv")

    assert csv_of(response) == [["x1", "x2", "prediction", "warnings"], ["1", "2", "-0.4", ""]]
    assert (response["X-Model-Version"], response["X-Rows"]) == ("1", "1")


def test_a_csv_upload_gets_a_csv_answer(api: Caller, linear: ModelVersion) -> None:
    file = SimpleUploadedFile("rows.csv", b"x1;x2\n1,0;2,0\n", "text/csv")

    assert csv_of(api.upload(PATH, file, version="champion"))[1][2] == "-0.4"


def test_a_csv_upload_can_be_strict(api: Caller, linear: ModelVersion) -> None:
    file = SimpleUploadedFile("rows.csv", b"x1,x2\n1,\n")

    problem(api.upload(PATH, file, strict="true"), 422)


@pytest.mark.parametrize(
    ("content", "status", "sentence"),
    [
        (b"", 400, "empty"),
        (b"\n\n", 400, "empty"),
        (b"x1,x2\n", 400, "no rows"),
        (b"x1,x2\n1\n", 400, "Rows 1"),
        (b"x1,x2\nabc,2\n", 400, "Row 1, column “x1”"),
        (b"x1\n1\n", 400, "column “x2”"),
        (b"PK\x03\x04[Content_Types].xml", 415, "Excel"),
        ("x1,x2,straße\n1,2,ü\n".encode("cp1252"), 400, "cp1252"),
    ],
)
def test_a_csv_that_cannot_be_predicted_gets_its_status_and_sentence(
    api: Caller, linear: ModelVersion, content: bytes, status: int, sentence: str
) -> None:
    found = problem(api.upload(PATH, SimpleUploadedFile("rows.csv", content)), status)

    assert sentence in found["detail"]


@override_settings(MAX_UPLOAD_BYTES=50)
@pytest.mark.parametrize("is_multipart", [True, False])
def test_a_csv_over_the_limit_is_413_and_leaves_no_file(
    api: Caller, linear: ModelVersion, settings: Any, is_multipart: bool
) -> None:
    content = b"x1,x2\n" + b"1,2\n" * 100

    if is_multipart:
        response = api.upload(PATH, SimpleUploadedFile("rows.csv", content))
    else:
        response = api.post(PATH, content, content_type="text/csv")

    assert problem(response, 413)["limit"] == 50
    assert list(settings.UPLOAD_DIR.iterdir()) == []


def test_a_request_without_its_file_is_400(api: Caller, linear: ModelVersion) -> None:
    response = api.client.post(api.path(PATH), {"other": "x"}, headers=api.headers)

    assert "“file”" in problem(response, 400)["detail"]


# --- The log -----------------------------------------------------------------------------------------------
def test_the_log_is_paged_from_new_to_old(api: Caller, linear: ModelVersion) -> None:
    api.post(PATH, {"rows": [{"x1": n, "x2": 0} for n in range(5)]})

    first = api.get("predictions", page_size=3).json()
    second = api.client.get(first["next"], headers=api.headers).json()

    seen = [row["row_number"] for row in first["results"] + second["results"]]
    assert seen == sorted(seen, reverse=True)
    assert (len(seen), second["next"]) == (5, None)


@pytest.mark.parametrize(
    ("query", "n_found"),
    [
        ({"model": "article"}, 1),
        ({"model": "other"}, 0),
        ({"source": "api"}, 1),
        ({"actor": "member"}, 1),
        ({"text": "x1"}, 1),
        ({"version": "2"}, 0),
        ({"since": "2100-01-01T00:00:00Z"}, 0),
    ],
)
def test_the_log_is_filtered(api: Caller, linear: ModelVersion, query: dict[str, str], n_found: int) -> None:
    api.post(PATH, ROWS)

    assert len(api.get("predictions", **query).json()["results"]) == n_found


@pytest.mark.parametrize(
    "query",
    [
        {"version": "x"},
        {"version": "9" * 30},
        {"source": "nobody"},
        {"since": "yesterday"},
        {"since": "0001-01-01T00:00:00Z"},
        {"page_size": "0"},
        {"page_size": "x"},
        {"before": "x"},
        {"model": "../x"},
        {"text": "a\0"},
    ],
)
@pytest.mark.parametrize("path", ["predictions", "predictions/export"])
def test_a_bad_filter_is_400_and_named(api: Caller, query: dict[str, str], path: str) -> None:
    if path.endswith("export") and {"page_size", "before"} & set(query):
        pytest.skip("An export has no pages.")
    found = problem(api.get(path, **query), 400)

    assert found["errors"][0]["pointer"] == f"?{next(iter(query))}"


def test_a_logged_prediction_is_read_by_its_id(api: Caller, linear: ModelVersion) -> None:
    made = api.post(PATH, ROWS).json()["predictions"][0]

    found = api.get(f"predictions/{made['id']}").json()

    assert (found["inputs"], found["output"]) == (ROWS["rows"][0], {"prediction": -0.4})


def test_another_workspaces_prediction_answers_like_a_missing_one(
    api: Caller, outsider: Caller, linear: ModelVersion
) -> None:
    made = api.post(PATH, ROWS).json()["predictions"][0]

    there = problem(outsider.get(f"predictions/{made['id']}"), 404)
    missing = problem(outsider.get(f"predictions/{uuid.uuid4()}"), 404)
    assert {**there, "request_id": ""} == {**missing, "request_id": ""}


@pytest.mark.parametrize("key", ["1", "x", "0" * 200])
def test_an_invalid_id_is_404(api: Caller, key: str) -> None:
    problem(api.get(f"predictions/{key}"), 404)


def test_the_log_keeps_its_sql_budget(
    api: Caller, linear: ModelVersion, django_assert_max_num_queries: Any
) -> None:
    api.post(PATH, {"rows": [{"x1": n, "x2": 0} for n in range(60)]})

    with django_assert_max_num_queries(5):
        api.get("predictions", model="article")


@pytest.mark.parametrize(("kind", "first"), [("csv", b"id,created_at"), ("jsonl", b'{"id"')])
def test_the_log_is_exported(api: Caller, linear: ModelVersion, kind: str, first: bytes) -> None:
    api.post(PATH, ROWS)

    response = api.get("predictions/export", kind=kind)

    assert response.getvalue().startswith(first)
    assert "attachment" in response["Content-Disposition"]


def test_the_log_is_exported_in_no_other_form(api: Caller) -> None:
    problem(api.get("predictions/export", kind="xlsx"), 400)


# --- The article -------------------------------------------------------------------------------------------
@pytest.fixture
def article(linear: ModelVersion, settings: Any) -> ModelVersion:
    settings.ARTICLE_MODEL = "acme/article"
    return linear


@pytest.mark.parametrize("path", ["/predict", "/predict/"])
def test_the_articles_example_works(api: Caller, article: ModelVersion, path: str) -> None:
    response = api.post(path, {"x": [1, 2]})

    assert (response.status_code, response.json()) == (200, {"y": -0.4})
    assert PredictionLog.objects.get().source == "article"


def test_a_session_needs_its_csrf_token_for_the_article(article: ModelVersion, member: User) -> None:
    from django.test import Client

    client = Client(enforce_csrf_checks=True)
    client.force_login(member)

    problem(client.post("/predict", {"x": [1, 2]}, content_type="application/json"), 403)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({}, "Send"),
        ({"x": 1}, "Send"),
        ({"x": [1, 2], "z": 1}, "Send"),
        ({"x": [1]}, "x holds 1 values; the model takes 2"),
        ({"x": ["a", 2]}, "column “x1”"),
        ([1, 2], "Send"),
    ],
)
def test_the_article_refuses_with_a_sentence(
    api: Caller, article: ModelVersion, body: Any, sentence: str
) -> None:
    assert sentence in problem(api.post("/predict", body), 400)["detail"]


def test_the_article_is_401_without_login_and_404_without_model(
    anonymous: Caller, api: Caller, settings: Any, workspace: Workspace
) -> None:
    settings.ARTICLE_MODEL = "acme/article"

    problem(anonymous.post("/predict", {"x": [1]}), 401)
    problem(api.post("/predict", {"x": [1]}), 404)
    assert not RegisteredModel.objects.exists()


def test_a_series_named_by_a_number_is_that_of_the_rows(api: Caller, workspace: Workspace) -> None:
    model = registry.get_or_create_model(workspace=workspace, name_or_slug="shops", by=None)
    forecast_version(model, (3, 10))
    path = f"models/{model.slug}/predictions"
    by_row = api.post(path, {"rows": [{"month": "2024-01-01", "shop": 10}]}).json()

    for group in (10, 10.0, "10"):
        answer = api.post(path, {"horizon": 1, "group": group}).json()

        logged = PredictionLog.objects.get(request_id=answer["request_id"])
        assert logged.inputs == {"month": "2024-01-01", "shop": "10"}
        assert answer["predictions"][0]["prediction"] == by_row["predictions"][0]["prediction"]
    assert "no series “4”" in problem(api.post(path, {"horizon": 1, "group": 4}), 400)["detail"]
