"""Pagination: numbered pages for lists, keyset (cursor) pagination for the prediction log."""

from __future__ import annotations

import uuid
from typing import Any

from rest_framework import pagination
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from ..services.prediction_log.log_pages import PAGE_SIZE, LogPage

MAX_PAGE_SIZE = 500


class PageNumberPagination(pagination.PageNumberPagination):
    page_size_query_param = "page_size"
    max_page_size = MAX_PAGE_SIZE


class LogPagination(pagination.BasePagination):
    """Keyset pagination, newest rows first; `next` is the URL of older rows.

    No COUNT and no OFFSET: page 10,000 costs the same as page 1.
    """

    def __init__(self, request: Request | None = None):
        self.request = request

    @property
    def size(self) -> int:
        text = self._parameter("page_size") or str(PAGE_SIZE)
        if not (text.isascii() and text.isdecimal() and len(text) < 10 and int(text) >= 1):
            raise ValidationError({"page_size": [f"Give a whole number from 1 to {MAX_PAGE_SIZE}."]})
        return min(int(text), MAX_PAGE_SIZE)

    @property
    def before(self) -> uuid.UUID | None:
        text = self._parameter("before")
        if not text:
            return None
        try:
            return uuid.UUID(text)
        except ValueError:
            raise ValidationError({"before": ["Give the id of a prediction."]}) from None

    def _parameter(self, name: str) -> str:
        return self.request.query_params.get(name, "") if self.request else ""

    def answer(self, page: LogPage, rows: Any) -> Response:
        return Response(
            {"next": self._next(page), "searched_back_to": page.searched_back_to, "results": rows}
        )

    def _next(self, page: LogPage) -> str | None:
        if self.request is None or page.older is None:
            return None
        return str(replace_query_param(self.request.build_absolute_uri(), "before", str(page.older)))

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        return {
            "type": "object",
            "required": ["next", "searched_back_to", "results"],
            "properties": {
                "next": {
                    "type": ["string", "null"],
                    "format": "uri",
                    "description": "The page of older rows.",
                },
                "searched_back_to": {"type": ["string", "null"], "format": "date-time"},
                "results": schema,
            },
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        size = {"type": "integer", "minimum": 1, "maximum": MAX_PAGE_SIZE, "default": PAGE_SIZE}
        return [
            {
                "name": "before",
                "in": "query",
                "description": "Only predictions older than the one with this id.",
                "schema": {"type": "string", "format": "uuid"},
            },
            {"name": "page_size", "in": "query", "schema": size},
        ]
