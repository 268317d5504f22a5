"""The cache of routes: bounded, and the same as Django's resolver."""

from __future__ import annotations

from django.urls import resolve

from mlweb import routes


def test_it_finds_what_the_resolver_finds() -> None:
    for _ in range(2):
        match = routes.find_route("/serve/acme/v2/models/churn/infer")
        assert match is not None
        assert (match.url_name, match.kwargs) == ("v2-infer", {"workspace": "acme", "model": "churn"})
        assert match.func is resolve("/serve/acme/v2/models/churn/infer").func
        assert routes.find_route("/nothing") is None


def test_hostile_paths_do_not_fill_the_memory() -> None:
    routes._find_cached.cache_clear()
    for number in range(routes.MOST_CACHED_ROUTES + 10):
        routes.find_route(f"/serve/acme/{number}")
    long_path = "/serve/acme/" + "x" * routes.LONGEST_CACHED_PATH

    assert routes._find_cached.cache_info().currsize == routes.MOST_CACHED_ROUTES
    n_looked_up = routes._find_cached.cache_info().misses
    assert routes.find_route(long_path) is not None
    assert routes._find_cached.cache_info().misses == n_looked_up
