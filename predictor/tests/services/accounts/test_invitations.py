from __future__ import annotations

import pytest

from predictor.errors import Forbidden, InvalidInput
from predictor.models import Membership, User, Workspace, WorkspaceRole
from predictor.services.accounts import invitations
from predictor.services.accounts.workspaces import AlreadyMember


def test_an_invitation_holds_what_it_was_made_with(workspace: Workspace, admin: User) -> None:
    key = invitations.invite(workspace=workspace, email=" New@example.org ", role="member", by=admin)

    found = invitations.invitation_of(key)

    assert (found.workspace, found.email, found.role, found.by) == (
        workspace, "New@example.org", WorkspaceRole.MEMBER, admin,
    )  # fmt: skip


@pytest.mark.parametrize(("email", "role"), [("nobody", "viewer"), ("a@b.org", "root")])
def test_a_bad_address_or_role_is_refused(workspace: Workspace, admin: User, email: str, role: str) -> None:
    with pytest.raises(InvalidInput):
        invitations.invite(workspace=workspace, email=email, role=role, by=admin)


def test_a_member_is_not_invited(workspace: Workspace, admin: User, viewer: User) -> None:
    with pytest.raises(AlreadyMember):
        invitations.invite(workspace=workspace, email="VIEWER@example.org", role="admin", by=admin)


def test_the_history_says_who_invited(workspace: Workspace, admin: User, stranger: User) -> None:
    key = invitations.invite(workspace=workspace, email="stranger@example.org", role="viewer", by=admin)

    member = invitations.accept(invitation=invitations.invitation_of(key), user=stranger)

    assert Membership.history.get(id=member.pk).history_user == admin


def test_another_address_is_refused(workspace: Workspace, admin: User, stranger: User) -> None:
    key = invitations.invite(workspace=workspace, email="new@example.org", role="viewer", by=admin)

    with pytest.raises(Forbidden):
        invitations.accept(invitation=invitations.invitation_of(key), user=stranger)
