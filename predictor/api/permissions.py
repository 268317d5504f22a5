"""API permissions: a token needs the scope; the user, with a token or a session, needs the workspace role."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.http import Http404
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from ..errors import NotFound, quoted
from ..models import (
    ApiToken,
    BatchPrediction,
    Membership,
    Scope,
    TrainingRun,
    Workspace,
    WorkspaceRole,
)
from ..models.workspace import WorkspaceQuerySet
from ..services.accounts import workspaces
from .authentication import REALM


@dataclass(frozen=True)
class Need:
    """What an action requires: the scope of a token, and the user's role in the workspace."""

    scope: Scope
    role: WorkspaceRole = WorkspaceRole.VIEWER


READS = Need(Scope.READ)
# A file as it was uploaded, with columns that no page shows.
DOWNLOADS = Need(Scope.READ, WorkspaceRole.MEMBER)
PREDICTS = Need(Scope.PREDICT)
WRITES = Need(Scope.WRITE, WorkspaceRole.MEMBER)
ADMINISTERS = Need(Scope.WRITE, WorkspaceRole.ADMIN)


class InsufficientScope(PermissionDenied):
    """403 with the challenge of RFC 6750, section 3.1."""

    def __init__(self, scope: Scope):
        super().__init__(f"This token lacks the scope {quoted(scope.value)}.")
        self.auth_header = f'{REALM}, error="insufficient_scope", scope="{scope.value}"'


class HasScopeAndRole(BasePermission):
    """The permission of every viewset. The view states `needs` per action:

        class DatasetViewSet(WorkspaceViewMixin, …):
            needs = {"list": READS, "retrieve": READS, "create": WRITES, "destroy": ADMINISTERS}

    (a plain `APIView` states them per method: `{"get": READS, "post": PREDICTS}`). An action without an entry
    is a programming error and is refused. `OPTIONS` and methods that the view does not have need `READS`.

    Where the URL holds `{workspace}`, `request.membership` is set; a workspace that the caller may not see is
    a 404, the same as one that does not exist. A token acts only in its own workspace.
    Session users are also held to CSRF by `SessionAuthentication`.
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        if not request.user or not request.user.is_authenticated:
            return False
        need = need_of(request, view)
        if "workspace" in view.kwargs:
            membership = request._request.membership = enter(request, view.kwargs["workspace"])
        else:
            membership = None
        if isinstance(request.auth, ApiToken) and not request.auth.has_scope(need.scope):
            raise InsufficientScope(need.scope)
        if membership is not None and not membership.can(need.role):
            raise PermissionDenied(
                f"This needs the role {quoted(need.role.value)} in {quoted(membership.workspace.name)}; "
                f"yours is {quoted(membership.role)}."
            )
        return True


class WorkspaceViewMixin:
    """For every view below `/api/v1/{workspace}/`: `self.workspace` and `self.membership` of the caller."""

    permission_classes = [HasScopeAndRole]
    needs: Mapping[str, Need] = {}

    @property
    def membership(self) -> Membership:
        return self.request._request.membership  # type: ignore[attr-defined]

    @property
    def workspace(self) -> Workspace:
        return self.membership.workspace


def enter(request: Request, slug: str) -> Membership:
    """The caller's membership of the workspace in the URL; 404 where they may not see it."""
    if isinstance(request.auth, ApiToken):
        if request.auth.workspace.slug != slug:
            raise Http404(f"There is no workspace {quoted(slug)}.")
        return request.auth.membership
    try:
        return workspaces.enter(user=request.user, slug=slug)
    except NotFound as error:
        raise Http404(error.message) from None


def require_scope(request: Request, scope: Scope) -> None:
    """Check a scope that only some requests to an action need. Raises InsufficientScope for a token without it."""
    if isinstance(request.auth, ApiToken) and not request.auth.has_scope(scope):
        raise InsufficientScope(scope)


def visible_traceback(job: TrainingRun | BatchPrediction, caller: Any, membership: Membership) -> str:
    """The traceback for the job's owner and for admins; "" for others, because it may contain values of the data."""
    may_see = job.created_by_id == caller.pk or membership.can(WorkspaceRole.ADMIN)
    return job.traceback if may_see else ""


def visible_workspaces(request: Request) -> WorkspaceQuerySet:
    """The caller's workspaces: for a token only its own, for a session all that the person belongs to."""
    visible = Workspace.objects.visible_to(request.user)
    return visible.filter(pk=request.auth.workspace_id) if isinstance(request.auth, ApiToken) else visible


def need_of(request: Request, view: Any) -> Need:
    method = (request.method or "").lower()
    action = getattr(view, "action", None) if hasattr(view, "action_map") else method
    if method in ("options", "trace") or action is None or not hasattr(view, action):
        return READS
    if action == "head":
        action = "get"
    try:
        return view.needs[action]
    except KeyError:
        raise ImproperlyConfigured(f"{type(view).__name__} does not say what {action!r} needs.") from None
