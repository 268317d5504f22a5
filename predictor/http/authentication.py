"""A token's request: noted for the answer and the access log, and counted against its rate limit."""

from __future__ import annotations

from django.http import HttpRequest

from ..models import ApiToken
from ..services import rates


def admit(request: HttpRequest, token: ApiToken) -> None:
    """Notes for the answer and the access log who asks, and counts the request. Raises RateLimited."""
    request.api_token = token  # type: ignore[attr-defined]
    standing = rates.take(token)
    if standing is not None:
        request.standing = standing  # type: ignore[attr-defined]
        standing.require()
