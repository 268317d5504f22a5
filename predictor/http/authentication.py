"""A token's request: noted for the answer and the access log, and counted against its rate limit."""

from __future__ import annotations

from django.http import HttpRequest

from ..models import ApiToken
from ..services.accounts import rate_limits


def count_request(request: HttpRequest, token: ApiToken) -> None:
    """Count a request against the rate limit of its token. Raises RateLimited.

    Sets `api_token` and `standing` on the request, for the access log and the rate limit headers.
    """
    request.api_token = token  # type: ignore[attr-defined]
    standing = rate_limits.take(token)
    if standing is not None:
        request.standing = standing  # type: ignore[attr-defined]
        standing.require()
