"""`/api/v1/{workspace}/trash`: deleted datasets, to be restored or deleted for good by admins."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from ..models import Dataset
from ..services.datasets import trash
from .datasets import DatasetSummarySerializer
from .permissions import ADMINISTERS, Need, Scope, WorkspaceRole
from .strict import StrictSerializer
from .viewsets import WorkspaceViewSet, actor_of

READS_TRASH = Need(Scope.READ, WorkspaceRole.ADMIN)


class TrashedSerializer(DatasetSummarySerializer):
    deleted_by = serializers.EmailField(source="deleted_by.email", allow_null=True, default=None)
    removed_at = serializers.SerializerMethodField(help_text="When it is deleted for good.")

    class Meta(DatasetSummarySerializer.Meta):
        fields = [*DatasetSummarySerializer.Meta.fields, "deleted_at", "deleted_by", "removed_at"]

    def get_removed_at(self, dataset: Dataset) -> datetime:
        return trash.removed_at(dataset)


class RestoreSerializer(StrictSerializer):
    is_deleted = serializers.BooleanField(help_text="false restores it.")


@extend_schema(tags=["datasets"])
class TrashViewSet(mixins.ListModelMixin, WorkspaceViewSet):
    """Deleted datasets. They keep their files and take space until they are deleted for good."""

    needs = {"list": READS_TRASH, "partial_update": ADMINISTERS, "destroy": ADMINISTERS}
    queryset = Dataset.with_trash.filter(deleted_at__isnull=False).select_related("created_by", "deleted_by")
    serializer_class = TrashedSerializer

    def get_queryset(self) -> Any:
        queryset = super().get_queryset().order_by("-deleted_at", "-pk")
        return queryset.defer("schema_json", "warnings", "options")

    @extend_schema(request=RestoreSerializer, responses=DatasetSummarySerializer)
    def partial_update(self, request: Request, **kwargs: Any) -> Response:
        """Restore it: `{"is_deleted": false}`. 409 when the same file was uploaded again meanwhile."""
        serializer = RestoreSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        if serializer.validated_data["is_deleted"]:
            raise ValidationError({"is_deleted": ["It is deleted already; false restores it."]})
        dataset = trash.restore(dataset=self.get_object(), by=actor_of(request))
        return Response(DatasetSummarySerializer(dataset).data)

    def destroy(self, request: Request, **kwargs: Any) -> Response:
        """Delete it for good, with its files."""
        trash.delete_for_good(dataset=self.get_object(), by=actor_of(request))
        return Response(status=204)
