"""Form settings and published forms through the API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client

from predictor.models import RegisteredModel, User, Workspace
from predictor.services.predictions import loaded_versions
from predictor.tests.api.conftest import Caller, problem
from predictor.tests.web.served_versions import CLASSES, ROW, publish_served


@pytest.fixture
def model(workspace: Workspace) -> RegisteredModel:
    loaded_versions.forget_all()
    model = RegisteredModel.objects.create(workspace=workspace, slug="churn", name="Churn")
    publish_served(model)
    return model


def test_a_link_is_created_used_closed_and_revoked(
    call_as: Callable[..., Caller], admin: User, workspace: Workspace, model: RegisteredModel
) -> None:
    api = call_as(admin, workspace)

    made = api.post("models/churn/links", {"title": "Leave?", "columns": ["age"], "shows": "probabilities"})

    assert made.status_code == 201
    path = urlsplit(made.json()["url"]).path
    assert path.startswith(f"/f/{made.json()['prefix']}")
    one = f"models/churn/links/{made.json()['id']}"
    assert Client().post(path, {"f0": "30"}).status_code == 200
    shown = api.get(one).json()
    assert (shown["n_uses"], shown["created_by"], shown["is_open"]) == (1, "admin@example.org", True)
    assert "url" not in shown
    assert "digest" not in shown
    assert api.get("models/churn/links").json()["count"] == 1
    assert api.send("patch", one, {"is_on": False}).json()["is_open"] is False
    assert Client().get(path).status_code == 410
    changed = api.send("patch", one, {"is_on": True, "title": "Leaves?", "expires_at": None})
    assert (changed.status_code, changed.json()["title"]) == (200, "Leaves?")
    for wrong in ({}, {"title": ""}, {"columns": ["nope"]}, {"prefix": "x"}):
        problem(api.send("patch", one, wrong), 400)
    assert Client().get(path).status_code == 200
    assert api.send("delete", one).status_code == 204
    assert Client().get(path).status_code == 410
    problem(api.send("patch", one, {"is_on": True}), 409)


@pytest.mark.parametrize(
    "body",
    [
        {}, {"title": ""}, {"title": "T", "shows": "all"}, {"title": "T", "columns": ["nope"]},
        {"title": "T", "frame_origins": ["*"]}, {"title": "T", "requests_per_minute": 0},
        {"title": "T", "expires_at": "2001-01-01T00:00:00Z"}, {"title": "T", "token": "mine"},
    ],
)  # fmt: skip
def test_a_faulty_link_is_refused(
    call_as: Callable[..., Caller], admin: User, workspace: Workspace, model: RegisteredModel, body: Any
) -> None:
    problem(call_as(admin, workspace).post("models/churn/links", body), 400)


def test_form_settings_are_read_and_changed(api: Caller, model: RegisteredModel) -> None:
    changed = api.send(
        "put", "models/churn/form", {"fields": {"age": {"label": "Age"}, "plan": {"immutable": True}}}
    )
    api.send("patch", "models/churn/form", {"fields": {"age": {}}})

    assert changed.status_code == 200
    found = api.get("models/churn/form").json()
    assert found["fields"] == {"plan": {"immutable": True}}
    assert [(each["by"], each["columns"]) for each in found["changes"]] == [
        ("member@example.org", ["age"]),
        ("member@example.org", ["age", "plan"]),
    ]
    for bad in ({}, {"fields": 3}, {"fields": {"nope": {"label": "x"}}}, {"fields": {"age": {"order": "x"}}}):
        problem(api.send("put", "models/churn/form", bad), 400)


def test_counterfactuals_leave_what_the_owner_calls_immutable(api: Caller, model: RegisteredModel) -> None:
    now = api.post("models/churn/predictions", {"rows": [ROW]}).json()["predictions"][0]["prediction"]
    (other,) = set(CLASSES) - {now}
    body = {"row": ROW, "wanted": {"class": other}}
    first = api.post("models/churn/counterfactuals", body).json()["counterfactuals"]
    column = first[0]["changes"][0]["column"]

    api.send("put", "models/churn/form", {"fields": {column: {"immutable": True}}})

    again = api.post("models/churn/counterfactuals", body).json()["counterfactuals"]
    assert column not in {change["column"] for each in again for change in each["changes"]}
