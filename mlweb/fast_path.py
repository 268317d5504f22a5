"""Fast path for prediction requests: they skip the middleware for sessions, messages and CSP.

A route declares that it takes the fast path (`predictor/http/route_options.py`). `FastPathMiddleware` is first in
MIDDLEWARE and answers requests of programs to these routes; all others go on as usual. `FastPathHandler` does the same
before Django's own handler starts, whose signals and layers take as long as the rest of a small prediction. The fast
path itself does what every request needs: metrics, a request id, a check of the host, security headers;
`INSTEAD_OF_MIDDLEWARE` says what it does instead of each middleware.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from io import BytesIO
from typing import Any

from csp.middleware import CSPMiddleware
from django.conf import settings
from django.core.handlers.exception import response_for_exception
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.db import close_old_connections
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.middleware.clickjacking import XFrameOptionsMiddleware
from django.middleware.security import SecurityMiddleware
from django.utils.log import log_response

from predictor.http.route_options import options_of
from predictor.services.accounts import tokens
from predictor.services.predictions import admission
from predictor.services.predictions.admission import prediction_limit
from predictor.services.process import callers

from . import logs
from .early_refusals import EarlyRefusals
from .middleware import begin, forbid_storing, refusal_of_plain_http
from .request_metrics import RequestMetrics
from .routes import find_route
from .slow_bodies import REFUSAL, GuardedBody, OpenRequests

Handler = Callable[[HttpRequest], HttpResponseBase]

# The characters of our URLs. A path of others may need decoding, and takes the full stack.
PLAIN_PATH = re.compile(r"/[\w./:-]*", re.ASCII)
MOST_REMEMBERED_HOSTS = 1_000
SLOW_BODIES_HEADERS = [
    ("Content-Type", "application/problem+json"),
    ("Content-Length", str(len(REFUSAL))),
    ("Cache-Control", "no-store"),
    ("Retry-After", "1"),
]

# For each middleware, what the fast path does instead. A test fails for a middleware that is not in this table.
INSTEAD_OF_MIDDLEWARE = {
    "mlweb.fast_path.FastPathMiddleware": "It is the fast path.",
    "mlweb.request_metrics.RequestMetricsMiddleware": "The same `RequestMetrics`.",
    "mlweb.middleware.RequestIdMiddleware": "The same `begin`; `answer` adds the header.",
    "django.middleware.security.SecurityMiddleware": "Its headers, which are computed once. It redirects no program.",
    "mlweb.middleware.HttpsForProgramsMiddleware": "The same refusal.",
    "whitenoise.middleware.WhiteNoiseMiddleware": "Not needed: a declared route is no static file.",
    "mlweb.middleware.CompressPagesMiddleware": "Not needed: answers of programs are not compressed.",
    "mlweb.middleware.NoStoreMiddleware": "Its header, which is computed once.",
    "csp.middleware.CSPMiddleware": "Its header, which is computed once.",
    "django.contrib.sessions.middleware.SessionMiddleware": "Not needed: with a session, the full stack is taken.",
    "django.middleware.common.CommonMiddleware": "The check of the host, and Content-Length. No redirect adds a slash.",
    "mlweb.middleware.LanguageMiddleware": "Not needed: problem documents look up their language.",
    "mlweb.middleware.UploadMiddleware": "Not needed: no declared route reads a form before its view does.",
    "django.middleware.csrf.CsrfViewMiddleware": "Not needed: without a session, there is nothing to forge.",
    "django.contrib.auth.middleware.AuthenticationMiddleware": "Not needed: the view authenticates the token.",
    "django.contrib.messages.middleware.MessageMiddleware": "Not needed: messages are for pages.",
    "django.middleware.clickjacking.XFrameOptionsMiddleware": "Its header, which is computed once.",
    "allauth.account.middleware.AccountMiddleware": "Not needed: it is for the pages below /accounts/.",
    "django_htmx.middleware.HtmxMiddleware": "Not needed: it is for pages.",
    "simple_history.middleware.HistoryRequestMiddleware": "Not needed: a prediction changes no row with a history.",
    "mlweb.middleware.NotAllowedMiddleware": "Not needed: it is for pages.",
}


class FastPath:
    """The fast path: from a request to its response, without the middleware."""

    def __init__(self) -> None:
        self._metrics = RequestMetrics()
        self._security_headers = (security_headers("http"), security_headers("https"))
        self._good_hosts: set[str] = set()

    def answer(self, request: HttpRequest) -> tuple[HttpResponseBase, list[tuple[str, str]]]:
        """The response and further headers for it, as a list: setting them on the response object takes longer."""
        started = self._metrics.started()
        request_id = begin(request)
        response = self._call_view(request)
        logs.leave_request()
        headers = [("X-Request-ID", request_id), *self._security_headers[request.scheme == "https"]]
        if not response.streaming and "Content-Length" not in response.headers:
            headers.append(("Content-Length", str(len(response.content))))  # type: ignore[attr-defined]
        self._metrics.finished(request, response, started)
        if response.status_code >= HTTPStatus.BAD_REQUEST:
            log_response("%s: %s", response.reason_phrase, request.path, response=response, request=request)
        return response, headers

    def early_refusals(self, requests: OpenRequests) -> EarlyRefusals:
        return EarlyRefusals(self._metrics, self._security_headers, self._good_hosts, requests)

    def _call_view(self, request: HttpRequest) -> HttpResponseBase:
        try:
            self._require_good_host(request)
            if settings.SECURE_SSL_REDIRECT and not request.is_secure():
                return refusal_of_plain_http(request)
            match = request.resolver_match = find_route(request.path_info)
            options = options_of(match.func)
            if prediction_limit.is_full and request.method == "POST" and options.is_limited:
                # Refuse before the token is looked up and the body is read: a refusal has to be cheap.
                return options.error_response(prediction_limit.busy_error(), request)
            with admission.heavy_work():
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


def security_headers(scheme: str) -> list[tuple[str, str]]:
    """The headers that the middleware adds to every response: security, policy, frames, no storing."""
    environ = {"REQUEST_METHOD": "GET", "wsgi.url_scheme": scheme, "wsgi.input": BytesIO()}
    if settings.SECURE_PROXY_SSL_HEADER:
        environ[settings.SECURE_PROXY_SSL_HEADER[0]] = scheme
    request, response = WSGIRequest(environ), HttpResponse()
    SecurityMiddleware(_empty).process_response(request, response)
    CSPMiddleware(_empty).process_response(request, response)  # type: ignore[no-untyped-call]
    XFrameOptionsMiddleware(_empty).process_response(request, response)
    forbid_storing(response)
    return [(name, value) for name, value in response.items() if name != "Content-Type"]


def _empty(request: HttpRequest) -> HttpResponse:
    """A stub view: we call the middleware only to get its headers."""
    return HttpResponse()


class FastPathMiddleware:
    """The fast path for requests through Django's own handlers, such as the test client and runserver."""

    def __init__(self, get_response: Handler):
        self.full_stack, self.fast_path = get_response, FastPath()

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not takes_fast_path(request.META):
            return self.full_stack(request)
        response, headers = self.fast_path.answer(request)
        for name, value in headers:
            response.headers[name] = value
        return response


class FastPathHandler(WSGIHandler):
    """The WSGI application, with the fast path before Django's handler."""

    def __init__(self) -> None:
        super().__init__()
        self.fast_path = FastPath()
        self.requests = OpenRequests(
            settings.WEB_THREADS, is_behind_proxy=bool(settings.ALLAUTH_TRUSTED_PROXY_COUNT)
        )
        self.early_refusals = self.fast_path.early_refusals(self.requests)

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes] | HttpResponseBase:
        admission.begin_request(environ.get("HTTP_AUTHORIZATION") or caller_address(environ))
        if prediction_limit.is_full and environ["REQUEST_METHOD"] == "POST" and takes_fast_path(environ):
            refusal = self.early_refusals.answer(environ, start_response)
            if refusal is not None:
                return refusal
        length = environ.get("CONTENT_LENGTH", "")
        has_body = (length not in ("", "0")) or "HTTP_TRANSFER_ENCODING" in environ
        address, caller = caller_address(environ), ""
        if has_body and self.requests.is_full(address):
            caller = known_caller(environ)
            if not caller or self.requests.is_full(caller, is_known=True):
                start_response("503 Service Unavailable", SLOW_BODIES_HEADERS)
                return [REFUSAL]
        request = self.requests.enter(address, has_body=has_body, caller=caller)
        callers.begin(request)
        if has_body:
            n_bytes = int(length) if length.isdecimal() else None
            environ["wsgi.input"] = GuardedBody(environ["wsgi.input"], n_bytes, request, self.requests)
        try:
            return self._answered(environ, start_response)
        finally:
            self.requests.leave(request)

    def _answered(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes] | HttpResponseBase:
        if not takes_fast_path(environ):
            return super().__call__(environ, start_response)
        # The one useful effect of Django's request_started and request_finished signals here.
        close_old_connections()
        request = WSGIRequest(environ)
        response, headers = self.fast_path.answer(request)
        start_response(f"{response.status_code} {response.reason_phrase}", [*response.items(), *headers])
        if response.streaming:
            return response
        request.close()
        return (response.content,)  # type: ignore[attr-defined]


def caller_address(environ: Mapping[str, Any]) -> str:
    """The address of the connection: of the caller, or of the proxy in front."""
    return str(environ.get("REMOTE_ADDR", "")).removeprefix("::ffff:")


def known_caller(environ: Mapping[str, Any]) -> str:
    """A name for the token of the request if this process has seen it valid lately, else an empty text."""
    scheme, _, plaintext = str(environ.get("HTTP_AUTHORIZATION", "")).partition(" ")
    if scheme.lower() != "bearer" or not tokens.is_known(plaintext.strip()):
        return ""
    return f"token {tokens.digest_of(plaintext.strip())}"


def takes_fast_path(environ: Mapping[str, Any]) -> bool:
    """Whether the fast path applies: its route declares it, and a bearer token or no cookie, so no session."""
    if environ.get("HTTP_COOKIE") and environ.get("HTTP_AUTHORIZATION", "")[:7].lower() != "bearer ":
        return False
    path = environ.get("PATH_INFO", "")
    if environ.get("SCRIPT_NAME") or not PLAIN_PATH.fullmatch(path):
        return False
    match = find_route(path)
    options = match and options_of(match.func)
    return options is not None and options.takes_fast_path
