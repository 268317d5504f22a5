"""A request answered twice: through the fast path, and through all of Django's middleware."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from django.test import RequestFactory

from mlweb import fast_path
from predictor.services.process import meters

OF_INNER_MIDDLEWARE = ("X-Frame-Options", "Content-Security-Policy", "Cache-Control")


@dataclass(frozen=True)
class Answer:
    """A response, and the requests that the metrics counted for it, by interface and status."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    counted: Mapping[tuple[str, int], float]


class BothWays:
    """Sends requests to the WSGI application, whose settings are those of the first request."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path):
        self._monkeypatch, self._folder = monkeypatch, folder

    @cached_property
    def _application(self) -> fast_path.FastPathHandler:
        return fast_path.FastPathHandler()

    def send(
        self,
        path: str,
        body: bytes = b"",
        *,
        method: str = "POST",
        is_secure: bool = False,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[Answer, Answer]:
        """The response through the fast path, and the one through the full stack."""

        def environ() -> dict[str, Any]:
            request = RequestFactory().generic(
                method, path, body, "application/json", secure=is_secure, headers=headers
            )
            return request.environ

        assert fast_path.takes_fast_path(environ()), path
        fast = self._answer(environ())
        with self._monkeypatch.context() as patch:
            patch.setattr(fast_path, "takes_fast_path", lambda environ: False)
            return fast, self._answer(environ())

    def _answer(self, environ: dict[str, Any]) -> Answer:
        started: list[Any] = []
        with self._monkeypatch.context() as patch:
            own = meters.Meters(self._folder)
            patch.setattr(meters, "_meters", own)
            chunks = self._application(environ, lambda *head: started.extend(head))
            body = b"".join(chunks)
            counted = {(face, status): count for face, status, count in meters.Totals(own.cells).requests()}
        status, headers = started
        return Answer(int(status.split()[0]), dict(headers), body, counted)


def same(answers: tuple[Answer, Answer]) -> tuple[Answer, Answer]:
    """The answers: equal but for what differs in each response, and for headers of inner middleware."""
    fast, full = answers

    assert fast.status == full.status != 500
    assert fast.counted == full.counted
    assert _lasting(fast.body) == _lasting(full.body)
    assert _headers(fast) == _headers(full)
    assert set(OF_INNER_MIDDLEWARE) <= set(fast.headers)
    return answers


def _headers(answer: Answer) -> dict[str, str]:
    """The headers that have to be equal.

    The full stack gives no length, and no headers of inner middleware, to what an outer one answers. It varies by
    the cookie where it asked for a session.
    """
    headers = {name: value for name, value in answer.headers.items() if name not in OF_INNER_MIDDLEWARE}
    length = headers.pop("Content-Length", None)
    assert length in (None, str(len(answer.body)))
    assert headers.pop("X-Request-ID")
    if "Vary" in headers:
        headers["Vary"] = headers["Vary"].removesuffix(", Cookie")
    return headers


def _lasting(body: bytes) -> Any:
    """The body, without times and ids."""
    try:
        document = json.loads(body)
    except ValueError:
        return body
    places = document if isinstance(document, list) else [document]
    for each in [*places, *document.get("predictions", ())] if isinstance(document, dict) else places:
        for name in ("id", "request_id", "latency_ms"):
            each.pop(name, None) if isinstance(each, dict) else None
    return document
