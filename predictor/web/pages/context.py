"""Context processor: the workspace and the user's rights in it, for every template."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from ...models import Membership, WorkspaceRole


def workspaces(request: HttpRequest) -> dict[str, Any]:
    """`workspace` and `membership` of the page (None outside of a workspace), `can_write` (member and up),
    `can_admin`, `can_create_workspaces`, and `my_memberships` for the switcher, queried only when used.

    `menu_workspace` is the one that the menu leads to: on pages outside of a workspace, the person's first one.
    """
    user = getattr(request, "user", None)
    membership: Membership | None = getattr(request, "membership", None)
    mine: Any = SimpleLazyObject(lambda: memberships_of(user))
    return {
        "membership": membership,
        "workspace": membership.workspace if membership else None,
        "can_write": membership is not None and membership.can(WorkspaceRole.MEMBER),
        "can_admin": membership is not None and membership.can(WorkspaceRole.ADMIN),
        "can_create_workspaces": user is not None and user.is_superuser,
        "is_sign_up_open": settings.IS_SIGN_UP_OPEN,
        "is_mail_sent": settings.EMAIL_BACKEND != "django.core.mail.backends.console.EmailBackend",
        "my_memberships": mine,
        "menu_workspace": membership.workspace
        if membership
        else SimpleLazyObject(lambda: next((each.workspace for each in mine), None)),
    }


def memberships_of(user: Any) -> list[Membership]:
    if user is None or not user.is_authenticated:
        return []
    return list(Membership.objects.filter(user=user).select_related("workspace").order_by("workspace__name"))
