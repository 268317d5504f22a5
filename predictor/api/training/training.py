"""Training runs, `/api/v1/{workspace}/training-runs`: start, read and cancel them."""

from __future__ import annotations

from typing import Any

from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import mixins
from rest_framework.request import Request
from rest_framework.response import Response

from ...models import JobStatus, TrainingRun, without_documents
from ...services import labels, training
from ..datasets import named_dataset
from ..idempotency import idempotent
from ..permissions import READS, WRITES
from ..viewsets import WorkspaceViewSet, actor_of
from .serializers import RunChangeSerializer, RunRequestSerializer, RunSerializer, RunSummarySerializer


class RunFilter(filters.FilterSet):
    status = filters.ChoiceFilter(choices=JobStatus.choices)
    registered_model = filters.CharFilter(field_name="registered_model__slug", label="A model's slug.")
    dataset = filters.NumberFilter(field_name="dataset_id", min_value=1, max_value=2**63 - 1)

    class Meta:
        model = TrainingRun
        fields = ["status", "registered_model", "dataset"]


@extend_schema(tags=["training runs"])
class TrainingRunViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, WorkspaceViewSet):
    """Attempts to learn a target of a dataset."""

    needs = {"list": READS, "retrieve": READS, "create": WRITES, "partial_update": WRITES}
    queryset = TrainingRun.objects.select_related("registered_model", "model_version", "created_by").defer(
        "model_version__evaluation"
    )
    filterset_class = RunFilter

    def get_queryset(self) -> Any:
        queryset = super().get_queryset()
        if self.action != "list":
            return queryset
        return without_documents(queryset, "registered_model", "model_version", but=("error",))

    def get_serializer_class(self) -> Any:
        return RunSummarySerializer if self.action == "list" else RunSerializer

    @extend_schema(request=RunRequestSerializer, responses={202: RunSerializer})
    @idempotent(is_atomic=True)
    def create(self, request: Request, **kwargs: Any) -> Response:
        """Queue a run. Poll its `url` until `status` is succeeded, failed or cancelled."""
        serializer = RunRequestSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        fields = serializer.validated_data
        dataset = named_dataset(self.workspace, fields.pop("dataset"))
        run = training.start_run(
            dataset=dataset,
            registered_model=fields.pop("registered_model"),
            options=training.TrainingOptions(**fields),
            by=actor_of(request),
        )
        data = self.get_serializer(run).data
        return Response(data, status=202, headers={"Location": data["url"]})

    @extend_schema(request=RunChangeSerializer)
    def partial_update(self, request: Request, **kwargs: Any) -> Response:
        """Cancel a run: `{"status": "cancelled"}`. Its work stops within seconds. Or change its note."""
        serializer = RunChangeSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        run = self.get_object()
        if "note" in serializer.validated_data:
            labels.change(run, note=serializer.validated_data["note"])
        if "status" in serializer.validated_data:
            run = training.cancel(run=run, by=actor_of(request))
            run.refresh_from_db()
        return Response(self.get_serializer(run).data)
