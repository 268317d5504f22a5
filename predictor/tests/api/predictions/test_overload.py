"""Overload: requests are refused early, cheaply, and in the form that the clients of each interface read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from predictor.api.predictions import predictions as prediction_views
from predictor.models import ModelVersion, PredictionLog
from predictor.services.predictions import admission
from predictor.tests.api.conftest import Caller, problem

ROWS = {"rows": [{"x1": 1, "x2": 2}]}
SENTENCE = "The server is busy with other predictions; try again in a second."
TENSOR = {"inputs": [{"name": "x", "shape": [1, 2], "datatype": "FP64", "data": [1, 2]}]}


@pytest.fixture
def overload(settings: Any) -> Iterator[None]:
    """The concurrency limit is reached and no request may wait."""
    settings.PREDICTIONS_AT_ONCE, settings.PREDICTIONS_WAITING = 1, 0
    admission.prediction_limit.enter()
    yield
    admission.prediction_limit.leave()


def test_the_api_refuses_with_a_problem_before_it_reads_the_request(overload: None) -> None:
    # This test has no database fixture: a query would fail.
    answer = Client().post(
        "/api/v1/acme/models/article/predictions",
        b"not JSON",
        content_type="application/json",
        headers={"Authorization": "Bearer wrong"},
    )

    found = problem(answer, 503)
    assert answer["Retry-After"] == "1"
    assert answer["Content-Length"] == str(len(answer.content))
    assert found["detail"] == SENTENCE
    assert found["type"] == "urn:mlweb:problem:busy"


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        ("v2/models/article/infer", TENSOR, {"error": SENTENCE}),
        ("v1/models/article:predict", {"instances": [[1, 2]]}, {"error": SENTENCE}),
        (
            "models/article/invocations",
            {"instances": [[1, 2]]},
            {"error_code": "TEMPORARILY_UNAVAILABLE", "message": SENTENCE},
        ),
        ("models/article/predict", {"x": [1, 2]}, {"error": SENTENCE}),
        ("v1/models/article/versions/1:explain", {"instances": [[1, 2]]}, {"error": SENTENCE}),
    ],
)
def test_protocols_refuse_in_their_own_form(
    overload: None, path: str, body: dict[str, Any], expected: dict[str, Any]
) -> None:
    answer = Client().post(f"/serve/acme/{path}", body, content_type="application/json")

    assert answer.status_code == 503
    assert answer["Retry-After"] == "1"
    assert answer["Content-Type"] == "application/json"
    assert answer.json() == expected


def test_the_article_route_is_refused_and_health_checks_are_not(overload: None, db: None) -> None:
    problem(Client().post("/predict", {"x": [1, 2]}, content_type="application/json"), 503)

    assert Client().get("/serve/acme/v2/health/live").status_code == 200


@pytest.mark.parametrize("path", ["index", "models/article/load", "models/article/unload"])
def test_the_model_repository_answers_during_overload(
    overload: None, api: Caller, linear: ModelVersion, path: str
) -> None:
    assert api.post(f"/serve/acme/v2/repository/{path}").status_code == 200


def test_a_csv_file_is_refused_before_it_is_read(
    api: Caller, linear: ModelVersion, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.PREDICTIONS_AT_ONCE = 2

    def read(request: Any) -> None:
        raise AssertionError("the file was read")

    with monkeypatch.context() as patch, admission.file_limit.place():
        patch.setattr(prediction_views, "file_of", read)
        answer = api.post("models/article/predictions", b"x1,x2\n1,2\n", content_type="text/csv")
        # The other places are for rows.
        assert api.post("models/article/predictions", ROWS).status_code == 200

    assert problem(answer, 503)["detail"] == SENTENCE
    assert answer["Retry-After"] == "1"
    assert PredictionLog.objects.count() == 1
    good = api.post("models/article/predictions", b"x1,x2\n1,2\n", content_type="text/csv")
    assert b"-0.4" in good.getvalue()


def test_a_request_that_waits_too_long_is_refused_and_not_logged(
    api: Caller, linear: ModelVersion, settings: Any
) -> None:
    settings.PREDICTIONS_AT_ONCE, settings.PREDICTIONS_WAITING, settings.PREDICTION_WAIT_MS = 1, 5, 1
    admission.prediction_limit.enter()
    try:
        answer = api.post("models/article/predictions", ROWS)
    finally:
        admission.prediction_limit.leave()

    assert problem(answer, 503)["detail"] == SENTENCE
    assert not PredictionLog.objects.exists()
    assert api.post("models/article/predictions", ROWS).status_code == 200


def test_a_prediction_that_takes_too_long_is_refused_and_not_logged(
    api: Caller, linear: ModelVersion, settings: Any
) -> None:
    settings.PREDICTION_TIMEOUT_SECONDS = 0

    found = problem(api.post("models/article/predictions", ROWS), 503)

    assert found["type"] == "urn:mlweb:problem:took-too-long"
    assert found["limit"] == 0
    assert not PredictionLog.objects.exists()
