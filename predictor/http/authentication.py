"""A token's request: authenticated, noted for the answer and the access log, counted against its rate limit."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest

from ..errors import NotAuthenticated
from ..models import ApiToken
from ..services.accounts import rate_limits, tokens


def authenticate(request: HttpRequest, plaintext: str) -> ApiToken:
    """The token that the request sent. Raises NotAuthenticated, RateLimited after too many wrong ones.

    A wrong one is counted once, however often its request is authenticated.
    """
    try:
        return tokens.authenticate(plaintext)
    except NotAuthenticated:
        if not getattr(request, "is_wrong_token_counted", False):
            request.is_wrong_token_counted = True  # type: ignore[attr-defined]
            rate_limits.count_wrong_token(address_of(request))
        raise


def address_of(request: HttpRequest) -> str:
    """The caller's address: of the connection, or what the proxy in front saw (MLWEB_BEHIND_PROXY)."""
    if settings.ALLAUTH_TRUSTED_PROXY_COUNT:
        forwarded = str(request.META.get("HTTP_X_FORWARDED_FOR", ""))
        if nearest := forwarded.rpartition(",")[2].strip():
            return nearest
    return str(request.META.get("REMOTE_ADDR", ""))


def count_request(request: HttpRequest, token: ApiToken) -> None:
    """Count a request against the rate limit of its token. Raises RateLimited.

    Sets `api_token` and `standing` on the request, for the access log and the rate limit headers.
    """
    request.api_token = token  # type: ignore[attr-defined]
    standing = rate_limits.take(token)
    if standing is not None:
        request.standing = standing  # type: ignore[attr-defined]
        standing.require()
