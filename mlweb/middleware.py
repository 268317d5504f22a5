from __future__ import annotations

import re
from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase

from predictor.models import uuid7

from . import logs

WELL_FORMED = re.compile(r"[A-Za-z0-9._-]{1,64}")


def begin(request: HttpRequest) -> str:
    """Give the request its id: the caller's `X-Request-ID` if it is well formed, else a new one.

    Ours sort by time: the log has an index of them, and random ones cost it a page for each row.
    """
    asked = request.META.get("HTTP_X_REQUEST_ID", "")
    request_id = asked if WELL_FORMED.fullmatch(asked) else uuid7().hex
    request.request_id = request_id
    logs.enter_request(request_id)
    return request_id


class RequestIdMiddleware:
    """Gives each request an id, which its answer, its rows and what is logged meanwhile carry."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        request_id = begin(request)
        response = self.get_response(request)
        logs.leave_request()
        response["X-Request-ID"] = request_id
        return response
