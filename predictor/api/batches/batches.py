"""Batch predictions, `/api/v1/{workspace}/models/{model}/batches`: files of any size, predicted by a worker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from django.http import FileResponse, Http404
from django_filters import rest_framework as filters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins
from rest_framework.request import Request
from rest_framework.response import Response

from ...errors import NotFound
from ...http.json import (
    BytesRenderer,
    CSVRenderer,
    JSONLinesRenderer,
    JSONParser,
    JSONRenderer,
    ParquetRenderer,
)
from ...models import (
    BatchFormat,
    BatchPrediction,
    JobStatus,
    ModelVersion,
    RegisteredModel,
    Scope,
    documents_of,
    without_documents,
)
from ...services import batches, registry
from ...services.predictions import PredictionOptions
from ..datasets import named_dataset
from ..idempotency import idempotent
from ..permissions import PREDICTS, require_scope
from ..uploads import (
    CSVBodyParser,
    JSONLinesBodyParser,
    ParquetBodyParser,
    UploadParser,
    csv_options_of,
    fields_of,
    file_of,
    options_of,
)
from ..viewsets import WorkspaceViewSet, actor_of, caller_of, token_of
from .serializers import (
    BatchChangeSerializer,
    BatchRequestSerializer,
    BatchSerializer,
    BatchSummarySerializer,
    BatchUploadSerializer,
)

CSV, JSONL, PARQUET = "text/csv", "application/x-ndjson", "application/vnd.apache.parquet"
FROM_BODY = {JSONL: BatchFormat.JSONL, PARQUET: BatchFormat.PARQUET, CSV: BatchFormat.CSV}


class BatchFilter(filters.FilterSet):
    status = filters.ChoiceFilter(choices=JobStatus.choices)

    class Meta:
        model = BatchPrediction
        fields = ["status"]


FILE_PARAMETERS = [
    OpenApiParameter(name, kind, description=f"For a bare body: {words}.")
    for name, kind, words in (
        ("version", str, "a version's number or an alias"),
        ("strict", bool, "refuse the file for one doubtful row"),
        ("coverage", float, "of the intervals and sets"),
        ("encoding", str, "of a CSV file"),
        ("delimiter", str, "of a CSV file"),
        ("decimal", str, "of a CSV file"),
        ("skip_bad_rows", bool, "leave out rows of another width"),
        ("skip_lines", int, "lines above the header of a CSV file"),
        ("comment", str, "what comment lines of a CSV file begin with; none: there are none"),
        ("units_lines", int, "lines of units below the header of a CSV file"),
        ("footer_lines", int, "last lines of a CSV file that are no rows"),
    )
]


FILE_NAMES = frozenset(BatchUploadSerializer._declared_fields) - {"file"}


@extend_schema(tags=["batches"])
class BatchViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, WorkspaceViewSet):
    """Files that a worker predicts. A batch is a prediction: whoever may predict may ask, look and fetch.

    A token without the scope read does so with the batches that it asked for itself, and with no dataset's rows.
    """

    needs = {
        "list": PREDICTS,
        "create": PREDICTS,
        "retrieve": PREDICTS,
        "partial_update": PREDICTS,
        "result": PREDICTS,
    }
    queryset = BatchPrediction.objects.select_related(
        "registered_model", "model_version", "created_by"
    ).defer(*(f"model_version__{name}" for name in documents_of(ModelVersion)))
    parser_classes = [JSONParser, UploadParser, CSVBodyParser, JSONLinesBodyParser, ParquetBodyParser]
    takes_file = True
    filterset_class = BatchFilter

    def query_names(self) -> set[str]:
        is_file = self.action == "create" and content_type_of(self.request) != "application/json"
        return set(FILE_NAMES) if is_file else super().query_names()

    def get_queryset(self) -> Any:
        queryset = super().get_queryset()
        if getattr(self, "swagger_fake_view", False):
            return queryset
        queryset, token = queryset.filter(registered_model=self._model()), token_of(self.request)
        if token is not None and not token.has_scope(Scope.READ):
            # The batches of others show their file names, and the results hold their rows.
            queryset = queryset.filter(api_token=token)
        return without_documents(queryset, but=("error",)) if self.action == "list" else queryset

    def get_serializer_class(self) -> Any:
        return BatchSummarySerializer if self.action == "list" else BatchSerializer

    def get_serializer_context(self) -> dict[str, Any]:
        context = super().get_serializer_context()
        if getattr(self, "swagger_fake_view", False):
            return context
        return {**context, "workspace": self.workspace.slug, "membership": self.membership}

    def _model(self) -> RegisteredModel:
        try:
            return registry.model_of(self.workspace, self.kwargs["model"])
        except NotFound:
            raise Http404 from None

    @extend_schema(
        request={
            "multipart/form-data": BatchUploadSerializer,
            "application/json": BatchRequestSerializer,
            CSV: OpenApiTypes.STR,
            JSONL: OpenApiTypes.STR,
            PARQUET: OpenApiTypes.BINARY,
        },
        parameters=FILE_PARAMETERS,
        responses={202: BatchSerializer},
    )
    @idempotent
    def create(self, request: Request, **kwargs: Any) -> Response:
        """Queue a batch. Poll its `url` until `status` is succeeded, failed or cancelled; then fetch `result_url`.

        A row that cannot be predicted gets an `error` in the result and does not end the batch. The version is
        the one that serves now, whatever is promoted meanwhile. Every answered row is in the log once.
        For the rows of a dataset a token needs the scope read beside predict: the result holds them.
        """
        model = self._model()
        if content_type_of(request) == "application/json":
            return accepted(request, self._start_from_dataset(request, model), self.membership)
        return accepted(request, start_from_file(request, model), self.membership)

    def _start_from_dataset(self, request: Request, model: RegisteredModel) -> BatchPrediction:
        serializer = BatchRequestSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        require_scope(request, Scope.READ)
        fields = serializer.validated_data
        return batches.start(
            registered_model=model,
            data=named_dataset(self.workspace, fields["dataset"]),
            options=PredictionOptions(
                version=fields.get("version"), strict=fields["strict"], coverage=fields.get("coverage")
            ),
            caller=caller_of(request),
        )

    @extend_schema(request=BatchChangeSerializer)
    def partial_update(self, request: Request, **kwargs: Any) -> Response:
        """Cancel a batch: `{"status": "cancelled"}`. What was answered stays in the log."""
        serializer = BatchChangeSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        batch = batches.cancel(batch=self.get_object(), by=actor_of(request))
        return Response(self.get_serializer(batch).data)

    @extend_schema(
        responses={
            (200, CSV): OpenApiTypes.STR,
            (200, JSONL): OpenApiTypes.STR,
            (200, PARQUET): OpenApiTypes.BINARY,
        }
    )
    def result(self, request: Request, **kwargs: Any) -> FileResponse:
        """The result: CSV, Parquet or JSON lines, as the rows came. 409 while there is none.

        For the result of a dataset's rows a token needs the scope read beside predict.
        """
        batch = self.get_object()
        if batch.dataset_id is not None:
            require_scope(request, Scope.READ)
        file = batches.open_result(batch)
        response = FileResponse(file, as_attachment=True, filename=batches.download_name(batch))
        response["Content-Type"] = batches.media_type(batch)
        return response

    def get_renderers(self) -> list[Any]:
        if self.action == "result":
            return [JSONRenderer(), CSVRenderer(), JSONLinesRenderer(), ParquetRenderer(), BytesRenderer()]
        return super().get_renderers()


def content_type_of(request: Request) -> str:
    return (request.content_type or "").split(";")[0].strip().lower()


def start_from_file(request: Request, model: RegisteredModel) -> BatchPrediction:
    """Start a batch from the uploaded file of the request."""
    file, fields = file_of(request), fields_of(request, FILE_NAMES)
    return batches.start(
        registered_model=model,
        data=Path(file.temporary_file_path()),
        filename=file.name or "",
        kind=fields.get("format") or FROM_BODY.get(content_type_of(request), ""),
        csv_options=csv_options_of(fields),
        options=options_of(fields),
        caller=caller_of(request),
    )


def start_from_rows(
    request: Request, model: RegisteredModel, rows: Sequence[Mapping[str, Any]], options: PredictionOptions
) -> BatchPrediction:
    """Start a batch from rows that were sent as JSON."""
    return batches.start(registered_model=model, data=rows, options=options, caller=caller_of(request))


def accepted(request: Request, batch: BatchPrediction, membership: Any) -> Response:
    """The response 202, with the batch's URL in `Location`."""
    context = {"request": request, "workspace": membership.workspace.slug, "membership": membership}
    data = BatchSerializer(batch, context=context).data
    return Response(data, status=202, headers={"Location": data["url"]})
