"""Request metrics: each request counts as one interface, also where no route matches."""

from __future__ import annotations

import pytest
from django.http import HttpRequest
from django.test import RequestFactory

from mlweb.request_metrics import WITHOUT_ROUTE, interface_of
from mlweb.routes import find_route
from predictor.tests.walls import filled, routes

INTERFACES = {
    "/api/v1/acme/models": "api", "/api/v1/health/live": "api", "/api/nothing": "api", "/api": "api",
    "/predict": "article", "/predict/nothing": "article", "/health/live": "health", "/health/nothing": "health",
    "/serve/acme/": "v1", "/serve/acme/v1/models/m:predict": "v1", "/serve/acme/v1/nothing": "v1",
    "/serve": "v1", "/serve/": "v1", "/serve/acme": "v1", "/serve/acme/nothing": "v1", "/serve/a b/é": "v1",
    "/serve/acme/v2": "v2", "/serve/acme/v2/health/live": "v2", "/serve/acme/v2/nothing": "v2",
    "/serve/not.a.slug/v2/models/m/infer": "v2", "/serve/acme/v2x/nothing": "v1",
    "/serve/acme/models/m/invocations": "mlflow", "/serve/acme/models/v2/invocations": "mlflow",
    "/serve/acme/models/m/predict": "mlflow", "/serve/acme/models/nothing": "mlflow",
    "/serve/acme/v3/models/m": "mlflow", "/serve/models/nothing": "mlflow",
    "/w/acme/": "web", "/": "web", "/metrics": "web", "/accounts/login/": "web", "/nothing": "web",
    "/admin/": "admin", "/admin/nothing": "admin", "/admin": "admin", "/static/x.css": "static",
}  # fmt: skip


@pytest.mark.parametrize("path", INTERFACES)
def test_a_request_counts_as_its_interface(path: str) -> None:
    request: HttpRequest = RequestFactory().get(path)
    resolved: HttpRequest = RequestFactory().get(path)
    resolved.resolver_match = find_route(path)

    assert interface_of(request) == interface_of(resolved) == INTERFACES[path]


def test_unknown_paths_count_as_the_routes_beside_them() -> None:
    ids = dict.fromkeys(("workspace", "slug", "model", "alias", "key", "version", "token", "help_key"), "a")
    numbers = dict.fromkeys(
        (
            "number",
            "datasets",
            "training-runs",
            "runs",
            "batches",
            "members",
            "tokens",
            "place",
            "change",
            "user",
            "links",
            "run",
            "comments",
            "notices",
            "trash",
        ),
        1,
    )
    row = {"predictions": "01890000-0000-7000-8000-000000000000"}

    for route in routes():
        if "^" not in route.route:
            path = filled(route.route, ids | numbers | row)
            first = path.split("/")[1]
            if first != "serve":
                assert interface_of(RequestFactory().get(path)) == WITHOUT_ROUTE.get(first, "web")
