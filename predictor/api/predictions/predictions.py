"""Endpoints for predictions and for the prediction log."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from django.http import Http404, HttpResponseBase, StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import mixins
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from ...errors import NotFound
from ...http.json import CSVRenderer, JSONLinesRenderer, JSONParser, JSONRenderer
from ...http.prediction_request import NAMES as PREDICTION_NAMES
from ...http.prediction_request import read_prediction_request
from ...http.preferences import RESPOND_ASYNC, prefers_async
from ...models import BatchPrediction, PredictionLog, RegisteredModel, Scope
from ...services import prediction_log, predictions, registry
from ...services.prediction_log import log_pages
from ..batches.batches import BatchSerializer, accepted, content_type_of, start_from_file, start_from_rows
from ..idempotency import idempotent
from ..pagination import LogPagination
from ..permissions import PREDICTS, READS, require_scope
from ..uploads import CSVBodyParser, UploadParser, csv_options_of, fields_of, file_of, options_of
from ..viewsets import WorkspaceViewSet, caller_of
from .fast_predictions import plainly_first, predicted
from .fast_view import SlimViewMixin, json_body
from .serializers import (
    AnswerSerializer,
    CsvRequestSerializer,
    LogQuerySerializer,
    LogRowSerializer,
    PredictionRequestSerializer,
)

CSV = "text/csv"
CSV_NAMES = frozenset(CsvRequestSerializer._declared_fields) - {"file"}


@extend_schema(tags=["predictions"])
class PredictionViewSet(SlimViewMixin, WorkspaceViewSet):
    """Predictions of one model."""

    needs = {"create": PREDICTS}
    queryset = RegisteredModel.objects.all()
    parser_classes = [JSONParser, UploadParser, CSVBodyParser]
    takes_file = True
    renderer_classes = [JSONRenderer, CSVRenderer]
    filter_backends: list[Any] = []
    elsewhere = PREDICTION_NAMES

    def query_names(self) -> set[str]:
        return set(CSV_NAMES) if content_type_of(self.request) in (CSV, "multipart/form-data") else set()

    @classmethod
    def as_view(cls, actions: Any = None, **initkwargs: Any) -> Any:
        """The common request of a program takes the fast path; see `fast_predictions`."""
        return plainly_first(super().as_view(actions, **initkwargs))

    @extend_schema(
        request={
            "application/json": PredictionRequestSerializer,
            "multipart/form-data": CsvRequestSerializer,
            CSV: OpenApiTypes.STR,
        },
        responses={
            (200, "application/json"): AnswerSerializer,
            (200, CSV): OpenApiTypes.STR,
            (202, "application/json"): BatchSerializer,
        },
        parameters=[
            OpenApiParameter("version", str, description="For a CSV body: a version's number or an alias."),
            OpenApiParameter("strict", bool, description="For a CSV body: refuse rows with warnings."),
            OpenApiParameter(
                "coverage",
                {"type": "number", "minimum": 0.5, "maximum": 0.99},
                description="For a CSV body: of the intervals and sets.",
            ),
            OpenApiParameter(
                "Prefer",
                str,
                OpenApiParameter.HEADER,
                description="`respond-async` makes a batch of the rows: 202, and where to look (RFC 7240). "
                "Not followed with `explain`, `nearest`, `horizon` or `history`, which a batch does not take.",
            ),
        ],
        examples=[
            OpenApiExample("rows", {"rows": [{"age": 41, "plan": "pro"}]}, request_only=True),
            OpenApiExample("horizon of a forecast", {"horizon": 12, "group": "north"}, request_only=True),
            OpenApiExample(
                "forecast with known columns",
                {"horizon": 1, "future": [{"day": "2024-06-01", "shop": "north", "price": 2.5}]},
                request_only=True,
            ),
            OpenApiExample(
                "columns and data", {"columns": ["age", "plan"], "data": [[41, "pro"]]}, request_only=True
            ),
        ],
    )
    @idempotent
    def create(self, request: Request, **kwargs: Any) -> HttpResponseBase:
        """Predict rows sent as JSON, or a whole CSV file: the answer has the form of the question.

        A CSV answer holds the file's own columns, then `prediction`, one `probability_…` column a class, and
        `interval_low` and `interval_high`, or `prediction_set`.
        Every row is in the log before the answer leaves.
        With `Prefer: respond-async` the rows become a batch instead, whatever their number, unless more is asked
        for than a batch takes.
        """
        try:
            model = registry.model_of(self.workspace, kwargs["model"])
        except NotFound:
            raise Http404 from None
        is_async = prefers_async(request)
        if content_type_of(request) in (CSV, "multipart/form-data"):
            if is_async:
                return self._accepted(request, start_from_file(request, model))
            return self._predict_csv(request, model)
        rows, options = read_prediction_request(json_body(request))
        if options.nearest:
            require_scope(request, Scope.READ)
        # A batch would leave out what this request asks for: then the preference is not followed.
        if is_async and options.can_be_batch:
            return self._accepted(request, start_from_rows(request, model, rows, options))
        return predicted(model, rows, options, caller_of(request))

    def _accepted(self, request: Request, batch: BatchPrediction) -> Response:
        response = accepted(request, batch, self.membership)
        response["Preference-Applied"] = RESPOND_ASYNC
        return response

    def _predict_csv(self, request: Request, model: RegisteredModel) -> StreamingHttpResponse:
        predictions.require_place_for_file()
        file, fields = file_of(request), fields_of(request, CSV_NAMES)
        answer = predictions.predict_csv(
            registered_model=model,
            file=Path(file.temporary_file_path()),
            csv_options=csv_options_of(fields),
            options=options_of(fields),
            caller=caller_of(request),
        )
        response = StreamingHttpResponse(_and_removed(answer.path), content_type="text/csv; charset=utf-8")
        response["Content-Length"] = str(answer.path.stat().st_size)
        response["Content-Disposition"] = f'attachment; filename="{answer.filename}"'
        response["X-Model"] = answer.model
        response["X-Model-Version"] = str(answer.version)
        response["X-Rows"] = str(answer.n_rows)
        response["X-Rows-With-Warnings"] = str(answer.n_rows_with_warnings)
        return response


def _and_removed(path: Path) -> Iterator[bytes]:
    """The file's bytes; the file is removed at the end, because the API sends a result only once."""
    try:
        with path.open("rb") as file:
            while chunk := file.read(1 << 20):
                yield chunk
    finally:
        path.unlink(missing_ok=True)


SEARCH_NAMES = tuple(LogQuerySerializer._declared_fields)


@extend_schema(tags=["predictions"])
class LogViewSet(mixins.RetrieveModelMixin, WorkspaceViewSet):
    """The log: every predicted row, newest first."""

    needs = {"list": READS, "retrieve": READS, "export": READS}
    queries = {"list": (*SEARCH_NAMES, "before"), "export": (*SEARCH_NAMES, "kind")}
    queryset = PredictionLog.objects.select_related("model_version__registered_model", "actor")
    serializer_class = LogRowSerializer
    pagination_class = LogPagination
    filter_backends: list[Any] = []

    @extend_schema(parameters=[LogQuerySerializer], responses=LogRowSerializer(many=True))
    def list(self, request: Request, **kwargs: Any) -> Response:
        """Search. What no index finds (text, source, person) is looked for in the newest rows first:
        `searched_back_to` then says how far, and `next` goes on from there."""
        pages = LogPagination(request)
        page = log_pages.page(self.workspace, _search(request), before=pages.before, size=pages.size)
        return pages.answer(page, self.get_serializer(page.rows, many=True).data)

    @extend_schema(
        parameters=[
            LogQuerySerializer,
            OpenApiParameter(
                "kind", str, enum=["csv", "jsonl"], default="csv", description="CSV or JSON lines."
            ),
        ],
        responses={(200, CSV): OpenApiTypes.STR, (200, "application/x-ndjson"): OpenApiTypes.STR},
    )
    def export(self, request: Request, **kwargs: Any) -> StreamingHttpResponse:
        """The whole search as a file, streamed. Cells that a spreadsheet would run are neutralised. A CSV of one
        model has a column for each input and class."""
        kind = request.query_params.get("kind", "csv")
        lines = prediction_log.export(self.workspace, _search(request), kind=kind)
        response = StreamingHttpResponse(lines, content_type=prediction_log.EXPORT_FORMATS[kind])
        response["Content-Disposition"] = f'attachment; filename="predictions.{kind}"'
        return response

    def get_renderers(self) -> list[Any]:
        if self.action == "export":
            return [JSONRenderer(), CSVRenderer(), JSONLinesRenderer()]
        return super().get_renderers()


def _search(request: Request) -> prediction_log.LogSearch:
    serializer = LogQuerySerializer(data=request.query_params)
    serializer.is_valid(raise_exception=True)
    criteria: dict[str, Any] = serializer.validated_data
    for name in ("since", "until"):
        if isinstance(criteria.get(name), datetime) and not 1970 <= criteria[name].year < 9999:
            raise ValidationError({name: ["Give a time between 1970 and 9998."]})
    return prediction_log.LogSearch(**criteria)
