"""Rate limits: burst, refill, and buckets shared by processes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from predictor.errors import RateLimited
from predictor.models import ApiToken
from predictor.services.accounts import rate_limits
from predictor.services.accounts.rate_limits import InFile, InMemory, InRedis
from predictor.tests.operations.servers import REDIS, redis


class Clock:
    at = 1_000_000.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(rate_limits, "now", made)
    return made


@pytest.fixture
def token(monkeypatch: pytest.MonkeyPatch) -> Iterator[ApiToken]:
    monkeypatch.setattr(rate_limits, "_buckets", InMemory())
    return ApiToken(pk=7, requests_per_minute=6)


@pytest.mark.parametrize("kind", [InMemory, InFile])
def test_a_full_bucket_allows_a_minutes_requests_at_once_then_refills(clock: Clock, kind: Any) -> None:
    buckets, interval = kind(), 10.0

    at_once = [buckets.take(7, interval)[0] for _ in range(8)]
    clock.at += 9.9
    too_early = buckets.take(7, interval)[0]
    clock.at += 0.2
    later = [buckets.take(7, interval)[0] for _ in range(2)]
    another = buckets.take(8, interval)[0]
    clock.at += 1_000
    rested = [buckets.take(7, interval)[0] for _ in range(7)]

    assert at_once == [True] * 6 + [False] * 2
    assert not too_early
    assert later == [True, False]
    assert another
    assert rested == [True] * 6 + [False]


def test_a_clock_that_is_set_back_locks_nobody_out_for_longer_than_a_minute(clock: Clock) -> None:
    buckets = InFile()
    for _ in range(7):
        buckets.take(7, 10.0)

    clock.at -= 86_400
    assert not buckets.take(7, 10.0)[0]
    clock.at += 60

    assert buckets.take(7, 10.0)[0]


def test_the_state_says_what_remains_and_when_to_retry(clock: Clock, token: ApiToken) -> None:
    first = rate_limits.take(token)
    assert first is not None
    for _ in range(5):
        last = rate_limits.take(token)
    clock.at += 4
    refused = rate_limits.take(token)

    assert first.headers == {
        "RateLimit-Limit": "6",
        "RateLimit-Remaining": "5",
        "RateLimit-Reset": "10",
        "RateLimit-Policy": "6;w=60",
    }
    assert last is not None
    assert (last.remaining, last.is_allowed) == (0, True)
    assert refused is not None
    with pytest.raises(RateLimited, match="6 requests a minute") as error:
        refused.require()
    assert (error.value.retry_seconds, error.value.limit) == (6, 6)


@pytest.mark.parametrize(
    ("own", "common", "limit"), [(None, 0, 0), (5, 0, 5), (None, 9, 9), (5, 9, 5), (99, 9, 9)]
)
def test_the_stricter_limit_holds(settings: Any, own: int | None, common: int, limit: int) -> None:
    settings.TOKEN_REQUESTS_PER_MINUTE = common

    assert rate_limits.limit_of(ApiToken(requests_per_minute=own)) == limit


ASK = """
import os, sys
sys.path.insert(0, os.getcwd())
import django; django.setup()
from predictor.services.accounts.rate_limits import InFile
buckets = InFile()
print(sum(buckets.take(3, 0.6)[0] for _ in range(100)))
"""


def test_processes_share_a_bucket(settings: Any) -> None:
    environment = {
        **os.environ,
        "MLWEB_DATA_DIR": str(settings.DATA_DIR),
        "DJANGO_SETTINGS_MODULE": "mlweb.settings",
    }
    asking = [
        subprocess.Popen([sys.executable, "-c", ASK], stdout=subprocess.PIPE, env=environment)
        for _ in range(2)
    ]
    allowed = sum(int(each.communicate()[0]) for each in asking)

    # A hundred fit, and one more for each 0.6 s that the two needed; a bucket each would be two hundred.
    assert 100 <= allowed < 200


def test_a_file_that_cannot_be_written_leaves_a_bucket_for_the_process(settings: Any) -> None:
    settings.DATA_DIR = Path("/nowhere")
    buckets = InFile()

    assert [buckets.take(7, 20.0)[0] for _ in range(4)] == [True, True, True, False]


@pytest.mark.servers
@pytest.mark.skipif(REDIS is None, reason="Redis is not installed")
def test_machines_share_a_bucket_in_redis_and_go_on_without_it(tmp_path: Path) -> None:
    with redis(tmp_path) as url:
        one, two = (InRedis(f"{url}/1", InMemory()) for _ in range(2))
        answers = [each.take(7, 20.0) for _ in range(2) for each in (one, two)]
        one._script.registered_client.close()
        two._script.registered_client.close()

    assert [is_allowed for is_allowed, _ in answers] == [True, True, True, False]
    assert 59 < answers[2][1] <= 60
    assert one.take(7, 20.0)[0]  # Redis is gone


def test_a_limit_that_is_far_away_is_counted_by_each_process_for_its_share(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.conf import settings

    monkeypatch.setattr(rate_limits, "_minutes", {})
    monkeypatch.setattr(settings, "WEB_WORKERS", 2)
    limit = rate_limits.ROUGH_FROM
    token = ApiToken(pk=7, requests_per_minute=limit)

    allowed = [rate_limits.take(token) for _ in range(limit // 2)]
    clock.at += 15
    refused = rate_limits.take(token)
    other = rate_limits.take(ApiToken(pk=8, requests_per_minute=limit))
    clock.at += 45

    assert set(allowed) == {None}
    assert other is None
    assert refused is not None
    with pytest.raises(RateLimited) as error:
        refused.require()
    assert error.value.retry_seconds == 45
    assert rate_limits.take(token) is None


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("no address", "no address"),
    ],
)
def test_one_caller_has_all_of_an_ipv6_network(address: str, network: str) -> None:
    assert rate_limits.network_of(address) == network


def test_the_buckets_of_addresses_cannot_be_foreseen(settings: Settings) -> None:
    first = rate_limits._place_of(1, "192.0.2.7")
    settings.SECRET_KEY = "another one"

    assert rate_limits._place_of(1, "192.0.2.7") != first
    assert 0 <= first < rate_limits.LINK_BUCKETS
