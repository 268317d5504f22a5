"""Console logs and access log: with the request id, without request data."""

from __future__ import annotations

import json
import logging
import os
import sys
from pathlib import Path

from django.http import HttpResponse
from django.test import RequestFactory

from mlweb import logs
from mlweb.logs import Access, AccessLog, JSONFormatter, OfRequest, WithoutTraceback, pieces
from mlweb.middleware import RequestIdMiddleware
from mlweb.request_metrics import RequestMetricsMiddleware
from predictor.models import ApiToken

ENTRY = Access(1_700_000_000.0, "r-1", "POST", "/predict", 200, 1.25, "acme", "churn", "mlw_abc")


def test_an_error_is_one_object_with_traceback_and_request_id() -> None:
    logs.enter_request("r-7")
    try:
        raise KeyError("gone")
    except KeyError:
        record = logging.LogRecord("x", logging.ERROR, "f.py", 1, "It %s.", ("broke",), sys.exc_info())
    OfRequest().filter(record)
    logs.leave_request()

    found = json.loads(JSONFormatter().format(record))

    assert {name: found[name] for name in ("level", "logger", "message", "request_id")} == {
        "level": "error", "logger": "x", "message": "It broke.", "request_id": "r-7",
    }  # fmt: skip
    assert "KeyError" in found["traceback"]


def test_an_access_entry_is_a_json_object_or_a_line() -> None:
    found = json.loads(ENTRY.as_json())

    assert found["status"] == 200
    assert found["latency_ms"] == 1.25
    assert found["at"] == "2023-11-14T22:13:20.000+00:00"
    assert ENTRY.as_line() == (
        b"2023-11-14T22:13:20.000+00:00 INFO access POST /predict 200 1.25 ms"
        b" workspace=acme model=churn token=mlw_abc [r-1]\n"
    )
    assert ENTRY._replace(path="/a\nINFO forged").as_line().count(b"\n") == 1


def test_lines_are_written_whole_in_atomic_writes() -> None:
    lines = [b"x" * size + b"\n" for size in (4_000, 50, 60, 9_000, 1)]

    found = list(pieces(lines))

    assert b"".join(found) == b"".join(lines)
    assert [len(piece) for piece in found] == [4_052, 61, 9_001, 2]


def test_the_access_log_has_the_tokens_prefix_and_no_query_string(tmp_path: Path) -> None:
    path = tmp_path / "log"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)

    def view(request: object) -> HttpResponse:
        request.api_token = ApiToken(prefix="mlw_abcdef")  # type: ignore[attr-defined]
        return HttpResponse(status=201)

    handler = RequestMetricsMiddleware(RequestIdMiddleware(view))
    metrics = handler.metrics
    metrics.log = AccessLog(is_json=True, descriptor=descriptor)
    request = RequestFactory().post(
        "/api/v1/acme/models/m/predictions?name=Ada", {"secret": "S3CRET"},
        headers={"Authorization": "Bearer mlw_abcdefghij", "X-Request-ID": "r-2"},
    )  # fmt: skip
    handler(request)
    metrics.log.flush()
    os.close(descriptor)
    logs._access_logs.remove(metrics.log)

    text = path.read_text()
    found = json.loads(text)
    assert (found["request_id"], found["status"], found["token"]) == ("r-2", 201, "mlw_abcdef")
    assert not any(word in text for word in ("Ada", "S3CRET", "ghij"))


def test_a_refusal_has_no_traceback_and_a_fault_has_one() -> None:
    def record(name: str, status: int) -> logging.LogRecord:
        try:
            raise PermissionError("You may not do this.")
        except PermissionError:
            made = logging.LogRecord(name, logging.WARNING, "f.py", 1, "Forbidden", (), sys.exc_info())
        made.status_code = status
        WithoutTraceback().filter(made)
        return made

    assert record("django.request", 403).exc_info is None
    assert record("django.security.DisallowedHost", 400).exc_info is None
    assert record("django.request", 500).exc_info is not None
    assert record("predictor.http.problems", 500).exc_info is not None
