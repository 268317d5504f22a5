from __future__ import annotations

import re
from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase

from predictor.models import uuid7

from . import logs

WELL_FORMED = re.compile(r"[A-Za-z0-9._-]{1,64}")


def begin(request: HttpRequest) -> str:
    """Give the request its id: the caller's `X-Request-ID` if it is well formed, else a new one.

    Our ids sort by time: the log has an index on them, and random ids would touch a page of it for each row.
    """
    sent_id = request.META.get("HTTP_X_REQUEST_ID", "")
    request_id = sent_id if WELL_FORMED.fullmatch(sent_id) else uuid7().hex
    request.request_id = request_id
    logs.enter_request(request_id)
    return request_id


class RequestIdMiddleware:
    """Gives each request an id, for its response, its rows in the database and its log records."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        request_id = begin(request)
        response = self.get_response(request)
        logs.leave_request()
        response["X-Request-ID"] = request_id
        return response
