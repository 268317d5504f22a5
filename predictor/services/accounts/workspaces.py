"""Workspaces, memberships and roles."""

from __future__ import annotations

import re
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.utils import timezone

from ...errors import Conflict, InvalidInput, NotFound, quoted
from ...models import ApiToken, Membership, User, Workspace, WorkspaceRole
from ..process import short_cache

WELL_FORMED_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,58}[a-z0-9])?")

# These are paths below `/api/v1/`, beside `/api/v1/<slug>/…`; a workspace of such a name could not be reached.
RESERVED_SLUGS = frozenset({"estimators", "health", "schema", "docs", "workspaces"})


class AlreadyMember(Conflict):
    """The person is in the workspace already; `membership` says as what."""

    code = "conflict"

    def __init__(self, membership: Membership):
        super().__init__(
            f"{quoted(membership.user.email)} is already in {quoted(membership.workspace.name)}."
        )
        self.membership = membership


class AddressNotProved(Conflict):
    """Nobody has proved that the address of the account is its person's."""

    code = "conflict"


@dataclass(frozen=True)
class AddedMember:
    """The new membership. A new account has no password: its person chooses one with a set-password link."""

    membership: Membership
    is_new_account: bool


def enter(*, user: User, slug: str) -> Membership:
    """The person's membership of the workspace in the URL, workspace included, in one query.

    Raises `NotFound` alike for a workspace that does not exist and for one that the person may not see.
    """
    try:
        return Membership.objects.select_related("workspace").get(user_id=user.pk, workspace__slug=slug)
    except Membership.DoesNotExist:
        raise NotFound(f"There is no workspace {quoted(slug)}.") from None


@transaction.atomic
def create_workspace(*, slug: str, name: str = "", by: User | None) -> Workspace:
    """Create a workspace with `by` as its admin; without `by` (command line) it has no members.

    Raises `InvalidInput`, `Conflict`.
    """
    slug, name = slug.strip(), name.strip() or slug.strip()
    check_slug(slug)
    if len(name) > 120:
        raise InvalidInput("A workspace's name has at most 120 characters.", limit=120)
    try:
        with transaction.atomic():
            workspace = Workspace.objects.create(slug=slug, name=name)
    except IntegrityError:
        raise Conflict(f"There is already a workspace {quoted(slug)}; choose another short name.") from None
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
    """Give a person a role in the workspace; for an unknown e-mail address, create an account.

    A new account has no password. Its person chooses one with a link that the interface shows the admin
    once: unlike a one-time password, the link ends with its first use or after `PASSWORD_RESET_TIMEOUT`, the
    admin never knows the password, and it works without a mail server.

    Raises `InvalidInput` for a bad address or role, `Conflict` for an existing member, and for an account that
    another workspace made and whose address is not proved: whoever was given its link, or chose its password, would
    get access here, and need not be the person of that address.
    """
    role = known_role(role)
    is_new = False
    if user is None:
        user, is_new = _person(email, workspace, by)
    if not user.is_active:
        raise Conflict(f"The account {quoted(user.email)} is switched off.")
    if (
        not is_new
        and not user.has_usable_password()
        and user.memberships.exclude(workspace=workspace).exists()
    ):
        raise Conflict(
            f"{quoted(user.email)} has an account but has not chosen a password yet; add them after that."
        )
    member = Membership.objects.filter(workspace=workspace, user=user).first()
    if member is not None:
        raise AlreadyMember(member)
    if by is not None and not (is_new or user.is_address_proved or user.made_in_id == workspace.pk):
        raise AddressNotProved(
            f"{quoted(user.email)} has an account, but nobody has proved that the address is theirs. They can prove "
            "it by mail under Settings, or a superuser of this installation confirms it; add them after that."
        )
    return AddedMember(_join(workspace, user, role, by), is_new)


@transaction.atomic
def change_role(*, membership: Membership, role: WorkspaceRole | str, by: User | None) -> Membership:
    """The membership with its new role. Raises `Conflict` when the workspace would lose its last admin."""
    membership = _locked(membership)
    role = known_role(role)
    if role != WorkspaceRole.ADMIN:
        _refuse_for_last_admin(membership)
    if membership.role != role:
        membership.role = role
        membership._history_user = by
        membership.save(update_fields=["role"])
        short_cache.clear_after_commit()
    return membership


@transaction.atomic
def remove_member(*, membership: Membership, by: User | None) -> None:
    """Remove the person and revoke their tokens here, which stay revoked if the person returns.

    Raises `Conflict` when the workspace would lose its last admin.
    """
    membership = _locked(membership)
    _refuse_for_last_admin(membership)
    tokens = ApiToken.objects.filter(workspace=membership.workspace, user=membership.user, revoked_at=None)
    tokens.update(revoked_at=timezone.now())
    membership._history_user = by
    membership.delete()
    short_cache.clear_after_commit()


def check_slug(slug: str) -> None:
    """Raises `InvalidInput` for a slug that is malformed or reserved."""
    if not WELL_FORMED_SLUG.fullmatch(slug):
        raise InvalidInput(
            f"{quoted(slug)} cannot be a workspace's short name: "
            "use up to 60 lower-case letters, digits and hyphens; begin and end with a letter or digit."
        )
    if slug in RESERVED_SLUGS:
        raise InvalidInput(f"{quoted(slug)} is reserved for the API; choose another short name.")


def can_be_sent_a_link(membership: Membership) -> bool:
    """Whether an admin of this workspace may make a set-password link for the person.

    Only for an account without a password and without other workspaces: any other link would let the admin
    sign in as a person with rights that the admin has not given.
    """
    user = membership.user
    if user.has_usable_password() or user.is_staff or user.is_superuser or not user.is_active:
        return False
    return not user.memberships.exclude(pk=membership.pk).exists()


def mark_address_proved(user: User) -> None:
    """Note that the account belongs to the person of its address, so that other workspaces may add it."""
    if not user.is_address_proved:
        user.is_address_proved = True
        user.save(update_fields=["is_address_proved"])


def _person(email: str, workspace: Workspace, by: User | None) -> tuple[User, bool]:
    email = email.strip()
    try:
        validate_email(email)
    except ValidationError:
        raise InvalidInput(f"{quoted(email)} is not an e-mail address.") from None
    existing = User.objects.filter(email__iexact=email).first()
    if existing is not None:
        return existing, False
    is_proved = by is None or by.is_superuser
    return User.objects.create_user(email, None, is_address_proved=is_proved, made_in=workspace), True


def _join(workspace: Workspace, user: User, role: WorkspaceRole, by: User | None) -> Membership:
    membership = Membership(workspace=workspace, user=user, role=role)
    membership._history_user = by
    try:
        with transaction.atomic():
            membership.save(force_insert=True)
    except IntegrityError:
        raise Conflict(f"{quoted(user.email)} is already in {quoted(workspace.name)}.") from None
    return membership


def known_role(role: WorkspaceRole | str) -> WorkspaceRole:
    """The role of this name. Raises `InvalidInput`."""
    try:
        return WorkspaceRole(role)
    except ValueError:
        raise InvalidInput(
            f"{quoted(role)} is not a role; choose {', '.join(WorkspaceRole.values)}."
        ) from None


def _locked(membership: Membership) -> Membership:
    """Lock the workspace and read the row again: two admins who remove each other must not both succeed."""
    Workspace.objects.select_for_update().get(pk=membership.workspace_id)
    current = Membership.objects.select_related("workspace", "user").filter(pk=membership.pk).first()
    if current is None:
        raise NotFound("This person is no longer in the workspace.")
    return current


def _refuse_for_last_admin(membership: Membership) -> None:
    if membership.role != WorkspaceRole.ADMIN:
        return
    others = membership.workspace.memberships.filter(role=WorkspaceRole.ADMIN, user__is_active=True)
    if not others.exclude(pk=membership.pk).exists():
        raise Conflict(
            f"{quoted(membership.user.email)} is the last admin of {quoted(membership.workspace.name)}; "
            "make somebody else admin first."
        )
