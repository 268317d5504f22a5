"""Cached parsers, renderers and content negotiation, for routes with thousands of requests a second."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.request import Request

from ...http.json import dumps, loads, read_limited

JSON = "application/json"
HEADERS = {"Allow": "POST", "Vary": "Accept"}
LONGEST_REMEMBERED_ACCEPT = 200


class SlimViewMixin:
    """A mixin that makes a POST-only view cheaper. List it before the view's other base classes.

    Authentication, permissions, errors and negotiation work as in the other views. Parsers, renderers and
    authenticators hold no state, so one instance of each serves all requests.
    """

    @property
    def default_response_headers(self) -> dict[str, str]:
        return dict(HEADERS)

    def get_authenticators(self) -> Any:
        return _instances(type(self), "authentication_classes")

    def get_permissions(self) -> Any:
        return _instances(type(self), "permission_classes")

    def get_parsers(self) -> Any:
        return _instances(type(self), "parser_classes")

    def get_renderers(self) -> Any:
        return _instances(type(self), "renderer_classes")

    def check_throttles(self, request: Request) -> None:
        """No throttles: the rate limit is counted during authentication."""

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        accept = request.META.get("HTTP_ACCEPT", "*/*")
        if force or len(accept) > LONGEST_REMEMBERED_ACCEPT:
            return super().perform_content_negotiation(request, force)  # type: ignore[misc]
        return _negotiated(type(self), accept)


@cache
def _instances(view: Any, name: str) -> list[Any]:
    return [each() for each in getattr(view, name)]


@lru_cache(maxsize=256)
def _negotiated(view: Any, accept: str) -> Any:
    """What Django REST framework chooses for this `Accept`. Raises NotAcceptable."""
    return DefaultContentNegotiation().select_renderer(
        _Accepting(accept), _instances(view, "renderer_classes")
    )


class _Accepting:
    """The part of a request that negotiation reads."""

    def __init__(self, accept: str):
        self.headers = {"accept": accept}
        self.query_params: dict[str, str] = {}


def json_body(request: Request) -> Any:
    """`request.data` of a JSON body, without the framework's steps for forms and files."""
    django_request, meta = request._request, request.META
    is_whole = meta.get("CONTENT_LENGTH", "0") not in ("", "0") and not django_request._read_started
    if is_whole and meta.get("CONTENT_TYPE") == JSON:
        return loads(read_limited(django_request), max_depth=settings.MAX_JSON_DEPTH)
    return request.data


def json_answer(data: Any) -> HttpResponse:
    """A JSON response, the same bytes as a rendered `Response`."""
    return HttpResponse(dumps(data), content_type=JSON)
