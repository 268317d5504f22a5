"""`/api/v1/{workspace}/datasets`: uploaded tables."""

from __future__ import annotations

from typing import Any

from django.http import FileResponse
from django.utils import timezone
from django_filters import rest_framework as filters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import mixins, serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.settings import api_settings

from ..errors import InvalidInput
from ..http.json import CSVRenderer, JSONRenderer
from ..models import Dataset, Workspace
from ..models.labels import has_tag
from ..services import datasets, labels
from .idempotency import idempotent
from .labels import note_field, tag_list, tags_field
from .permissions import ADMINISTERS, DOWNLOADS, READS, WRITES
from .readings import EvidenceSerializer, ReadingSerializer, column_json
from .strict import StrictSerializer
from .uploads import (
    CSVBodyParser,
    LineOptionsSerializer,
    UploadParser,
    boolean,
    fields_of,
    file_of,
    line_options_of,
)
from .viewsets import WorkspaceViewSet, actor_of

LIMIT = {"type": "integer", "minimum": 1, "maximum": 1_000, "default": 20}


class LevelSerializer(serializers.Serializer[Any]):
    value = serializers.CharField()
    count = serializers.IntegerField()


class BinSerializer(serializers.Serializer[Any]):
    low = serializers.FloatField()
    high = serializers.FloatField()
    count = serializers.IntegerField()


class ColumnSerializer(serializers.Serializer[Any]):
    """A column: what it holds, and the role that was found for it."""

    name = serializers.CharField()
    role = serializers.CharField()
    storage = serializers.CharField()
    n_missing = serializers.IntegerField()
    n_distinct = serializers.IntegerField()
    minimum = serializers.JSONField(help_text="A number, ISO 8601 text for dates, or null.")
    maximum = serializers.JSONField()
    mean = serializers.FloatField(allow_null=True)
    median = serializers.JSONField()
    levels = LevelSerializer(many=True)
    histogram = BinSerializer(many=True)
    warnings = serializers.ListField(child=serializers.CharField())
    reading = ReadingSerializer(allow_null=True, help_text="null: the cells are taken as they are stored.")
    evidence = EvidenceSerializer(allow_null=True, help_text="What the reading makes of the cells.")


class DatasetSummarySerializer(serializers.ModelSerializer[Dataset]):
    """A dataset in a list."""

    created_by = serializers.EmailField(source="created_by.email", allow_null=True, default=None)
    has_data = serializers.BooleanField(help_text="False when the data was deleted and only this was kept.")

    tags = tag_list()

    class Meta:
        model = Dataset
        fields = [
            "id",
            "name",
            "note",
            "tags",
            "filename",
            "n_rows",
            "n_columns",
            "n_bytes",
            "sha256",
            "has_data",
            "created_at",
            "created_by",
        ]


class DatasetChangeSerializer(StrictSerializer):
    name = serializers.CharField(max_length=200, required=False)
    note = note_field()
    tags = tags_field()


class DatasetSerializer(DatasetSummarySerializer):
    """A dataset with its columns."""

    columns = serializers.SerializerMethodField()
    warnings = serializers.ListField(child=serializers.JSONField())
    options = serializers.DictField(
        help_text="Encoding, delimiter and the rest, as found or asked, with the lines around the table."
    )

    class Meta(DatasetSummarySerializer.Meta):
        fields = [
            *DatasetSummarySerializer.Meta.fields,
            "columns",
            "warnings",
            "options",
            "source",
            "licence",
        ]

    @extend_schema_field(ColumnSerializer(many=True))
    def get_columns(self, dataset: Dataset) -> Any:
        return [column_json(column) for column in dataset.schema.columns]


class UploadSerializer(LineOptionsSerializer):
    """A CSV file, and what the caller says about it; what is left out is found."""

    file = serializers.FileField()
    name = serializers.CharField(required=False, max_length=200)
    encoding = serializers.CharField(required=False)
    delimiter = serializers.CharField(required=False)
    decimal = serializers.ChoiceField([".", ","], required=False)
    skip_bad_rows = serializers.BooleanField(required=False, help_text="Leave out rows of another width.")
    infinite_as_missing = serializers.BooleanField(required=False)


UPLOAD_NAMES = frozenset(UploadSerializer._declared_fields) - {"file"}


class PreviewSerializer(serializers.Serializer[Any]):
    columns = serializers.ListField(child=serializers.CharField())
    rows = serializers.ListField(child=serializers.ListField(child=serializers.JSONField()))


class DatasetFilter(filters.FilterSet):
    name = filters.CharFilter(lookup_expr="icontains", label="Part of the name.")
    sha256 = filters.CharFilter(max_length=64)
    tag = filters.CharFilter(max_length=30, method="with_tag", label="A tag.")

    class Meta:
        model = Dataset
        fields = ["name", "sha256", "tag"]

    def with_tag(self, rows: Any, name: str, tag: str) -> Any:
        return rows.filter(has_tag(tag.casefold()))


@extend_schema(tags=["datasets"])
class DatasetViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, WorkspaceViewSet):
    """Uploaded tables. Their rows are immutable; how a column is read can be changed (`reading-changes`)."""

    needs = {
        "list": READS,
        "retrieve": READS,
        "create": WRITES,
        "partial_update": WRITES,
        "destroy": ADMINISTERS,
        "download": DOWNLOADS,
        "preview": READS,
    }
    queryset = Dataset.objects.select_related("created_by")
    queries = {"create": UPLOAD_NAMES, "destroy": ("keep_metadata", "for_good"), "preview": ("limit",)}
    parser_classes = [UploadParser, CSVBodyParser]
    takes_file = True
    filterset_class = DatasetFilter

    def get_queryset(self) -> Any:
        queryset = super().get_queryset()
        return queryset.defer("schema_json", "warnings", "options") if self.action == "list" else queryset

    def get_parsers(self) -> list[Any]:
        is_change = self.request is not None and self.request.method == "PATCH"
        return [
            parser() for parser in (api_settings.DEFAULT_PARSER_CLASSES if is_change else self.parser_classes)
        ]

    def get_serializer_class(self) -> Any:
        return DatasetSummarySerializer if self.action == "list" else DatasetSerializer

    @extend_schema(
        request={"multipart/form-data": UploadSerializer, "text/csv": OpenApiTypes.STR},
        responses={201: DatasetSerializer, 200: DatasetSerializer},
    )
    @idempotent
    def create(self, request: Request, **kwargs: Any) -> Response:
        """Upload a CSV file. The same file with the same options again: 200, and the dataset it became."""
        file, fields, started = file_of(request), fields_of(request, UPLOAD_NAMES), timezone.now()
        dataset = datasets.import_csv(
            workspace=self.workspace,
            source=file,
            filename=file.name or "",
            name=fields.get("name", ""),
            options=options_from(fields),
            by=actor_of(request),
        )
        is_new = dataset.created_at >= started
        return Response(self.get_serializer(dataset).data, status=201 if is_new else 200)

    @extend_schema(request=DatasetChangeSerializer)
    def partial_update(self, request: Request, **kwargs: Any) -> Response:
        """Change name, note and tags; the rows stay as they are."""
        dataset = self.get_object()
        serializer = DatasetChangeSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        labels.change(dataset, **serializer.validated_data)
        return Response(self.get_serializer(dataset).data)

    @extend_schema(
        parameters=[
            OpenApiParameter("keep_metadata", bool, default=False),
            OpenApiParameter("for_good", bool, default=False),
        ]
    )
    def destroy(self, request: Request, **kwargs: Any) -> Response:
        """Put the dataset into the trash; `for_good` deletes it at once. 409 while a run or version names it:
        `keep_metadata` then drops its data, for good."""
        keep = boolean(request.query_params.get("keep_metadata"), "keep_metadata")
        for_good = boolean(request.query_params.get("for_good"), "for_good")
        datasets.delete(
            dataset=self.get_object(), by=actor_of(request), keep_metadata=keep, for_good=for_good
        )
        return Response(status=204)

    @extend_schema(responses={(200, "text/csv"): OpenApiTypes.BINARY})
    def download(self, request: Request, **kwargs: Any) -> FileResponse:
        """The uploaded bytes, as they came."""
        dataset = self.get_object()
        file = datasets.open_original(dataset)
        response = FileResponse(file, as_attachment=True, filename=dataset.filename)
        response["Content-Type"] = "text/csv"
        return response

    def get_renderers(self) -> list[Any]:
        return [JSONRenderer(), CSVRenderer()] if self.action == "download" else super().get_renderers()

    @extend_schema(
        parameters=[OpenApiParameter("limit", LIMIT)],
        responses=PreviewSerializer,
    )
    def preview(self, request: Request, **kwargs: Any) -> Response:
        """The first rows."""
        text = request.query_params.get("limit", "20")
        if not (text.isascii() and text.isdecimal() and len(text) < 10 and 1 <= int(text) <= 1_000):
            raise InvalidInput("“limit” has to be a whole number from 1 to 1000.", limit=1_000)
        return Response(PreviewSerializer(datasets.preview(self.get_object(), limit=int(text))).data)


def options_from(fields: Any) -> datasets.ImportOptions:
    return datasets.ImportOptions(
        encoding=fields.get("encoding", ""),
        delimiter=fields.get("delimiter", ""),
        decimal=fields.get("decimal", ""),
        skip_bad_rows=boolean(fields.get("skip_bad_rows"), "skip_bad_rows"),
        infinite_as_missing=boolean(fields.get("infinite_as_missing"), "infinite_as_missing"),
        **line_options_of(fields),
    )


def named_dataset(workspace: Workspace, pk: int) -> Dataset:
    """The dataset with this id in the workspace. Raises ValidationError when there is none."""
    dataset = Dataset.objects.filter(workspace=workspace, pk=pk).first()
    if dataset is None:
        raise ValidationError({"dataset": ["There is no such dataset in this workspace."]})
    return dataset
