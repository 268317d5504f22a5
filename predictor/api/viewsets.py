"""The base viewset of all endpoints, and what their views read from a request."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from rest_framework.request import Request
from rest_framework.viewsets import GenericViewSet

from ..http.json import LengthRequired
from ..http.known_names import refuse_unknown
from ..models import ApiToken, PredictionSource, User
from ..services.predictions import Caller
from .permissions import WorkspaceViewMixin

# OPTIONS would describe serializers that these views do not use.
IN_BODY = "belongs into the body, beside the rows as JSON"
# Actions that answer with pages.
LISTS = ("list", "history")
METHODS = ["get", "post", "put", "patch", "delete", "head"]


class WorkspaceViewSet(WorkspaceViewMixin, GenericViewSet[Any]):
    """Only rows of the workspace in the URL. `workspace_path` is the lookup from a row to its workspace."""

    http_method_names = METHODS
    # The names that the query of an action may hold, beside those of lists: pages and filters.
    queries: Mapping[str, Collection[str]] = {}
    # Names that a query cannot hold, but a body of JSON can.
    elsewhere: Collection[str] = ()
    workspace_path = "workspace"
    queryset: QuerySet[Any]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if "HTTP_TRANSFER_ENCODING" in request.META and not request.META.get("CONTENT_LENGTH"):
            raise LengthRequired
        if request.META.get("QUERY_STRING"):
            refuse_unknown(
                request.query_params, self.query_names(), pointer="?", others=self.elsewhere, hint=IN_BODY
            )

    def query_names(self) -> set[str]:
        """The names that the query of this action may hold."""
        names = set(self.queries.get(str(self.action), ()))
        if self.action in LISTS:
            names |= {"page", "page_size"}
        filters = getattr(self, "filterset_class", None)
        return names | set(filters.base_filters) if filters is not None and self.action == "list" else names

    def get_queryset(self) -> QuerySet[Any]:
        if getattr(self, "swagger_fake_view", False):
            return self.queryset.none()
        return self.queryset.filter(**{self.workspace_path: self.workspace})

    def get_row(self, queryset: QuerySet[Any], **lookup: Any) -> Any:
        row = queryset.filter(**lookup).first()
        if row is None:
            raise Http404
        return row


def actor_of(request: Request) -> User:
    return request.user  # type: ignore[return-value]


def caller_of(request: Request, source: str = PredictionSource.API) -> Caller:
    """Who predicts with this request, for services."""
    return Caller(actor_of(request), source, token_of(request), request_id_of(request))


def token_of(request: Request) -> ApiToken | None:
    return request.auth if isinstance(request.auth, ApiToken) else None


def request_id_of(request: Request) -> str:
    return str(getattr(request, "request_id", ""))
