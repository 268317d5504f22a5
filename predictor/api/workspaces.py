"""`/api/v1/workspaces`: the caller's workspaces, and the members of one."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers
from rest_framework.request import Request
from rest_framework.viewsets import GenericViewSet

from ..http.known_names import refuse_unknown
from ..models import Membership, Workspace
from .permissions import READS, HasScopeAndRole, visible_workspaces
from .viewsets import METHODS, WorkspaceViewSet


class WorkspaceSerializer(serializers.ModelSerializer[Workspace]):
    class Meta:
        model = Workspace
        fields = ["slug", "name", "created_at"]


class MemberSerializer(serializers.ModelSerializer[Membership]):
    email = serializers.EmailField(source="user.email")

    class Meta:
        model = Membership
        fields = ["email", "role", "created_at"]


@extend_schema(tags=["workspaces"])
class WorkspaceListViewSet(mixins.ListModelMixin, GenericViewSet[Workspace]):
    """The workspaces that the caller belongs to; for a token, its own."""

    http_method_names = METHODS
    permission_classes = [HasScopeAndRole]
    needs = {"list": READS}
    serializer_class = WorkspaceSerializer
    queryset = Workspace.objects.all()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        refuse_unknown(request.query_params, ("page", "page_size"), pointer="?")

    def get_queryset(self) -> QuerySet[Workspace]:
        return visible_workspaces(self.request)


@extend_schema(tags=["workspaces"])
class MemberViewSet(mixins.ListModelMixin, WorkspaceViewSet):
    """The people of the workspace and their roles."""

    needs = {"list": READS}
    serializer_class = MemberSerializer
    queryset = Membership.objects.select_related("user")
