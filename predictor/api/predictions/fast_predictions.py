"""Fast path for predictions: the common request of a program is answered without Django REST framework.

A request with a token and a JSON body needs no content negotiation, and the framework takes as long between URL and
handler as a small model takes to predict. All other requests, also those that fail authentication, go to the viewset.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase

from ...errors import NotAuthenticated, NotFound
from ...http.authentication import authenticate, count_request
from ...http.json import loads, read_limited
from ...http.prediction_request import read_prediction_request
from ...http.problems import as_problem
from ...models import ApiToken, PredictionSource, RegisteredModel, Scope
from ...services import predictions, registry
from ...services.predictions import Caller, PredictionOptions
from ..idempotency import HEADER as IDEMPOTENCY_KEY
from ..permissions import InsufficientScope
from .fast_view import HEADERS, JSON, json_answer
from .serializers import answer_as_json

# Requests with one of these headers go to the viewset.
NOT_PLAIN = (IDEMPOTENCY_KEY, "HTTP_PREFER", "HTTP_TRANSFER_ENCODING", "HTTP_CONTENT_ENCODING")
ACCEPTED = frozenset({"*/*", JSON})


def plainly_first(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Wrap the viewset's view: try the fast path first, call the view where `respond` returns None."""

    @wraps(view)
    def answered(request: HttpRequest, **at: Any) -> HttpResponseBase:
        response = respond(request, **at) if is_plain(request) else None
        return view(request, **at) if response is None else response

    return answered


def is_plain(request: HttpRequest) -> bool:
    meta = request.META
    return (
        request.method == "POST"
        and meta.get("CONTENT_TYPE") == JSON
        and meta.get("CONTENT_LENGTH", "0") not in ("", "0")
        and meta.get("HTTP_ACCEPT", JSON) in ACCEPTED
        and not meta.get("QUERY_STRING")
        and not any(name in meta for name in NOT_PLAIN)
    )


def respond(request: HttpRequest, workspace: str, model: str) -> HttpResponse | None:
    """The response, or None when the request has no token that may predict here.

    With None the body is not read, and the request is not counted for the rate limit.
    """
    try:
        token = _token(request, workspace)
        registered = token and _model(token, model)
        if not token or not registered:
            return None
        count_request(request, token)
        body = loads(read_limited(request), max_depth=settings.MAX_JSON_DEPTH)
        rows, options = read_prediction_request(body)
        if options.nearest and not token.has_scope(Scope.READ):
            raise InsufficientScope(Scope.READ)
        request_id = str(getattr(request, "request_id", ""))
        caller = Caller(token.user, PredictionSource.API, token, request_id)
        response = predicted(registered, rows, options, caller)
    except Exception as error:
        response = as_problem(error, request)
    for name, value in HEADERS.items():
        response.headers[name] = value
    return response


def predicted(
    model: RegisteredModel, rows: Sequence[Mapping[str, Any]], options: PredictionOptions, caller: Caller
) -> HttpResponse:
    """Predict, and respond with JSON."""
    response = predictions.predict(registered_model=model, rows=rows, options=options, caller=caller)
    return json_answer(answer_as_json(response))


def _token(request: HttpRequest, workspace: str) -> ApiToken | None:
    """The token, or None. Raises RateLimited after too many wrong ones."""
    scheme, _, plaintext = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme.lower() != "bearer":
        return None
    try:
        token = authenticate(request, plaintext.strip())
    except NotAuthenticated:
        return None
    return token if token.workspace.slug == workspace and token.has_scope(Scope.PREDICT) else None


def _model(token: ApiToken, slug: str) -> RegisteredModel | None:
    try:
        return registry.model_of(token.workspace, slug)
    except NotFound:
        return None
