"""Counterfactuals and nearest training rows through the API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from predictor.models import ModelVersion, PredictionLog, RegisteredModel, Scope, User, Workspace
from predictor.services.predictions import loaded_versions
from predictor.tests.api.conftest import Caller, problem
from predictor.tests.web.served_versions import CLASSES, ROW, publish_served

ADDRESS = "models/churn/counterfactuals"


@pytest.fixture
def model(workspace: Workspace) -> RegisteredModel:
    loaded_versions.forget_all()
    model = RegisteredModel.objects.create(workspace=workspace, slug="churn", name="Churn")
    publish_served(model)
    return model


def test_counterfactuals_give_the_wanted_class(api: Caller, model: RegisteredModel) -> None:
    now = api.post("models/churn/predictions", {"rows": [ROW]}).json()["predictions"][0]["prediction"]
    (other,) = set(CLASSES) - {now}

    found = api.post(ADDRESS, {"row": ROW, "wanted": {"class": other}, "locked": ["plan"], "limit": 2}).json()

    assert (found["model"], found["version"], found["prediction"]) == ("churn", 1, now)
    assert 1 <= len(found["counterfactuals"]) <= 2
    first = found["counterfactuals"][0]
    assert first["prediction"] == other
    again = api.post("models/churn/predictions", {"rows": [first["row"]]}).json()["predictions"][0]
    assert (again["prediction"], again["probabilities"]) == (other, first["probabilities"])
    assert PredictionLog.objects.count() == 2  # the two predictions, not the search


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"row": ROW},
        {"row": [1], "wanted": {"class": "stay"}},
        {"row": ROW, "wanted": {}},
        {"row": ROW, "wanted": {"class": [1]}},
        {"row": ROW, "wanted": {"at_least": "much"}},
        {"row": {"age": "abc"}, "wanted": {"class": "stay"}},
        {"row": ROW, "wanted": {"class": "stay"}, "locked": "age"},
        {"row": ROW, "wanted": {"class": "stay"}, "limit": 21},
        {"row": ROW, "wanted": {"class": "stay"}, "version": {}},
    ],
)
def test_an_invalid_counterfactual_request_is_refused(api: Caller, model: RegisteredModel, body: Any) -> None:
    problem(api.post(ADDRESS, body), 400)


def test_an_unknown_model_or_version_is_missing(api: Caller, model: RegisteredModel) -> None:
    body = {"row": ROW, "wanted": {"class": "stay"}}
    problem(api.post("models/nothing/counterfactuals", body), 404)
    problem(api.post(ADDRESS, {**body, "version": 9}), 404)


@pytest.mark.parametrize(("asked", "n"), [(True, 5), (2, 2), (False, 0), (0, 0), (None, 0)])
def test_nearest_rows_on_request(api: Caller, model: RegisteredModel, asked: Any, n: int) -> None:
    found = api.post("models/churn/predictions", {"rows": [ROW], "nearest": asked}).json()["predictions"][0]

    assert len(found.get("nearest", [])) == n
    for each in found.get("nearest", []):
        assert set(each) == {"distance", "row", "target"}
        assert each["target"] in CLASSES


@pytest.mark.parametrize("asked", [21, -1, 1.5, "5", [5]])
def test_an_invalid_number_of_nearest_rows_is_refused(
    api: Caller, model: RegisteredModel, asked: Any
) -> None:
    assert (
        "nearest"
        in problem(api.post("models/churn/predictions", {"rows": [ROW], "nearest": asked}), 400)["detail"]
    )


def test_nearest_training_rows_need_the_scope_read(
    call_as: Callable[..., Caller], member: User, workspace: Workspace, model: RegisteredModel
) -> None:
    """A token that may only predict may not see the data."""
    only_predicts = call_as(member, workspace, Scope.PREDICT)

    assert only_predicts.post("models/churn/predictions", {"rows": [ROW]}).status_code == 200
    refused = problem(only_predicts.post("models/churn/predictions", {"rows": [ROW], "nearest": 1}), 403)
    assert "read" in refused["detail"]


def test_a_version_without_training_rows_says_so(api: Caller, linear: ModelVersion) -> None:
    body = {"rows": [{"x1": 1, "x2": 2}], "nearest": True}

    assert "train it again" in problem(api.post("models/article/predictions", body), 400)["detail"]
