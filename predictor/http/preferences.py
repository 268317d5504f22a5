"""The header `Prefer` (RFC 7240)."""

from __future__ import annotations

from rest_framework.request import Request

RESPOND_ASYNC = "respond-async"


def prefers_async(request: Request) -> bool:
    """Whether the caller would rather poll than wait."""
    header = request.META.get("HTTP_PREFER")
    if not header:
        return False
    # A semicolon separates a preference from its parameters; `respond-async` has none that we need.
    return any(each.split(";")[0].strip().lower() == RESPOND_ASYNC for each in header.split(","))
