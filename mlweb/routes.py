"""The route of a path, from a bounded cache: the site's hundred URL patterns take as long as a small model."""

from __future__ import annotations

from functools import lru_cache

from django.conf import settings
from django.urls import Resolver404, ResolverMatch, get_resolver

MOST_CACHED_ROUTES = 1_024
# Longer paths are resolved each time, so that nobody can fill the memory with long paths.
LONGEST_CACHED_PATH = 500


def find_route(path: str) -> ResolverMatch | None:
    """The match of a path in the URL configuration; None when there is none. Callers share it and do not change it."""
    find = _find_cached if len(path) <= LONGEST_CACHED_PATH else _find
    return find(settings.ROOT_URLCONF, path)


def _find(urlconf: str, path: str) -> ResolverMatch | None:
    try:
        match = get_resolver(urlconf).resolve(path)
    except Resolver404:
        return None
    # The patterns that did not match, for Django's debug page: 20 KB a path.
    match.tried = None
    return match


_find_cached = lru_cache(maxsize=MOST_CACHED_ROUTES)(_find)
