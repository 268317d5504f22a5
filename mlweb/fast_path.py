"""Fast path for prediction requests: they skip the middleware for sessions, messages and CSP.

`PredictionPathMiddleware` is first in MIDDLEWARE and answers prediction requests of programs; all others go on as
usual. `Application` does the same before Django's own handler starts, whose signals and layers take as long as the rest
of a small prediction. The fast path itself does what every request needs: metrics, a request id, a check of the host,
security headers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from http import HTTPStatus
from io import BytesIO
from typing import Any

from django.conf import settings
from django.core.handlers.exception import response_for_exception
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.db import close_old_connections
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.middleware.security import SecurityMiddleware
from django.urls import ResolverMatch, get_resolver
from django.utils.log import log_response

from predictor.http.problems import as_problem
from predictor.services.predictions.admission import prediction_limit

from . import logs
from .middleware import begin
from .request_metrics import RequestMetrics

Handler = Callable[[HttpRequest], HttpResponseBase]

ARE_PREDICTIONS = r"api/v1/[\w-]+/models/[\w-]+/predictions/?|predict/?"
# ASCII paths only: Django handles, and refuses, all others.
SPARED = re.compile(rf"/({ARE_PREDICTIONS}|serve/[\w./:-]*)", re.ASCII)
# Only predictions are refused when the server is busy; reading metadata or loading a model needs no place.
PREDICTS = re.compile(rf"/({ARE_PREDICTIONS}|serve/.+(/(infer|invocations|predict)|:(predict|explain)))")
MOST_REMEMBERED_HOSTS = 1_000


class ShortWay:
    """The fast path: from a request to its response, without the middleware."""

    def __init__(self) -> None:
        self._metrics = RequestMetrics()
        self._security = SecurityMiddleware(_empty)
        self._guards = (guards("http"), guards("https"))
        self._good_hosts: set[str] = set()

    def answer(self, request: HttpRequest) -> tuple[HttpResponseBase, list[tuple[str, str]]]:
        """The response and further headers for it, as a list: setting them on the response object takes longer."""
        started = self._metrics.started()
        request_id = begin(request)
        response = self._security.process_request(request) or self._viewed(request)
        logs.leave_request()
        headers = [("X-Request-ID", request_id), *self._guards[request.scheme == "https"]]
        if not response.streaming and "Content-Length" not in response.headers:
            headers.append(("Content-Length", str(len(response.content))))  # type: ignore[attr-defined]
        self._metrics.finished(request, response, started)
        if response.status_code >= HTTPStatus.BAD_REQUEST:
            log_response("%s: %s", response.reason_phrase, request.path, response=response, request=request)
        return response, headers

    def _viewed(self, request: HttpRequest) -> HttpResponseBase:
        try:
            self._require_good_host(request)
            match = resolved(settings.ROOT_URLCONF, request.path_info)
            request.resolver_match = match
            if (
                prediction_limit.is_full
                and request.method == "POST"
                and PREDICTS.fullmatch(request.path_info)
            ):
                # Refuse before the token is looked up and the body is read: a refusal has to be cheap.
                refuse = getattr(match.func, "refused", as_problem)
                return refuse(prediction_limit.busy_error(), request)  # type: ignore[no-any-return]
            response = match.func(request, *match.args, **match.kwargs)
            # REST framework's error responses are not yet rendered.
            return response.render() if hasattr(response, "render") else response  # type: ignore[no-any-return]
        except Exception as error:
            return response_for_exception(request, error)

    def _require_good_host(self, request: HttpRequest) -> None:
        """Check the Host header, with a cache of accepted hosts. Raises DisallowedHost."""
        host = request.META.get("HTTP_HOST")
        if host is None or host not in self._good_hosts or settings.USE_X_FORWARDED_HOST:
            request.get_host()
            if host is not None and len(self._good_hosts) < MOST_REMEMBERED_HOSTS:
                self._good_hosts.add(host)


def guards(scheme: str) -> list[tuple[str, str]]:
    """The headers that Django's SecurityMiddleware adds to every response."""
    environ = {"REQUEST_METHOD": "GET", "wsgi.url_scheme": scheme, "wsgi.input": BytesIO()}
    if settings.SECURE_PROXY_SSL_HEADER:
        environ[settings.SECURE_PROXY_SSL_HEADER[0]] = scheme
    response = HttpResponse()
    SecurityMiddleware(_empty).process_response(WSGIRequest(environ), response)
    return [(name, value) for name, value in response.items() if name != "Content-Type"]


def _empty(request: HttpRequest) -> HttpResponse:
    """A stub view: we call the middleware only to get its headers."""
    return HttpResponse()


@lru_cache(maxsize=1_024)
def resolved(urlconf: str, path: str) -> ResolverMatch:
    """Resolve a path, cached: the site's hundred URL patterns take as long as a small model. Raises Resolver404."""
    return get_resolver(urlconf).resolve(path)


class PredictionPathMiddleware:
    """The fast path for requests through Django's own handlers, such as the test client and runserver."""

    def __init__(self, get_response: Handler):
        self.long_way, self.short_way = get_response, ShortWay()

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not is_spared(request.META):
            return self.long_way(request)
        response, headers = self.short_way.answer(request)
        for name, value in headers:
            response.headers[name] = value
        return response


class Application(WSGIHandler):
    """The WSGI application, with the fast path before Django's handler."""

    def __init__(self) -> None:
        super().__init__()
        self.short_way = ShortWay()

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes] | HttpResponseBase:
        if not is_spared(environ):
            return super().__call__(environ, start_response)
        # The one useful effect of Django's request_started and request_finished signals here.
        close_old_connections()
        request = WSGIRequest(environ)
        response, headers = self.short_way.answer(request)
        start_response(f"{response.status_code} {response.reason_phrase}", [*response.items(), *headers])
        if response.streaming:
            return response
        request.close()
        return (response.content,)  # type: ignore[attr-defined]


def is_spared(environ: Mapping[str, Any]) -> bool:
    """Whether the fast path applies: a prediction path, and a bearer token or no cookie, so no session."""
    if not SPARED.fullmatch(environ.get("PATH_INFO", "")) or environ.get("SCRIPT_NAME"):
        return False
    return environ.get("HTTP_AUTHORIZATION", "")[:7].lower() == "bearer " or not environ.get("HTTP_COOKIE")
