from __future__ import annotations

import pytest
from django.http import HttpRequest
from pytest_django import Settings

from predictor.errors import NotAuthenticated, RateLimited
from predictor.http.authentication import address_of, authenticate, count_request
from predictor.models import ApiToken, Scope, User, Workspace
from predictor.services.accounts import rate_limits, tokens
from predictor.services.process import meters


@pytest.fixture(autouse=True)
def _own_buckets_and_meters(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limits, "_buckets", rate_limits.InMemory())
    monkeypatch.setattr(rate_limits, "now", lambda: 1_000.0)
    monkeypatch.setattr(meters, "_meters", meters.Meters(settings.DATA_DIR / "meters"))


def counted(token: ApiToken) -> HttpRequest:
    request = HttpRequest()
    count_request(request, token)
    return request


def test_a_request_within_the_limit_carries_its_token_and_the_state_of_its_limit() -> None:
    token = ApiToken(pk=7, requests_per_minute=2)

    first, second = counted(token), counted(token)

    assert first.api_token is token  # type: ignore[attr-defined]
    assert [each.standing.remaining for each in (first, second)] == [1, 0]  # type: ignore[attr-defined]


def test_a_refused_request_carries_them_too_for_the_headers_of_the_answer() -> None:
    token, request = ApiToken(pk=7, requests_per_minute=1), HttpRequest()
    counted(token)

    with pytest.raises(RateLimited, match="may send 1 requests a minute") as refused:
        count_request(request, token)

    assert (refused.value.retry_seconds, refused.value.limit) == (60, 1)
    assert request.api_token is token  # type: ignore[attr-defined]
    assert request.standing.remaining == 0  # type: ignore[attr-defined]
    assert meters.totals().value("rate_limited") == 1


def test_a_token_without_a_limit_has_no_state(settings: Settings) -> None:
    settings.TOKEN_REQUESTS_PER_MINUTE = 0

    request = counted(ApiToken(pk=7))

    assert not hasattr(request, "standing")
    assert request.api_token.pk == 7  # type: ignore[attr-defined]


def test_a_wrong_token_counts_once_for_each_request(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limits, "WRONG_TOKENS_PER_MINUTE", 2)
    monkeypatch.setattr(rate_limits, "_wrong_tokens", rate_limits.InMemory())
    requests = [HttpRequest() for _ in range(3)]

    def authenticated(request: HttpRequest) -> None:
        authenticate(request, "mlw_wrong")

    for request in requests[:2]:
        for _ in range(3):
            with pytest.raises(NotAuthenticated):
                authenticated(request)
    with pytest.raises(RateLimited):
        authenticated(requests[2])


def test_tokens_do_not_share_their_limit() -> None:
    for pk in (7, 8):
        counted(ApiToken(pk=pk, requests_per_minute=1))

    with pytest.raises(RateLimited):
        counted(ApiToken(pk=8, requests_per_minute=1))


def from_address(address: str, **more: str) -> HttpRequest:
    request = HttpRequest()
    request.META.update(REMOTE_ADDR=address, **more)
    return request


def test_wrong_tokens_of_one_address_are_slowed_down_and_those_of_another_are_not(db: None) -> None:
    for _ in range(rate_limits.WRONG_TOKENS_PER_MINUTE):
        with pytest.raises(NotAuthenticated):
            authenticate(from_address("10.0.0.1"), "mlw_wrong")

    with pytest.raises(RateLimited, match="Too many wrong tokens"):
        authenticate(from_address("10.0.0.1"), "mlw_wrong")
    with pytest.raises(NotAuthenticated):
        authenticate(from_address("10.0.0.2"), "mlw_wrong")


def test_a_right_token_is_served_beside_wrong_ones(member: User, workspace: Workspace) -> None:
    made = tokens.create_token(user=member, workspace=workspace, name="t", scopes=[Scope.READ])
    for _ in range(rate_limits.WRONG_TOKENS_PER_MINUTE + 1):
        with pytest.raises((NotAuthenticated, RateLimited)):
            authenticate(from_address("10.0.0.1"), "mlw_wrong")

    assert authenticate(from_address("10.0.0.1"), made.plaintext).pk == made.token.pk


def test_the_address_is_what_the_nearest_proxy_saw_only_where_there_is_one(settings: Settings) -> None:
    request = from_address("10.0.0.1", HTTP_X_FORWARDED_FOR="6.6.6.6, 7.7.7.7")

    assert address_of(request) == "10.0.0.1"
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    assert address_of(request) == "7.7.7.7"
