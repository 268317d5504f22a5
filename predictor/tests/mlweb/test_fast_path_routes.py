"""Which routes declare the fast path: all that predict do, and each gives the same response as without it."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from django.conf import settings
from django.test import Client

from predictor.api.permissions import PREDICTS
from predictor.http.route_options import options_of
from predictor.models import ModelVersion
from predictor.services.accounts import rate_limits
from predictor.services.predictions import admission
from predictor.tests.api.conftest import Caller
from predictor.tests.mlweb.both_ways import BothWays, same
from predictor.tests.walls import CATCH_ALL, TABLE, Route, filled, routes

# Routes that take a POST of callers who may predict, and why they need less than a prediction.
NO_FAST_PATH = {
    "api/v1/<slug:workspace>/models/<slug:model>/counterfactuals": "A search takes longer than the middleware.",
    "api/v1/<slug:workspace>/models/<slug:model>/batches": "It stores the rows; a worker predicts.",
}
NO_LIMIT = {
    "serve/<slug:workspace>/v2/repository/index": "It reads rows of the database.",
    "serve/<slug:workspace>/v2/repository/models/<slug:model>/load": "It has to work on a busy server.",
    "serve/<slug:workspace>/v2/repository/models/<slug:model>/unload": "It frees memory on a busy server.",
}

IDS = {"workspace": "acme", "model": "article", "version": "1"}
UNKNOWN = (
    "/serve", "/serve/", "/serve/acme", "/serve/acme/nothing", "/serve/acme/v2/nothing", "/serve/acme/v1/nothing",
    "/serve/acme/models/nothing", "/serve/acme/v3/models/article/infer", "/serve/acme/v2/models/none/infer/",
)  # fmt: skip


def test_every_declared_route_gives_the_same_response_both_ways(
    both_ways: BothWays, api: Caller, linear: ModelVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate_limits, "WRONG_TOKENS_PER_MINUTE", 10_000)
    settings.ARTICLE_MODEL = "acme/article"
    n_good = 0
    for route in routes():
        options = options_of(route.view)
        if options is None or not options.takes_fast_path or route.route in CATCH_ALL:
            continue
        for method in ("get", "head", "post", "put"):
            body = json.dumps(getattr(TABLE[route.key].get(method), "body", {})).encode()
            path = filled(route.route, IDS)
            for headers in (api.headers, {"Authorization": "Bearer mlw_wrong"}, {}):
                answer, _ = same(both_ways.send(path, body, method=method.upper(), headers=headers))
                n_good += answer.status == 200
                assert answer.counted == {(options.interface, answer.status): 1}

    assert n_good > 50


def test_unknown_paths_give_the_same_response_both_ways(both_ways: BothWays, db: None) -> None:
    for path in UNKNOWN:
        for method in ("GET", "POST"):
            answer, _ = same(both_ways.send(path, method=method, headers={"Authorization": "Bearer x"}))
            assert answer.status == 404


def test_every_route_that_predicts_takes_the_fast_path_and_is_limited() -> None:
    found = {route.key: options_of(route.view) for route in routes() if predicts(route)}
    fast = {key for key, options in found.items() if options and options.takes_fast_path}
    limited = {key for key, options in found.items() if options and options.is_limited}

    assert set(found) - fast == set(NO_FAST_PATH)
    assert fast - limited == set(NO_LIMIT)
    assert len(limited) > 10


def predicts(route: Route) -> bool:
    """Whether callers who may predict can POST to this route of the API or of a protocol."""
    if route.route in CATCH_ALL or "post" not in route.methods:
        return False
    if route.route.startswith("serve/"):
        return True
    needs = getattr(getattr(route.view, "cls", None), "needs", {})
    action = getattr(route.view, "actions", {}).get("post", "post")
    return needs.get(action) == PREDICTS


@pytest.fixture
def overload(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(settings, "PREDICTIONS_AT_ONCE", 1)
    monkeypatch.setattr(settings, "PREDICTIONS_WAITING", 0)
    admission.prediction_limit.enter()
    yield
    admission.prediction_limit.leave()


def test_every_limited_route_refuses_at_once_when_the_server_is_busy(overload: None) -> None:
    # This test has no database fixture: a query would fail.
    limited = [route for route in routes() if (options := options_of(route.view)) and options.is_limited]

    for route in limited:
        answer = Client().post(filled(route.route, IDS), b"not JSON", content_type="application/json")
        assert (answer.status_code, answer["Retry-After"]) == (503, "1"), route.route
        assert Client().get(filled(route.route, IDS)).status_code in (401, 405), route.route


def test_a_large_body_takes_a_place_of_its_own_and_gives_it_back(
    both_ways: BothWays, api: Caller, linear: ModelVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = []
    enter = admission.heavy_limit.enter
    monkeypatch.setattr(admission.heavy_limit, "enter", lambda: (taken.append(1), enter()))
    body = json.dumps({"rows": ["x" * admission.HEAVY_BYTES]}).encode()
    for path in ("/api/v1/acme/models/article/predictions", "/serve/acme/v2/models/article/infer"):
        taken.clear()
        answers = both_ways.send(path, body, method="POST", headers=api.headers)
        assert {answer.status for answer in answers} <= {400, 422}
        assert taken
        assert admission.heavy_limit.n_inside == 0
