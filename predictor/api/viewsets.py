"""What every endpoint shares."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from rest_framework.request import Request
from rest_framework.viewsets import GenericViewSet

from ..models import ApiToken, User
from .json import LengthRequired
from .permissions import WorkspaceViewMixin

# OPTIONS would describe serializers that these views do not use.
METHODS = ["get", "post", "put", "patch", "delete", "head"]


class WorkspaceViewSet(WorkspaceViewMixin, GenericViewSet[Any]):
    """Rows of the workspace in the URL alone. `workspace_path` leads from a row to its workspace."""

    http_method_names = METHODS
    workspace_path = "workspace"
    queryset: QuerySet[Any]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if "HTTP_TRANSFER_ENCODING" in request.META and not request.META.get("CONTENT_LENGTH"):
            raise LengthRequired

    def get_queryset(self) -> QuerySet[Any]:
        if getattr(self, "swagger_fake_view", False):
            return self.queryset.none()
        return self.queryset.filter(**{self.workspace_path: self.workspace})

    def get_row(self, queryset: QuerySet[Any], **lookup: Any) -> Any:
        found = queryset.filter(**lookup).first()
        if found is None:
            raise Http404
        return found


def actor_of(request: Request) -> User:
    return request.user  # type: ignore[return-value]


def token_of(request: Request) -> ApiToken | None:
    return request.auth if isinstance(request.auth, ApiToken) else None


def request_id_of(request: Request) -> str:
    return str(getattr(request, "request_id", ""))
