from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from django.test import Client

from predictor.models import ModelVersion, Scope, User, Workspace
from predictor.services import registry
from predictor.services.accounts import tokens
from predictor.services.predictions import loaded_versions

ALL = (Scope.READ, Scope.PREDICT, Scope.WRITE)


@dataclass
class Caller:
    """A client of the API with a token. Relative paths are below `/api/v1/<workspace>/`."""

    workspace: str
    headers: Mapping[str, str]
    client: Client

    def path(self, path: str) -> str:
        return path if path.startswith("/") else f"/api/v1/{self.workspace}/{path}"

    def get(self, path: str, **query: Any) -> Any:
        return self.client.get(self.path(path), query, headers=self.headers)

    def send(self, method: str, path: str, body: Any = None, **kwargs: Any) -> Any:
        kwargs.setdefault("content_type", "application/json")
        if body is None:
            body = {}
        return getattr(self.client, method)(self.path(path), body, headers=self.headers, **kwargs)

    def post(self, path: str, body: Any = None, **kwargs: Any) -> Any:
        return self.send("post", path, body, **kwargs)

    def upload(self, path: str, file: Any, **fields: Any) -> Any:
        return self.client.post(self.path(path), {"file": file, **fields}, headers=self.headers)


@pytest.fixture
def call_as() -> Callable[..., Caller]:
    def make(user: User, workspace: Workspace, *scopes: Scope) -> Caller:
        created = tokens.create_token(user=user, workspace=workspace, name="test", scopes=scopes or ALL)
        return Caller(
            workspace.slug,
            {"Authorization": f"Bearer {created.plaintext}"},
            Client(raise_request_exception=False),
        )

    return make


@pytest.fixture
def api(call_as: Callable[..., Caller], member: User, workspace: Workspace) -> Caller:
    """The API as a member of acme, with all scopes."""
    return call_as(member, workspace)


@pytest.fixture
def outsider(call_as: Callable[..., Caller], stranger: User, other_workspace: Workspace) -> Caller:
    """The API as an admin of another workspace."""
    return call_as(stranger, other_workspace)


@pytest.fixture
def anonymous() -> Caller:
    return Caller("acme", {}, Client(raise_request_exception=False))


@pytest.fixture
def linear(workspace: Workspace, member: User) -> ModelVersion:
    """The article's model: 0.5·x1 + 0.3·x2 − 1.5."""
    loaded_versions.forget_all()
    return registry.register_linear(
        workspace=workspace, name="article", coefficients=[0.5, 0.3], intercept=-1.5, by=member
    )


def problem(response: Any, status: int) -> dict[str, Any]:
    """The problem document (RFC 9457) of a response, checked for this status."""
    assert response.status_code == status, response.content[:500]
    assert response["Content-Type"] == "application/problem+json"
    document: dict[str, Any] = response.json()
    assert set(document) >= {"type", "title", "status", "detail", "errors", "limit", "request_id"}
    assert document["status"] == status
    assert document["request_id"] == response["X-Request-ID"]
    assert document["detail"]
    return document
