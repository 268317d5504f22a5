"""Exceptions of the client, one for each kind of HTTP error."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .answers import Batch, Run


class MlwebClientError(Exception):
    """Base class of the errors that this package raises."""


class ConnectionFailed(MlwebClientError):
    """No response from the server: it is not reachable, or the connection broke or timed out."""


class JobFailed(MlwebClientError):
    """`wait`: the training run or batch failed or was cancelled. `job`: its last state."""

    def __init__(self, job: Run | Batch):
        self.job = job
        super().__init__(f"{job.kind} {job.id} {job.status}. {job.error}".strip())


@dataclass(frozen=True)
class Problem:
    """One fault of a request. `pointer`: its place in the request, such as /rows/0/age."""

    detail: str
    pointer: str = ""


class ApiError(MlwebClientError):
    """Error response of the server: a problem document (RFC 9457)."""

    def __init__(self, status: int, document: Mapping[str, Any]):
        self.status = status
        self.type = str(document.get("type", "about:blank"))
        self.title = str(document.get("title", ""))
        self.detail = str(document.get("detail", "")) or f"The server answered {status}."
        self.limit = document.get("limit")
        self.request_id = str(document.get("request_id", ""))
        self.problems = tuple(
            Problem(str(each.get("detail", "")), str(each.get("pointer", "")))
            for each in document.get("errors") or ()
            if isinstance(each, Mapping)
        )
        super().__init__(f"{status}: {self.detail}")


class Invalid(ApiError):
    """400, 413, 415, 422: the request is invalid; `problems` name rows and columns."""


class NotAuthenticated(ApiError):
    """401: no token, or one that is wrong, revoked or expired."""


class Forbidden(ApiError):
    """403: the token lacks the scope, or its owner the role."""


class NotFound(ApiError):
    """404: it does not exist, or it is hidden from this token."""


class Conflict(ApiError):
    """409: the current state does not allow the call."""


class TooMany(ApiError):
    """429 (rate limit) after all retries."""


class Unavailable(ApiError):
    """502, 503, 504 after all retries."""


KINDS: dict[int, type[ApiError]] = {
    400: Invalid, 401: NotAuthenticated, 403: Forbidden, 404: NotFound, 409: Conflict, 413: Invalid, 415: Invalid,
    422: Invalid, 429: TooMany, 502: Unavailable, 503: Unavailable, 504: Unavailable,
}  # fmt: skip


def error_of(status: int, body: bytes) -> ApiError:
    """Exception for an error response; the body may be anything."""
    try:
        document = json.loads(body)
    except ValueError:
        document = {}
    return KINDS.get(status, ApiError)(status, document if isinstance(document, dict) else {})
