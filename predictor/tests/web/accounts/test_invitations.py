from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from predictor.models import Membership, User, Workspace, WorkspaceRole
from predictor.services.accounts import workspaces

ADD = "/w/acme/members/add/"
PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def _no_rate_limits_from_other_tests() -> None:
    cache.clear()


def signed_in(user: AbstractBaseUser) -> Client:
    client = Client()
    client.force_login(user)
    return client


def invited(admin: User, email: str, role: str = "viewer") -> Any:
    return signed_in(admin).post(ADD, {"email": email, "role": role})


def link_in(page: Any) -> str:
    found = re.search(r"https?://[^\s<]+/invitations/[^\s<]+", page.content.decode())
    assert found is not None
    return found[0].removeprefix("http://testserver")


def proved(other: Workspace) -> None:
    User.objects.create_user("known@example.org", PASSWORD, is_address_proved=True)


def not_proved(other: Workspace) -> None:
    user = User.objects.create_user("known@example.org", PASSWORD, made_in=other)
    Membership.objects.create(workspace=other, user=user, role=WorkspaceRole.VIEWER)


def without_password(other: Workspace) -> None:
    workspaces.add_member(workspace=other, email="known@example.org", role="viewer", by=None)


def switched_off(other: Workspace) -> None:
    User.objects.create_user("known@example.org", PASSWORD, is_active=False)


@pytest.mark.parametrize("made", [proved, not_proved, without_password, switched_off])
def test_an_address_with_an_account_is_answered_as_one_without(
    admin: User, other_workspace: Workspace, made: Callable[[Workspace], None]
) -> None:
    made(other_workspace)
    pages, queries, lists = [], [], []

    for email in ("known@example.org", "other@example.org"):
        client = signed_in(admin)
        client.get("/w/acme/members/")
        with CaptureQueriesContext(connection) as asked:
            page = client.post(ADD, {"email": email, "role": "viewer"})
        text = re.sub(r"/invitations/[^\s<]+|[A-Za-z0-9]{64}|known|other", "", page.content.decode())
        pages.append((page.status_code, len(link_in(page)), text))
        queries.append([re.sub(r"known|other|'[^']*'", "", each["sql"]) for each in asked])
        lists.append(client.get("/w/acme/members/").content.decode().count("@example.org"))

    assert pages[0] == pages[1]
    assert queries[0] == queries[1]
    assert lists[0] == lists[1]


def test_somebody_new_chooses_a_password_and_is_in(admin: User, workspace: Workspace) -> None:
    page = invited(admin, "new@example.org", "member")
    assert "no-store" in page["Cache-Control"]
    assert not User.objects.filter(email="new@example.org").exists()
    newcomer, link = Client(), link_in(page)

    assert "You are invited to Acme" in newcomer.get(link).content.decode()
    form = newcomer.post(link, follow=True)
    again = Client().post(link)  # until the password is chosen
    answer = newcomer.post(
        form.request["PATH_INFO"], {"password1": PASSWORD, "password2": PASSWORD}, follow=True
    )

    assert "/accounts/password/reset/key/" in again["Location"]
    assert answer.context["user"].email == "new@example.org"
    assert newcomer.get("/w/acme/members/").status_code == 200
    assert workspace.role_of(User.objects.get(email="new@example.org")) == WorkspaceRole.MEMBER
    assert Client().post(link).status_code == 409  # now the account has a password


def test_somebody_known_joins_with_their_account(admin: User, stranger: User, workspace: Workspace) -> None:
    link = link_in(invited(admin, "Stranger@example.org"))
    assert workspace.role_of(stranger) is None

    asked = Client().get(link).content.decode()
    answer = signed_in(stranger).post(link, follow=True)
    again = signed_in(stranger).post(link)

    assert f"/accounts/login/?next={link.replace('/', '%2F').replace(':', '%3A')}" in asked
    assert "You are in Acme now." in answer.content.decode()
    assert again.status_code == 302
    assert workspace.role_of(stranger) == WorkspaceRole.VIEWER


def test_a_new_account_is_not_made_beside_another_one(admin: User, stranger: User) -> None:
    answer = Client().post(link_in(invited(admin, "stranger@example.org")))

    assert answer.status_code == 409
    assert "Sign in with it" in answer.content.decode()


def test_only_the_person_of_the_address_joins(admin: User, stranger: User, workspace: Workspace) -> None:
    answer = signed_in(stranger).post(link_in(invited(admin, "new@example.org")))

    assert answer.status_code == 403
    assert (
        "is for “new@example.org”, and you are signed in as “stranger@example.org”" in answer.content.decode()
    )
    assert workspace.role_of(stranger) is None


def test_an_account_whose_address_is_not_proved_does_not_join(
    admin: User, workspace: Workspace, other_workspace: Workspace
) -> None:
    not_proved(other_workspace)
    user = User.objects.get(email="known@example.org")

    answer = signed_in(user).post(link_in(invited(admin, "known@example.org")))

    assert answer.status_code == 409
    shown = unescape(answer.content.decode())
    assert "that “known@example.org” is your address. You can prove it by mail under Settings" in shown
    assert "add them" not in shown
    assert workspace.role_of(user) is None


def test_an_invitation_ends_when_its_maker_is_no_admin_or_the_person_was_removed(
    admin: User, member: User, stranger: User, workspace: Workspace
) -> None:
    link = link_in(invited(admin, "stranger@example.org"))
    signed_in(stranger).post(link)
    workspaces.remove_member(membership=workspace.memberships.get(user=stranger), by=admin)

    assert signed_in(stranger).post(link).status_code == 404
    assert workspace.role_of(stranger) is None
    later = link_in(invited(admin, "stranger@example.org"))
    assert Client().get(later).status_code == 200
    Membership.objects.filter(user=admin).update(role=WorkspaceRole.MEMBER)
    assert "no longer valid" in Client().get(later).content.decode()


@pytest.mark.parametrize("change", [lambda key: key[:-1] + "_", lambda key: "x", lambda key: key + "x"])
def test_a_changed_key_is_not_found(admin: User, change: Callable[[str], str]) -> None:
    key = link_in(invited(admin, "new@example.org")).removeprefix("/invitations/").rstrip("/")

    assert Client().get(f"/invitations/{change(key)}/").status_code == 404


def test_an_old_key_is_not_found(admin: User, settings: Any) -> None:
    link = link_in(invited(admin, "new@example.org"))
    settings.PASSWORD_RESET_TIMEOUT = -1

    assert Client().get(link).status_code == 404


def test_a_password_can_be_sent_with_the_answer(admin: User, workspace: Workspace) -> None:
    link = link_in(invited(admin, "new@example.org"))

    weak = Client().post(link, {"password1": "123", "password2": "123"})
    assert weak.status_code == 400
    assert not User.objects.filter(email="new@example.org").exists()
    Client().post(link, {"password1": PASSWORD, "password2": PASSWORD})

    assert Client().login(email="new@example.org", password=PASSWORD)
    assert Membership.objects.filter(workspace=workspace, user__email="new@example.org").exists()
