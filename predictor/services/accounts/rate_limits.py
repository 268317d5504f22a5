"""Rate limit of an API token: a token bucket of one minute's requests (GCRA), shared by all web processes.

The processes of one machine share the buckets in a file; with a Redis in `CACHE_URL`, all machines share them.
A token with 100 requests a minute may send 100 at once after a pause, then one every 0.6 s, to any process. The
generic cell rate algorithm (GCRA) stores one number for each bucket: the time at which it will be full again.
"""

from __future__ import annotations

import fcntl
import hashlib
import ipaddress
import logging
import math
import os
import struct
import threading
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from django.conf import settings

from ...errors import RateLimited
from ...models import ApiToken, PublishedForm
from ..process import meters

logger = logging.getLogger(__name__)

PERIOD_SECONDS = 60
REDIS_TIMEOUT_SECONDS = 0.25
REDIS_REST_SECONDS = 10
# From this limit on, requests a minute, each process counts its share by itself; of so many tokens.
ROUGH_FROM, MOST_ROUGH = 60_000, 10_000
# Wrong tokens that one address may try, and how many addresses are counted apart.
WRONG_TOKENS_PER_MINUTE = 120
WRONG_TOKEN_BUCKETS = 65_536
# How many pairs of a published form and an address are counted apart.
LINK_BUCKETS = 65_536
# Tolerance for rounding in sums of floating-point times.
SLACK_SECONDS = 1e-6

now: Callable[[], float] = time.time


@dataclass(frozen=True)
class RateLimitState:
    """The state of a rate limit after a request: whether it is allowed, and how many more are right now."""

    limit: int
    remaining: int
    full_in_seconds: float
    retry_in_seconds: float = 0.0

    @property
    def is_allowed(self) -> bool:
        return not self.retry_in_seconds

    @property
    def headers(self) -> dict[str, str]:
        """The response headers of draft-ietf-httpapi-ratelimit-headers-06."""
        return {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(math.ceil(self.full_in_seconds)),
            "RateLimit-Policy": f"{self.limit};w={PERIOD_SECONDS}",
        }

    def require(self) -> None:
        """Count a refusal and raise RateLimited, if the request is not allowed."""
        if not self.is_allowed:
            meters.count("rate_limited")
            raise RateLimited(
                f"This token may send {self.limit:,} requests a minute, and has sent them.",
                retry_seconds=math.ceil(self.retry_in_seconds),
                limit=self.limit,
            )


def limit_of(token: ApiToken) -> int:
    """Requests a minute, 0 for no limit: the stricter one of the token's own and the installation's."""
    own, common = token.requests_per_minute, settings.TOKEN_REQUESTS_PER_MINUTE
    return min(own, common) if own and common else own or common


def count_wrong_token(address: str) -> None:
    """Count a wrong token from this address. Raises RateLimited above WRONG_TOKENS_PER_MINUTE.

    Right tokens from there are served on: several people can share an address.
    """
    _count_wrong(
        _wrong_tokens,
        address,
        "Too many wrong tokens came from your address; try again later, with a token that works.",
    )


def count_wrong_link(address: str) -> None:
    """Count a wrong link of a published form from this address. Raises RateLimited, as for wrong tokens."""
    _count_wrong(
        _wrong_links,
        address,
        "Too many wrong links came from your address; try again later with the right one.",
    )


def _count_wrong(buckets: Buckets, address: str, sentence: str) -> None:
    place = zlib.crc32(address.encode()) % WRONG_TOKEN_BUCKETS
    state = _stand(WRONG_TOKENS_PER_MINUTE, *buckets.take(place, PERIOD_SECONDS / WRONG_TOKENS_PER_MINUTE))
    if not state.is_allowed:
        meters.count("rate_limited")
        raise RateLimited(
            sentence, retry_seconds=math.ceil(state.retry_in_seconds), limit=WRONG_TOKENS_PER_MINUTE
        )


def take_for_link(form: PublishedForm, address: str) -> None:
    """Take one request to a published form from the buckets of the address and of the form. Raises RateLimited.

    The address comes first: one that sends too much takes nothing from the others.
    """
    for place, limit in (
        (_place_of(form.pk, network_of(address)), form.requests_per_minute_of_address),
        (LINK_BUCKETS + form.pk, form.requests_per_minute),
    ):
        state = _stand(limit, *_links.take(place, PERIOD_SECONDS / limit))
        if not state.is_allowed:
            meters.count("rate_limited")
            raise RateLimited(
                "This page was used too often in the last minute. Wait a little and try again.",
                retry_seconds=math.ceil(state.retry_in_seconds),
                limit=limit,
            )


def network_of(address: str) -> str:
    """The address; of IPv6 its /64 network, all of which one caller has."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv6Address):
        return str(found.ipv4_mapped or ipaddress.ip_network((found, 64), strict=False))
    return str(found)


def _place_of(pk: int, network: str) -> int:
    """A keyed hash, so that nobody can choose an address that shares the bucket of another one."""
    key = hashlib.sha256(settings.SECRET_KEY.encode()).digest()
    digest = hashlib.blake2b(f"{pk} {network}".encode(), key=key, digest_size=8).digest()
    return int.from_bytes(digest) % LINK_BUCKETS


def take(token: ApiToken) -> RateLimitState | None:
    """Take one request from the token's bucket; None when the token has no limit, or one that is far away."""
    limit = limit_of(token)
    if not limit:
        return None
    if limit >= ROUGH_FROM:
        return _take_roughly(token.pk, limit)
    return _stand(limit, *_buckets.take(token.pk, PERIOD_SECONDS / limit))


def _take_roughly(pk: int, limit: int) -> RateLimitState | None:
    """Count in this process alone, against its share of the limit, by whole minutes: the shared file takes 30 µs.

    None while the request is allowed.
    """
    at = now()
    window = _minutes.get(pk)
    if window is None or not window[0] <= at < window[0] + PERIOD_SECONDS:
        if len(_minutes) >= MOST_ROUGH:
            _minutes.clear()
        window = _minutes[pk] = [at, 0]
    window[1] += 1
    if window[1] * settings.WEB_WORKERS <= limit:
        return None
    wait = window[0] + PERIOD_SECONDS - at
    return RateLimitState(limit, 0, wait, max(wait, SLACK_SECONDS))


def _stand(limit: int, is_allowed: bool, full_in: float) -> RateLimitState:
    """`full_in`: seconds until the bucket is full, this request included if it is allowed."""
    interval = PERIOD_SECONDS / limit
    if not is_allowed:
        return RateLimitState(limit, 0, full_in, max(full_in + interval - PERIOD_SECONDS, SLACK_SECONDS))
    return RateLimitState(limit, int((PERIOD_SECONDS - full_in + SLACK_SECONDS) / interval), full_in)


class Buckets(Protocol):
    def take(self, pk: int, interval: float) -> tuple[bool, float]:
        """(is allowed, seconds until full) for one more request of the API token `pk`, one every `interval` seconds."""
        ...


def taken(full_at: float, at: float, interval: float) -> tuple[bool, float]:
    """The GCRA step: (is allowed, new time of full) for a request at time `at`; all in seconds."""
    # Clamp to an empty bucket: else a clock that was set back would lock the token out.
    full_at = min(max(full_at, at), at + PERIOD_SECONDS)
    after = full_at + interval
    return (True, after) if after - at <= PERIOD_SECONDS + SLACK_SECONDS else (False, full_at)


class InMemory:
    """Buckets of one process: the fallback when the file cannot be used."""

    def __init__(self) -> None:
        self._full_at: dict[int, float] = {}
        self._lock = threading.Lock()

    def take(self, pk: int, interval: float) -> tuple[bool, float]:
        at = now()
        with self._lock:
            is_allowed, self._full_at[pk] = taken(self._full_at.get(pk, 0.0), at, interval)
            return is_allowed, self._full_at[pk] - at


class InFile:
    """Buckets shared by the processes of one machine: a float64 per token at offset 8 · pk. 5 µs a request."""

    def __init__(self, name: str = "rates") -> None:
        self._name = name
        self._lock = threading.Lock()
        self._file: int | None = None
        self._pid = 0
        self._fallback = InMemory()

    def take(self, pk: int, interval: float) -> tuple[bool, float]:
        with self._lock:
            try:
                return self._take(pk, interval)
            except OSError:
                logger.warning("Requests are counted in each process by itself.", exc_info=True)
        return self._fallback.take(pk, interval)

    def _take(self, pk: int, interval: float) -> tuple[bool, float]:
        file = self._opened()
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            at = now()
            stored = os.pread(file, 8, pk * 8)
            before = struct.unpack("d", stored)[0] if len(stored) == 8 else 0.0
            is_allowed, full_at = taken(before, at, interval)
            if full_at != before:
                os.pwrite(file, struct.pack("d", full_at), pk * 8)
            return is_allowed, full_at - at
        finally:
            fcntl.flock(file, fcntl.LOCK_UN)

    def _opened(self) -> int:
        # After a fork, parent and child share the open file and its lock: the child opens its own.
        if self._file is None or self._pid != os.getpid():
            path = Path(settings.DATA_DIR) / self._name
            self._file, self._pid = os.open(path, os.O_RDWR | os.O_CREAT, 0o600), os.getpid()
        return self._file


class InRedis:
    """Buckets shared by all machines, with the clock of Redis. While Redis does not answer, `fallback` counts."""

    SCRIPT = """
        local time = redis.call('TIME')
        local at = tonumber(time[1]) + tonumber(time[2]) / 1000000
        local interval, period = tonumber(ARGV[1]), tonumber(ARGV[2])
        local full_at = tonumber(redis.call('GET', KEYS[1]) or '0')
        full_at = math.min(math.max(full_at, at), at + period)
        local after = full_at + interval
        if after - at > period + 0.000001 then return {0, tostring(full_at - at)} end
        redis.call('SET', KEYS[1], string.format('%.6f', after), 'PX', math.ceil((after - at) * 1000))
        return {1, tostring(after - at)}
    """

    def __init__(self, url: str, fallback: Buckets):
        self._url = url
        self._fallback = fallback
        self._rests_until = 0.0

    @cached_property
    def _script(self) -> Any:
        import redis

        client = redis.Redis.from_url(
            self._url, socket_timeout=REDIS_TIMEOUT_SECONDS, socket_connect_timeout=REDIS_TIMEOUT_SECONDS
        )
        return client.register_script(self.SCRIPT)

    def take(self, pk: int, interval: float) -> tuple[bool, float]:
        import redis

        if time.monotonic() >= self._rests_until:
            try:
                is_allowed, full_in = self._script(
                    keys=[f"mlweb:rate:{pk}"], args=[repr(interval), PERIOD_SECONDS]
                )
                return bool(is_allowed), float(full_in)
            except redis.RedisError:
                self._rests_until = time.monotonic() + REDIS_REST_SECONDS
                logger.warning("Redis does not answer; requests are counted on this machine.", exc_info=True)
        return self._fallback.take(pk, interval)


def buckets() -> Buckets:
    """The buckets for the configured cache: Redis, else the file."""
    in_file = InFile()
    cache = settings.CACHES["default"]
    if "redis" in cache["BACKEND"].lower():
        location = cache["LOCATION"]
        return InRedis(location if isinstance(location, str) else location[0], in_file)
    return in_file


_buckets: Buckets = buckets()
_minutes: dict[int, list[float]] = {}
# Of each machine by itself: an attacker gains little by asking several.
_wrong_tokens: Buckets = InFile("wrong-token-rates")
# Of each machine by itself, too.
_links: Buckets = InFile("link-rates")
_wrong_links: Buckets = InFile("wrong-link-rates")
