"""Workspaces and the people in them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.utils import timezone

from ...errors import Conflict, InvalidInput, NotFound, shown
from ...models import ApiToken, Membership, User, Workspace, WorkspaceRole
from ..process import short_cache

WELL_FORMED_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,58}[a-z0-9])?")

# `/api/v1/<slug>/…` stands beside these; a workspace of such a name could not be reached.
RESERVED_SLUGS = frozenset({"estimators", "health", "schema", "docs", "workspaces"})


@dataclass(frozen=True)
class AddedMember:
    """Who was added. A new account has no password: its person chooses one through a set-password link."""

    membership: Membership
    is_new_account: bool


def enter(*, user: User, slug: str) -> Membership:
    """The person's membership of the workspace in the URL, workspace included, in one query.

    Raises `NotFound` alike for a workspace that does not exist and for one that the person may not see.
    """
    try:
        return Membership.objects.select_related("workspace").get(user_id=user.pk, workspace__slug=slug)
    except Membership.DoesNotExist:
        raise NotFound(f"There is no workspace {shown(slug)}.") from None


@transaction.atomic
def create_workspace(*, slug: str, name: str = "", by: User | None) -> Workspace:
    """A new workspace with `by` as its admin. Without `by` (command line) it has nobody yet."""
    slug, name = slug.strip(), name.strip() or slug.strip()
    check_slug(slug)
    if len(name) > 120:
        raise InvalidInput("A workspace's name has at most 120 characters.", limit=120)
    try:
        with transaction.atomic():
            workspace = Workspace.objects.create(slug=slug, name=name)
    except IntegrityError:
        raise Conflict(f"There is already a workspace {shown(slug)}; choose another short name.") from None
    if by is not None:
        _join(workspace, by, WorkspaceRole.ADMIN, by)
    return workspace


@transaction.atomic
def add_member(
    *,
    workspace: Workspace,
    role: WorkspaceRole | str,
    by: User | None,
    email: str = "",
    user: User | None = None,
) -> AddedMember:
    """Gives a person a role in the workspace; an unknown e-mail address gets an account.

    A new account has no password. Its person chooses one through a link that the face shows once to the
    admin: unlike a one-time password, the link ends with its first use or after `PASSWORD_RESET_TIMEOUT`, the
    admin never knows the password, and it works without a mail server.

    Raises `InvalidInput` for a bad address or role, `Conflict` for somebody who is already in, and for an
    account that another workspace made and nobody has taken up: whoever holds its link could walk in here.
    """
    role = _known_role(role)
    is_new = False
    if user is None:
        user, is_new = _person(email)
    if not user.is_active:
        raise Conflict(f"The account {shown(user.email)} is switched off.")
    if (
        not is_new
        and not user.has_usable_password()
        and user.memberships.exclude(workspace=workspace).exists()
    ):
        raise Conflict(
            f"{shown(user.email)} has an account but has not chosen a password yet; add them after that."
        )
    if Membership.objects.filter(workspace=workspace, user=user).exists():
        raise Conflict(f"{shown(user.email)} is already in {shown(workspace.name)}.")
    return AddedMember(_join(workspace, user, role, by), is_new)


@transaction.atomic
def change_role(*, membership: Membership, role: WorkspaceRole | str, by: User | None) -> Membership:
    """The membership with its new role. Raises `Conflict` where the workspace would lose its last admin."""
    membership = _locked(membership)
    role = _known_role(role)
    if role != WorkspaceRole.ADMIN:
        _refuse_for_last_admin(membership)
    if membership.role != role:
        membership.role = role
        membership._history_user = by
        membership.save(update_fields=["role"])
        short_cache.forget_after_commit()
    return membership


@transaction.atomic
def remove_member(*, membership: Membership, by: User | None) -> None:
    """Takes the person out and revokes their tokens here, so that a later return does not wake them.

    Raises `Conflict` where the workspace would be left without an admin.
    """
    membership = _locked(membership)
    _refuse_for_last_admin(membership)
    tokens = ApiToken.objects.filter(workspace=membership.workspace, user=membership.user, revoked_at=None)
    tokens.update(revoked_at=timezone.now())
    membership._history_user = by
    membership.delete()
    short_cache.forget_after_commit()


def check_slug(slug: str) -> None:
    """Raises `InvalidInput` for a short name that could not stand in an address."""
    if not WELL_FORMED_SLUG.fullmatch(slug):
        raise InvalidInput(
            f"{shown(slug)} cannot be a workspace's short name: "
            "use up to 60 lower-case letters, digits and hyphens; begin and end with a letter or digit."
        )
    if slug in RESERVED_SLUGS:
        raise InvalidInput(f"{shown(slug)} is kept for the API's own addresses; choose another short name.")


def can_be_sent_a_link(membership: Membership) -> bool:
    """Whether an admin of this workspace may make a set-password link for the person.

    Only for an account that nobody has taken up and that belongs nowhere else: any other link would let the
    admin sign in as somebody with rights that the admin has not given.
    """
    user = membership.user
    if user.has_usable_password() or user.is_staff or user.is_superuser or not user.is_active:
        return False
    return not user.memberships.exclude(pk=membership.pk).exists()


def _person(email: str) -> tuple[User, bool]:
    email = email.strip()
    try:
        validate_email(email)
    except ValidationError:
        raise InvalidInput(f"{shown(email)} is not an e-mail address.") from None
    found = User.objects.filter(email__iexact=email).first()
    if found is not None:
        return found, False
    return User.objects.create_user(email, None), True


def _join(workspace: Workspace, user: User, role: WorkspaceRole, by: User | None) -> Membership:
    membership = Membership(workspace=workspace, user=user, role=role)
    membership._history_user = by
    try:
        with transaction.atomic():
            membership.save(force_insert=True)
    except IntegrityError:
        raise Conflict(f"{shown(user.email)} is already in {shown(workspace.name)}.") from None
    return membership


def _known_role(role: WorkspaceRole | str) -> WorkspaceRole:
    try:
        return WorkspaceRole(role)
    except ValueError:
        raise InvalidInput(
            f"{shown(role)} is not a role; choose {', '.join(WorkspaceRole.values)}."
        ) from None


def _locked(membership: Membership) -> Membership:
    """The row as it is now, its workspace locked: two admins who remove each other must not both succeed."""
    Workspace.objects.select_for_update().get(pk=membership.workspace_id)
    found = Membership.objects.select_related("workspace", "user").filter(pk=membership.pk).first()
    if found is None:
        raise NotFound("This person is no longer in the workspace.")
    return found


def _refuse_for_last_admin(membership: Membership) -> None:
    if membership.role != WorkspaceRole.ADMIN:
        return
    others = membership.workspace.memberships.filter(role=WorkspaceRole.ADMIN, user__is_active=True)
    if not others.exclude(pk=membership.pk).exists():
        raise Conflict(
            f"{shown(membership.user.email)} is the last admin of {shown(membership.workspace.name)}; "
            "make somebody else admin first."
        )
