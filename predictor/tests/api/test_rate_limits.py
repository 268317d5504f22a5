"""Rate limits: 429 in the form of each interface, and the headers about the limit in every response."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from predictor.errors import InvalidInput
from predictor.models import ApiToken, ModelVersion, User, Workspace
from predictor.services.accounts import rate_limits, tokens
from predictor.tests.api.conftest import problem

TENSOR = {"inputs": [{"name": "x", "shape": [1, 2], "datatype": "FP64", "data": [1, 2]}]}
PREDICTING = [
    ("/api/v1/acme/models/article/predictions", {"rows": [{"x1": 1, "x2": 2}]}),
    ("/serve/acme/v2/models/article/infer", TENSOR),
    ("/serve/acme/v1/models/article:predict", {"instances": [[1, 2]]}),
    ("/serve/acme/models/article/invocations", {"instances": [[1, 2]]}),
]


@pytest.fixture(autouse=True)
def _own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limits, "_buckets", rate_limits.InMemory())
    monkeypatch.setattr(rate_limits, "now", lambda: 1_000_000.0)


@pytest.fixture
def headers(member: User, workspace: Workspace, linear: ModelVersion) -> dict[str, str]:
    """The headers of a token that may send two requests a minute."""
    made = tokens.create_token(
        user=member, workspace=workspace, name="t", scopes=["predict", "read"], requests_per_minute=2
    )
    return {"Authorization": f"Bearer {made.plaintext}"}


@pytest.mark.parametrize(("path", "body"), PREDICTING)
def test_a_third_request_is_refused_with_a_limit_of_two(
    headers: dict[str, str], path: str, body: dict[str, Any]
) -> None:
    answers = [Client().post(path, body, content_type="application/json", headers=headers) for _ in range(3)]

    assert [each.status_code for each in answers] == [200, 200, 429], answers[0].content
    assert [each["RateLimit-Remaining"] for each in answers] == ["1", "0", "0"]
    assert [each["RateLimit-Limit"] for each in answers] == ["2"] * 3
    assert answers[2]["Retry-After"] == "30"
    sentence = "This token may send 2 requests a minute, and has sent them."
    if "/api/" in path:
        found = problem(answers[2], 429)
        assert (found["detail"], found["limit"]) == (sentence, 2)
    else:
        assert sentence in answers[2].json().values()


def test_every_request_of_the_token_counts(headers: dict[str, str]) -> None:
    assert Client().get("/api/v1/acme/models", headers=headers).status_code == 200
    assert Client().get("/serve/acme/v2/models", headers=headers).status_code == 200

    problem(Client().get("/api/v1/workspaces", headers=headers), 429)


def test_without_a_limit_there_are_no_rate_limit_headers(member: User, workspace: Workspace) -> None:
    made = tokens.create_token(user=member, workspace=workspace, name="t", scopes=["read"])

    answer = Client().get("/api/v1/workspaces", headers={"Authorization": f"Bearer {made.plaintext}"})

    assert answer.status_code == 200
    assert not [name for name in answer.headers if name.startswith("RateLimit")]


def test_a_limit_is_given_by_form_and_command_line(member: User, workspace: Workspace, capsys: Any) -> None:
    browser = Client()
    browser.force_login(member)
    asked = {"name": "t", "workspace": workspace.pk, "scopes": ["read"], "lifetime": "30"}

    assert browser.post("/settings/tokens/new/", {**asked, "requests_per_minute": "1200"}).status_code == 200
    assert browser.post("/settings/tokens/new/", {**asked, "requests_per_minute": "0"}).status_code == 400
    call_command("create_token", email=member.email, scope=["read"], requests_per_minute=3)

    assert sorted(ApiToken.objects.values_list("requests_per_minute", flat=True)) == [3, 1200]
    assert "at most 1,200 requests a minute" in browser.get("/settings/tokens/").content.decode()


def test_a_token_cannot_be_given_more_than_the_installation_allows(
    member: User, workspace: Workspace, settings: Any
) -> None:
    settings.TOKEN_REQUESTS_PER_MINUTE = 60

    with pytest.raises(InvalidInput, match="between 1 and 60"):
        tokens.create_token(
            user=member, workspace=workspace, name="t", scopes=["read"], requests_per_minute=61
        )
