"""The header `Idempotency-Key`: a request that creates something can be repeated without creating it twice.

    class DatasetViewSet(…):
        @extend_schema(…)
        @idempotent
        def create(self, request, **kwargs): …

Without the header the decorator costs one dict lookup.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from functools import wraps
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from ..http.preferences import RESPOND_ASYNC, prefers_async
from ..services import artifacts
from ..services.operations import idempotency
from .viewsets import token_of

HEADER = "HTTP_IDEMPOTENCY_KEY"
REPLAYED = "Idempotency-Replayed"
PARAMETER = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "pattern": f"^{idempotency.KEY.pattern}$"},
    OpenApiParameter.HEADER,
    description="Of your making. The same request with the same key gets the answer of the first one, with the "
    "header `Idempotency-Replayed`; 409 while that is being made, 422 when something else is sent.",
)
# Errors that a repetition would get again. The others (429, 503, 409, 500) may go away, so the request is tried
# again.
KEPT_REFUSALS = frozenset({400, 404, 413, 415, 422})
# Headers that each response sets for itself.
NOT_KEPT = frozenset({"allow", "vary", "x-request-id"})
BLOCK = 1 << 20

Handler = Callable[..., HttpResponseBase]


def idempotent(method: Handler | None = None, *, is_atomic: bool = False) -> Any:
    """Decorator that makes a creating handler idempotent.

    `is_atomic`: the handler's rows and the stored response are one transaction. Then a repetition creates nothing
    twice even if the process is killed between the two. Only for quick handlers.
    """

    def decorate(handler: Handler) -> Handler:
        @wraps(handler)
        def answered(view: Any, request: Request, **kwargs: Any) -> HttpResponseBase:
            key = request.META.get(HEADER)
            if key is None:
                return handler(view, request, **kwargs)
            return _answer_once(view, request, key, lambda: handler(view, request, **kwargs), is_atomic)

        documented: Handler = extend_schema(parameters=[PARAMETER])(answered)
        return documented

    return decorate if method is None else decorate(method)


def _answer_once(
    view: Any, request: Request, key: str, make: Callable[[], HttpResponseBase], is_atomic: bool
) -> HttpResponseBase:
    token = token_of(request)
    claimed = idempotency.claim(
        workspace_id=view.workspace.pk,
        caller=f"token-{token.pk}" if token else f"user-{request.user.pk}",
        key=key,
        route=f"{request.method} {request.path}",
        fingerprint=fingerprint_of(request),
    )
    if isinstance(claimed, idempotency.StoredResponse):
        return replayed(claimed)
    with claimed as claim:
        try:
            with transaction.atomic() if is_atomic else nullcontext():
                return _kept(claim, _rendered(view, request, make()))
        except Exception as error:
            claim.give_up()
            refusal = _rendered(view, request, view.handle_exception(error))
        return _kept(claim, refusal) if refusal.status_code in KEPT_REFUSALS else refusal


def fingerprint_of(request: Request) -> str:
    """SHA-256 of the request: method, URL, `Prefer: respond-async`, and the body. For a form its fields and files
    are hashed instead of the body."""
    preference = f" {RESPOND_ASYNC}" if prefers_async(request) else ""
    digest = hashlib.sha256(f"{request.method} {request.get_full_path()}{preference}\n".encode())
    if (request.content_type or "").split(";")[0].strip().lower() == "application/json":
        digest.update(request._request.body)
        return digest.hexdigest()
    fields, files = request.data, request.FILES
    for name in sorted(fields):
        if name not in files:
            digest.update(repr((name, fields.getlist(name))).encode())
    for name in sorted(files):
        for file in files.getlist(name):
            file.seek(0)
            content = hashlib.file_digest(file, "sha256").hexdigest()
            file.seek(0)
            digest.update(repr((name, file.name, content)).encode())
    return digest.hexdigest()


def replayed(answer: idempotency.StoredResponse) -> HttpResponseBase:
    """The stored response, with the header `Idempotency-Replayed`."""
    response: HttpResponseBase
    if answer.body_digest:
        response = StreamingHttpResponse(_blocks(artifacts.verified_path(answer.body_digest)))
    else:
        response = HttpResponse(answer.body)
    response.status_code = answer.status
    for name, value in answer.headers.items():
        response[name] = value
    response[REPLAYED] = "true"
    return response


def _rendered(view: Any, request: Request, response: HttpResponseBase) -> HttpResponseBase:
    if isinstance(response, Response) and not response.is_rendered:
        response.accepted_renderer = request.accepted_renderer  # type: ignore[attr-defined]
        response.accepted_media_type = request.accepted_media_type  # type: ignore[attr-defined]
        response.renderer_context = view.get_renderer_context()  # type: ignore[attr-defined]
        response.render()
    return response


def _kept(claim: idempotency.Claim, response: HttpResponseBase) -> HttpResponseBase:
    """Store the response. Returns the response to send: a stream is then read from the stored file."""
    headers = {name: value for name, value in response.items() if name.lower() not in NOT_KEPT}
    with artifacts.keeping():
        if isinstance(response, StreamingHttpResponse):
            body, digest = b"", _stored(response)
            response.streaming_content = _blocks(artifacts.path_of(digest))
        else:
            body, digest = idempotency.keep_body(response.content)  # type: ignore[attr-defined]
        claim.keep(idempotency.StoredResponse(response.status_code, headers, body, digest))
    return response


def _stored(response: StreamingHttpResponse) -> str:
    with tempfile.TemporaryDirectory(dir=settings.WORK_DIR, prefix="answer-") as folder:
        path = Path(folder) / "body"
        with path.open("wb") as file:
            file.writelines(response.streaming_content)  # type: ignore[arg-type]
        return artifacts.put(path, may_link=True)


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            yield block
