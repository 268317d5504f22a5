"""The door of every protocol: method, token, workspace, body; and each refusal in the protocol's own shape."""

from __future__ import annotations

import base64
import gzip
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from ..api.errors import exception_handler
from ..api.json import LengthRequired, dumps, read_limited
from ..errors import Forbidden, InvalidInput, NotAuthenticated, NotFound, TooLarge, UnsupportedContent, shown
from ..http.authentication import admit
from ..models import ApiToken, RegisteredModel, Scope, Workspace
from ..services import registry, tokens

JSON = "application/json"
WORTH_COMPRESSING = 1_024
WINDOW = {"gzip": 31, "x-gzip": 31, "deflate": 15}
RAW_DEFLATE = -15

Handler = Callable[..., HttpResponse]


@dataclass(frozen=True)
class Refusal:
    """Why a request gets no answer, before it takes a protocol's shape. `kind` names it for programs."""

    status: int
    message: str
    kind: str = ""


@dataclass(frozen=True)
class Call:
    """A request that came through the door."""

    request: HttpRequest
    token: ApiToken

    @property
    def workspace(self) -> Workspace:
        return self.token.workspace

    @property
    def request_id(self) -> str:
        return str(getattr(self.request, "request_id", ""))

    def model(self, slug: str) -> RegisteredModel:
        """The registered model of the token's workspace; 404 as for one that does not exist."""
        try:
            return registry.model_of(self.workspace, slug)
        except NotFound:
            raise Http404 from None

    def body(self) -> bytes:
        """The whole body, decompressed, up to MAX_BODY_BYTES before and after."""
        meta = self.request.META
        if "HTTP_TRANSFER_ENCODING" in meta and not meta.get("CONTENT_LENGTH"):
            raise LengthRequired
        return decompressed(read_limited(self.request), meta.get("HTTP_CONTENT_ENCODING", ""))


def route(
    refuse: Callable[[Refusal], HttpResponse],
    *,
    get: Handler | None = None,
    post: Handler | None = None,
    scopes: frozenset[Scope] = frozenset({Scope.PREDICT}),
    without_token: Handler | None = None,
) -> Callable[..., HttpResponse]:
    """A view: `get` and `post` are called with a `Call` and what the URL holds; `without_token` answers a GET
    that comes without any, and gets the bare request."""
    found = {"GET": get or without_token, "HEAD": get or without_token, "POST": post}
    handlers = {method: handler for method, handler in found.items() if handler}
    allowed = ", ".join(handlers)

    def view(request: HttpRequest, workspace: str, **at: Any) -> HttpResponse:
        try:
            handler = handlers.get(request.method or "")
            if handler is None:
                response = refuse(Refusal(405, f"This address takes {allowed}.", "method-not-allowed"))
                response["Allow"] = allowed
                return response
            if without_token and (get is None or "HTTP_AUTHORIZATION" not in request.META):
                return without_token(request, **at)
            call = Call(request, enter(request, workspace, scopes))
            return compressed(handler(call, **at), request)
        except Exception as error:
            return refused(refuse, error, request)

    view.methods = frozenset(map(str.lower, handlers))  # type: ignore[attr-defined]
    view.refused = partial(refused, refuse)  # type: ignore[attr-defined]
    return csrf_exempt(view)


def refused(
    refuse: Callable[[Refusal], HttpResponse], error: Exception, request: HttpRequest
) -> HttpResponse:
    """The error as the API would answer it, in the protocol's shape."""
    found = exception_handler(error, {"request": request})
    kind = str(found.data["type"]).rpartition(":")[2]
    response = refuse(Refusal(found.status_code, str(found.data["detail"]), kind))
    for name in ("Retry-After", "WWW-Authenticate"):
        if name in found:
            response[name] = found[name]
    return response


def enter(request: HttpRequest, workspace: str, scopes: frozenset[Scope]) -> ApiToken:
    """The caller's token, when it is one of this workspace and has one of these scopes."""
    token = tokens.authenticate(sent_token(request))
    admit(request, token)
    if token.workspace.slug != workspace:
        raise Http404
    if not any(map(token.has_scope, scopes)):
        wanted = " or ".join(shown(scope.value) for scope in sorted(scopes))
        raise Forbidden(f"This token lacks the scope {wanted}.")
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
    """The body behind its Content-Encoding. Raises TooLarge for more than MAX_BODY_BYTES, InvalidInput."""
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        return body
    if encoding not in WINDOW:
        raise UnsupportedContent(f"The encoding {shown(encoding)} is not taken; send gzip, deflate or none.")
    try:
        return _inflated(body, WINDOW[encoding])
    except zlib.error:
        pass
    try:
        # Some clients call the bare stream "deflate".
        if encoding == "deflate":
            return _inflated(body, RAW_DEFLATE)
    except zlib.error:
        pass
    raise InvalidInput(f"The body is not {encoding}, as its Content-Encoding says.")


def _inflated(body: bytes, window: int) -> bytes:
    stream = zlib.decompressobj(window)
    found = stream.decompress(body, settings.MAX_BODY_BYTES + 1)
    if len(found) > settings.MAX_BODY_BYTES:
        raise TooLarge(
            f"The body may hold {settings.MAX_BODY_BYTES:,} bytes, also when it is unpacked.",
            limit=settings.MAX_BODY_BYTES,
        )
    if not stream.eof:
        raise zlib.error
    return found


def compressed(response: HttpResponse, request: HttpRequest) -> HttpResponse:
    """Packed when the caller takes it and it is worth the while."""
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


def plainly(refusal: Refusal) -> HttpResponse:
    """`{"error": "text"}`: what the clients of V2 and of KServe V1 read; anything else breaks their decoders."""
    return as_json({"error": refusal.message}, refusal.status)


def nowhere(refuse: Callable[[Refusal], HttpResponse]) -> Callable[..., HttpResponse]:
    """What nobody serves."""

    def view(request: HttpRequest, **at: Any) -> HttpResponse:
        return refused(refuse, Http404(), request)

    view.methods = frozenset({"get", "post"})  # type: ignore[attr-defined]
    return csrf_exempt(view)
