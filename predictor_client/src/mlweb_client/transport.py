"""HTTP transport: keep-alive connections, timeouts, and retries of calls that are safe to repeat."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import IO
from urllib.parse import urlsplit

from .errors import ConnectionFailed, error_of

BLOCK = 1 << 20
RETRY_STATUSES = frozenset({429, 503})
IDEMPOTENT = frozenset({"GET", "HEAD", "PUT", "DELETE"})


@dataclass(frozen=True)
class Received:
    """Successful response. The body is in `body`, or was written to the given file."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Transport:
    """HTTP connections to one server: one for each thread, kept open between requests."""

    def __init__(self, url: str, *, timeout: float, retries: int, max_wait: float):
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise ValueError(f"{url!r} is not the address of a server, such as https://mlweb.example.org")
        self._kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._host, self._port, self.prefix = parts.hostname, parts.port, parts.path.rstrip("/")
        self._timeout, self._retries, self._max_wait = timeout, retries, max_wait
        self._own = threading.local()
        self._opened: list[http.client.HTTPConnection] = []
        self._lock = threading.Lock()

    def request(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes | IO[bytes] | None = None,
        to: IO[bytes] | None = None,
    ) -> Received:
        """Send a request, with retries. `to`: file for the body of a success. Raises ApiError, ConnectionFailed."""
        waited_seconds, start = 0.0, body.tell() if body is not None and not isinstance(body, bytes) else 0
        for attempt in range(self._retries + 1):
            is_last = attempt == self._retries
            if body is not None and not isinstance(body, bytes):
                body.seek(start)
            is_sent = False
            try:
                connection = self._connection()
                if connection.sock is None:
                    connection.connect()
                is_sent = True
                connection.request(method, self.prefix + path, body, dict(headers))
                response = connection.getresponse()
                if response.status < 400:
                    return Received(response.status, dict(response.headers), _read(response, to))
                error = error_of(response.status, response.read())
                wait = _wait_of(response.headers.get("Retry-After"), attempt)
                # 409 with Retry-After: the server is still working on the first attempt, whose connection broke.
                is_busy = error.status in RETRY_STATUSES or (
                    error.status == 409 and "Retry-After" in response.headers
                )
            except (http.client.HTTPException, OSError) as failure:
                self._drop()
                is_safe = not is_sent or method in IDEMPOTENT or "Idempotency-Key" in headers
                if is_last or not is_safe or (to is not None and to.tell() > 0):
                    raise ConnectionFailed(
                        f"{method} {path}: no answer from {self._host} ({type(failure).__name__}: {failure})."
                    ) from failure
                wait = _wait_of(None, attempt) if not is_sent else 0.0
            else:
                if is_last or not is_busy or waited_seconds + wait > self._max_wait:
                    raise error
            time.sleep(wait)
            waited_seconds += wait
        raise AssertionError("the last attempt returns or raises")

    def close(self) -> None:
        with self._lock:
            for each in self._opened:
                each.close()
            self._opened.clear()
        self._own = threading.local()

    def _connection(self) -> http.client.HTTPConnection:
        connection: http.client.HTTPConnection | None = getattr(self._own, "connection", None)
        if connection is None:
            connection = self._own.connection = self._kind(self._host, self._port, timeout=self._timeout)
            with self._lock:
                self._opened.append(connection)
        return connection

    def _drop(self) -> None:
        """Close this thread's connection; the next request opens it anew."""
        connection = getattr(self._own, "connection", None)
        if connection is not None:
            connection.close()


def _read(response: http.client.HTTPResponse, to: IO[bytes] | None) -> bytes:
    if to is None:
        return response.read()
    while block := response.read(BLOCK):
        to.write(block)
    return b""


def _wait_of(retry_after: str | None, attempt: int) -> float:
    """Seconds to wait: from Retry-After (a number or a date), else exponential back-off 0.2, 0.4, 0.8 …"""
    text = (retry_after or "").strip()
    if text.isdecimal():
        return float(text)
    if text:
        try:
            moment = parsedate_to_datetime(text)
            return max((moment - datetime.now(UTC)).total_seconds(), 0.0)
        except (ValueError, TypeError):  # no date, or one without a zone
            pass
    return 0.2 * float(2**attempt)
