from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Any

import orjson
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import override_settings

from predictor.models import ApiToken, BatchPrediction, ModelVersion, PredictionLog, Scope, User, Workspace
from predictor.services import batches, datasets, jobs
from predictor.tests.api.conftest import Caller, problem

URL = "models/article/batches"
ROWS = b"x1,x2\n1,2\nabc,2\n3,4\n"
ROW = {"x1": 1, "x2": 2}

pytestmark = pytest.mark.usefixtures("linear")


def upload(api: Caller, content: bytes = ROWS, name: str = "rows.csv", **fields: Any) -> Any:
    return api.upload(URL, SimpleUploadedFile(name, content), **fields)


def finish(found: dict[str, Any]) -> None:
    assert jobs.run(batches.BATCHES, found["id"])


def look(caller: Caller, url: str) -> Any:
    """GET of an absolute URL, as responses contain them."""
    return caller.client.get(url, headers=caller.headers)


def change(caller: Caller, url: str, status: str) -> Any:
    body = orjson.dumps({"status": status})
    return caller.client.patch(url, body, "application/json", headers=caller.headers)


def body_of(response: Any) -> bytes:
    return b"".join(response.streaming_content)


def test_a_file_is_accepted_predicted_and_fetched(api: Caller) -> None:
    response = upload(api)

    found = response.json()
    assert response.status_code == 202, found
    assert response["Location"] == found["url"]
    assert (found["status"], found["format"], found["model_version"]) == ("queued", "csv", 1)
    assert found["result_url"] is None
    problem(look(api, f"{found['url']}/result"), 409)

    finish(found)

    done = look(api, found["url"]).json()
    assert (done["status"], done["n_rows_done"], done["n_errors"]) == ("succeeded", 3, 1)
    assert done["row_errors"] == [{"row": 2, "message": "Row 2, column “x1”: “abc” is not a number."}]
    result = look(api, done["result_url"])
    assert result["Content-Type"] == "text/csv; charset=utf-8"
    assert result["Content-Disposition"].startswith("attachment")
    assert b"\r\n1,2,-0.4,,\r\n" in body_of(result)
    assert api.get(URL).json()["results"][0]["id"] == found["id"]


@pytest.mark.parametrize(
    ("content_type", "content", "kind"),
    [
        ("text/csv", b"x1,x2\n1,2\n", "csv"),
        ("application/x-ndjson", b'{"x1": 1, "x2": 2}\n', "jsonl"),
    ],
)
def test_a_bare_body_is_a_file(api: Caller, content_type: str, content: bytes, kind: str) -> None:
    response = api.client.post(
        api.path(URL) + "?strict=true&version=1", content, content_type, headers=api.headers
    )

    assert response.status_code == 202, response.content
    assert response.json()["format"] == kind
    assert response.json()["is_strict"] is True


def test_a_batch_is_cancelled_by_patch(api: Caller) -> None:
    found = upload(api).json()

    response = change(api, found["url"], "cancelled")

    assert response.json()["status"] == "cancelled"
    problem(change(api, found["url"], "done"), 400)


BAD: dict[str, tuple[bytes, dict[str, Any], int, str]] = {
    "an empty file": (b"", {}, 400, "empty"),
    "wrong columns": (b"a,b\n1,2\n", {}, 400, "lacks the columns"),
    "a cut off Parquet file": (b"PAR1\x15\x04abc", {}, 400, "Parquet"),
    "a picture": (b"\x89PNG\r\n\x1a\n" + b"0" * 99, {}, 415, "PNG"),
    "a version that is not there": (ROWS, {"version": "9"}, 404, ""),
    "a format that does not exist": (ROWS, {"format": "xls"}, 400, "xls"),
    "a coverage that is no number": (ROWS, {"coverage": "much"}, 400, "coverage"),
    "a flag that is neither": (ROWS, {"strict": "maybe"}, 400, "strict"),
}


@pytest.mark.parametrize("case", BAD)
def test_an_invalid_batch_request_is_refused_at_once(api: Caller, case: str) -> None:
    content, fields, status, sentence = BAD[case]

    assert sentence in problem(upload(api, content, **fields), status)["detail"]
    assert not BatchPrediction.objects.exists()


def test_a_dataset_that_is_not_there_is_refused(api: Caller) -> None:
    assert "no such dataset" in problem(api.post(URL, {"dataset": 77}), 400)["detail"]


def test_a_batch_of_another_workspace_is_404_and_needs_the_right_scope_and_role(
    api: Caller, outsider: Caller, anonymous: Caller, call_as: Callable[..., Caller], viewer: User,
    workspace: Workspace,
) -> None:  # fmt: skip
    url = upload(api).json()["url"]

    problem(look(outsider, url), 404)
    problem(api.get(URL + "/999999"), 404)
    problem(api.get("models/nobody/batches"), 404)
    problem(look(anonymous, url), 401)
    problem(look(call_as(viewer, workspace, Scope.READ), url), 403)
    problem(change(call_as(viewer, workspace), url, "cancelled"), 403)


def test_a_token_that_may_only_predict_gets_no_datasets_rows(
    api: Caller, call_as: Callable[..., Caller], member: User, workspace: Workspace
) -> None:
    dataset = datasets.import_csv(
        workspace=workspace, source=BytesIO(b"x1,x2\n1,2\n3,4\n"), filename="secret.csv", by=member
    )
    only_predicts = call_as(member, workspace, Scope.PREDICT)

    refused = only_predicts.post(URL, {"dataset": dataset.pk})
    found = api.post(URL, {"dataset": dataset.pk}).json()
    finish(found)

    assert "scope “read”" in problem(refused, 403)["detail"]
    assert BatchPrediction.objects.count() == 1
    result = f"{found['url']}/result"
    assert b"\r\n3,4,1.2,,\r\n" in body_of(look(api, result))
    problem(look(only_predicts, result), 404)
    BatchPrediction.objects.update(api_token=ApiToken.objects.get(scopes=["predict"]))
    problem(look(only_predicts, result), 403)


def test_a_token_that_may_only_predict_sees_only_its_own_batches(
    api: Caller, call_as: Callable[..., Caller], member: User, workspace: Workspace
) -> None:
    only_predicts = call_as(member, workspace, Scope.PREDICT)
    foreign, own = upload(api, name="other.csv").json(), upload(only_predicts).json()
    finish(foreign)
    finish(own)

    assert [each["id"] for each in only_predicts.get(URL).json()["results"]] == [own["id"]]
    assert len(api.get(URL).json()["results"]) == 2
    assert b"\r\n1,2,-0.4,,\r\n" in body_of(look(only_predicts, f"{own['url']}/result"))
    for path in ("", "/result"):
        problem(look(only_predicts, foreign["url"] + path), 404)
    problem(change(only_predicts, foreign["url"], "cancelled"), 404)


# --- Prefer: respond-async -----------------------------------------------------------------------------------
def predict(api: Caller, body: Any, content_type: str, **headers: str) -> Any:
    path = api.path("models/article/predictions")
    return api.client.post(path, body, content_type, headers={**api.headers, **headers})


@pytest.mark.parametrize(
    ("body", "content_type", "kind"),
    [
        (ROWS, "text/csv", "csv"),
        (orjson.dumps({"rows": [{"x1": 1, "x2": 2}]}), "application/json", "jsonl"),
        (orjson.dumps({"columns": ["x1", "x2"], "data": [[1, 2]]}), "application/json", "jsonl"),
    ],
)
@override_settings(MAX_PREDICTION_ROWS=0)
def test_rows_become_a_batch_with_prefer_respond_async(
    api: Caller, body: bytes, content_type: str, kind: str
) -> None:
    response = predict(api, body, content_type, Prefer="return=minimal, respond-async; wait=5")

    assert response.status_code == 202, response.content
    assert response["Preference-Applied"] == "respond-async"
    found = look(api, response["Location"]).json()
    assert (found["format"], found["status"]) == (kind, "queued")
    finish(found)
    assert PredictionLog.objects.filter(request_id=found["request_id"]).exists()


def test_without_the_preference_rows_are_answered_at_once(api: Caller) -> None:
    response = predict(api, orjson.dumps({"rows": [{"x1": 1, "x2": 2}]}), "application/json", Prefer="wait=5")

    assert response.status_code == 200
    assert "Preference-Applied" not in response
    assert not BatchPrediction.objects.exists()


@pytest.mark.parametrize(
    "asked", [{"horizon": 2}, {"horizon": 2, "group": "north"}, {"rows": [ROW], "history": [ROW]}]
)
def test_options_that_a_batch_does_not_take_are_answered_at_once(api: Caller, asked: dict[str, Any]) -> None:
    refused = predict(api, orjson.dumps(asked), "application/json", Prefer="respond-async")

    assert "A horizon is for forecasting" in problem(refused, 400)["detail"]
    assert not BatchPrediction.objects.exists()


@override_settings(MAX_PREDICTION_CSV_ROWS=2)
def test_the_error_for_a_file_over_the_limit_suggests_a_batch(api: Caller) -> None:
    assert "batch" in problem(predict(api, b"x1,x2\n" + b"1,2\n" * 3, "text/csv"), 413)["detail"]


def test_a_batch_keeps_the_version_of_its_start(api: Caller, linear: ModelVersion, member: User) -> None:
    found = upload(api, b"x1,x2\n1,2\n").json()

    assert BatchPrediction.objects.get(pk=found["id"]).model_version == linear
