from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client

from predictor.models import Membership, User, Workspace, WorkspaceRole
from predictor.services.operations import health
from predictor.tests.api.conftest import Caller, problem


def test_a_token_sees_only_its_own_workspace(
    api: Caller, member: User, workspace: Workspace, other_workspace: Workspace
) -> None:
    Membership.objects.create(workspace=other_workspace, user=member, role=WorkspaceRole.VIEWER)

    assert [each["slug"] for each in api.get("/api/v1/workspaces").json()["results"]] == ["acme"]


def test_a_session_sees_every_workspace_of_its_person(
    member: User, workspace: Workspace, other_workspace: Workspace
) -> None:
    Membership.objects.create(workspace=other_workspace, user=member, role=WorkspaceRole.VIEWER)
    client = Client()
    client.force_login(member)

    assert client.get("/api/v1/workspaces").json()["count"] == 2


def test_members_are_listed_with_their_roles(api: Caller, admin: User) -> None:
    found = api.get("members").json()["results"]

    assert {each["email"]: each["role"] for each in found} == {
        "member@example.org": "member",
        "admin@example.org": "admin",
    }


def test_members_of_another_workspace_are_not_there(
    outsider: Caller, anonymous: Caller, workspace: Any
) -> None:
    problem(outsider.get("/api/v1/acme/members"), 404)
    problem(anonymous.get("members"), 401)


@pytest.mark.parametrize("prefix", ["", "/api/v1"])
def test_health_is_open_to_all(db: None, prefix: str) -> None:
    assert Client().get(f"{prefix}/health/live").json() == {"status": "alive"}
    assert Client().get(f"{prefix}/health/ready").json() == {
        "status": "ready",
        "checks": dict.fromkeys(("database", "storage", "disk", "prediction log", "traffic"), "ok"),
        "remarks": {},
    }


def test_it_is_not_ready_without_its_storage(db: None, settings: Any) -> None:
    settings.ARTIFACT_DIR = Path("/nowhere")

    response = Client().get("/health/ready")

    assert response.status_code == 503
    assert response.json()["checks"]["storage"] == "cannot be written to"


def test_it_is_not_ready_without_its_database(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any) -> None:
        raise OperationalError("gone")

    monkeypatch.setattr(connection, "cursor", fail)

    assert health.check()["database"] == "does not answer"


def test_it_is_not_ready_before_its_migrations(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_migrated", set())
    monkeypatch.setattr(health.MigrationExecutor, "migration_plan", lambda self, targets: ["one"])

    assert health.check()["database"] == "has migrations to apply"
