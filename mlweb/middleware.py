from __future__ import annotations

import re
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from predictor.models import uuid7

from . import logs

WELL_FORMED = re.compile(r"[A-Za-z0-9._-]{1,64}")


class RequestIdMiddleware:
    """Gives each request an id: the caller's `X-Request-ID` if it is well formed, else a new one.

    Ours sort by time: the log has an index of them, and random ones cost it a page for each row.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        asked = request.META.get("HTTP_X_REQUEST_ID", "")
        request.request_id = asked if WELL_FORMED.fullmatch(asked) else uuid7().hex
        logs.enter_request(request.request_id)
        response = self.get_response(request)
        logs.leave_request()
        response["X-Request-ID"] = request.request_id
        return response
