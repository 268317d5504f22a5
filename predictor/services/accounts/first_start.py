"""First start: create the first admin and the first workspace of a new installation."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from django.db import transaction

from ...models import Membership, User, Workspace, WorkspaceRole

FIRST_WORKSPACE = "default"


@dataclass(frozen=True)
class FirstAdmin:
    """The first admin, and the generated password (empty when one was given or the account existed)."""

    email: str
    password: str = ""
    is_new: bool = False


@transaction.atomic
def prepare(*, email: str, password: str = "") -> FirstAdmin:
    """Create the first admin and the workspace `default` if they are missing; change nothing that exists.

    An installation with an admin gets another one only when a password is given.
    """
    existing = User.objects.filter(email__iexact=email).first()
    if existing is not None:
        _prepare_workspace(existing)
        return FirstAdmin(email=existing.email)
    if not password and User.objects.filter(is_superuser=True).exists():
        return FirstAdmin(email=email)
    generated = "" if password else secrets.token_urlsafe(15)
    admin = User.objects.create_superuser(email, password or generated)
    _prepare_workspace(admin)
    return FirstAdmin(email=admin.email, password=generated, is_new=True)


def _prepare_workspace(admin: User) -> None:
    """Create the first workspace only while there is none: a deleted or renamed one is not created again."""
    workspace = Workspace.objects.filter(slug=FIRST_WORKSPACE).first()
    if workspace is None and not Workspace.objects.exists():
        workspace = Workspace.objects.create(slug=FIRST_WORKSPACE, name="Default")
    if workspace is not None and not workspace.memberships.exists():
        Membership.objects.create(workspace=workspace, user=admin, role=WorkspaceRole.ADMIN)
