"""The common request of a program, answered past Django REST framework.

A token, a JSON body and no preference leave nothing to negotiate, and what the framework does between the address and
the handler takes as long as a small model. Whatever else is asked, or refused at the door, is the viewset's affair.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase

from ..errors import NotAuthenticated, NotFound
from ..http.authentication import admit
from ..models import ApiToken, PredictionSource, RegisteredModel, Scope, User
from ..services import predictions, registry, tokens
from .idempotency import HEADER as IDEMPOTENCY_KEY
from .json import loads, read_limited
from .permissions import InsufficientScope
from .prediction_request import PredictionRequest
from .prediction_serializers import answer_as_json
from .problems import as_problem
from .slim import HEADERS, JSON, json_answer

# Any of these asks for something that the viewset looks after.
NOT_PLAIN = (IDEMPOTENCY_KEY, "HTTP_PREFER", "HTTP_TRANSFER_ENCODING", "HTTP_CONTENT_ENCODING")
ACCEPTED = frozenset({"*/*", JSON})


def plainly_first(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """The view of the viewset's `create`, asked for what `answer` leaves to it."""

    @wraps(view)
    def answered(request: HttpRequest, **at: Any) -> HttpResponseBase:
        response = answer(request, **at) if is_plain(request) else None
        return view(request, **at) if response is None else response

    return answered


def is_plain(request: HttpRequest) -> bool:
    meta = request.META
    return (
        request.method == "POST"
        and meta.get("CONTENT_TYPE") == JSON
        and meta.get("CONTENT_LENGTH", "0") not in ("", "0")
        and meta.get("HTTP_ACCEPT", JSON) in ACCEPTED
        and not any(name in meta for name in NOT_PLAIN)
    )


def answer(request: HttpRequest, workspace: str, model: str) -> HttpResponse | None:
    """None, with the body not read and nothing counted, unless a token asks that may predict here."""
    token = _token(request.META.get("HTTP_AUTHORIZATION", ""), workspace)
    registered = token and _model(token, model)
    if not token or not registered:
        return None
    try:
        admit(request, token)
        asked = PredictionRequest.from_json(loads(read_limited(request), max_depth=settings.MAX_JSON_DEPTH))
        if asked.nearest and not token.has_scope(Scope.READ):
            raise InsufficientScope(Scope.READ)
        request_id = str(getattr(request, "request_id", ""))
        response = predicted(asked, registered, by=token.user, token=token, request_id=request_id)
    except Exception as error:
        response = as_problem(error, request)
    for name, value in HEADERS.items():
        response.headers[name] = value
    return response


def predicted(
    asked: PredictionRequest, model: RegisteredModel, *, by: User, token: ApiToken | None, request_id: str
) -> HttpResponse:
    """What was asked of the model, as JSON."""
    return json_answer(
        answer_as_json(
            predictions.predict(
                registered_model=model,
                rows=asked.rows,
                horizon=asked.horizon,
                group=asked.group,
                history=asked.history,
                version=asked.version,
                strict=asked.strict,
                explain=asked.explain,
                nearest=asked.nearest,
                coverage=asked.coverage,
                by=by,
                token=token,
                source=PredictionSource.API,
                request_id=request_id,
            )
        )
    )


def _token(authorization: str, workspace: str) -> ApiToken | None:
    scheme, _, plaintext = authorization.partition(" ")
    if scheme.lower() != "bearer":
        return None
    try:
        token = tokens.authenticate(plaintext.strip())
    except NotAuthenticated:
        return None
    return token if token.workspace.slug == workspace and token.has_scope(Scope.PREDICT) else None


def _model(token: ApiToken, slug: str) -> RegisteredModel | None:
    try:
        return registry.model_of(token.workspace, slug)
    except NotFound:
        return None
