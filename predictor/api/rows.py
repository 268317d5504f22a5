"""`/api/v1/{workspace}/datasets/{id}/rows`: the rows of a dataset by filters, search and order."""

from __future__ import annotations

from typing import Any

from django.http import FileResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from ..errors import InvalidInput
from ..http.json import CSVRenderer, JSONRenderer, XLSXRenderer
from ..ml.types.row_query import RowQuery, cell_kind, is_filter_name, positions_of
from ..models import Dataset
from ..services.datasets import rows
from ..services.datasets.rows import MAX_PAGE_ROWS, MAX_SHOWN
from .permissions import DOWNLOADS, READS
from .viewsets import WorkspaceViewSet

PAGE_SIZE = 50
QUERY = ("q", "rows", "sort", "columns", "values")
FORMATS = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
FILTERS = OpenApiParameter(
    "filters",
    {
        "type": "object",
        "patternProperties": {r"^c[1-9][0-9]{0,5}\.(min|max|in|has|missing)$": {"type": "string"}},
        "additionalProperties": False,
    },
    explode=True,
    style="form",
    description=(
        "Conditions on columns, named by their place from 1: `c3.min=20`, `c3.max=30` (numbers and dates, inclusive; a "
        "day is the whole day), `c5.in=red` (repeated for several values), `c6.has=late` (contains, case does not "
        "matter), `c6.missing=yes` or `no`. All have to hold."
    ),
)
PARAMETERS = [
    FILTERS,
    OpenApiParameter("q", str, description="A text that one of the text columns contains."),
    OpenApiParameter("rows", str, description="Numbers of rows from 1, as in `12,57`."),
    OpenApiParameter("sort", str, description="Up to three columns, `-` for descending, as in `-c3,c1`."),
    OpenApiParameter("columns", str, description=f"Places of columns, as in `1-4,9`; default: the first {MAX_SHOWN}."),
    OpenApiParameter("values", str, enum=["file", "read"], default="file", description="`read`: by their readings."),
]  # fmt: skip


class RowColumnSerializer(serializers.Serializer[Any]):
    place = serializers.IntegerField(help_text="From 1; filters and order name columns by it.")
    name = serializers.CharField()
    kind = serializers.CharField(help_text="number, date, boolean, category or text: which filters it takes.")


class RowSerializer(serializers.Serializer[Any]):
    row = serializers.IntegerField(help_text="The number of the row in the table, from 1.")
    cells = serializers.ListField(child=serializers.JSONField(allow_null=True))


class RowsPageSerializer(serializers.Serializer[Any]):
    n_rows = serializers.IntegerField(help_text="Of the dataset.")
    n_matching = serializers.IntegerField(allow_null=True, help_text="null: counting took too long.")
    page = serializers.IntegerField()
    page_size = serializers.IntegerField()
    columns = RowColumnSerializer(many=True)
    rows = RowSerializer(many=True)


class FacetSerializer(serializers.Serializer[Any]):
    value = serializers.CharField()
    count = serializers.IntegerField()


class FacetsSerializer(serializers.Serializer[Any]):
    column = serializers.CharField()
    values = FacetSerializer(many=True)


@extend_schema(tags=["datasets"])
class RowsViewSet(WorkspaceViewSet):
    """The rows of a dataset, read from its stored table."""

    needs = {"retrieve": READS, "facets": READS, "download": DOWNLOADS}
    queryset = Dataset.objects.all()
    queries = {
        "retrieve": (*QUERY, "page", "page_size"),
        "facets": ("q", "rows", "column"),
        "download": (*QUERY, "kind"),
    }

    def query_names(self) -> set[str]:
        return super().query_names() | {name for name in self.request.query_params if is_filter_name(name)}

    def get_renderers(self) -> list[Any]:
        if self.action == "download":
            return [JSONRenderer(), CSVRenderer(), XLSXRenderer()]
        return super().get_renderers()

    @extend_schema(
        operation_id="dataset_rows",
        parameters=[
            *PARAMETERS,
            OpenApiParameter("page", {"type": "integer", "minimum": 1, "default": 1}),
            OpenApiParameter(
                "page_size", {"type": "integer", "minimum": 1, "maximum": MAX_PAGE_ROWS, "default": PAGE_SIZE}
            ),
        ],
        responses=RowsPageSerializer,
    )
    def retrieve(self, request: Request, **kwargs: Any) -> Response:
        """A page of rows with their numbers. An order is followed to 100,000 rows from either of its ends."""
        dataset: Dataset = self.get_object()
        positions = _columns(request, dataset)
        page, size = (
            _whole(request, "page", 1, 10**12),
            _whole(request, "page_size", PAGE_SIZE, MAX_PAGE_ROWS),
        )
        found = rows.page_of(
            dataset=dataset,
            query=_query(request, dataset),
            positions=positions,
            page=page,
            size=size,
            as_read=_is_read(request),
        )
        columns = [(position + 1, dataset.schema.columns[position]) for position in positions]
        answer = {
            "n_rows": dataset.n_rows,
            "n_matching": found.n_matching,
            "page": page,
            "page_size": size,
            "columns": [
                {"place": place, "name": column.name, "kind": cell_kind(column).value} for place, column in columns
            ],
            "rows": [{"row": row.number, "cells": row.cells} for row in found.rows],
        }  # fmt: skip
        return Response(answer)

    @extend_schema(
        operation_id="dataset_row_facets",
        parameters=[
            *PARAMETERS[:3],
            OpenApiParameter("column", {"type": "integer", "minimum": 1}, required=True, description="Its place."),
        ],
        responses=FacetsSerializer,
    )  # fmt: skip
    def facets(self, request: Request, **kwargs: Any) -> Response:
        """The most frequent values of a column in the rows that match the filters of all other columns."""
        dataset: Dataset = self.get_object()
        position = _whole(request, "column", 0, dataset.n_columns) - 1
        levels = rows.facets_of(dataset=dataset, query=_query(request, dataset), position=position)
        values = [{"value": each.value, "count": each.count} for each in levels]
        return Response({"column": dataset.schema.columns[position].name, "values": values})

    @extend_schema(
        operation_id="dataset_rows_download",
        parameters=[*PARAMETERS, OpenApiParameter("kind", str, enum=list(FORMATS), default="csv")],
        responses={(200, "text/csv"): OpenApiTypes.STR, (200, FORMATS["xlsx"]): OpenApiTypes.BINARY},
    )
    def download(self, request: Request, **kwargs: Any) -> FileResponse:
        """All rows that match as a file, their numbers first. Cells that a spreadsheet would run are neutralised."""
        dataset: Dataset = self.get_object()
        kind = request.query_params.get("kind", "csv")
        file = rows.open_file(
            dataset=dataset,
            query=_query(request, dataset),
            positions=_columns(request, dataset),
            kind=kind,
            as_read=_is_read(request),
        )
        return FileResponse(file, as_attachment=True, filename=f"rows.{kind}", content_type=FORMATS[kind])


def _query(request: Request, dataset: Dataset) -> RowQuery:
    params = request.query_params
    return RowQuery.parse({name: params.getlist(name) for name in params}, dataset.schema)


def _columns(request: Request, dataset: Dataset) -> tuple[int, ...]:
    positions = positions_of(request.query_params.get("columns", ""), dataset.n_columns)
    if len(positions) > MAX_SHOWN:
        raise InvalidInput(f"At most {MAX_SHOWN} columns are given at once.", limit=MAX_SHOWN)
    return positions or tuple(range(min(dataset.n_columns, MAX_SHOWN)))


def _is_read(request: Request) -> bool:
    values = request.query_params.get("values", "file")
    if values not in ("file", "read"):
        raise InvalidInput("“values” has to be file or read.")
    return values == "read"


def _whole(request: Request, name: str, default: int, most: int) -> int:
    text = request.query_params.get(name, str(default))
    if not (text.isascii() and text.isdecimal() and len(text) < 14 and 1 <= int(text) <= most):
        raise InvalidInput(f"“{name}” has to be a whole number from 1 to {most:,}.", limit=most)
    return int(text)
