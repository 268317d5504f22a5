"""`/metrics` for Prometheus, protected by the token METRICS_TOKEN. Without this setting the route answers 404."""

from __future__ import annotations

import secrets

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from ..errors import NotAuthenticated
from ..http.problems import as_problem
from ..services.operations import prometheus


@csrf_exempt
def read(request: HttpRequest) -> HttpResponse:
    if not settings.METRICS_TOKEN or request.method not in ("GET", "HEAD"):
        return as_problem(Http404(), request)
    scheme, _, sent = request.headers.get("Authorization", "").partition(" ")
    expected = settings.METRICS_TOKEN.encode()
    if scheme.lower() != "bearer" or not secrets.compare_digest(sent.strip().encode(), expected):
        return as_problem(
            NotAuthenticated("Send the token of MLWEB_METRICS_TOKEN as a bearer token."), request
        )
    response = HttpResponse(prometheus.exposition(), content_type=prometheus.CONTENT_TYPE)
    response["Cache-Control"] = "no-store"
    return response


read.methods = frozenset({"get"})  # type: ignore[attr-defined]
