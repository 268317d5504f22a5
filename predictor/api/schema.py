"""The OpenAPI document; its page is reference.py."""

from __future__ import annotations

from typing import Any

from drf_spectacular.views import SpectacularAPIView
from rest_framework.permissions import IsAuthenticated

from ..http.json import JSONRenderer
from ..http.problems import MEDIA_TYPE
from .viewsets import METHODS

PROBLEM = {
    "type": "object",
    "description": "A problem document (RFC 9457).",
    "required": ["type", "title", "status", "detail", "errors", "limit", "request_id"],
    "properties": {
        "type": {"type": "string", "description": "Names the problem for programs."},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What is wrong, where, and what to do."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["detail", "pointer"],
                "properties": {
                    "detail": {"type": "string"},
                    "pointer": {
                        "type": "string",
                        "description": "A JSON pointer, ?name for the query, or empty.",
                    },
                },
            },
        },
        "limit": {"type": ["number", "null"], "description": "The limit that was hit."},
        "request_id": {"type": "string"},
        "suggestion": {"type": "string", "description": "The likely encoding of a file that is not UTF-8."},
        "option": {
            "type": "string",
            "description": "The option that may read a file with rows of another width.",
        },
        "value": {"type": "string", "description": "The value of that option."},
    },
}
EVERYWHERE = {
    400: "Invalid",
    404: "Not here",
    406: "Not in that form",
    429: "Too often",
    500: "Our fault",
    503: "Busy",
}
GUARDED = {401: "No usable token or session", 403: "The scope or role does not suffice"}
WITH_BODY = {411: "Without its length", 413: "Too large", 415: "Of another kind"}
WRITING = {409: "The state of things does not allow it", 422: "Understood, and refused"}


class SchemaView(SpectacularAPIView):
    renderer_classes = [JSONRenderer]
    permission_classes = [IsAuthenticated]
    http_method_names = METHODS


def without_slashes(endpoints: list[Any], **kwargs: Any) -> list[Any]:
    """Each route answers with and without a trailing slash; the document shows it once."""
    return [
        each
        for each in endpoints
        if not each[0].endswith("/") and each[0].startswith(("/api/v1/", "/predict"))
    ]


def with_problems(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """Adds the problem document to every operation, under each status that it may have."""
    result.setdefault("components", {}).setdefault("schemas", {})["Problem"] = PROBLEM
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for path in result["paths"].values():
        for method, operation in path.items():
            if not isinstance(operation, dict) or "responses" not in operation:
                continue
            statuses = dict(EVERYWHERE)
            if any(operation.get("security", [{}])):
                statuses |= GUARDED
            if method in ("post", "put", "patch"):
                statuses |= WITH_BODY
            if method != "get" or "onnx" in operation["operationId"]:
                statuses |= WRITING
            for status, description in sorted(statuses.items()):
                operation["responses"].setdefault(
                    str(status), {"description": description, "content": content}
                )
    return result
