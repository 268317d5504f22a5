from __future__ import annotations

import re
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from predictor.models import ApiToken, Membership, User, Workspace, WorkspaceRole
from predictor.services.accounts import tokens, workspaces

MEMBERS = "/w/acme/members/"


@pytest.fixture(autouse=True)
def _no_rate_limits_from_other_tests() -> None:
    cache.clear()


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def membership_of(user: User) -> Membership:
    return Membership.objects.get(user=user)


def link_in(page: Any) -> str:
    found = re.search(r"https?://[^\s<]+/accounts/password/reset/key/[^\s<]+", page.content.decode())
    assert found is not None
    return found[0].removeprefix("http://testserver")


def test_a_viewer_sees_who_is_in_but_no_forms(viewer: User, admin: User) -> None:
    page = signed_in(viewer).get(MEMBERS).content.decode()

    assert "viewer@example.org" in page
    assert "admin@example.org" in page
    assert "members/add/" not in page
    assert "/remove/" not in page


def test_the_list_keeps_its_sql_budget(
    workspace: Workspace, admin: User, django_assert_max_num_queries: Any
) -> None:
    for number in range(20):
        user = User.objects.create_user(f"p{number}@example.org")
        Membership.objects.create(workspace=workspace, user=user, role=WorkspaceRole.VIEWER)
    client = signed_in(admin)

    with django_assert_max_num_queries(8):
        assert client.get(MEMBERS).status_code == 200


@pytest.mark.parametrize(
    "data", [{}, {"email": "nobody", "role": "viewer"}, {"email": "a@b.org", "role": "x"}]
)
def test_a_bad_form_is_answered_with_400(admin: User, data: dict[str, str]) -> None:
    answer = signed_in(admin).post(f"{MEMBERS}add/", data)

    assert answer.status_code == 400
    assert "is-invalid" in answer.content.decode()


def test_inviting_a_member_is_said(admin: User, viewer: User) -> None:
    data = {"email": "Viewer@example.org", "role": "member"}
    answer = signed_in(admin).post(f"{MEMBERS}add/", data, follow=True)

    assert "viewer@example.org is in already, as viewer." in answer.content.decode()
    assert membership_of(viewer).role == WorkspaceRole.VIEWER


def test_an_admin_changes_a_role(admin: User, viewer: User, workspace: Workspace) -> None:
    signed_in(admin).post(f"{MEMBERS}{membership_of(viewer).pk}/role/", {"role": "member"})

    assert workspace.role_of(viewer) == WorkspaceRole.MEMBER


@pytest.mark.parametrize("role", ["", "root"])
def test_an_unknown_role_changes_nothing(admin: User, viewer: User, workspace: Workspace, role: str) -> None:
    answer = signed_in(admin).post(f"{MEMBERS}{membership_of(viewer).pk}/role/", {"role": role}, follow=True)

    assert "nothing was changed" in answer.content.decode()
    assert workspace.role_of(viewer) == WorkspaceRole.VIEWER


def test_the_last_admin_is_kept_with_a_sentence(admin: User, workspace: Workspace) -> None:
    client = signed_in(admin)

    for deed, data in (("role", {"role": "viewer"}), ("remove", {})):
        answer = client.post(f"{MEMBERS}{membership_of(admin).pk}/{deed}/", data, follow=True)
        assert "last admin of “Acme”" in answer.content.decode()
    assert workspace.role_of(admin) == WorkspaceRole.ADMIN


def test_removing_asks_first_and_revokes_tokens(admin: User, viewer: User, workspace: Workspace) -> None:
    token = tokens.create_token(user=viewer, workspace=workspace, name="t", scopes=["read"]).token
    path = f"{MEMBERS}{membership_of(viewer).pk}/remove/"
    client = signed_in(admin)

    assert "Remove viewer@example.org?" in client.get(path).content.decode()
    assert workspace.role_of(viewer) is not None
    client.post(path)

    assert workspace.role_of(viewer) is None
    assert ApiToken.objects.get(pk=token.pk).revoked_at is not None


def test_another_workspaces_membership_is_missing(admin: User, stranger: User) -> None:
    client = signed_in(admin)
    path = f"{MEMBERS}{membership_of(stranger).pk}"

    assert client.post(f"{path}/role/", {"role": "viewer"}).status_code == 404
    assert client.post(f"{path}/remove/").status_code == 404
    assert client.post(f"{path}/link/").status_code == 404
    assert client.post(f"{MEMBERS}999999/remove/").status_code == 404


def test_a_new_link_is_made_only_for_an_account_that_was_never_used(
    admin: User, viewer: User, workspace: Workspace
) -> None:
    client = signed_in(admin)
    new = workspaces.add_member(
        workspace=workspace, email="new@example.org", role="member", by=admin
    ).membership

    assert link_in(client.post(f"{MEMBERS}{new.pk}/link/"))
    refused = client.post(f"{MEMBERS}{membership_of(viewer).pk}/link/", follow=True)
    assert "has an account of their own" in refused.content.decode()


def test_a_superuser_makes_a_workspace_and_is_its_admin(admin: User) -> None:
    admin.is_superuser = True
    admin.save()

    answer = signed_in(admin).post("/workspaces/new/", {"name": "North", "slug": "north"})

    assert answer.status_code == 302
    assert Workspace.objects.get(slug="north").role_of(admin) == WorkspaceRole.ADMIN


def test_other_users_read_who_creates_workspaces(admin: User) -> None:
    answer = signed_in(admin).get("/workspaces/new/")

    assert answer.status_code == 403
    assert "Only superusers" in answer.content.decode()


@pytest.mark.parametrize(("slug", "status"), [("acme", 409), ("Not Good", 400), ("health", 400)])
def test_an_invalid_short_name_is_refused_with_a_sentence(admin: User, slug: str, status: int) -> None:
    admin.is_superuser = True
    admin.save()

    answer = signed_in(admin).post("/workspaces/new/", {"name": "North", "slug": slug})

    assert answer.status_code == status
    assert "short name" in answer.content.decode()


def test_a_role_without_the_right_gets_a_sentence(viewer: User) -> None:
    answer = signed_in(viewer).post(f"{MEMBERS}add/", {"email": "a@b.org", "role": "viewer"})

    assert answer.status_code == 403
    assert "needs the role “admin” in “Acme”; yours is “viewer”" in answer.content.decode()
