"""Base class of the pages of one registered model."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views import View

from ...errors import NotFound
from ...models import ModelVersion, PredictionSource, RegisteredModel, WorkspaceRole
from ...services import registry
from ...services.predictions import Caller
from .access import WorkspaceMixin


class ModelPage(WorkspaceMixin, View):
    """Base view below one registered model: loads the model, 404 for one of another workspace."""

    registered_model: RegisteredModel

    def load_model(self, slug: str) -> RegisteredModel:
        self.registered_model = self.get_visible_or_404(RegisteredModel, slug=slug)
        self.registered_model.workspace = self.workspace
        return self.registered_model

    def version(self, which: int | str | None) -> ModelVersion:
        try:
            return registry.version_of(self.registered_model, which)
        except NotFound as error:
            raise Http404(error.message) from None

    @property
    def can_write(self) -> bool:
        return self.membership.can(WorkspaceRole.MEMBER)

    def to_versions(self) -> HttpResponse:
        return redirect("model-versions", self.workspace.slug, self.registered_model.slug)


def caller_of(request: HttpRequest, source: str = PredictionSource.FORM) -> Caller:
    """Who predicts with this request, for services."""
    return Caller(request.user, source, request_id=getattr(request, "request_id", ""))  # type: ignore[arg-type]
