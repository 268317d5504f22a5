"""A shorter way for requests that predict: programs with a token need neither sessions nor messages nor CSP.

`PredictionPathMiddleware` stands in MIDDLEWARE before what it spares. A request that belongs to it goes
through `settings.PREDICTION_MIDDLEWARE` to its view, and everything else goes on as usual. What has to be
done with every request stands before it in MIDDLEWARE, or in both lists.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.core.handlers.base import BaseHandler
from django.core.handlers.exception import convert_exception_to_response
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import Resolver404, ResolverMatch, get_resolver
from django.utils.module_loading import import_string

from predictor.api.problems import as_problem
from predictor.services.admission import predicting

Handler = Callable[[HttpRequest], HttpResponseBase]

ARE_PREDICTIONS = r"api/v1/[^/]+/models/[^/]+/predictions/?|predict/?"
SPARED = re.compile(rf"/({ARE_PREDICTIONS}|serve/.*)")
# Of these only what predicts is refused in a full house: who looks, or loads a model, needs no place there.
PREDICTS = re.compile(rf"/({ARE_PREDICTIONS}|serve/.+(/(infer|invocations|predict)|:(predict|explain)))")


class PredictionPathMiddleware:
    def __init__(self, get_response: Handler):
        self.long_way = get_response
        self.short_way = ShortHandler().handler()

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not is_spared(request):
            return self.long_way(request)
        if predicting.is_full and request.method == "POST" and PREDICTS.fullmatch(request.path_info):
            # Before the token is looked up and the body is read: to refuse has to cost next to nothing.
            return refused(request)
        return self.short_way(request)


def refused(request: HttpRequest) -> HttpResponseBase:
    """Busy, in the shape of the face that was asked."""
    error = predicting.refuse()
    try:
        match = resolved(settings.ROOT_URLCONF, request.path_info)
    except Resolver404:
        return as_problem(error, request)
    request.resolver_match = match
    in_its_shape = getattr(match.func, "refused", as_problem)
    response: HttpResponse = in_its_shape(error, request)
    # What CommonMiddleware would add; without it the answer would go out in chunks.
    response["Content-Length"] = str(len(response.content))
    return response


def is_spared(request: HttpRequest) -> bool:
    """Whether the request is a program's and cannot need a session: it has a bearer token, or no cookie."""
    if not SPARED.fullmatch(request.path_info):
        return False
    sent = request.META
    return sent.get("HTTP_AUTHORIZATION", "")[:7].lower() == "bearer " or not sent.get("HTTP_COOKIE")


class ShortHandler(BaseHandler):
    """Django's own way from a request to a view, with a chain of its own and a memory for addresses."""

    # What BaseHandler.load_middleware() would fill from MIDDLEWARE.
    _view_middleware: list[Any] = []
    _template_response_middleware: list[Any] = []
    _exception_middleware: list[Any] = []

    def handler(self) -> Handler:
        handler: Handler = convert_exception_to_response(self._get_response)
        for path in reversed(settings.PREDICTION_MIDDLEWARE):
            handler = convert_exception_to_response(import_string(path)(handler))
        return handler

    def resolve_request(self, request: HttpRequest) -> ResolverMatch:
        request.resolver_match = match = resolved(settings.ROOT_URLCONF, request.path_info)
        return match


@lru_cache(maxsize=1_024)
def resolved(urlconf: str, path: str) -> ResolverMatch:
    """Looking through the site's hundred patterns takes as long as a small model."""
    return get_resolver(urlconf).resolve(path)
