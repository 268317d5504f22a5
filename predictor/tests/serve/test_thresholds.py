"""The decision threshold is the same through every interface; another threshold is another version."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from predictor.models import ModelVersion, PredictionLog, RegisteredModel, Scope, User
from predictor.services import registry
from predictor.services.accounts import tokens
from predictor.tests import predicting
from predictor.tests.serve.conftest import Wire
from predictor.tests.serve.test_faces import csv_of, shown
from predictor.tests.web.served_versions import CLASSES, ROW

STAY, LEAVE = CLASSES


@pytest.fixture
def likely(model: RegisteredModel, member: User) -> float:
    """The probability of the second class for ROW."""
    found = predicting.predict(model, rows=[ROW], by=member).predictions[0]
    assert found.probabilities is not None
    return found.probabilities[LEAVE]


def decided(model: RegisteredModel, value: float, by: User) -> ModelVersion:
    first = registry.version_of(model, 1)
    return registry.publish_with_threshold(model_version=first, rule={"by": "fixed", "value": value}, by=by)


@pytest.mark.parametrize("side", [-1, 1])
def test_a_threshold_gives_the_same_class_in_the_api_the_form_a_csv_and_a_protocol(
    side: int, wire: Wire, model: RegisteredModel, member: User, likely: float
) -> None:
    value = likely + side * min(likely, 1 - likely) / 2
    wanted = LEAVE if side < 0 else STAY
    version = decided(model, value, member)
    registry.set_alias(registered_model=model, alias="champion", model_version=version, by=member)
    client = Client()
    client.force_login(member)
    fields = {f"f{number}": each for number, each in enumerate(shown(ROW).values())}
    upload = SimpleUploadedFile("rows.csv", csv_of(ROW))

    api = wire.client.post(
        "/api/v1/acme/models/churn/predictions",
        {"rows": [ROW]},
        content_type="application/json",
        headers=wire.headers({}),
    ).json()
    client.post(reverse("predict", args=["acme", "churn"]), fields)
    page = client.post(reverse("predict-csv", args=["acme", "churn"]), {"file": upload})
    v1 = wire.post("v1/models/churn:predict", {"instances": [ROW]}).json()

    assert api["threshold"] == pytest.approx(value)
    assert api["predictions"][0]["prediction"] == wanted
    assert PredictionLog.objects.get(source="form").output["prediction"] == wanted
    assert page.context["answer"].preview[0]["prediction"] == wanted
    assert v1["predictions"] == [wanted]


def test_the_threshold_is_changed_by_api_and_by_form(
    wire: Wire, model: RegisteredModel, member: User
) -> None:
    token = tokens.create_token(
        user=member, workspace=model.workspace, name="w", scopes=[Scope.WRITE]
    ).plaintext
    path = "/api/v1/acme/models/churn/versions/1/thresholds"

    def post(body: dict[str, Any]) -> Any:
        headers = {"Authorization": f"Bearer {token}"}
        return wire.client.post(path, body, content_type="application/json", headers=headers)

    made = post({"by": "cost", "false_positive": 1, "false_negative": 3})
    assert (made.status_code, made.json()["made_from"], made.json()["threshold"]) == (201, 1, 0.25)
    assert made["Location"].endswith("/models/churn/versions/2")
    assert post({"by": "precision"}).status_code == 400

    client = Client()
    client.force_login(member)
    page = reverse("version-threshold", args=["acme", "churn", 1])
    refused = client.post(page, {"threshold-by": "fixed", "threshold-value": "7"})
    assert refused.status_code == 400
    assert "has to lie between 0 and 1" in refused.content.decode()
    answer = client.post(page, {"threshold-by": "fixed", "threshold-value": "0.3"})
    assert answer["Location"] == reverse("version-detail", args=["acme", "churn", 3])
    charts = client.get(reverse("version-charts", args=["acme", "churn", 3]))
    assert "is predicted from a probability of 30 %" in charts.content.decode()


def test_a_repeated_request_makes_one_version(wire: Wire, model: RegisteredModel, member: User) -> None:
    made = tokens.create_token(user=member, workspace=model.workspace, name="w", scopes=[Scope.WRITE])
    headers = {"Authorization": f"Bearer {made.plaintext}", "Idempotency-Key": "once"}
    path, rule = "/api/v1/acme/models/churn/versions/1/thresholds", {"by": "f1"}

    first, second = (
        wire.client.post(path, rule, content_type="application/json", headers=headers) for _ in range(2)
    )

    assert (first.status_code, second.status_code, second["Idempotency-Replayed"]) == (201, 201, "true")
    assert first.content == second.content
    assert model.versions.count() == 2


def test_a_csv_holds_sets_of_the_coverage_asked_for(wire: Wire, model: RegisteredModel, member: User) -> None:
    def sizes(coverage: str) -> list[str]:
        answer = wire.client.post(
            f"/api/v1/acme/models/churn/predictions?coverage={coverage}",
            csv_of(ROW),
            content_type="text/csv",
            headers=wire.headers({}),
        )
        assert answer.status_code == 200, answer.content
        text = b"".join(answer.streaming_content).decode()
        return [row["prediction_set"] for row in csv.DictReader(io.StringIO(text))]

    wanted = predicting.predict(model, rows=[ROW], coverage=0.99, by=member).predictions[0]
    assert wanted.prediction_set is not None
    assert sizes("0.99") == ["; ".join(wanted.prediction_set["classes"])]
    refused = wire.client.post(
        "/api/v1/acme/models/churn/predictions?coverage=2",
        csv_of(ROW),
        content_type="text/csv",
        headers=wire.headers({}),
    )
    assert refused.status_code == 400
