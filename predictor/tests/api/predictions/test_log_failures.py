"""A prediction that cannot be logged is not answered: 503 with the reason, in the form of each interface."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import InterfaceError, OperationalError
from django.test import Client
from django.urls import reverse

from predictor.models import ModelVersion, PredictionLog, User
from predictor.services.prediction_log import group_commit
from predictor.tests.api.conftest import Caller

SENTENCE = "The prediction could not be written to the log, so it is not answered; try again in a moment."
TROUBLES = (
    OperationalError("database is locked"),
    InterfaceError("connection already closed"),
    OSError(28, "No space left on device"),
)
TENSOR = {"inputs": [{"name": "x", "shape": [1, 2], "datatype": "FP64", "data": [1, 2]}]}
LIST = {"instances": [[1, 2]]}


def fail(monkeypatch: pytest.MonkeyPatch, trouble: Exception) -> None:
    def fails(*args: Any) -> None:
        raise trouble

    monkeypatch.setattr(group_commit, "insert", fails)


@pytest.fixture
def version(transactional_db: None, linear: ModelVersion) -> ModelVersion:
    """A committed version: inside an open transaction, the request itself would write the log rows."""
    return linear


@pytest.mark.parametrize(
    ("path", "body", "shape"),
    [
        ("models/article/predictions", {"rows": [{"x1": 1, "x2": 2}]}, "detail"),
        ("/predict", {"x": [1, 2]}, "detail"),
        ("/serve/acme/v2/models/article/infer", TENSOR, "error"),
        ("/serve/acme/v1/models/article:predict", LIST, "error"),
        ("/serve/acme/models/article/invocations", LIST, "message"),
    ],
)
def test_every_interface_refuses_a_prediction_that_cannot_be_logged(
    version: ModelVersion,
    api: Caller,
    monkeypatch: pytest.MonkeyPatch,
    settings: Any,
    path: str,
    body: Any,
    shape: str,
) -> None:
    settings.ARTICLE_MODEL = "acme/article"
    for trouble in TROUBLES:
        with monkeypatch.context() as patched:
            fail(patched, trouble)
            answer = api.post(path, body)

        assert answer.status_code == 503, (trouble, answer.content)
        assert answer["Retry-After"] == "1"
        assert answer.json()[shape] == SENTENCE
    assert not PredictionLog.objects.exists()
    assert api.post(path, body).status_code == 200
    assert PredictionLog.objects.count() == 1


def test_a_csv_is_refused_too(version: ModelVersion, api: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    fail(monkeypatch, TROUBLES[2])

    answer = api.post("models/article/predictions", b"x1,x2\n1,2\n", content_type="text/csv")

    assert (answer.status_code, answer["Retry-After"]) == (503, "1")
    assert answer.json()["type"] == "urn:mlweb:problem:not-logged"


def test_the_form_shows_the_same_sentence(
    version: ModelVersion, member: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail(monkeypatch, TROUBLES[0])
    client = Client()
    client.force_login(member)

    answer = client.post(reverse("predict", args=["acme", "article"]), {"f0": "1", "f1": "2"})

    assert SENTENCE in answer.content.decode()
