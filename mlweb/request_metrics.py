"""Request metrics and access log: counts and times each request.

This takes 3 µs a request, and 2 µs more with the access log.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.urls import ResolverMatch

from predictor.http.route_options import options_of
from predictor.services.predictions.admission import prediction_limit
from predictor.services.process import draining
from predictor.services.process.meters import CELL, INTERFACES, meters

from .logs import Access, AccessLog, shown_path
from .routes import find_route

Handler = Callable[[HttpRequest], HttpResponseBase]

IN_FLIGHT = CELL["requests_in_flight"]
INSIDE, WAITING = CELL["predictions_in_progress"], CELL["predictions_waiting"]
# The interface of requests without a route, such as static files, by the first part of their path.
WITHOUT_ROUTE = {
    "api": "api", "predict": "article", "health": "health", "static": "static", "admin": "admin",
}  # fmt: skip


class RequestMetrics:
    """Instrumentation of requests: call `started` at the start and `finished` with the response."""

    def __init__(self) -> None:
        self.log = AccessLog(is_json=settings.LOG_FORMAT == "json") if settings.ACCESS_LOG else None

    def started(self) -> float:
        """Count the request as in flight; returns its start time, in seconds, for `finished`."""
        meters().add(IN_FLIGHT)
        return time.perf_counter()

    def finished(self, request: HttpRequest, response: HttpResponseBase, started: float) -> None:
        """Count and log the response; add the rate-limit headers, and `Connection: close` while draining."""
        seconds = time.perf_counter() - started
        own = meters()
        own.put(INSIDE, prediction_limit.n_inside)
        own.put(WAITING, prediction_limit.n_waiting)
        own.request_ended(interface_of(request), response.status_code, seconds)
        if draining.is_draining():
            # End keep-alive connections in order, before the process ends.
            response["Connection"] = "close"
        standing = getattr(request, "standing", None)
        if standing is not None:
            for name, value in standing.headers.items():
                response[name] = value
        if self.log is not None:
            self.log.add(entry(request, response.status_code, seconds))

    def refused(
        self,
        interface: str,
        match: ResolverMatch,
        environ: Mapping[str, Any],
        request_id: str,
        started: float,
    ) -> None:
        """Count and log a request that was refused with 503 before there was a request object."""
        seconds = time.perf_counter() - started
        own = meters()
        own.put(INSIDE, prediction_limit.n_inside)
        own.put(WAITING, prediction_limit.n_waiting)
        own.request_ended(interface, HTTPStatus.SERVICE_UNAVAILABLE, seconds)
        if self.log is not None:
            self.log.add(
                Access(
                    at=time.time() - seconds,
                    request_id=request_id,
                    method=environ["REQUEST_METHOD"],
                    path=environ["PATH_INFO"],
                    status=HTTPStatus.SERVICE_UNAVAILABLE.value,
                    latency_ms=round(seconds * 1_000, 3),
                    token="",
                    **names_in(match),
                )
            )


class RequestMetricsMiddleware:
    def __init__(self, get_response: Handler):
        self.get_response = get_response
        self.metrics = RequestMetrics()

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        started = self.metrics.started()
        response = self.get_response(request)
        self.metrics.finished(request, response, started)
        return response


def interface_of(request: HttpRequest) -> str:
    """The interface of a request, as the metrics name it (one of `meters.INTERFACES`).

    Its route declares it; a route that does not belongs to the interface of its URL namespace, or to the pages.
    """
    match = request.resolver_match or find_route(request.path_info)
    if match is None:
        return WITHOUT_ROUTE.get(request.path_info[1:].partition("/")[0], "web")
    options = options_of(match.func)
    if options is not None:
        return options.interface
    return match.namespace if match.namespace in INTERFACES else "web"


def entry(request: HttpRequest, status: int, seconds: float) -> Access:
    token = getattr(request, "api_token", None)
    return Access(
        at=time.time() - seconds,
        request_id=getattr(request, "request_id", ""),
        method=request.method or "",
        path=shown_path(request.path_info),
        status=status,
        latency_ms=round(seconds * 1_000, 3),
        token=token.prefix if token else "",
        **names_in(request.resolver_match),
    )


def names_in(match: ResolverMatch | None) -> dict[str, str]:
    """The workspace and the model that a route names."""
    arguments = match.kwargs if match else {}
    return {
        "workspace": str(arguments.get("workspace", "")),
        "model": str(arguments.get("model", arguments.get("slug", ""))),
    }
