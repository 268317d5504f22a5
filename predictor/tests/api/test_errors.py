from __future__ import annotations

from typing import Any

import pytest
from django.test import Client, override_settings

from predictor.services import registry
from predictor.tests.api.conftest import Caller, problem


@pytest.mark.parametrize(
    "path", ["/api/", "/api/v1/", "/api/v1/nothing", "/api/v1/acme/nothing/", "/api/v2/x"]
)
@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete", "options"])
def test_an_unknown_route_is_a_problem_document(db: None, path: str, method: str) -> None:
    problem(getattr(Client(), method)(path), 404)


@pytest.mark.parametrize("path", ["models", "models/"])
def test_routes_answer_with_and_without_a_slash(api: Caller, path: str) -> None:
    assert api.get(path).status_code == 200


def test_an_unsupported_method_is_405_and_names_the_supported_ones(api: Caller) -> None:
    response = api.send("delete", "models")

    problem(response, 405)
    assert response["Allow"] == "GET, HEAD"


def test_an_unsupported_response_format_is_406(api: Caller) -> None:
    response = api.client.get(api.path("models"), headers={**api.headers, "Accept": "image/png"})

    problem(response, 406)


@pytest.mark.parametrize(
    "content_type", ["", "text/plain", "application/xml", "application/json; charset=latin-1"]
)
def test_a_body_of_another_type_is_415(api: Caller, content_type: str) -> None:
    problem(api.send("patch", "models/none", b'{"name": "x"}', content_type=content_type), 415)


def test_without_a_token_it_is_401_with_a_challenge(anonymous: Caller, workspace: Any) -> None:
    response = anonymous.get("models")

    problem(response, 401)
    assert response["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("token", ["x", "mlw_" + "a" * 43, "", "\u00e9"])
def test_a_wrong_token_is_401(db: None, token: str) -> None:
    response = Client().get("/api/v1/acme/models", headers={"Authorization": f"Bearer {token}"})

    problem(response, 401)


def test_another_workspace_answers_like_a_missing_one(outsider: Caller, workspace: Any) -> None:
    there = problem(outsider.get("/api/v1/acme/models"), 404)
    missing = problem(outsider.get("/api/v1/nowhere/models"), 404)

    assert {**there, "request_id": ""} == {**missing, "request_id": ""}


@pytest.mark.parametrize(
    ("body", "sentence"), [(b"{", "not valid JSON"), (b"[" * 21 + b"]" * 21, "nested deeper than 20")]
)
def test_invalid_json_is_400_with_a_sentence(api: Caller, body: bytes, sentence: str) -> None:
    found = problem(api.send("patch", "models/none", body), 400)

    assert sentence in found["detail"]


@override_settings(MAX_BODY_BYTES=100)
def test_a_body_over_the_limit_is_413_and_names_the_limit(api: Caller) -> None:
    found = problem(api.send("patch", "models/none", {"name": "x" * 200}), 413)

    assert found["limit"] == 100


def test_an_invalid_field_is_named_by_a_pointer(api: Caller, workspace: Any, member: Any) -> None:
    registry.get_or_create_model(workspace=workspace, name_or_slug="m", by=member)

    found = problem(api.send("patch", "models/m", {"name": ["list"]}), 400)

    assert found["errors"][0]["pointer"] == "/name"


def test_an_unexpected_error_is_500_without_a_stack_trace(
    api: Caller, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("a secret path")

    monkeypatch.setattr("predictor.api.registry.registry.RegisteredModelViewSet.get_queryset", fail)

    response = api.get("models")

    problem(response, 500)
    assert b"secret" not in response.content
    assert "a secret path" in caplog.text


def test_the_callers_request_id_comes_back(api: Caller) -> None:
    response = api.client.get("/api/v1/x/y", headers={"X-Request-ID": "abc-1"})

    assert response.json()["request_id"] == "abc-1"


@pytest.mark.parametrize("query", [{"page": "x"}, {"page": "0"}, {"page": "9" * 30}, {"page": "\0"}])
def test_a_page_that_is_not_there_is_404(api: Caller, query: dict[str, str]) -> None:
    problem(api.get("models", **query), 404)


def test_a_body_without_its_length_is_411(api: Caller) -> None:
    headers = {**api.headers, "Transfer-Encoding": "chunked"}

    response = api.client.post(
        api.path("datasets"), b"", content_type="text/csv", headers=headers, CONTENT_LENGTH=""
    )

    problem(response, 411)
