from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from predictor.models import Actual, PredictionHour, PredictionLog, RegisteredModel, User, Workspace
from predictor.services.monitoring import actuals
from predictor.services.monitoring.actuals import GivenActual
from predictor.services.predictions import loaded_versions
from predictor.tests import predicting
from predictor.tests.web.prediction_pages import url
from predictor.tests.web.served_versions import ROW, publish_served

pytestmark = pytest.mark.django_db


@pytest.fixture
def logged(workspace: Workspace, admin: User) -> PredictionLog:
    loaded_versions.forget_all()
    model = RegisteredModel.objects.create(workspace=workspace, slug="churn", name="Churn")
    publish_served(model)
    predicting.predict(model, rows=[ROW], by=admin)
    return PredictionLog.objects.get()


def test_a_value_is_stored_on_the_page_of_a_logged_row(
    client: Client, member: User, logged: PredictionLog
) -> None:
    client.force_login(member)
    address = url("prediction-detail", logged.pk)
    assert "The actual value is not known yet." in client.get(address).text
    other = next(name for name in ("stay", "<b>leave</b>") if name != logged.output["prediction"])

    client.post(url("prediction-actual", logged.pk), {"value": other})
    page = client.get(address).text

    assert "The actual value is stored." in page
    assert "The prediction was wrong." in page
    assert Actual.objects.get().source == "form"
    client.post(url("prediction-actual", logged.pk), {"value": logged.output["prediction"]})
    page = client.get(address).text
    assert "The prediction was right." in page
    assert "History" in page


@pytest.mark.parametrize(
    "fields", [{}, {"value": ""}, {"value": "unknown"}, {"value": "stay", "known_at": "soon"}]
)
def test_a_wrong_value_is_refused(
    client: Client, member: User, logged: PredictionLog, fields: dict[str, Any]
) -> None:
    client.force_login(member)
    answer = client.post(url("prediction-actual", logged.pk), fields, follow=True)
    assert "message-error" in answer.text or "note-bad" in answer.text or "alert" in answer.text
    assert not Actual.objects.exists()


def test_viewers_see_the_value_and_no_form(client: Client, viewer: User, logged: PredictionLog) -> None:
    actuals.record(logged.workspace, [GivenActual(1, "stay", prediction=logged.pk)], source="api")
    client.force_login(viewer)
    page = client.get(url("prediction-detail", logged.pk)).text
    assert "The actual value is <strong>stay</strong>" in page
    assert "Correct it" not in page
    assert "Store the values" not in client.get(url("actuals")).text


def test_a_file_is_uploaded_and_the_page_says_what_became_of_it(
    client: Client, member: User, logged: PredictionLog
) -> None:
    client.force_login(member)
    text = f"prediction,value\n{logged.pk},stay\nnot-an-id,stay\n01980a2e-7c11-7d7e-8a44-0d3c5b1f2a90,stay\n"

    page = client.post(url("actuals"), {"file": SimpleUploadedFile("a.csv", text.encode())}).text

    assert "3 values were read. 1 was stored with its prediction." in page
    assert "1 value has no prediction in the log yet." in page
    assert "is no id of a prediction" in page
    assert "01980a2e-7c11-7d7e-8a44-0d3c5b1f2a90" in client.get(url("actuals") + "?waiting=1").text


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n", b"\x89PNG\r\n\x1a\n0000"])
def test_another_file_is_refused_with_its_reason(
    client: Client, member: User, logged: PredictionLog, content: bytes
) -> None:
    client.force_login(member)
    answer = client.post(url("actuals"), {"file": SimpleUploadedFile("a.csv", content)})
    assert 400 <= answer.status_code < 500
    assert "note-bad" in answer.text
    assert client.post(url("actuals"), {}).status_code == 400


def test_the_monitor_compares_live_with_held_out(
    client: Client, viewer: User, logged: PredictionLog, admin: User
) -> None:
    client.force_login(viewer)
    assert "has an actual value yet" in client.get(url("model-monitor", "churn")).text
    predicting.predict(logged.model_version.registered_model, rows=[ROW] * 24, by=admin)
    given = [
        GivenActual(place, "stay", prediction=row.pk)
        for place, row in enumerate(PredictionLog.objects.all(), start=1)
    ]
    actuals.record(logged.workspace, given, source="api")

    page = " ".join(client.get(url("model-monitor", "churn")).text.split())

    assert "25 predictions have an actual value." in page
    hour = timezone.now().replace(minute=0, second=0, microsecond=0)
    PredictionHour.objects.create(model_version=logged.model_version, hour=hour, day=0, n_rows=50)
    page = " ".join(client.get(url("model-monitor", "churn")).text.split())
    assert "25 of 50 predictions have an actual value (50 %)." in page
    assert "Metrics of version 1 on live rows" in page
    assert "Confusion matrix on live rows" in page
