"""Slow bodies: the shares of the threads, and which connections are closed."""

from __future__ import annotations

from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import pytest

from mlweb.slow_bodies import BodyCut, Connection, GuardedBody, OpenRequests, SlowBodyGuard

SLOW, OTHER = "10.0.0.1", "10.0.0.2"


@dataclass
class Scene:
    """A clock that the test turns, connections whose counters it sets, and which of them were closed."""

    at: float = 1_000.0
    connections: dict[int, Connection] = field(default_factory=dict)
    closed: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.requests = OpenRequests(8, now=lambda: self.at)
        self.guard = SlowBodyGuard(self.requests, self._of)

    def _of(self, addresses: set[str]) -> list[Connection]:
        return [each for each in self.connections.values() if each.address in addresses]

    def has(
        self, inode: int, *, address: str = SLOW, received: int = 100, sent: int = 0, ago: float = 0.0
    ) -> None:
        self.connections[inode] = Connection(
            inode, address, received, sent, ago, lambda: self.closed.append(inode)
        )

    def waits(self, address: str = SLOW) -> Any:
        request = self.requests.enter(address, has_body=True)
        request.read_since = self.at
        return request

    def look_for(self, seconds: int) -> None:
        for _ in range(seconds):
            self.guard.look()
            self.at += 1


def test_a_connection_that_stands_still_is_closed_after_the_window() -> None:
    scene = Scene()
    scene.waits()
    scene.has(1)
    scene.look_for(20)
    assert scene.closed == []
    scene.look_for(3)
    assert set(scene.closed) == {1}


def test_a_byte_a_second_is_too_slow_and_a_slow_line_is_not() -> None:
    scene = Scene()
    scene.waits()
    scene.waits()
    for second in range(30):
        scene.has(1, received=100 + second)
        scene.has(2, received=100 + 600 * second)
        scene.look_for(1)
    assert set(scene.closed) == {1}


def test_a_connection_that_gets_answers_stays_open() -> None:
    scene = Scene()
    scene.waits()
    for second in range(40):
        scene.has(1, received=100 + second, sent=second)
        scene.look_for(1)
    assert scene.closed == []


def test_a_request_that_came_whole_and_takes_long_is_not_taken_for_a_slow_one() -> None:
    scene = Scene()
    whole = scene.requests.enter(SLOW, has_body=True)
    scene.at += 0.5
    whole.body_came_at = scene.at
    came_at = scene.at
    scene.at += 30
    scene.waits()
    for _ in range(40):
        scene.has(1, ago=scene.at - came_at)
        scene.has(2, ago=scene.at - 1_031)
        scene.look_for(1)
    assert set(scene.closed) == {2}


def test_other_addresses_are_left_alone() -> None:
    scene = Scene()
    scene.waits()
    scene.has(1, address=OTHER)
    scene.look_for(40)
    assert scene.closed == []


def test_no_more_connections_are_closed_than_requests_wait() -> None:
    scene = Scene()
    scene.waits()
    for inode in range(5):
        scene.has(inode)
    for _ in range(22):
        scene.guard.look()
        scene.at += 1
        for inode in scene.closed:
            scene.connections.pop(inode, None)
    assert len(scene.closed) <= 2


def test_an_address_may_hold_half_of_the_threads_and_all_together_three_quarters() -> None:
    scene = Scene()
    for _ in range(4):
        assert not scene.requests.is_full(SLOW)
        scene.waits()
    assert scene.requests.is_full(SLOW)
    assert not scene.requests.is_full(OTHER)
    mine = scene.waits(OTHER)
    scene.waits(OTHER)
    assert scene.requests.is_full("10.0.0.3")
    mine.read_since = None
    assert not scene.requests.is_full("10.0.0.3")


def test_a_full_share_shortens_the_window() -> None:
    scene = Scene()
    for inode in range(4):
        scene.waits()
        scene.has(inode)
    scene.look_for(6)
    assert set(scene.closed) == {0, 1, 2, 3}


def test_behind_a_proxy_its_address_is_everybodys() -> None:
    requests = OpenRequests(8, is_behind_proxy=True)
    for _ in range(5):
        requests.enter(SLOW, has_body=True).read_since = 1.0
    assert not requests.is_full(SLOW)


def test_a_body_is_read_as_it_is_and_notes_its_end() -> None:
    requests = OpenRequests(8)
    request = requests.enter(SLOW, has_body=True)
    body = GuardedBody(BytesIO(b"one\ntwo\nthree"), 13, request, requests)

    assert body.read(2) == b"on"
    assert request.body_came_at is None
    assert body.readline() == b"e\n"
    assert list(body) == [b"two\n", b"three"]
    assert request.body_came_at is not None
    assert body.read() == b""
    assert not requests.is_full(SLOW)


@pytest.mark.parametrize("size", [-1, 20])
def test_a_body_that_ends_early_is_an_error_and_never_taken_for_whole(size: int) -> None:
    requests = OpenRequests(8)
    body = GuardedBody(BytesIO(b"a,b\n1,2\n"), 20, requests.enter(SLOW, has_body=True), requests)

    with pytest.raises(BodyCut):
        body.read(size)


def test_an_open_body_without_a_length_is_read_to_its_end() -> None:
    requests = OpenRequests(8)
    body = GuardedBody(BytesIO(b"abc"), None, requests.enter(SLOW, has_body=True), requests)

    assert body.read() == b"abc"
    assert body.read(5) == b""


def test_a_known_token_is_served_beside_slow_bodies_of_its_address() -> None:
    requests = OpenRequests(16)
    for _ in range(8):
        requests.enter(SLOW, has_body=True).read_since = 1.0

    assert requests.is_full(SLOW)
    assert not requests.is_full("token a", is_known=True)
    for _ in range(3):
        assert not requests.is_full("token a", is_known=True)
        requests.enter(SLOW, has_body=True, caller="token a").read_since = 1.0
    assert requests.is_full("token a", is_known=True)


def test_slow_bodies_of_one_token_leave_threads_for_another() -> None:
    requests = OpenRequests(16)
    for _ in range(8):
        requests.enter(SLOW, has_body=True).read_since = 1.0
    for token in ("token a", "token a", "token a", "token b", "token b", "token c"):
        assert not requests.is_full(token, is_known=True)
        requests.enter(SLOW, has_body=True, caller=token).read_since = 1.0
    assert requests.is_full("token d", is_known=True)
    # The rest is for requests without a body.
    assert len(requests.snapshot()) == 14
