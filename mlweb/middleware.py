from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.middleware.gzip import GZipMiddleware
from django.shortcuts import render
from django.utils import translation
from django.utils.cache import patch_vary_headers

from predictor.errors import Forbidden
from predictor.http.problems import as_problem
from predictor.http.statuses import status_of
from predictor.http.upload_handlers import PageUploadHandler
from predictor.models import uuid7

from . import logs

# Paths of programs; health checks answer over http, too.
OF_PROGRAMS = re.compile(r"/(api/(?!v1/health/)|serve/|predict/?$)")
WELL_FORMED = re.compile(r"[A-Za-z0-9._-]{1,64}")


def begin(request: HttpRequest) -> str:
    """Give the request its id: the caller's `X-Request-ID` if it is well formed, else a new one.

    Our ids sort by time: the log has an index on them, and random ids would touch a page of it for each row.
    """
    request_id = request.request_id = request_id_of(request.META)
    logs.enter_request(request_id)
    return request_id


def request_id_of(environ: Mapping[str, Any]) -> str:
    sent_id: str = environ.get("HTTP_X_REQUEST_ID", "")
    return sent_id if WELL_FORMED.fullmatch(sent_id) else uuid7().hex


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


def forbid_storing(response: HttpResponseBase) -> None:
    """Set `Cache-Control: no-store` where the view says nothing: no cache on the way may keep data of a workspace."""
    response.headers.setdefault("Cache-Control", "no-store")


def refusal_of_plain_http(request: HttpRequest) -> HttpResponseBase:
    """What programs get over plain http: no redirect, after which their next request would tell the token again."""
    return as_problem(
        Forbidden("Send API calls over https: over http, everybody on the way can read the token."), request
    )


class HttpsForProgramsMiddleware:
    """Refuses API calls over plain http, where pages are redirected to https."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if settings.SECURE_SSL_REDIRECT and not request.is_secure() and OF_PROGRAMS.match(request.path_info):
            request.get_host()  # a wrong host is refused as such
            return refusal_of_plain_http(request)
        return self.get_response(request)


class CompressPagesMiddleware(GZipMiddleware):
    """Compresses HTML for browsers that take gzip.

    Answers of programs are left alone: they are small, or streams that must not wait. Django adds random bytes to
    each compressed page against attacks that guess secrets from its length (BREACH), and tokens against forged
    requests are masked anew in each page.
    """

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        is_page = response.get("Content-Type", "").startswith("text/html") and not response.streaming
        is_compressed = is_page and not OF_PROGRAMS.match(request.path_info)
        return super().process_response(request, response) if is_compressed else response


class NoStoreMiddleware:
    """Forbids caches to store what views answer. Static files are answered before it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        forbid_storing(response)
        return response


class LanguageMiddleware:
    """Answers in the language of the reader: their choice (a cookie), else what the browser asks for.

    Pages say which it is; problem documents say so themselves, and other answers have no language.

    Django's own leaves the language active after the response, for the next request of the thread on the fast path.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        language = translation.get_language_from_request(request)
        with translation.override(language):
            request.LANGUAGE_CODE = language
            response = self.get_response(request)
        if response.get("Content-Type", "").startswith("text/html"):
            patch_vary_headers(response, ["Accept-Language"])
            response.headers.setdefault("Content-Language", language)
        return response


class UploadMiddleware:
    """Lets views that say `takes_file` receive a file from people who are signed in.

    It stands before the CSRF check, which reads the form of every POST, so before any view could refuse the file.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        refusal = getattr(request, "upload_refusal", None)
        if refusal is None:
            return response
        if request.headers.get("X-Requested-With") == "XMLHttpRequest":
            answer = {"message": refusal.message, "problems": [], "remedy": None}
            return JsonResponse(answer, status=status_of(refusal))
        response.status_code = int(status_of(refusal))
        return response

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> None:
        view_class = getattr(view, "view_class", None) or getattr(view, "cls", None)
        is_form = (request.content_type or "") == "multipart/form-data"
        if is_form and getattr(view_class, "takes_file", False) and request.user.is_authenticated:
            request.upload_handlers = [PageUploadHandler(request)]


class NotAllowedMiddleware:
    """Gives a browser a page where a view answers 405 with nothing in it: the address opens by another way."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if response.status_code != HTTPStatus.METHOD_NOT_ALLOWED or getattr(response, "content", b"") != b"":
            return response
        if OF_PROGRAMS.match(request.path) or not request.accepts("text/html"):
            return response
        page = render(request, "405.html", status=HTTPStatus.METHOD_NOT_ALLOWED)
        page.headers["Allow"] = response.headers.get("Allow", "")
        return page
