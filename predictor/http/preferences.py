"""The header `Prefer` (RFC 7240)."""

from __future__ import annotations

from rest_framework.request import Request

RESPOND_ASYNC = "respond-async"


def prefers_async(request: Request) -> bool:
    """Whether the caller would rather poll than wait."""
    header = request.META.get("HTTP_PREFER")
    if not header:
        return False
    # The first word of a preference is its name; what follows a semicolon are parameters, and nobody needs them.
    return any(each.split(";")[0].strip().lower() == RESPOND_ASYNC for each in header.split(","))
