"""A shorter way for requests that predict: programs with a token need neither sessions nor messages nor CSP.

`PredictionPathMiddleware` stands first in MIDDLEWARE and answers the requests that belong to it; everything else
goes on as usual. `Application` asks the same before Django's own handler begins, whose signals and stages take as
long as the rest of a small prediction. What every request needs (a count, an id, a checked host, guarding headers)
is done here in one place for those that do not go through the list of middleware.
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
from predictor.services.predictions.admission import predicting

from . import logs
from .middleware import begin
from .request_metrics import Ledger

Handler = Callable[[HttpRequest], HttpResponseBase]

ARE_PREDICTIONS = r"api/v1/[\w-]+/models/[\w-]+/predictions/?|predict/?"
# In ASCII alone: what else a path may hold, and be refused for, is Django's affair.
SPARED = re.compile(rf"/({ARE_PREDICTIONS}|serve/[\w./:-]*)", re.ASCII)
# Of these only what predicts is refused in a full house: who looks, or loads a model, needs no place there.
PREDICTS = re.compile(rf"/({ARE_PREDICTIONS}|serve/.+(/(infer|invocations|predict)|:(predict|explain)))")
MOST_REMEMBERED_HOSTS = 1_000


class ShortWay:
    """From a request to its answer, past the list of middleware."""

    def __init__(self) -> None:
        self._ledger = Ledger()
        self._security = SecurityMiddleware(_empty)
        self._guards = (guards("http"), guards("https"))
        self._good_hosts: set[str] = set()

    def answer(self, request: HttpRequest) -> tuple[HttpResponseBase, list[tuple[str, str]]]:
        """The answer, and the headers that it is still to get: a response takes longer to note than to hold them."""
        started = self._ledger.opened()
        request_id = begin(request)
        response = self._security.process_request(request) or self._viewed(request)
        logs.leave_request()
        more = [("X-Request-ID", request_id), *self._guards[request.scheme == "https"]]
        if not response.streaming and "Content-Length" not in response.headers:
            more.append(("Content-Length", str(len(response.content))))  # type: ignore[attr-defined]
        self._ledger.closed(request, response, started)
        if response.status_code >= HTTPStatus.BAD_REQUEST:
            log_response("%s: %s", response.reason_phrase, request.path, response=response, request=request)
        return response, more

    def _viewed(self, request: HttpRequest) -> HttpResponseBase:
        try:
            self._require_good_host(request)
            match = resolved(settings.ROOT_URLCONF, request.path_info)
            request.resolver_match = match
            if predicting.is_full and request.method == "POST" and PREDICTS.fullmatch(request.path_info):
                # Before the token is looked up and the body is read: to refuse has to cost next to nothing.
                in_its_shape = getattr(match.func, "refused", as_problem)
                return in_its_shape(predicting.refuse(), request)  # type: ignore[no-any-return]
            response = match.func(request, *match.args, **match.kwargs)
            # Errors of the framework's views come as what is still to be rendered.
            return response.render() if hasattr(response, "render") else response  # type: ignore[no-any-return]
        except Exception as error:
            return response_for_exception(request, error)

    def _require_good_host(self, request: HttpRequest) -> None:
        """Raises DisallowedHost."""
        host = request.META.get("HTTP_HOST")
        if host is None or host not in self._good_hosts or settings.USE_X_FORWARDED_HOST:
            request.get_host()
            if host is not None and len(self._good_hosts) < MOST_REMEMBERED_HOSTS:
                self._good_hosts.add(host)


def guards(scheme: str) -> list[tuple[str, str]]:
    """The headers that Django's SecurityMiddleware gives to every answer."""
    environ = {"REQUEST_METHOD": "GET", "wsgi.url_scheme": scheme, "wsgi.input": BytesIO()}
    if settings.SECURE_PROXY_SSL_HEADER:
        environ[settings.SECURE_PROXY_SSL_HEADER[0]] = scheme
    response = HttpResponse()
    SecurityMiddleware(_empty).process_response(WSGIRequest(environ), response)
    return [(name, value) for name, value in response.items() if name != "Content-Type"]


def _empty(request: HttpRequest) -> HttpResponse:
    """What stands behind a middleware that is asked for its headers alone."""
    return HttpResponse()


@lru_cache(maxsize=1_024)
def resolved(urlconf: str, path: str) -> ResolverMatch:
    """Looking through the site's hundred patterns takes as long as a small model. Raises Resolver404."""
    return get_resolver(urlconf).resolve(path)


class PredictionPathMiddleware:
    """For requests that come through Django's own handlers."""

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
    """The project as a WSGI application."""

    def __init__(self) -> None:
        super().__init__()
        self.short_way = ShortWay()

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes] | HttpResponseBase:
        if not is_spared(environ):
            return super().__call__(environ, start_response)
        # What Django's signals of a request's beginning and end would do of use here.
        close_old_connections()
        request = WSGIRequest(environ)
        response, headers = self.short_way.answer(request)
        start_response(f"{response.status_code} {response.reason_phrase}", [*response.items(), *headers])
        if response.streaming:
            return response
        request.close()
        return (response.content,)  # type: ignore[attr-defined]


def is_spared(environ: Mapping[str, Any]) -> bool:
    """Whether the request is a program's and cannot need a session: it has a bearer token, or no cookie."""
    if not SPARED.fullmatch(environ.get("PATH_INFO", "")) or environ.get("SCRIPT_NAME"):
        return False
    return environ.get("HTTP_AUTHORIZATION", "")[:7].lower() == "bearer " or not environ.get("HTTP_COOKIE")
