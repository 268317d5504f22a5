from __future__ import annotations

from typing import Any

import pytest

from predictor.errors import Conflict, InvalidInput, NotFound
from predictor.models import ApiToken, Membership, Scope, User, Workspace, WorkspaceRole
from predictor.services.accounts import tokens, workspaces


def membership_of(user: User, workspace: Workspace) -> Membership:
    return Membership.objects.get(user=user, workspace=workspace)


def test_the_creator_of_a_workspace_is_its_admin(admin: User) -> None:
    made = workspaces.create_workspace(slug="north-1", name="North", by=admin)

    assert made.role_of(admin) == WorkspaceRole.ADMIN


@pytest.mark.parametrize(
    "slug", ["", "Upper", "a b", "-a", "a-", "ü", "a/b", "a" * 61, "health", "workspaces"]
)
def test_it_refuses_a_malformed_or_reserved_slug(admin: User, slug: str) -> None:
    with pytest.raises(InvalidInput, match="short name"):
        workspaces.create_workspace(slug=slug, name="x", by=admin)


def test_it_refuses_a_slug_that_exists(admin: User, workspace: Workspace) -> None:
    with pytest.raises(Conflict, match="already a workspace “acme”"):
        workspaces.create_workspace(slug="acme", name="Again", by=admin)


def test_entering_takes_one_query(viewer: User, workspace: Workspace, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        membership = workspaces.enter(user=viewer, slug="acme")
        assert membership.workspace.name == "Acme"
        assert membership.role == WorkspaceRole.VIEWER


def test_a_foreign_workspace_looks_like_a_missing_one(stranger: User, workspace: Workspace) -> None:
    with pytest.raises(NotFound) as foreign:
        workspaces.enter(user=stranger, slug="acme")
    workspace.delete()
    with pytest.raises(NotFound) as missing:
        workspaces.enter(user=stranger, slug="acme")

    assert str(foreign.value) == str(missing.value)


def test_an_unknown_address_gets_an_account_without_a_password(workspace: Workspace, admin: User) -> None:
    added = workspaces.add_member(workspace=workspace, email=" New@Example.org ", role="member", by=admin)

    assert added.is_new_account
    assert added.membership.role == WorkspaceRole.MEMBER
    assert not added.membership.user.has_usable_password()


def test_a_known_address_is_found_ignoring_case(workspace: Workspace, admin: User, stranger: User) -> None:
    added = workspaces.add_member(workspace=workspace, email="STRANGER@example.org", role="viewer", by=admin)

    assert not added.is_new_account
    assert added.membership.user == stranger


@pytest.mark.parametrize(
    ("email", "role", "sentence"),
    [("nobody", "viewer", "not an e-mail address"), ("a@b.org", "owner", "“owner” is not a role")],
)
def test_it_refuses_a_bad_address_or_role(
    workspace: Workspace, admin: User, email: str, role: str, sentence: str
) -> None:
    with pytest.raises(InvalidInput, match=sentence):
        workspaces.add_member(workspace=workspace, email=email, role=role, by=admin)


def test_nobody_is_added_twice(workspace: Workspace, admin: User, viewer: User) -> None:
    with pytest.raises(Conflict, match="already in “Acme”"):
        workspaces.add_member(workspace=workspace, user=viewer, role="admin", by=admin)


def test_a_deactivated_account_is_not_added(workspace: Workspace, admin: User, stranger: User) -> None:
    stranger.is_active = False
    stranger.save()

    with pytest.raises(Conflict, match="switched off"):
        workspaces.add_member(workspace=workspace, user=stranger, role="viewer", by=admin)


def test_an_account_of_another_workspace_is_added_only_once_it_has_a_password(
    workspace: Workspace, admin: User, other_workspace: Workspace, stranger: User
) -> None:
    """Otherwise the other workspace's admin, who has the set-password link, could get access here."""
    made = workspaces.add_member(
        workspace=other_workspace, email="new@example.org", role="viewer", by=stranger
    )

    with pytest.raises(Conflict, match="has not chosen a password yet"):
        workspaces.add_member(workspace=workspace, email="new@example.org", role="viewer", by=admin)

    made.membership.user.set_password("a long enough secret")
    made.membership.user.save()
    workspaces.mark_address_proved(made.membership.user)
    workspaces.add_member(workspace=workspace, email="new@example.org", role="viewer", by=admin)


def test_a_role_changes_and_the_history_says_who_did_it(
    workspace: Workspace, admin: User, viewer: User
) -> None:
    membership = workspaces.change_role(membership=membership_of(viewer, workspace), role="member", by=admin)

    assert membership.role == WorkspaceRole.MEMBER
    latest = membership.history.first()
    assert (latest.role, latest.history_user) == ("member", admin)


def test_the_last_admin_stays_admin(workspace: Workspace, admin: User, viewer: User) -> None:
    with pytest.raises(Conflict, match="last admin of “Acme”"):
        workspaces.change_role(membership=membership_of(admin, workspace), role="member", by=admin)
    with pytest.raises(Conflict, match="last admin of “Acme”"):
        workspaces.remove_member(membership=membership_of(admin, workspace), by=admin)


def test_a_deactivated_admin_does_not_count(workspace: Workspace, admin: User, viewer: User) -> None:
    workspaces.change_role(membership=membership_of(viewer, workspace), role="admin", by=admin)
    User.objects.filter(pk=viewer.pk).update(is_active=False)

    with pytest.raises(Conflict, match="last admin"):
        workspaces.remove_member(membership=membership_of(admin, workspace), by=admin)


def test_one_of_two_admins_can_be_removed(workspace: Workspace, admin: User, viewer: User) -> None:
    workspaces.change_role(membership=membership_of(viewer, workspace), role="admin", by=admin)

    workspaces.remove_member(membership=membership_of(admin, workspace), by=viewer)

    assert workspace.role_of(admin) is None


def test_removing_somebody_revokes_their_tokens_here_for_good(
    workspace: Workspace, admin: User, viewer: User
) -> None:
    token = tokens.create_token(user=viewer, workspace=workspace, name="t", scopes=[Scope.READ]).token

    workspaces.remove_member(membership=membership_of(viewer, workspace), by=admin)
    workspaces.add_member(workspace=workspace, user=viewer, role="viewer", by=admin)

    assert not ApiToken.objects.usable().filter(pk=token.pk).exists()


def test_removing_a_member_twice_is_not_found(workspace: Workspace, admin: User, viewer: User) -> None:
    membership = membership_of(viewer, workspace)
    workspaces.remove_member(membership=membership, by=admin)

    with pytest.raises(NotFound, match="no longer in the workspace"):
        workspaces.remove_member(membership=membership_copy(membership, viewer, workspace), by=admin)


def membership_copy(membership: Membership, user: User, workspace: Workspace) -> Membership:
    return Membership(pk=membership.pk or 10**6, user=user, workspace=workspace, role=membership.role)


def test_an_account_that_an_admin_made_opens_no_other_workspace(
    workspace: Workspace, admin: User, other_workspace: Workspace, stranger: User
) -> None:
    made = workspaces.add_member(workspace=workspace, email="ceo@victim.example", role="viewer", by=admin)
    user = made.membership.user
    user.set_password("chosen by whoever had the link")
    user.save()

    with pytest.raises(Conflict, match="nobody has proved that the address is theirs"):
        workspaces.add_member(workspace=other_workspace, email=user.email, role="admin", by=stranger)

    # Nor after its own workspace let it go.
    workspaces.remove_member(membership=made.membership, by=admin)
    with pytest.raises(Conflict, match="nobody has proved"):
        workspaces.add_member(workspace=other_workspace, email=user.email, role="admin", by=stranger)
    assert workspaces.add_member(workspace=workspace, email=user.email, role="viewer", by=admin)


def test_a_proved_address_may_be_added_elsewhere(
    workspace: Workspace, admin: User, other_workspace: Workspace, stranger: User
) -> None:
    user = workspaces.add_member(
        workspace=workspace, email="a@b.example", role="viewer", by=admin
    ).membership.user
    user.set_password("a long enough secret")
    workspaces.mark_address_proved(user)
    user.save()

    added = workspaces.add_member(workspace=other_workspace, email=user.email, role="viewer", by=stranger)

    assert not added.is_new_account


def test_an_account_that_a_superuser_made_is_proved(workspace: Workspace) -> None:
    boss = User.objects.create_superuser("boss@example.org", "a long enough secret")

    added = workspaces.add_member(workspace=workspace, email="x@y.example", role="viewer", by=boss)

    assert boss.is_address_proved
    assert added.membership.user.is_address_proved
