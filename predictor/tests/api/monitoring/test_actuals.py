from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from predictor.models import Actual, ModelVersion, PredictionHour, Scope, User, Workspace
from predictor.services import registry
from predictor.tests.api.conftest import Caller

pytestmark = pytest.mark.django_db


@pytest.fixture
def predictions(api: Caller, workspace: Workspace, admin: User) -> list[dict[str, Any]]:
    """Three predictions of a line: 0.5·x1 + 0.3·x2 − 1.5."""
    registry.register_linear(
        workspace=workspace, name="line", coefficients=[0.5, 0.3], intercept=-1.5, by=admin
    )
    rows = [{"x1": 1, "x2": 2}, {"x1": 3, "x2": 4}, {"x1": 5, "x2": 6}]
    found: list[dict[str, Any]] = api.post("models/line/predictions", {"rows": rows}).json()["predictions"]
    return found


def test_actual_values_come_back_and_the_live_quality_is_read(
    api: Caller, predictions: list[dict[str, Any]]
) -> None:
    sent = [{"prediction": each["id"], "value": each["prediction"] + 1} for each in predictions]

    answer = api.post("actuals", {"actuals": sent})

    assert answer.status_code == 200
    assert answer.json() == {
        "received": 3, "matched": 3, "corrected": 0, "unchanged": 0, "waiting": 0, "other_classes": 0,
        "refused": 0, "faults": [], "waiting_examples": [],
    }  # fmt: skip
    (quality,) = api.get("models/line/live-quality").json()
    # Nobody has counted the log yet.
    assert (quality["version"], quality["n_actuals"], quality["n_predictions"]) == (1, 3, None)
    hour = timezone.now().replace(minute=0, second=0, microsecond=0)
    PredictionHour.objects.create(model_version=ModelVersion.objects.get(), hour=hour, day=0, n_rows=12)
    (counted,) = api.get("models/line/live-quality").json()
    assert (counted["n_predictions"], counted["share"]) == (12, 0.25)
    figures = {each["name"]: each for each in quality["figures"]}
    assert figures["mae"]["value"] == pytest.approx(1.0)
    assert figures["mae"]["interval"] is None
    listed = api.get("actuals").json()["results"]
    assert {each["prediction"] for each in listed} == {each["id"] for each in predictions}
    assert all(each["is_current"] and each["model"] == "line" for each in listed)


def test_files_are_taken_as_body_and_as_form(api: Caller, predictions: list[dict[str, Any]]) -> None:
    text = "prediction,value\n" + "".join(f"{each['id']},{place}\n" for place, each in enumerate(predictions))

    as_body = api.post("actuals", text, content_type="text/csv")
    as_form = api.upload("actuals", SimpleUploadedFile("actuals.csv", text.encode()))
    lines = "".join(f'{{"prediction": "{each["id"]}", "value": 9}}\n' for each in predictions)
    as_lines = api.post("actuals", lines, content_type="application/x-ndjson")

    assert as_body.json()["matched"] == 3
    assert as_form.json()["unchanged"] == 3
    assert (as_lines.json()["matched"], as_lines.json()["corrected"]) == (3, 3)


def test_a_wrong_value_is_named_and_the_others_are_stored(
    api: Caller, predictions: list[dict[str, Any]]
) -> None:
    sent = [
        {"prediction": predictions[0]["id"], "value": "abc"},
        {"prediction": predictions[1]["id"], "value": 3},
        {"value": 3},
        {"prediction": predictions[2]["id"], "value": 3, "labl": 1},
        {"request_id": "nobody-knows", "value": 3},
    ]

    receipt = api.post("actuals", {"actuals": sent}).json()

    assert (receipt["matched"], receipt["refused"], receipt["waiting"]) == (1, 3, 1)
    assert [each["place"] for each in receipt["faults"]] == [3, 4, 1]
    assert receipt["waiting_examples"] == ["nobody-knows, row 1"]
    waiting = api.get("actuals", is_waiting="true").json()
    assert (waiting["count"], waiting["results"][0]["model"]) == (1, None)


@pytest.mark.parametrize(
    "body",
    [{}, {"actuals": []}, {"actuals": [1]}, {"actuals": {}}, {"actual": []}, {"actuals": [{}] * 10_001}],
)
def test_other_bodies_are_refused(api: Caller, body: Any) -> None:
    assert api.post("actuals", body).status_code == 400


def test_a_repeated_request_with_a_key_gets_the_first_answer(
    api: Caller, predictions: list[dict[str, Any]]
) -> None:
    body = {"actuals": [{"prediction": predictions[0]["id"], "value": 3}]}
    headers = {**api.headers, "Idempotency-Key": "k-1"}

    answers = [
        api.client.post(api.path("actuals"), body, content_type="application/json", headers=headers).json()
        for _ in range(2)
    ]

    assert answers[0] == answers[1]
    assert Actual.objects.count() == 1


def test_viewers_and_readers_do_not_send_actual_values(
    call_as: Any, viewer: User, member: User, workspace: Workspace
) -> None:
    body = {"actuals": [{"request_id": "r", "value": 1}]}
    assert call_as(viewer, workspace).post("actuals", body).status_code == 403
    assert call_as(member, workspace, Scope.READ).post("actuals", body).status_code == 403
    assert call_as(member, workspace, Scope.PREDICT).post("actuals", body).status_code == 200


@pytest.mark.parametrize("days", ["0", "x", "99999"])
def test_days_have_limits(api: Caller, predictions: list[dict[str, Any]], days: str) -> None:
    assert api.get("models/line/live-quality", days=days).status_code == 400
    assert api.get("models/nothing/live-quality").status_code == 404
