"""Slow bodies: how many threads may wait for the rest of one, and connections that send too slowly are closed.

A thread that reads a body waits inside the web server, for as long as the client likes. So requests with a body are
refused while one address, or all together, hold their share of the threads (the rest stays free, for health checks
too), and `SlowBodyGuard` closes the connections behind the waits. The server does not tell us which connection a
request came by. The kernel tells what each received and sent: those are closed that received next to nothing, and
sent nothing, while a request from their address waited.
"""

from __future__ import annotations

import logging
import os
import socket
import struct
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

logger = logging.getLogger(__name__)

# The shares of the threads that may wait for bodies: of one address, and of all.
SHARE_OF_ADDRESS, SHARE_OF_ALL = 0.5, 0.75
# With a token that was valid a moment ago a request is not refused for what others at its address do.
SHARE_WITH_KNOWN = 0.875
# A body has to bring so many bytes a second, over a window of seconds; a shorter one while a share is full.
MIN_BYTES_PER_SECOND = 500
WINDOW_SECONDS, SHORT_WINDOW_SECONDS = 20.0, 3.0
LOOK_SECONDS = 1.0
# The first state of a connection in Linux (include/net/tcp_states.h).
TCP_ESTABLISHED = 1
# Tolerance between the kernel's times and ours.
SLACK_SECONDS = 1.0
REFUSAL = (
    b'{"type":"urn:mlweb:problem:slow-bodies","title":"Service Unavailable","status":503,"detail":"Too many requests '
    b'are waiting for the rest of their bodies; try again in a moment.","errors":[],"limit":null,"request_id":""}'
)


class BodyCut(OSError):
    """The client left, or was too slow, before its body was complete."""


@dataclass(eq=False, slots=True)
class OpenRequest:
    """A request that a thread works on. Times in seconds of `time.monotonic`.

    `caller`: whose share of the threads it takes: the address, or a known token.
    `read_since`: since when the thread waits for bytes, or None. `body_came_at`: when the body was complete.
    """

    address: str
    caller: str
    entered_at: float
    body_came_at: float | None
    read_since: float | None = None


class OpenRequests:
    """The requests of this process, and which of them wait for their bodies."""

    def __init__(
        self, n_threads: int, *, is_behind_proxy: bool = False, now: Callable[[], float] = time.monotonic
    ):
        self.most = max(1, int(n_threads * SHARE_OF_ALL))
        self.most_with_known = max(1, int(n_threads * SHARE_WITH_KNOWN))
        # All connections come from the proxy: its address is everybody's.
        self.most_of_address = self.most if is_behind_proxy else max(1, int(n_threads * SHARE_OF_ADDRESS))
        self.now = now
        self._fewest = min(self.most, self.most_of_address)
        self._open: set[OpenRequest] = set()

    def enter(self, address: str, *, has_body: bool, caller: str = "") -> OpenRequest:
        at = self.now()
        request = OpenRequest(address, caller or address, at, None if has_body else at)
        self._open.add(request)
        return request

    def leave(self, request: OpenRequest) -> None:
        self._open.discard(request)

    def is_full(self, caller: str, *, is_known: bool = False) -> bool:
        """Whether a further request of this caller, an address or a known token, may not wait for its body."""
        if len(self._open) < self._fewest:
            return False
        waiting = [each.caller for each in self.snapshot() if each.read_since is not None]
        if is_known:
            # A token may hold as many as it leaves free, so that some remain for the next one.
            return waiting.count(caller) >= self.most_with_known - len(waiting)
        return len(waiting) >= self.most or waiting.count(caller) >= self.most_of_address

    @property
    def has_free_threads(self) -> bool:
        """Whether a request may wait that could also be refused at once."""
        return len(self._open) < self.most

    def snapshot(self) -> list[OpenRequest]:
        # Copying a set is atomic under the GIL.
        return list(self._open.copy())


class GuardedBody:
    """`wsgi.input` that notes when its reader waits. Raises BodyCut when the body ends before Content-Length."""

    __slots__ = ("_left", "_request", "_requests", "_stream")

    def __init__(self, stream: Any, n_bytes: int | None, request: OpenRequest, requests: OpenRequests):
        self._stream = stream
        self._left = n_bytes
        self._request = request
        self._requests = requests

    def read(self, size: int = -1) -> bytes:
        return self._noted(self._stream.read, size)

    def readline(self, size: int = -1) -> bytes:
        return self._noted(self._stream.readline, size, is_line=True)

    def readlines(self, hint: int = -1) -> list[bytes]:
        return list(self)

    def __iter__(self) -> Iterator[bytes]:
        while line := self.readline():
            yield line

    def _noted(self, read: Callable[..., bytes], size: int | None, is_line: bool = False) -> bytes:
        left, request = self._left, self._request
        if left == 0:
            return b""
        request.read_since = self._requests.now()
        try:
            content: bytes = read() if is_line or size is None or size < 0 else read(size)
        finally:
            request.read_since = None
        if left is not None:
            wanted = left if size is None or size < 0 else min(size, left)
            left = self._left = left - len(content)
            if left > 0 and (not content if is_line else len(content) < wanted):
                raise BodyCut("The body ended before its length.")
        if not left:
            request.body_came_at = self._requests.now()
        return content


@dataclass(frozen=True)
class Connection:
    """A connection of this process. `n_received`, `n_sent`: bytes so far; `received_ago`: seconds since the last.

    `is_open`: whether its client has not closed it until now.
    """

    inode: int
    address: str
    n_received: int
    n_sent: int
    received_ago: float
    close: Callable[[], None]
    is_open: Callable[[], bool] = lambda: True


@dataclass
class _Watched:
    since: float
    n_received: int
    n_sent: int


@dataclass
class SlowBodyGuard:
    """Closes the connections of requests whose bodies come too slowly."""

    requests: OpenRequests
    connections: Callable[[set[str]], Iterable[Connection]]
    _watched: dict[int, _Watched] = field(default_factory=dict)

    def look(self) -> int:
        """Look at the connections of addresses that have a request waiting; returns how many were closed."""
        now = self.requests.now()
        open_requests = self.requests.snapshot()
        waits = [
            (each.address, now - since) for each in open_requests if (since := each.read_since) is not None
        ]
        addresses = {address for address, seconds in waits if seconds >= LOOK_SECONDS}
        if not addresses:
            self._watched.clear()
            return 0
        seen, n_closed = set[int](), 0
        overdue = Counter(address for address, seconds in waits if seconds >= self._window(address))
        for connection in self.connections(addresses):
            seen.add(connection.inode)
            if not self._is_slow(connection, now) or not overdue[connection.address]:
                continue
            if not self._is_answered(connection, now, open_requests):
                overdue[connection.address] -= 1
                connection.close()
                n_closed += 1
        for inode in self._watched.keys() - seen:
            del self._watched[inode]
        if n_closed:
            logger.warning("%s connections were closed: their bodies came too slowly.", n_closed)
        return n_closed

    def _window(self, address: str) -> float:
        return SHORT_WINDOW_SECONDS if self.requests.is_full(address) else WINDOW_SECONDS

    def _is_slow(self, connection: Connection, now: float) -> bool:
        """Whether it received less than the minimum, and sent nothing, for a whole window."""
        watched = self._watched.get(connection.inode)
        if watched is None or watched.n_sent != connection.n_sent:
            self._watched[connection.inode] = _Watched(now, connection.n_received, connection.n_sent)
            return False
        seconds = now - watched.since
        if connection.n_received - watched.n_received >= MIN_BYTES_PER_SECOND * max(seconds, 1.0):
            self._watched[connection.inode] = _Watched(now, connection.n_received, connection.n_sent)
            return False
        return seconds >= self._window(connection.address)

    def _is_answered(self, connection: Connection, now: float, open_requests: list[OpenRequest]) -> bool:
        """Whether it may belong to a request that came whole and is being answered."""
        at = now - connection.received_ago
        return any(
            each.address == connection.address
            and each.body_came_at is not None
            and each.entered_at - SLACK_SECONDS <= at <= each.body_came_at + SLACK_SECONDS
            for each in open_requests
        )


def run(guard: SlowBodyGuard) -> None:
    """Look once a second, for as long as the process lives."""
    while True:
        time.sleep(LOOK_SECONDS)
        try:
            guard.look()
        except Exception:
            logger.exception("Slow bodies could not be looked for.")


def own_connections(port: int) -> Callable[[set[str]], Iterator[Connection]]:
    """The connections to this port that the process holds. Linux only; elsewhere there are none to see."""

    def connections(addresses: set[str]) -> Iterator[Connection]:
        with suppress(FileNotFoundError):
            for name in os.listdir("/proc/self/fd"):
                connection = _connection(int(name), port, addresses)
                if connection is not None:
                    yield connection

    return connections


def _connection(descriptor: int, port: int, addresses: set[str]) -> Connection | None:
    try:
        target = os.readlink(f"/proc/self/fd/{descriptor}")
        if not target.startswith("socket:["):
            return None
        link = socket.socket(fileno=os.dup(descriptor))
    except OSError:
        return None
    with link:
        try:
            if link.family not in (socket.AF_INET, socket.AF_INET6) or link.getsockname()[1] != port:
                return None
            address = str(link.getpeername()[0]).removeprefix("::ffff:")
            if address not in addresses:
                return None
            # struct tcp_info of Linux (include/uapi/linux/tcp.h): 8 bytes, 24 words, then 64-bit counters.
            info = link.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 136)
        except OSError:
            return None
    if len(info) < 136:
        return None
    (received_ago_ms,) = struct.unpack_from("=I", info, 8 + 11 * 4)
    n_acked, n_received = struct.unpack_from("=QQ", info, 120)
    inode = int(target[8:-1])
    return Connection(
        inode,
        address,
        n_received,
        n_acked,
        received_ago_ms / 1_000,
        lambda: _close(descriptor, inode),
        lambda: _is_open(descriptor, inode),
    )


def _is_open(descriptor: int, inode: int) -> bool:
    """Whether the descriptor still is the same connection, established in both directions."""
    with suppress(OSError), socket.socket(fileno=os.dup(descriptor)) as link:
        if os.fstat(link.fileno()).st_ino == inode:
            return link.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == TCP_ESTABLISHED
    return False


def _close(descriptor: int, inode: int) -> None:
    """Shut the connection down, if the descriptor still is the same one; the web server then closes it."""
    with suppress(OSError), socket.socket(fileno=os.dup(descriptor)) as link:
        if os.fstat(link.fileno()).st_ino == inode:
            link.shutdown(socket.SHUT_RDWR)
