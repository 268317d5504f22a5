"""Request handling shared by all protocols: method, token, workspace, body; errors in the protocol's own form."""

from __future__ import annotations

import base64
import gzip
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from ..errors import Forbidden, InvalidInput, NotAuthenticated, NotFound, TooLarge, UnsupportedContent, quoted
from ..http import authentication
from ..http.authentication import count_request
from ..http.json import LengthRequired, dumps, read_limited
from ..http.problems import exception_handler
from ..http.route_options import RouteOptions, declare
from ..models import ApiToken, RegisteredModel, Scope, Workspace
from ..services import predictions, registry
from ..services.predictions import Caller, PredictionOptions, PredictionResponse
from ..services.predictions.admission import body_was_read
from .parameters import check_query

JSON = "application/json"
WORTH_COMPRESSING = 1_024
# The `wbits` of zlib: 31 reads gzip, 15 the zlib format, -15 raw deflate.
WINDOW = {"gzip": 31, "x-gzip": 31, "deflate": 15}
RAW_DEFLATE = -15

Handler = Callable[..., HttpResponse]


@dataclass(frozen=True)
class Refusal:
    """An error response before it gets the protocol's form. `kind` names it for programs."""

    status: int
    message: str
    kind: str = ""


@dataclass(frozen=True)
class Call:
    """An authenticated request."""

    request: HttpRequest
    token: ApiToken

    @property
    def workspace(self) -> Workspace:
        return self.token.workspace

    @property
    def request_id(self) -> str:
        return str(getattr(self.request, "request_id", ""))

    def predict(
        self,
        model: RegisteredModel,
        rows: Sequence[Mapping[str, Any]],
        options: PredictionOptions,
        source: str,
    ) -> PredictionResponse:
        """Predict rows: the one call of the service for all protocols."""
        caller = Caller(self.token.user, source, self.token, self.request_id)
        return predictions.predict(registered_model=model, rows=rows, options=options, caller=caller)

    def model(self, slug: str) -> RegisteredModel:
        """The registered model of the token's workspace; 404 as for one that does not exist."""
        try:
            return registry.model_of(self.workspace, slug)
        except NotFound:
            raise Http404 from None

    def body(self) -> bytes:
        """The whole body, decompressed. Raises TooLarge above MAX_BODY_BYTES, before or after decompression."""
        meta = self.request.META
        if "HTTP_TRANSFER_ENCODING" in meta and not meta.get("CONTENT_LENGTH"):
            raise LengthRequired
        body = decompressed(read_limited(self.request), meta.get("HTTP_CONTENT_ENCODING", ""))
        body_was_read(len(body))
        return body


def route(
    refuse: Callable[[Refusal], HttpResponse],
    *,
    interface: str,
    get: Handler | None = None,
    post: Handler | None = None,
    scopes: frozenset[Scope] = frozenset({Scope.PREDICT}),
    without_token: Handler | None = None,
    is_limited: bool = False,
) -> Callable[..., HttpResponse]:
    """A view of one URL: `get` and `post` are called with a `Call` and the URL's parameters; `without_token` answers
    a GET without a token and is called with the request. `interface`, `is_limited`: see `RouteOptions`.

    Clients of the protocols have no session, so all routes take the fast path."""
    by_method = {"GET": get or without_token, "HEAD": get or without_token, "POST": post}
    handlers = {method: handler for method, handler in by_method.items() if handler}
    allowed = ", ".join(handlers)

    def view(request: HttpRequest, workspace: str, **parameters: Any) -> HttpResponse:
        try:
            handler = handlers.get(request.method or "")
            if handler is None:
                response = refuse(Refusal(405, f"This URL accepts {allowed}.", "method-not-allowed"))
                response["Allow"] = allowed
                return response
            if without_token and (get is None or "HTTP_AUTHORIZATION" not in request.META):
                return without_token(request, **parameters)
            call = Call(request, authenticate(request, workspace, scopes))
            if request.META.get("QUERY_STRING"):
                check_query(request.GET)
            return compressed(handler(call, **parameters), request)
        except Exception as error:
            return refused(refuse, error, request)

    view.methods = frozenset(map(str.lower, handlers))  # type: ignore[attr-defined]
    options = RouteOptions(
        interface, takes_fast_path=True, is_limited=is_limited, error_response=partial(refused, refuse)
    )
    return declare(csrf_exempt(view), options)


def refused(
    refuse: Callable[[Refusal], HttpResponse], error: Exception, request: HttpRequest
) -> HttpResponse:
    """The error response: status and message as in the API, the form of the protocol."""
    problem = exception_handler(error, {"request": request})
    kind = str(problem.data["type"]).rpartition(":")[2]
    response = refuse(Refusal(problem.status_code, str(problem.data["detail"]), kind))
    for name in ("Retry-After", "WWW-Authenticate"):
        if name in problem:
            response[name] = problem[name]
    return response


def authenticate(request: HttpRequest, workspace: str, scopes: frozenset[Scope]) -> ApiToken:
    """Authenticate a request: its token has to be of this workspace and have one of the scopes.

    Raises NotAuthenticated, RateLimited, Http404 for another workspace, Forbidden.
    """
    token = authentication.authenticate(request, sent_token(request))
    count_request(request, token)
    if token.workspace.slug != workspace:
        raise Http404
    if not any(map(token.has_scope, scopes)):
        scope_names = " or ".join(quoted(scope.value) for scope in sorted(scopes))
        raise Forbidden(f"This token lacks the scope {scope_names}.")
    return token


def sent_token(request: HttpRequest) -> str:
    """The token as Bearer (RFC 6750), or as the password of Basic (RFC 7617), whatever the name."""
    scheme, _, value = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value, validate=True).decode().partition(":")[2]
        except ValueError:  # neither base64 nor UTF-8, or not even ASCII
            pass
    raise NotAuthenticated("Send an API token: Authorization: Bearer …, or as the password of Basic.")


def decompressed(body: bytes, encoding: str) -> bytes:
    """The body without its Content-Encoding. Raises UnsupportedContent, InvalidInput, TooLarge (MAX_BODY_BYTES)."""
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        return body
    if encoding not in WINDOW:
        raise UnsupportedContent(
            f"The encoding {quoted(encoding)} is not supported; send gzip, deflate or none."
        )
    try:
        return _inflated(body, WINDOW[encoding])
    except zlib.error:
        pass
    try:
        # Some clients send raw deflate (RFC 1951) where HTTP means the zlib format (RFC 1950).
        if encoding == "deflate":
            return _inflated(body, RAW_DEFLATE)
    except zlib.error:
        pass
    raise InvalidInput(f"The body is not {encoding}, as its Content-Encoding says.")


def _inflated(body: bytes, window: int) -> bytes:
    stream = zlib.decompressobj(window)
    inflated = stream.decompress(body, settings.MAX_BODY_BYTES + 1)
    if len(inflated) > settings.MAX_BODY_BYTES:
        raise TooLarge(
            f"The body may hold {settings.MAX_BODY_BYTES:,} bytes, also after decompression.",
            limit=settings.MAX_BODY_BYTES,
        )
    if not stream.eof:
        raise zlib.error
    return inflated


def compressed(response: HttpResponse, request: HttpRequest) -> HttpResponse:
    """Compress a response of at least WORTH_COMPRESSING bytes when the client accepts gzip or deflate."""
    if len(response.content) < WORTH_COMPRESSING:
        return response
    accepted = request.META.get("HTTP_ACCEPT_ENCODING", "")
    if "gzip" in accepted:
        response.content, response["Content-Encoding"] = gzip.compress(response.content, 1), "gzip"
    elif "deflate" in accepted:
        response.content, response["Content-Encoding"] = zlib.compress(response.content, 1), "deflate"
    response["Vary"] = "Accept-Encoding"
    return response


def as_json(data: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> HttpResponse:
    return HttpResponse(dumps(data), content_type=JSON, status=status, headers=dict(headers or {}))


def error_json(refusal: Refusal) -> HttpResponse:
    """`{"error": "text"}`: what the clients of V2 and of KServe V1 read; anything else breaks their decoders."""
    return as_json({"error": refusal.message}, refusal.status)


def not_found_route(
    refuse: Callable[[Refusal], HttpResponse], *, interface: str
) -> Callable[..., HttpResponse]:
    """A view that answers 404, for unknown URLs."""

    def view(request: HttpRequest, **parameters: Any) -> HttpResponse:
        return refused(refuse, Http404(), request)

    view.methods = frozenset({"get", "post"})  # type: ignore[attr-defined]
    return declare(csrf_exempt(view), RouteOptions(interface, takes_fast_path=True))
