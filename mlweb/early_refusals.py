"""Early refusals: while predictions are busy, a request is refused before anything else is done for it.

Its host and route are looked at, neither its token nor its body. The response is what the fast path would send, from a
template for each route: 10 µs instead of 100.

Callers who try again at once would take the time of the predictions, however cheap a refusal is. So refusals may take
only a share of the time of this process: the first ones of a second are sent at once, those beyond the share wait
asleep for their turn. What a refusal takes is measured.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import ResolverMatch

from predictor.http.route_options import RouteOptions, options_of
from predictor.services.predictions.admission import busy, count_refusal
from predictor.services.process import draining

from .middleware import request_id_of
from .request_metrics import RequestMetrics
from .routes import find_route
from .slow_bodies import OpenRequests

Headers = list[tuple[str, str]]

# The share of a process's time that refusals may take before they wait, and how much of it they may save up.
SHARE_OF_TIME, SAVED_SECONDS = 0.05, 1.0
# With web server, threads and kernel, a refusal takes about twenty times the processor time of our own code.
WITH_WEB_SERVER = 20
LONGEST_WAIT_SECONDS = 0.25
AVERAGED_OVER = 32
# Stands for the request id in a template; no id has this length.
ID = "0" * 65


class RefusalPace:
    """When the next refusal may be sent: a leaky bucket of the time that they take (GCRA)."""

    def __init__(self, *, now: Callable[[], float] = time.monotonic):
        self._now = now
        self._mutex = threading.Lock()
        self._next_at = 0.0
        self.seconds_each = 0.0

    def took(self, seconds: float) -> None:
        """Note what a refusal took of our own code, in seconds of its thread."""
        if not self.seconds_each:
            self.seconds_each = seconds
        self.seconds_each += (seconds - self.seconds_each) / AVERAGED_OVER

    def wait_seconds(self) -> float:
        """How long the next refusal has to wait; it counts as sent."""
        now = self._now()
        with self._mutex:
            at = self._next_at = max(self._next_at, now - SAVED_SECONDS)
            wait = min(max(0.0, at - now), LONGEST_WAIT_SECONDS)
            # Those that cannot wait longer do not move the turns of later ones.
            if wait < LONGEST_WAIT_SECONDS:
                self._next_at += self.seconds_each * WITH_WEB_SERVER / SHARE_OF_TIME
        return wait


@dataclass(frozen=True)
class _Template:
    """A refusal of one route: its bytes around the request id, and the headers that its interface sends."""

    parts: list[bytes]
    headers: Headers

    @classmethod
    def of(cls, options: RouteOptions) -> _Template:
        request = HttpRequest()
        request.request_id = ID  # type: ignore[attr-defined]
        response = options.error_response(busy(), request)
        if hasattr(response, "render"):
            response.render()
        return cls(response.content.split(ID.encode()), list(response.items()))


class EarlyRefusals:
    """Answers POSTs to limited routes while the limit is full; `security_headers` of http and of https."""

    def __init__(
        self,
        metrics: RequestMetrics,
        security_headers: tuple[Headers, Headers],
        good_hosts: set[str],
        requests: OpenRequests,
    ):
        self._metrics, self._security_headers, self._good_hosts = metrics, security_headers, good_hosts
        self._requests = requests
        self._pace, self._sleep = RefusalPace(), time.sleep
        self._templates: dict[Any, _Template] = {}

    def answer(
        self, environ: Mapping[str, Any], start_response: Callable[[str, Headers], Any]
    ) -> list[bytes] | None:
        """Refuse the request, or return None when it is none that may be refused, or needs the checks of others."""
        match = find_route(environ.get("PATH_INFO", ""))
        options = options_of(match.func) if match else None
        if match is None or options is None or not options.is_limited:
            return None
        is_secure = is_https(environ)
        if environ.get("HTTP_HOST") not in self._good_hosts or settings.USE_X_FORWARDED_HOST:
            return None
        if settings.SECURE_SSL_REDIRECT and not is_secure:
            return None
        if match.func not in self._templates:
            self._templates[match.func] = _Template.of(options)
        started = self._metrics.started()
        wait = self._pace.wait_seconds()
        if wait and self._requests.has_free_threads:
            held = self._requests.enter("", has_body=False)
            try:
                self._sleep(wait)
            finally:
                self._requests.leave(held)
        started_cpu = time.thread_time()
        count_refusal()
        content = self._answered(match, options, environ, started, is_secure, start_response)
        self._pace.took(time.thread_time() - started_cpu)
        return [content]

    def _answered(
        self,
        match: ResolverMatch,
        options: RouteOptions,
        environ: Mapping[str, Any],
        started: float,
        is_secure: bool,
        start_response: Callable[[str, Headers], Any],
    ) -> bytes:
        template = self._templates[match.func]
        request_id = request_id_of(environ)
        content = request_id.encode().join(template.parts)
        headers = [
            *template.headers,
            ("X-Request-ID", request_id),
            *self._security_headers[is_secure],
            ("Content-Length", str(len(content))),
        ]
        if draining.is_draining():
            headers.append(("Connection", "close"))
        self._metrics.refused(options.interface, match, environ, request_id, started)
        start_response("503 Service Unavailable", headers)
        return content


def is_https(environ: Mapping[str, Any]) -> bool:
    """Whether the caller used https, as `HttpRequest.is_secure` finds it."""
    if settings.SECURE_PROXY_SSL_HEADER:
        name, secure_value = settings.SECURE_PROXY_SSL_HEADER
        sent = environ.get(name)
        if sent is not None:
            return bool(str(sent).split(",", 1)[0].strip() == secure_value)
    return bool(environ.get("wsgi.url_scheme") == "https")
