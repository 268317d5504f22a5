"""What the fast path does instead of each middleware: the table is complete, and both ways give the same response."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore

from mlweb.fast_path import INSTEAD_OF_MIDDLEWARE
from predictor.models import ModelVersion, User
from predictor.services.process import draining
from predictor.tests.mlweb.both_ways import BothWays, same

LIVE = "/serve/acme/v2/health/live"
NOT_NEEDED = "Not needed: "


def test_the_table_names_every_middleware() -> None:
    assert list(INSTEAD_OF_MIDDLEWARE) == settings.MIDDLEWARE


# --- What a middleware does, the fast path does, too ----------------------------------------------------------
def counts_and_closes_connections(both_ways: BothWays, patch: pytest.MonkeyPatch) -> None:
    open_, _ = same(both_ways.send(LIVE, method="GET"))
    patch.setattr(draining, "_is_told", True)
    closed, _ = same(both_ways.send(LIVE, method="GET"))

    assert open_.counted == closed.counted == {("v2", 200): 1}
    assert (open_.headers.get("Connection"), closed.headers["Connection"]) == (None, "close")


def gives_a_request_id(both_ways: BothWays, patch: pytest.MonkeyPatch) -> None:
    own, _ = same(both_ways.send(LIVE, method="GET", headers={"X-Request-ID": "r-1"}))
    new, full = both_ways.send(LIVE, method="GET", headers={"X-Request-ID": "not well formed"})

    assert own.headers["X-Request-ID"] == "r-1"
    assert len(new.headers["X-Request-ID"]) == len(full.headers["X-Request-ID"]) == 32


def requires_https_and_sets_headers(both_ways: BothWays, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(settings, "SECURE_SSL_REDIRECT", True)
    patch.setattr(settings, "SECURE_HSTS_SECONDS", 60)

    refused, _ = same(both_ways.send(f"{LIVE}?a=1", method="GET"))
    secure, _ = same(both_ways.send(LIVE, method="GET", is_secure=True))
    evil, full = both_ways.send(LIVE, method="GET", headers={"Host": "evil.example"})

    assert (refused.status, refused.counted) == (403, {("v2", 403): 1})
    assert "over https" in json.loads(refused.body)["detail"]
    assert (evil.status, evil.counted) == (full.status, full.counted) == (400, {("v2", 400): 1})
    assert secure.headers["Strict-Transport-Security"].startswith("max-age=60")
    assert secure.headers["X-Content-Type-Options"] == "nosniff"


def checks_the_host_and_sets_the_length(both_ways: BothWays, patch: pytest.MonkeyPatch) -> None:
    good, _ = same(both_ways.send(LIVE, method="GET"))
    evil, _ = same(both_ways.send(LIVE, method="GET", headers={"Host": "evil.example"}))

    assert good.headers["Content-Length"] == str(len(good.body))
    assert (evil.status, evil.counted) == (400, {("v2", 400): 1})
    # Settings of this middleware that the fast path does not read.
    assert not settings.DISALLOWED_USER_AGENTS
    assert not settings.PREPEND_WWW


def sets_the_policy_and_forbids_storing(both_ways: BothWays, patch: pytest.MonkeyPatch) -> None:
    fast, full = both_ways.send(LIVE, method="GET")

    for name in ("Content-Security-Policy", "X-Frame-Options", "Cache-Control"):
        assert fast.headers[name] == full.headers[name]
    assert fast.headers["Cache-Control"] == "no-store"
    assert fast.headers["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in fast.headers["Content-Security-Policy"]


CHECKS: dict[str, Callable[[BothWays, pytest.MonkeyPatch], None]] = {
    "mlweb.request_metrics.RequestMetricsMiddleware": counts_and_closes_connections,
    "mlweb.middleware.RequestIdMiddleware": gives_a_request_id,
    "mlweb.middleware.HttpsForProgramsMiddleware": requires_https_and_sets_headers,
    "django.middleware.security.SecurityMiddleware": requires_https_and_sets_headers,
    "mlweb.middleware.NoStoreMiddleware": sets_the_policy_and_forbids_storing,
    "csp.middleware.CSPMiddleware": sets_the_policy_and_forbids_storing,
    "django.middleware.clickjacking.XFrameOptionsMiddleware": sets_the_policy_and_forbids_storing,
    "django.middleware.common.CommonMiddleware": checks_the_host_and_sets_the_length,
}


@pytest.mark.parametrize("middleware", CHECKS)
def test_the_fast_path_does_what_the_middleware_does(
    middleware: str, both_ways: BothWays, monkeypatch: pytest.MonkeyPatch, db: None
) -> None:
    CHECKS[middleware](both_ways, monkeypatch)


def test_every_middleware_is_checked_or_not_needed() -> None:
    needed = {name for name, text in INSTEAD_OF_MIDDLEWARE.items() if not text.startswith(NOT_NEEDED)}

    assert needed == {*CHECKS, "mlweb.fast_path.FastPathMiddleware"}


def test_a_session_beside_a_token_is_not_read(
    both_ways: BothWays, member: User, linear: ModelVersion
) -> None:
    session = SessionStore()
    session["_auth_user_id"] = str(member.pk)
    session.create()
    headers = {"Cookie": f"sessionid={session.session_key}", "Authorization": "Bearer mlw_wrong"}

    answer, _ = same(both_ways.send("/api/v1/acme/models/article/predictions", b"{}", headers=headers))

    assert answer.status == 401
