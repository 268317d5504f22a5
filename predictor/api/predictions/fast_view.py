"""For routes that answer thousands of times a second: what does not depend on the request is made once."""

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
    """Before the other bases of a view that only takes POST.

    The view itself stays what it is: authentication, permissions, errors and negotiation are those of the
    other views. Parsers, renderers and authenticators hold no state, so one of each serves all requests.
    """

    @property
    def default_response_headers(self) -> dict[str, str]:
        return dict(HEADERS)

    def get_authenticators(self) -> Any:
        return _made(type(self), "authentication_classes")

    def get_permissions(self) -> Any:
        return _made(type(self), "permission_classes")

    def get_parsers(self) -> Any:
        return _made(type(self), "parser_classes")

    def get_renderers(self) -> Any:
        return _made(type(self), "renderer_classes")

    def check_throttles(self, request: Request) -> None:
        """There are none: what limits callers stands before the views."""

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        accept = request.META.get("HTTP_ACCEPT", "*/*")
        if force or len(accept) > LONGEST_REMEMBERED_ACCEPT:
            return super().perform_content_negotiation(request, force)  # type: ignore[misc]
        return _negotiated(type(self), accept)


@cache
def _made(view: Any, name: str) -> list[Any]:
    return [each() for each in getattr(view, name)]


@lru_cache(maxsize=256)
def _negotiated(view: Any, accept: str) -> Any:
    """What Django REST framework chooses for this `Accept`. Raises NotAcceptable."""
    return DefaultContentNegotiation().select_renderer(_Accepting(accept), _made(view, "renderer_classes"))


class _Accepting:
    """The part of a request that negotiation reads."""

    def __init__(self, accept: str):
        self.headers = {"accept": accept}
        self.query_params: dict[str, str] = {}


def json_body(request: Request) -> Any:
    """`request.data` of a JSON body, read without the detour through forms and files."""
    plain, meta = request._request, request.META
    is_whole = meta.get("CONTENT_LENGTH", "0") not in ("", "0") and not plain._read_started
    if is_whole and meta.get("CONTENT_TYPE") == JSON:
        return loads(read_limited(plain), max_depth=settings.MAX_JSON_DEPTH)
    return request.data


def json_answer(data: Any) -> HttpResponse:
    """What a `Response` would render to."""
    return HttpResponse(dumps(data), content_type=JSON)
