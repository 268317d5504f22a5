"""A problem document for who stands before the views."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from ..http.json import dumps
from ..http.problems import MEDIA_TYPE, exception_handler


def as_problem(error: Exception, request: HttpRequest) -> HttpResponse:
    """What a view of the API would answer."""
    found = exception_handler(error, {"request": request})
    headers = {name: value for name, value in found.items() if name.lower() != "content-type"}
    return HttpResponse(dumps(found.data), content_type=MEDIA_TYPE, status=found.status_code, headers=headers)
