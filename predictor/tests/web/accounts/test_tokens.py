from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from predictor.models import ApiToken, Membership, Scope, User, Workspace, WorkspaceRole
from predictor.services.accounts import tokens
from predictor.web.accounts.tokens import rights_of


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def asked(chosen: Workspace, /, **changes: Any) -> dict[str, Any]:
    return {
        "name": "nightly",
        "workspace": chosen.pk,
        "scopes": ["read", "predict"],
        "lifetime": "30",
        **changes,
    }


def test_a_token_is_shown_once_and_works(viewer: User, workspace: Workspace) -> None:
    client = signed_in(viewer)

    page = client.post("/settings/tokens/new/", asked(workspace))

    found = re.search(r"mlw_[\w-]{43}", page.content.decode())
    assert found is not None
    assert "no-store" in page["Cache-Control"]
    assert tokens.authenticate(found[0]).scopes == [Scope.READ, Scope.PREDICT]
    assert found[0] not in client.get("/settings/tokens/").content.decode()
    in_a_month = timezone.now() + timedelta(days=30)
    assert abs(ApiToken.objects.get().expires_at - in_a_month) < timedelta(minutes=5)


def test_a_token_may_have_no_end(viewer: User, workspace: Workspace) -> None:
    signed_in(viewer).post("/settings/tokens/new/", asked(workspace, lifetime=""))

    assert ApiToken.objects.get().expires_at is None


@pytest.mark.parametrize(
    "changes",
    [{"name": ""}, {"scopes": []}, {"scopes": ["root"]}, {"lifetime": "9999"}, {"workspace": "0"}],
)
def test_a_bad_form_is_answered_with_400(viewer: User, workspace: Workspace, changes: dict[str, Any]) -> None:
    assert signed_in(viewer).post("/settings/tokens/new/", asked(workspace, **changes)).status_code == 400
    assert not ApiToken.objects.exists()


def test_another_workspace_is_not_on_offer(viewer: User, other_workspace: Workspace) -> None:
    client = signed_in(viewer)

    assert "Other" not in client.get("/settings/tokens/new/").content.decode()
    assert client.post("/settings/tokens/new/", asked(other_workspace)).status_code == 400


def test_people_revoke_their_own_tokens_and_no_others(
    viewer: User, admin: User, workspace: Workspace
) -> None:
    token = tokens.create_token(user=viewer, workspace=workspace, name="t", scopes=["read"]).token
    path = f"/settings/tokens/{token.pk}/revoke/"

    assert signed_in(admin).post(path).status_code == 404
    assert signed_in(viewer).get(path).status_code == 405
    assert signed_in(viewer).post(path).status_code == 302
    token.refresh_from_db()
    assert token.revoked_at is not None


def test_the_list_keeps_its_sql_budget(
    viewer: User, workspace: Workspace, django_assert_max_num_queries: Any
) -> None:
    for number in range(20):
        tokens.create_token(user=viewer, workspace=workspace, name=f"t{number}", scopes=["read"])
    client = signed_in(viewer)

    with django_assert_max_num_queries(6):
        assert client.get("/settings/tokens/").status_code == 200


def test_the_command_prints_the_token_alone_on_the_last_line(
    viewer: User, workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command(
        "create_token", "--email", "VIEWER@example.org", "--scope", "read", "--scope", "predict",
        "--expires-days", "7",
    )  # fmt: skip

    token = tokens.authenticate(capsys.readouterr().out.splitlines()[-1])
    assert (token.user, token.workspace, token.scopes) == (viewer, workspace, ["read", "predict"])
    assert token.expires_at is not None


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--email", "nobody@example.org", "--scope", "read"], "no account"),
        (
            ["--email", "viewer@example.org", "--workspace", "other", "--scope", "read"],
            "no workspace “other”",
        ),
        (["--email", "viewer@example.org", "--scope", "read", "--expires-days", "0"], "--expires-days"),
        (["--email", "viewer@example.org", "--scope", "root"], "invalid choice"),
        (["--email", "viewer@example.org"], "--scope"),
    ],
)
def test_the_command_says_what_is_wrong(
    viewer: User, other_workspace: Workspace, arguments: list[str], sentence: str
) -> None:
    with pytest.raises(CommandError, match=sentence):
        call_command("create_token", *arguments)


def test_the_command_asks_which_workspace_when_there_are_several(
    viewer: User, other_workspace: Workspace
) -> None:
    Membership.objects.create(workspace=other_workspace, user=viewer, role=WorkspaceRole.VIEWER)

    with pytest.raises(CommandError, match="“acme”, “other”"):
        call_command("create_token", "--email", "viewer@example.org", "--scope", "read")


def test_a_new_token_says_what_it_may_do_and_how_long() -> None:
    token = ApiToken(workspace=Workspace(name="Acme"), scopes=["read", "predict"])

    assert rights_of(token) == "For Acme; scopes: read, predict; no end."
    token.expires_at = datetime(2031, 2, 3, 4, 5, tzinfo=UTC)
    assert rights_of(token) == "For Acme; scopes: read, predict; ends on 2031-02-03."
