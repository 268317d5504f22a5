"""Errors as `application/problem+json` (RFC 9457): the one table from errors to status codes."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from django.core.exceptions import BadRequest, PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, UnreadablePostError
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import set_rollback

from .. import errors
from ..i18n.languages import ENGLISH, language_of
from ..i18n.translation import translated
from .json import dumps
from .statuses import headers_of, status_of

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
# Faults that the sentence of a problem names, and those that its list holds.
MOST_IN_DETAIL, MOST_PLACES = 5, 50


# The same sentence for what does not exist and for what the caller may not see: they cannot tell which it is.
NOT_FOUND = "There is nothing here, or you may not see it."
OUR_FAULT = "Something went wrong on our side. It was logged under the request id of this answer."
UNREADABLE = "The request could not be read to its end."
BUSY = "The database is busy; try again in a moment."

FROM_DJANGO: tuple[tuple[tuple[type[Exception], ...], int, str], ...] = (
    ((Http404,), 404, NOT_FOUND),
    ((PermissionDenied,), 403, "You may not do this."),
    ((RequestDataTooBig,), 413, "The body is larger than this URL accepts."),
    ((SuspiciousOperation, BadRequest, UnreadablePostError), 400, UNREADABLE),
)


def problem(
    status: int,
    detail: str,
    *,
    kind: str = "",
    request: Any = None,
    places: list[dict[str, str]] | None = None,
    limit: int | float | None = None,
    headers: Mapping[str, str] | None = None,
    **more: Any,
) -> Response:
    """A problem document (RFC 9457). `kind` ends its `type`; without one the status names it."""
    title = HTTPStatus(status).phrase
    language = language_of(request)
    data: dict[str, Any] = {
        "type": f"urn:mlweb:problem:{kind or title.lower().replace(' ', '-')}",
        "title": translated(title, language),
        "status": int(status),
        "detail": translated(detail, language),
        "errors": [{**place, "detail": translated(place["detail"], language)} for place in places or []],
        "limit": limit,
        "request_id": getattr(request, "request_id", ""),
        **more,
    }
    headers = dict(headers or {})
    if language != ENGLISH:
        headers |= {"Content-Language": language, "Vary": "Accept-Language"}
    return Response(data, status=int(status), headers=headers, content_type=MEDIA_TYPE)


def exception_handler(error: Exception, context: Mapping[str, Any]) -> Response:
    """The exception handler of all views: a problem document. An unexpected error is logged and gets 500."""
    set_rollback()
    request = context.get("request")
    if isinstance(error, errors.MlwebError):
        return _from_ours(error, request)
    if isinstance(error, exceptions.APIException):
        return _from_rest_framework(error, request)
    for kinds, status, detail in FROM_DJANGO:
        if isinstance(error, kinds):
            return problem(status, detail, request=request)
    if isinstance(error, OperationalError | InterfaceError):
        logger.warning("The database did not answer in time.", exc_info=error)
        return problem(503, BUSY, request=request, headers={"Retry-After": "1"})
    request_id = getattr(request, "request_id", "")
    logger.error("request %s: %s", request_id, type(error).__name__, exc_info=error)
    return problem(500, OUR_FAULT, request=request)


def _from_ours(error: errors.MlwebError, request: Request | None) -> Response:
    status = status_of(error)
    if status == HTTPStatus.NOT_FOUND and type(error) is errors.NotFound and not error.message:
        return problem(404, NOT_FOUND, request=request)
    more: dict[str, Any] = (
        {"suggestion": error.suggestion} if isinstance(error, errors.UnknownEncoding) else {}
    )
    if isinstance(error, errors.RaggedRows) and error.option:
        more = {"option": error.option, "value": error.value}
    return problem(
        status,
        error.message,
        kind=error.code or re.sub(r"(?<!^)(?=[A-Z])", "-", type(error).__name__).lower(),
        request=request,
        places=[{"detail": each.detail, "pointer": each.pointer} for each in error.problems],
        limit=error.limit,
        headers=headers_of(error),
        **more,
    )


def _from_rest_framework(error: exceptions.APIException, request: Request | None) -> Response:
    headers = {}
    if getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = error.auth_header
    if getattr(error, "wait", None):
        headers["Retry-After"] = f"{error.wait:.0f}"
    if isinstance(error, exceptions.ValidationError):
        is_query = request is not None and request.method in ("GET", "HEAD", "DELETE")
        places = _places(error.detail, "?" if is_query else "/")
        detail = " ".join(_sentence(each) for each in places[:MOST_IN_DETAIL])
        if len(places) > MOST_IN_DETAIL:
            n_more = len(places) - MOST_IN_DETAIL
            detail += f" And {n_more:,} more fault{'s' if n_more > 1 else ''}."
        places = places[:MOST_PLACES]
        return problem(400, detail, kind="invalid-input", request=request, places=places, headers=headers)
    if isinstance(error, exceptions.NotFound):
        return problem(404, NOT_FOUND, request=request, headers=headers)
    return problem(error.status_code, _text(error.detail), request=request, headers=headers)


def _places(detail: Any, pointer: str) -> list[dict[str, str]]:
    """The leaves of a validation error, each with a JSON pointer (RFC 6901), or "?name" for the query."""
    if isinstance(detail, Mapping):
        nested = [_places(each, _joined(pointer, name)) for name, each in detail.items()]
        return [place for places in nested for place in places]
    if isinstance(detail, list):
        if not any(isinstance(each, (Mapping, list)) for each in detail):
            leaf_pointer = "" if pointer in ("/", "?") else pointer
            return [{"detail": str(each), "pointer": leaf_pointer} for each in detail]
        nested = [_places(each, _joined(pointer, number)) for number, each in enumerate(detail)]
        return [place for places in nested for place in places]
    return [{"detail": str(detail), "pointer": "" if pointer in ("/", "?") else pointer}]


def _joined(pointer: str, name: Any) -> str:
    if name == "non_field_errors":
        return pointer
    escaped = str(name).replace("~", "~0").replace("/", "~1")
    return f"{pointer}{escaped}" if pointer in ("/", "?") else f"{pointer}/{escaped}"


def _sentence(place: Mapping[str, str]) -> str:
    name = place["pointer"].lstrip("/?")
    return f"{name}: {place['detail']}" if name else place["detail"]


def _text(detail: Any) -> str:
    if isinstance(detail, Mapping):
        return _text(detail.get("detail", next(iter(detail.values()), "")))
    return " ".join(map(str, detail)) if isinstance(detail, list) else str(detail)


def as_problem(error: Exception, request: HttpRequest) -> HttpResponse:
    """The problem document for an error outside of a view of the framework: what a view of the API would answer."""
    response = exception_handler(error, {"request": request})
    headers = {name: value for name, value in response.items() if name.lower() != "content-type"}
    return HttpResponse(
        dumps(response.data), content_type=MEDIA_TYPE, status=response.status_code, headers=headers
    )
