"""Pages of a list: numbered ones, and for the log pages that follow one another."""

from __future__ import annotations

import uuid
from typing import Any

from django.db.models import QuerySet
from rest_framework import pagination
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

MAX_PAGE_SIZE = 500


class PageNumberPagination(pagination.PageNumberPagination):
    page_size_query_param = "page_size"
    max_page_size = MAX_PAGE_SIZE


class LogPagination(pagination.BasePagination):
    """Newest first; `next` leads to what is older. Neither counts nor skips rows, so that page 10,000 costs
    what page 1 costs."""

    page_size = 50

    def paginate_queryset(self, queryset: QuerySet[Any], request: Request, view: Any = None) -> list[Any]:
        size = self._size(request)
        before = self._before(request)
        found = list((queryset.filter(id__lt=before) if before else queryset)[: size + 1])
        self.request, self.page = request, found[:size]
        self.has_more = len(found) > size
        return self.page

    def _size(self, request: Request) -> int:
        text = request.query_params.get("page_size", str(self.page_size))
        if not (text.isascii() and text.isdecimal() and 1 <= int(text[:9]) and len(text) < 10):
            raise ValidationError({"page_size": [f"Give a whole number from 1 to {MAX_PAGE_SIZE}."]})
        return min(int(text), MAX_PAGE_SIZE)

    def _before(self, request: Request) -> uuid.UUID | None:
        text = request.query_params.get("before")
        if not text:
            return None
        try:
            return uuid.UUID(text)
        except ValueError:
            raise ValidationError({"before": ["Give the id of a prediction."]}) from None

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"next": self._next(), "results": data})

    def _next(self) -> str | None:
        if not self.has_more:
            return None
        return replace_query_param(self.request.build_absolute_uri(), "before", str(self.page[-1].pk))

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        return {
            "type": "object",
            "required": ["next", "results"],
            "properties": {
                "next": {"type": ["string", "null"], "format": "uri", "description": "The page of older rows."},
                "results": schema,
            },
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        return [
            {
                "name": "before",
                "in": "query",
                "description": "Only predictions older than the one with this id.",
                "schema": {"type": "string", "format": "uuid"},
            },
            {
                "name": "page_size",
                "in": "query",
                "schema": {"type": "integer", "minimum": 1, "maximum": MAX_PAGE_SIZE, "default": self.page_size},
            },
        ]
