"""`/api/v1/{workspace}/models`: registered models, versions, and the aliases that say which one serves."""

from __future__ import annotations

from typing import Any

from django.db.models import Prefetch, QuerySet
from django.http import HttpResponse, StreamingHttpResponse
from django.urls import reverse
from django_filters import rest_framework as filters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import mixins
from rest_framework.request import Request
from rest_framework.response import Response

from ...http.json import BytesRenderer, JSONRenderer, MarkdownRenderer
from ...models import ModelAlias, ModelVersion, RegisteredModel, documents_of, without_documents
from ...services import labels, registry, training
from ...services.prediction_log import activity, summary
from ...services.registry import card_markdown, model_cards, portable, version_table
from ..idempotency import idempotent
from ..permissions import READS, WRITES
from ..training.serializers import NewThresholdSerializer
from ..viewsets import WorkspaceViewSet, actor_of
from .comparison_serializers import VersionsQuerySerializer, VersionTableSerializer
from .serializers import (
    ActivityQuerySerializer,
    ActivitySerializer,
    AliasChangeSerializer,
    AliasSerializer,
    AliasTargetSerializer,
    ComparisonQuerySerializer,
    ComparisonSerializer,
    CompletionChangeSerializer,
    CompletionSerializer,
    RegisteredModelChangeSerializer,
    RegisteredModelSerializer,
    VersionChangeSerializer,
    VersionSerializer,
    VersionSummarySerializer,
)


class ModelFilter(filters.FilterSet):
    name = filters.CharFilter(lookup_expr="icontains", label="Part of the name.")

    class Meta:
        model = RegisteredModel
        fields = ["name"]


@extend_schema(tags=["models"])
class RegisteredModelViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, WorkspaceViewSet):
    """The names that clients know."""

    needs = {"list": READS, "retrieve": READS, "partial_update": WRITES, "activity": READS}
    queries = {"activity": ("range", "day", "version")}
    queryset = RegisteredModel.objects.prefetch_related(
        Prefetch(
            "aliases", without_documents(ModelAlias.objects.select_related("model_version"), "model_version")
        )
    )
    serializer_class = RegisteredModelSerializer
    filterset_class = ModelFilter
    lookup_field = "slug"
    lookup_url_kwarg = "model"

    @extend_schema(request=RegisteredModelChangeSerializer)
    def partial_update(self, request: Request, **kwargs: Any) -> Response:
        """Change what people read; the slug stays."""
        serializer = RegisteredModelChangeSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        model = registry.update_model(
            registered_model=self.get_object(), by=actor_of(request), **serializer.validated_data
        )
        return Response(self.get_serializer(model).data)

    @extend_schema(parameters=[ActivityQuerySerializer], responses=ActivitySerializer, filters=False)
    def activity(self, request: Request, **kwargs: Any) -> Response:
        """Predictions over time: of all versions, or of one with what it answered."""
        serializer = ActivityQuerySerializer(data=request.query_params)
        serializer.is_valid(raise_exception=True)
        model, number = self.get_object(), serializer.validated_data["version"]
        version = registry.version_of(model, number) if number is not None else None
        found = activity.of_model(
            model,
            span=serializer.validated_data["range"],
            day=serializer.validated_data["day"],
            version=version,
        )
        data = ActivitySerializer(
            {**vars(found), "total": found.total, "counted_to": summary.counted_to(self.workspace)}
        ).data
        return Response(data)


class ModelChildViewSet(WorkspaceViewSet):
    """Base class for the viewsets of one registered model: its versions, its aliases."""

    workspace_path = "registered_model__workspace"

    def get_queryset(self) -> QuerySet[Any]:
        queryset = super().get_queryset()
        if getattr(self, "swagger_fake_view", False):
            return queryset
        return queryset.filter(registered_model=self.model)

    @property
    def model(self) -> RegisteredModel:
        models = RegisteredModel.objects.filter(workspace=self.workspace)
        if not hasattr(self, "_model"):
            self._model: RegisteredModel = self.get_row(models, slug=self.kwargs["model"])
        return self._model


COMPLETION_ACTIONS = ("completion", "complete", "cancel_completion")


class VersionFilter(filters.FilterSet):
    alias = filters.CharFilter(field_name="aliases__alias", label="The version of this alias.")
    is_archived = filters.BooleanFilter(field_name="archived_at", lookup_expr="isnull", exclude=True)
    task = filters.CharFilter()

    class Meta:
        model = ModelVersion
        fields = ["alias", "is_archived", "task", "is_compiled"]


@extend_schema(tags=["models"])
class VersionViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, ModelChildViewSet):
    """Versions of a model, newest first. Immutable, but for archiving."""

    needs = {
        "list": READS,
        "retrieve": READS,
        "partial_update": WRITES,
        "evaluation": READS,
        "completion": READS,
        "complete": WRITES,
        "cancel_completion": WRITES,
        "card": READS,
        "onnx": READS,
        "offline_page": READS,
        "bundle": READS,
        "compare": READS,
        "compare_many": READS,
        "thresholds": WRITES,
    }
    queries = {"compare": ("a", "b"), "compare_many": ("version", "base")}
    queryset = ModelVersion.objects.select_related(
        "registered_model", "created_by", "made_from", "completion"
    ).prefetch_related("aliases")
    filterset_class = VersionFilter
    lookup_field = "number"

    def get_queryset(self) -> QuerySet[Any]:
        # A list does not load the evaluation reports: each can be a megabyte.
        queryset = super().get_queryset()
        if self.action == "list":
            return without_documents(
                queryset, "completion", "made_from", "registered_model", but=("metrics",)
            )
        queryset = queryset.defer(*(f"made_from__{name}" for name in documents_of(ModelVersion)))
        if self.action in COMPLETION_ACTIONS:
            queryset = queryset.select_related("dataset").defer("dataset__schema_json")
        return queryset.select_related("made_from__completion")

    def get_serializer_class(self) -> Any:
        return VersionSummarySerializer if self.action == "list" else VersionSerializer

    @extend_schema(request=VersionChangeSerializer)
    def partial_update(self, request: Request, **kwargs: Any) -> Response:
        """Archive a version or take it out of the archive; change its note and its tags."""
        serializer = VersionChangeSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        fields, version = dict(serializer.validated_data), self.get_object()
        if (is_archived := fields.pop("is_archived", None)) is not None:
            change = registry.archive if is_archived else registry.unarchive
            version = change(model_version=version, by=actor_of(request))
        labels.change(version, **fields)
        return Response(self.get_serializer(version).data)

    @extend_schema(request=NewThresholdSerializer, responses={201: VersionSerializer})
    @idempotent
    def thresholds(self, request: Request, **kwargs: Any) -> Response:
        """A new version: the estimators of this one with another decision threshold. Nothing is fitted."""
        serializer = NewThresholdSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        rule = dict(serializer.validated_data)
        version = registry.publish_with_threshold(
            model_version=self.get_object(),
            positive_class=rule.pop("positive_class", None),
            rule=rule,
            by=actor_of(request),
        )
        url_kwargs = {**kwargs, "number": version.number}
        headers = {"Location": request.build_absolute_uri(reverse("api-version", kwargs=url_kwargs))}
        return Response(self.get_serializer(version).data, status=201, headers=headers)

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def evaluation(self, request: Request, **kwargs: Any) -> Response:
        """The evaluation report: metrics with their intervals beside baselines, the verdict and what to worry about,
        curves, confusion matrix, importances, the parts where it errs most, and the learning curve."""
        return Response(self.get_object().report)

    @extend_schema(responses=CompletionSerializer)
    def completion(self, request: Request, **kwargs: Any) -> Response:
        """What the training run left out of the report for lack of time, and what becomes of each part."""
        return Response(CompletionSerializer(self.get_object()).data)

    @extend_schema(request=None, responses={202: CompletionSerializer})
    @idempotent
    def complete(self, request: Request, **kwargs: Any) -> Response:
        """Compute what was left out, as soon as no training run and no batch waits or runs. Poll it by GET until
        `status` is succeeded, failed or cancelled. One that waits or runs stays as it is; 409 when there is nothing
        to compute, and while one is being stopped."""
        training.completions.start(model_version=self.get_object(), by=actor_of(request))
        return Response(CompletionSerializer(self.get_object()).data, status=202)

    @extend_schema(request=CompletionChangeSerializer, responses=CompletionSerializer)
    def cancel_completion(self, request: Request, **kwargs: Any) -> Response:
        """Cancel it: `{"status": "cancelled"}`. Its work stops within seconds; 409 when it has finished."""
        serializer = CompletionChangeSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        training.completions.cancel_of(model_version=self.get_object(), by=actor_of(request))
        return Response(CompletionSerializer(self.get_object()).data)

    @extend_schema(responses={(200, "text/markdown"): OpenApiTypes.STR})
    def card(self, request: Request, **kwargs: Any) -> HttpResponse:
        """The model card as Markdown: data, intended use, tests, limits, explanation, files."""
        text = card_markdown.written(model_cards.card_of(self.get_object()))
        return HttpResponse(text, content_type="text/markdown; charset=utf-8")

    @extend_schema(responses={(200, "application/octet-stream"): OpenApiTypes.BINARY})
    def onnx(self, request: Request, **kwargs: Any) -> StreamingHttpResponse:
        """The ONNX file, with signature and specification in its metadata. 409 for a version without."""
        file = registry.onnx_download(self.get_object())
        response = StreamingHttpResponse(file.chunks(), content_type="application/octet-stream")
        response["Content-Length"] = str(file.n_bytes)
        response["Content-Disposition"] = f'attachment; filename="{file.filename}"'
        return response

    @extend_schema(responses={(200, "application/octet-stream"): OpenApiTypes.BINARY})
    def offline_page(self, request: Request, **kwargs: Any) -> HttpResponse:
        """One HTML file that predicts in any browser without a network, and checks itself when it is opened.
        409 for a version that is served in-process."""
        return attachment(portable.offline_page(self.get_object()))

    @extend_schema(responses={(200, "application/octet-stream"): OpenApiTypes.BINARY})
    def bundle(self, request: Request, **kwargs: Any) -> HttpResponse:
        """A zip of the model and a short script that predicts with numpy and onnxruntime alone. 409 for a
        version that is served in-process."""
        return attachment(portable.bundle(self.get_object()))

    def get_renderers(self) -> list[Any]:
        if self.action == "card":
            return [JSONRenderer(), MarkdownRenderer()]
        is_file = self.action in ("onnx", "offline_page", "bundle")
        return [JSONRenderer(), BytesRenderer()] if is_file else super().get_renderers()

    @extend_schema(parameters=[ComparisonQuerySerializer], responses=ComparisonSerializer, filters=False)
    def compare(self, request: Request, **kwargs: Any) -> Response:
        """Two versions side by side. `versions/compare` takes up to ten."""
        serializer = ComparisonQuerySerializer(data=request.query_params)
        serializer.is_valid(raise_exception=True)
        versions = self.get_queryset().select_related("dataset")
        a, b = (self.get_row(versions, number=serializer.validated_data[side]) for side in ("a", "b"))
        return Response(ComparisonSerializer(registry.compare(a, b)).data)

    @extend_schema(parameters=[VersionsQuerySerializer], responses=VersionTableSerializer, filters=False)
    def compare_many(self, request: Request, **kwargs: Any) -> Response:
        """Two to ten versions side by side (`?version=1&version=2`), each tested against the base: the first, unless
        `base` names another. Of more than two, p-values are adjusted for their number (Holm). `changes` says what
        changes for callers when a version answers in place of the base."""
        serializer = VersionsQuerySerializer(data=request.query_params)
        serializer.is_valid(raise_exception=True)
        versions = version_table.load(self.model, serializer.validated_data["version"])
        table = version_table.table_of(versions, base=serializer.validated_data["base"])
        return Response(VersionTableSerializer(table).data)


def attachment(file: portable.PortableFile) -> HttpResponse:
    disposition = f'attachment; filename="{file.filename}"'
    return HttpResponse(
        file.content, content_type=BytesRenderer.media_type, headers={"Content-Disposition": disposition}
    )


@extend_schema(tags=["models"])
class AliasViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, ModelChildViewSet):
    """Aliases. `champion` serves when a caller does not say which version."""

    needs = {"list": READS, "retrieve": READS, "update": WRITES, "destroy": WRITES, "history": READS}
    queryset = without_documents(ModelAlias.objects.select_related("model_version"), "model_version")
    serializer_class = AliasSerializer
    filter_backends: list[Any] = []
    lookup_field = "alias"

    @extend_schema(request=AliasTargetSerializer)
    def update(self, request: Request, **kwargs: Any) -> Response:
        """Point the alias at a version (promote), or back at the one before (`{"roll_back": true}`)."""
        serializer = AliasTargetSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        alias, by = kwargs["alias"], actor_of(request)
        if serializer.validated_data["roll_back"]:
            row = registry.roll_back(registered_model=self.model, alias=alias, by=by)
        else:
            version = registry.version_of(self.model, serializer.validated_data["version"])
            row = registry.set_alias(registered_model=self.model, alias=alias, model_version=version, by=by)
        return Response(self.get_serializer(row).data)

    def destroy(self, request: Request, **kwargs: Any) -> Response:
        """Take the alias away; its history stays."""
        registry.remove_alias(registered_model=self.model, alias=kwargs["alias"], by=actor_of(request))
        return Response(status=204)

    @extend_schema(responses=AliasChangeSerializer(many=True))
    def history(self, request: Request, **kwargs: Any) -> Response:
        """Who pointed it where, newest first."""
        page = self.paginate_queryset(registry.history(self.model, kwargs["alias"]))
        return self.get_paginated_response(AliasChangeSerializer(page, many=True).data)
