"""Invitations: a signed link at which the person of an address joins a workspace.

Nothing is stored or looked up before the link is opened. So the answer to an admin does not tell whether the address
has an account. Who opens the link and asks for a new account is told so, and is in the history if there was none.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from django.conf import settings
from django.core import signing
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import QuerySet

from ...errors import Conflict, Forbidden, InvalidInput, NotFound, quoted
from ...models import Membership, User, Workspace, WorkspaceRole
from . import workspaces
from .workspaces import AddedMember, AddressNotProved, AlreadyMember

SALT = "mlweb.invitation"
NO_LONGER = "This invitation is no longer valid. Ask an admin of the workspace for a new one."


@dataclass(frozen=True)
class Invitation:
    """Who may join which workspace, as what; `by` made it at `made_at`."""

    workspace: Workspace
    email: str
    role: WorkspaceRole
    by: User
    made_at: datetime


def invite(*, workspace: Workspace, email: str, role: WorkspaceRole | str, by: User) -> str:
    """The key of an invitation. It works for PASSWORD_RESET_TIMEOUT seconds, while `by` is an admin here.

    Raises `InvalidInput` for a bad address or role, `AlreadyMember`.
    """
    email, role = email.strip(), workspaces.known_role(role)
    try:
        validate_email(email)
    except ValidationError:
        raise InvalidInput(f"{quoted(email)} is not an e-mail address.") from None
    member = _members(workspace, email).first()
    if member is not None:
        raise AlreadyMember(member)
    return signing.dumps(
        {"workspace": workspace.pk, "email": email, "role": role.value, "by": by.pk,
         "at": int(datetime.now(UTC).timestamp() * 1000)},
        salt=SALT,
    )  # fmt: skip


def invitation_of(key: str) -> Invitation:
    """The invitation with this key. Raises `NotFound` for one that is damaged, too old or taken back.

    It is taken back when its maker is no admin any more, or when the person was removed after it was made.
    """
    try:
        content = signing.loads(key, salt=SALT, max_age=settings.PASSWORD_RESET_TIMEOUT)
    except signing.BadSignature:
        raise NotFound(NO_LONGER) from None
    made_at = datetime.fromtimestamp(content["at"] / 1000, UTC)
    workspace = Workspace.objects.filter(pk=content["workspace"]).first()
    by = User.objects.filter(pk=content["by"], is_active=True).first()
    if workspace is None or by is None or workspace.role_of(by) != WorkspaceRole.ADMIN:
        raise NotFound(NO_LONGER)
    removals = Membership.history.filter(workspace=workspace, history_type="-", history_date__gte=made_at)
    if removals.filter(user__email__iexact=content["email"]).exists():
        raise NotFound(NO_LONGER)
    return Invitation(workspace, content["email"], WorkspaceRole(content["role"]), by, made_at)


def accept(*, invitation: Invitation, user: User) -> Membership:
    """The membership of a person who is signed in. Raises `Forbidden` for another address, and as `add_member`."""
    if user.email.lower() != invitation.email.lower():
        raise Forbidden(
            f"This invitation is for {quoted(invitation.email)}, and you are signed in as {quoted(user.email)}. "
            "Sign out, and open it again."
        )
    try:
        added = workspaces.add_member(
            workspace=invitation.workspace, role=invitation.role, by=invitation.by, user=user
        )
    except AlreadyMember as error:
        return error.membership
    except AddressNotProved:
        raise AddressNotProved(
            f"Nobody has proved yet that {quoted(user.email)} is your address. You can prove it by mail under Settings,"
            " or a superuser of this installation confirms it; then open this invitation again."
        ) from None
    return added.membership


@transaction.atomic
def accept_with_new_account(*, invitation: Invitation) -> AddedMember:
    """The membership of a new account without a password; its person chooses one next.

    Repeated until a password is chosen. Raises `Conflict` where the address has another account already.
    """
    member = _members(invitation.workspace, invitation.email).first()
    if member is not None and workspaces.can_be_sent_a_link(member):
        return AddedMember(member, True)
    if User.objects.filter(email__iexact=invitation.email).exists():
        raise Conflict(
            f"{quoted(invitation.email)} has an account already. Sign in with it, and open this again."
        )
    return workspaces.add_member(
        workspace=invitation.workspace, role=invitation.role, by=invitation.by, email=invitation.email
    )


def _members(workspace: Workspace, email: str) -> QuerySet[Membership]:
    return Membership.objects.select_related("user", "workspace").filter(
        workspace=workspace, user__email__iexact=email
    )
