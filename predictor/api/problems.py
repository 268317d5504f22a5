"""Problem documents (RFC 9457) for middleware and views without Django REST framework."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from .errors import MEDIA_TYPE, exception_handler
from .json import dumps


def as_problem(error: Exception, request: HttpRequest) -> HttpResponse:
    """The error as a problem document: the same response as from a view of the API."""
    response = exception_handler(error, {"request": request})
    headers = {name: value for name, value in response.items() if name.lower() != "content-type"}
    return HttpResponse(
        dumps(response.data), content_type=MEDIA_TYPE, status=response.status_code, headers=headers
    )
