"""Actual values, `/api/v1/{workspace}/actuals`, and the quality on live rows of a model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.http import Http404
from django_filters import rest_framework as filters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import mixins
from rest_framework.request import Request
from rest_framework.response import Response

from ...errors import NotFound
from ...http.json import JSONParser
from ...models import Actual, ActualSource, RegisteredModel, Scope, WorkspaceRole
from ...services import registry
from ...services.monitoring import actual_files, actuals, live_quality
from ...services.predictions import CsvOptions
from ..idempotency import idempotent
from ..permissions import READS, Need
from ..uploads import CSVBodyParser, JSONLinesBodyParser, UploadParser, fields_of, file_of
from ..viewsets import WorkspaceViewSet, actor_of, token_of
from .serializers import (
    ActualSerializer,
    ActualsFileSerializer,
    ActualsRequestSerializer,
    ActualsSerializer,
    LiveQualityQuerySerializer,
    LiveQualitySerializer,
    ReceiptSerializer,
)

CSV, JSONL = "text/csv", "application/x-ndjson"
FILE_NAMES = frozenset({"encoding", "delimiter"})
# Who predicts sends what came true; viewers, who may predict, do not change how a model is judged.
SENDS_ACTUALS = Need(Scope.PREDICT, WorkspaceRole.MEMBER)


class ActualFilter(filters.FilterSet):
    model = filters.CharFilter("model_version__registered_model__slug")
    is_waiting = filters.BooleanFilter("model_version", lookup_expr="isnull", label="Without its prediction.")

    class Meta:
        model = Actual
        fields = ["model", "is_waiting"]


@extend_schema(tags=["monitoring"])
class ActualViewSet(mixins.ListModelMixin, WorkspaceViewSet):
    """What really happened: the actual values of predictions, newest first."""

    needs = {"list": READS, "create": SENDS_ACTUALS}
    queryset = (
        Actual.objects.select_related("model_version__registered_model", "actor")
        .defer("model_version__evaluation", "model_version__signature_json", "output")
        .order_by("-id")
    )
    serializer_class = ActualSerializer
    filterset_class = ActualFilter
    parser_classes = [JSONParser, UploadParser, CSVBodyParser, JSONLinesBodyParser]
    takes_file = True

    def query_names(self) -> set[str]:
        is_file = self.action == "create" and _content_type(self.request) != "application/json"
        return set(FILE_NAMES) if is_file else super().query_names()

    @extend_schema(
        request={
            "application/json": ActualsRequestSerializer,
            "multipart/form-data": ActualsFileSerializer,
            CSV: OpenApiTypes.STR,
            JSONL: OpenApiTypes.STR,
        },
        parameters=[
            OpenApiParameter("encoding", str, description="For a bare CSV body."),
            OpenApiParameter("delimiter", str, description="For a bare CSV body."),
        ],
        responses={200: ReceiptSerializer},
        examples=[
            OpenApiExample(
                "by id",
                {"actuals": [{"prediction": "01980a2e-7c11-7d7e-8a44-0d3c5b1f2a90", "value": "yes"}]},
                request_only=True,
            ),
            OpenApiExample(
                "by request and row",
                {"actuals": [{"request_id": "nightly-17", "row_number": 3, "value": 12.5}]},
                request_only=True,
            ),
        ],
    )
    @idempotent
    def create(self, request: Request, **kwargs: Any) -> Response:
        """Store actual values. Late, partial, repeated and corrected ones are normal: the last one counts.

        A wrong value is refused with its place, and the others are stored. A value whose prediction is not in the
        log is kept, and tried again for 30 days.
        """
        receipt = actuals.record(
            self.workspace,
            self._given(request),
            source=ActualSource.API,
            by=actor_of(request),
            token=token_of(request),
        )
        return Response(ReceiptSerializer(receipt).data)

    def _given(self, request: Request) -> Any:
        if _content_type(request) == "application/json":
            serializer = ActualsSerializer(data=request.data)
            serializer.is_valid(raise_exception=True)
            rows = serializer.validated_data["actuals"]
            return [
                actual_files.given_of(row, place, is_strict=True) for place, row in enumerate(rows, start=1)
            ]
        file, fields = file_of(request), fields_of(request, FILE_NAMES)
        options = CsvOptions(encoding=fields.get("encoding", ""), delimiter=fields.get("delimiter", ""))
        return actual_files.read(Path(file.temporary_file_path()), options=options)


@extend_schema(tags=["monitoring"])
class LiveQualityViewSet(WorkspaceViewSet):
    """How the versions of a model did on live rows."""

    needs = {"retrieve": READS}
    queries = {"retrieve": ("days",)}
    queryset = RegisteredModel.objects.all()
    filter_backends: list[Any] = []
    pagination_class = None

    @extend_schema(parameters=[LiveQualityQuerySerializer], responses=LiveQualitySerializer(many=True))
    def retrieve(self, request: Request, **kwargs: Any) -> Response:
        """Metrics with 95 % intervals over the predictions of the last days whose actual values are known, beside
        the held-out figures. One entry for each of the newest five versions with such predictions."""
        serializer = LiveQualityQuerySerializer(data=request.query_params)
        serializer.is_valid(raise_exception=True)
        try:
            model = registry.model_of(self.workspace, kwargs["model"])
        except NotFound:
            raise Http404 from None
        found = live_quality.of_model(model, days=serializer.validated_data["days"])
        return Response(LiveQualitySerializer(found, many=True).data)


def _content_type(request: Request) -> str:
    return (request.content_type or "").split(";")[0].strip().lower()
