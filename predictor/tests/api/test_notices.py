from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from predictor.models import ModelVersion, Notice, User, Workspace
from predictor.services import comments, registry
from predictor.tests.api.conftest import Caller

pytestmark = pytest.mark.django_db


@pytest.fixture
def version(workspace: Workspace, member: User, admin: User) -> ModelVersion:
    """The member's version, on which the admin has commented twice."""
    made = registry.register_linear(
        workspace=workspace, name="line", coefficients=[1.0], intercept=0.0, by=member
    )
    for text in ("Good.", "Very good."):
        comments.add(target=made, text=text, by=admin)
    return made


def test_a_person_reads_and_marks_their_own_notices(
    call_as: Callable[..., Caller], api: Caller, admin: User, workspace: Workspace, version: ModelVersion
) -> None:
    found = api.get("notices").json()

    assert found["count"] == 2
    newest = found["results"][0]
    assert (newest["kind"], newest["model"], newest["version"], newest["read_at"]) == (
        "comment",
        "line",
        1,
        None,
    )
    assert newest["detail"] == "admin@example.org: Very good."
    assert call_as(admin, workspace).get("notices").json()["count"] == 0

    marked = api.send("patch", f"notices/{newest['id']}", {"is_read": True}).json()
    assert marked["read_at"] is not None
    assert api.get("notices", is_unread="true").json()["count"] == 1
    assert api.send("patch", f"notices/{newest['id']}", {"is_read": False}).json()["read_at"] is None
    assert (
        call_as(admin, workspace).send("patch", f"notices/{newest['id']}", {"is_read": True}).status_code
        == 404
    )

    assert api.send("patch", "notices", {"is_read": True}).status_code == 204
    assert not Notice.objects.unread().exists()


@pytest.mark.parametrize("body", [{}, {"is_read": "x"}, {"is_read": False}, {"read": True}])
def test_all_are_marked_as_read_only_when_that_is_asked(
    api: Caller, version: ModelVersion, body: Any
) -> None:
    assert api.send("patch", "notices", body).status_code == 400
    assert Notice.objects.unread().count() == 2


def test_notices_of_another_workspace_are_not_marked(
    api: Caller, member: User, other_workspace: Workspace, version: ModelVersion
) -> None:
    Notice.objects.create(workspace=other_workspace, user=member, kind="run", subject="x")
    api.send("patch", "notices", {"is_read": True})
    assert Notice.objects.unread().count() == 1
