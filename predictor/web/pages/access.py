"""Access control of pages. Every page of a workspace is a class-based view with `WorkspaceMixin` first."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.mixins import AccessMixin
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponseBase
from django.utils.translation import gettext as _

from ...errors import NotFound, quoted
from ...i18n.translation import translated
from ...models import (
    Membership,
    ModelAlias,
    ModelVersion,
    PublishedForm,
    User,
    Workspace,
    WorkspaceRole,
)
from ...services.accounts import workspaces
from .known_names import KnownNames

# The lookup from a row to its workspace, for models without a field `workspace`.
WORKSPACE_PATHS: dict[type[Model], str] = {
    ModelVersion: "registered_model__workspace",
    ModelAlias: "registered_model__workspace",
    PublishedForm: "registered_model__workspace",
}


class WorkspaceMixin(AccessMixin, KnownNames):
    """For pages below `/w/<slug:workspace>/`. The URL's keyword is `workspace`.

    * nobody signed in → the sign-in page, and back here afterwards
    * a workspace that is missing, or that the person is not in → 404
    * a role below `required_role` → the 403 page, with a sentence

    Then `self.workspace`, `self.membership` and `request.membership` (for the context processor) are set.
    Load rows with `self.get_visible_or_404(Dataset, pk=pk)`: it answers 404 for another workspace's row.

        class DatasetDelete(WorkspaceMixin, View):
            required_role = WorkspaceRole.ADMIN
    """

    required_role: WorkspaceRole = WorkspaceRole.VIEWER
    request: HttpRequest
    membership: Membership
    workspace: Workspace

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return self.handle_no_permission()
        try:
            self.membership = workspaces.enter(user=request.user, slug=kwargs["workspace"])
        except NotFound as error:
            raise Http404(error.message) from None
        self.workspace = self.membership.workspace
        request.membership = self.membership  # type: ignore[attr-defined]
        self.require(self.get_required_role())
        return super().dispatch(request, *args, **kwargs)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Generic views put the URL's keywords into the context: there `workspace` would be the bare slug."""
        return super().get_context_data(**{**kwargs, "workspace": self.workspace})  # type: ignore[misc]

    def get_required_role(self) -> WorkspaceRole:
        """Override where it depends on the method, e.g. all may look and members may post."""
        return self.required_role

    def require(self, role: WorkspaceRole) -> None:
        if not self.membership.can(role):
            raise PermissionDenied(
                _(
                    "This needs the role %(role)s in %(name)s; yours is %(own)s. An admin of the "
                    "workspace can change it."
                )
                % {
                    "role": quoted(role.value),
                    "name": quoted(self.workspace.name),
                    "own": quoted(self.membership.role),
                }
            )

    def get_visible_or_404(self, rows: type[Model] | QuerySet[Any], **lookup: Any) -> Any:
        """The one row of this workspace that matches; else 404. `rows` is a model or a prepared queryset."""
        model = rows.model if isinstance(rows, QuerySet) else rows
        path = WORKSPACE_PATHS.get(model, "workspace")
        return get_visible_or_404(rows, self.request.user, **{path: self.workspace}, **lookup)


def get_visible_or_404(rows: type[Model] | QuerySet[Any], user: User, **lookup: Any) -> Any:
    """The one row that matches and that the person may see; else 404. For pages outside of a workspace."""
    queryset = rows if isinstance(rows, QuerySet) else rows._default_manager.all()
    try:
        return queryset.visible_to(user).get(**lookup)
    except queryset.model.DoesNotExist:
        raise Http404(
            _("There is no such %(thing)s.") % {"thing": translated(str(queryset.model._meta.verbose_name))}
        ) from None
