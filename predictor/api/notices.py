"""The caller's own notices in a workspace, `/api/v1/{workspace}/notices`."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from ..models import Notice
from ..services import notices
from .permissions import READS
from .strict import StrictSerializer
from .viewsets import WorkspaceViewSet, actor_of


class NoticeSerializer(serializers.ModelSerializer[Notice]):
    """A job of the caller has ended, or somebody has commented. It names the run, batch, version or model."""

    model = serializers.SerializerMethodField(help_text="The slug of the model; null for a run.")
    version = serializers.IntegerField(source="model_version.number", default=None, allow_null=True)

    class Meta:
        model = Notice
        fields = [
            "id", "kind", "status", "subject", "detail", "training_run", "batch_prediction", "model", "version",
            "created_at", "read_at",
        ]  # fmt: skip
        read_only_fields = fields

    def get_model(self, notice: Notice) -> str | None:
        of = notice.model_version or notice.batch_prediction
        model = notice.registered_model or (of.registered_model if of else None)
        return model.slug if model else None


class NoticeChangeSerializer(StrictSerializer):
    is_read = serializers.BooleanField()


class NoticeFilter(filters.FilterSet):
    is_unread = filters.BooleanFilter("read_at", lookup_expr="isnull", label="Not read yet.")

    class Meta:
        model = Notice
        fields = ["is_unread"]


@extend_schema(tags=["notices"])
class NoticeViewSet(mixins.ListModelMixin, WorkspaceViewSet):
    """What the caller should know: their jobs that ended, and comments where they take part; newest first."""

    needs = {"list": READS, "partial_update": READS, "read_all": READS}
    queryset = (
        Notice.objects.select_related(
            "model_version__registered_model", "batch_prediction__registered_model", "registered_model"
        )
        .defer("model_version__evaluation", "model_version__signature_json")
        .order_by("-id")
    )
    serializer_class = NoticeSerializer
    filterset_class = NoticeFilter

    def get_queryset(self) -> Any:
        queryset = super().get_queryset()
        if getattr(self, "swagger_fake_view", False):
            return queryset
        return queryset.filter(user=actor_of(self.request))

    @extend_schema(request=NoticeChangeSerializer)
    def partial_update(self, request: Request, **kwargs: Any) -> Response:
        """Mark a notice as read: `{"is_read": true}`, or as not read."""
        serializer = NoticeChangeSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        notice = self.get_object()
        if serializer.validated_data["is_read"] != (notice.read_at is not None):
            notice.read_at = timezone.now() if serializer.validated_data["is_read"] else None
            notice.save(update_fields=["read_at"])
        return Response(self.get_serializer(notice).data)

    @extend_schema(
        request=NoticeChangeSerializer, responses={204: None}, operation_id="api_v1_notices_read_all"
    )
    def read_all(self, request: Request, **kwargs: Any) -> Response:
        """Mark all notices of this workspace as read: `{"is_read": true}`."""
        serializer = NoticeChangeSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        if not serializer.validated_data["is_read"]:
            raise serializers.ValidationError({"is_read": ["All can be marked as read, not as unread."]})
        unread = self.get_queryset().unread().values_list("pk", flat=True)
        notices.mark_read(user=actor_of(request), pks=unread)
        return Response(status=204)
