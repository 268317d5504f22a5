"""Logging to the console, as text or as JSON lines, and the access log.

It never contains what callers sent: no bodies, no query strings, of tokens only the public prefix.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, NamedTuple

import orjson

FLUSHED_EVERY_SECONDS = 0.1
MOST_WAITING = 20_000
# PIPE_BUF of Linux: longer writes to a pipe are not atomic and could mix lines of several processes.
MOST_AT_ONCE = 4_096

_current = threading.local()


def enter_request(request_id: str) -> None:
    """Set the request id for the log records of this thread."""
    _current.request_id = request_id


def leave_request() -> None:
    _current.request_id = ""


class OfRequest(logging.Filter):
    """Adds to each record the id of the current request of its thread."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = getattr(_current, "request_id", "")
        record.of_request = f" [{record.request_id}]" if record.request_id else ""
        return True


class WithoutTraceback(logging.Filter):
    """Drops the traceback of a refusal: a caller who is refused has found no fault, and could fill the log."""

    def filter(self, record: logging.LogRecord) -> bool:
        is_refusal = record.name.startswith("django.security") or (
            record.name == "django.request" and getattr(record, "status_code", 500) < 500
        )
        if is_refusal:
            record.exc_info = record.exc_text = None
        return True


def shown_path(path: str) -> str:
    """The path of a request as logs hold it: without the secret of a published form's link, `/f/TOKEN/`."""
    return f"/f/…/{path[3:].partition('/')[2]}" if path.startswith("/f/") else path


class WithoutLinks(logging.Filter):
    """Django names the path of a request that failed: here without the secret of a published form's link."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name.startswith("django.") and isinstance(record.args, tuple):
            record.args = tuple(shown_path(each) if isinstance(each, str) else each for each in record.args)
        return True


class JSONFormatter(logging.Formatter):
    """One JSON object a line: at, level, logger, message; request_id and traceback if there are any."""

    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "at": _moment(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if request_id := getattr(record, "request_id", ""):
            entry["request_id"] = request_id
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info)
        return orjson.dumps(entry, default=str).decode()


class Access(NamedTuple):
    """One entry of the access log. `at`: Unix time of the start, in seconds."""

    at: float
    request_id: str
    method: str
    path: str
    status: int
    latency_ms: float
    workspace: str
    model: str
    token: str

    def as_json(self) -> bytes:
        entry = {name: value for name, value in self._asdict().items() if value != ""}
        return orjson.dumps({**entry, "at": _moment(self.at), "level": "info", "logger": "access"}) + b"\n"

    def as_line(self) -> bytes:
        more = [
            f"{name}={value}" for name in ("workspace", "model", "token") if (value := getattr(self, name))
        ]
        words = (
            f"{_moment(self.at)} INFO access {self.method} {self.path} {self.status} {self.latency_ms} ms",
            *more,
            f"[{self.request_id}]",
        )
        text = " ".join(words)
        return "".join(each if each.isprintable() else "?" for each in text).encode() + b"\n"


class AccessLog:
    """Write-behind access log: a request appends its entry, and a thread writes all entries ten times a second."""

    def __init__(self, *, is_json: bool, descriptor: int = 2):
        self._as_bytes = Access.as_json if is_json else Access.as_line
        self._descriptor = descriptor
        self._waiting: deque[Access] = deque(maxlen=MOST_WAITING)
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._wake = threading.Event()
        os.register_at_fork(after_in_child=self._begin_anew)
        _access_logs.append(self)

    def add(self, entry: Access) -> None:
        self._waiting.append(entry)
        if self._thread is None:
            self._start()
        self._wake.set()

    def flush(self) -> None:
        """Write all entries that wait now."""
        with self._lock:
            entries = [self._waiting.popleft() for _ in range(len(self._waiting))]
            for piece in pieces(map(self._as_bytes, entries)):
                os.write(self._descriptor, piece)

    def _start(self) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="access-log", daemon=True)
                self._thread.start()

    def _work(self) -> None:
        while True:
            self._wake.wait()
            self._wake.clear()
            time.sleep(FLUSHED_EVERY_SECONDS)
            try:
                self.flush()
            except OSError:
                time.sleep(1)  # the console is closed or full; meanwhile the deque drops its oldest entries

    def _begin_anew(self) -> None:
        self._waiting.clear()
        self._thread, self._lock, self._wake = None, threading.Lock(), threading.Event()


_access_logs: list[AccessLog] = []


@atexit.register
def flush() -> None:
    """Write the waiting entries of all access logs."""
    for each in _access_logs:
        each.flush()


def pieces(lines: Iterable[bytes]) -> Iterable[bytes]:
    """Join whole lines to pieces of at most MOST_AT_ONCE bytes."""
    joined: list[bytes] = []
    size = 0
    for line in lines:
        if joined and size + len(line) > MOST_AT_ONCE:
            yield b"".join(joined)
            joined, size = [], 0
        joined.append(line)
        size += len(line)
    if joined:
        yield b"".join(joined)


def config(*, is_json: bool, level: str) -> dict[str, Any]:
    """The value of Django's LOGGING setting."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {
            "request": {"()": "mlweb.logs.OfRequest"},
            "refusals": {"()": "mlweb.logs.WithoutTraceback"},
            "links": {"()": "mlweb.logs.WithoutLinks"},
        },
        "formatters": {
            "line": {"format": "{asctime} {levelname} {name} {message}{of_request}", "style": "{"},
            "json": {"()": "mlweb.logs.JSONFormatter"},
        },
        "handlers": {
            "console": {
                "class": "logging.StreamHandler",
                "filters": ["request", "refusals", "links"],
                "formatter": "json" if is_json else "line",
            }
        },
        "root": {"handlers": ["console"], "level": level},
        # Each sweep would log two lines every few seconds.
        "loggers": {
            "celery.worker.strategy": {"level": "WARNING"},
            "celery.app.trace": {"level": "WARNING"},
        },
    }


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
