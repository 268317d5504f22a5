"""Closed-loop load generator: each connection sends its next request as soon as it has the response.

As lean as asyncio allows (about 20 µs a request), because it shares the machine with the server that it measures.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Load:
    """Statuses and latencies of the responses in the measured time."""

    seconds: float
    statuses: Counter[int] = field(default_factory=Counter)
    latencies: dict[bool, list[float]] = field(default_factory=lambda: {True: [], False: []})
    n_broken: int = 0

    @property
    def goodput(self) -> float:
        """Predictions (status 200) per second."""
        return self.statuses[200] / self.seconds

    @property
    def refusals(self) -> float:
        """Responses with another status per second."""
        return (self.statuses.total() - self.statuses[200]) / self.seconds

    def percentile_ms(self, share: float, *, is_good: bool) -> float | None:
        """Latency percentile of the predictions, or of the other responses."""
        latencies = sorted(self.latencies[is_good])
        return (
            round(latencies[min(len(latencies) - 1, int(share * len(latencies)))] * 1_000, 1)
            if latencies
            else None
        )


class Client(asyncio.Protocol):
    """One connection, which is reopened when the server closes it."""

    def __init__(self, request: bytes, load: Load, phase: dict[str, Any], *, is_patient: bool = False):
        self.request, self.load, self.phase = request, load, phase
        self.is_patient = is_patient
        self.buffer = b""
        self.started = 0.0
        self.is_waiting = False

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.ask()

    def ask(self) -> None:
        if self.phase["is_over"] or self.transport.is_closing():
            return
        self.started = time.perf_counter()
        self.is_waiting = True
        self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, separator, body = self.buffer.partition(b"\r\n\r\n")
        if not separator:
            return
        lowered = head.lower()
        if b"transfer-encoding: chunked" in lowered:
            if not body.endswith(b"0\r\n\r\n"):
                return
        elif len(body) < int(lowered.partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0):
            return
        self.buffer = b""
        self.is_waiting = False
        status = int(head[9:12])
        self.count(status)
        if b"connection: close" in lowered:
            self.transport.close()
        elif self.is_patient and status == 503:
            seconds = float(lowered.partition(b"retry-after: ")[2].partition(b"\r\n")[0] or 0)
            asyncio.get_running_loop().call_later(seconds, self.ask)
        else:
            self.ask()

    def count(self, status: int) -> None:
        if self.phase["is_counting"]:
            self.load.statuses[status] += 1
            self.load.latencies[status == 200].append(time.perf_counter() - self.started)

    def connection_lost(self, error: Exception | None) -> None:
        if self.phase["is_over"]:
            return
        if self.is_waiting:
            self.load.n_broken += 1
        loop = asyncio.get_running_loop()
        self.buffer = b""
        self.phase["tasks"].append(loop.create_task(opened(self, self.phase["port"])))  # type: ignore[index]


async def opened(client: Client, port: int) -> None:
    loop = asyncio.get_running_loop()
    try:
        await loop.create_connection(lambda: client, "127.0.0.1", port)
    except OSError:
        client.load.n_broken += 1


async def offered(
    port: int,
    request: bytes,
    *,
    n_connections: int,
    seconds: float,
    warm_up: float,
    is_patient: bool = False,
    load: Load | None = None,
) -> Load:
    load = load or Load(seconds)
    phase: dict[str, Any] = {"is_counting": False, "is_over": False, "port": port, "tasks": []}
    clients = [Client(request, load, phase, is_patient=is_patient) for _ in range(n_connections)]
    await asyncio.gather(*(opened(client, port) for client in clients))
    await asyncio.sleep(warm_up)
    phase["is_counting"] = True
    started = time.perf_counter()
    await asyncio.sleep(seconds)
    phase["is_counting"] = False
    load.seconds = time.perf_counter() - started
    phase["is_over"] = True
    for client in clients:
        client.transport.close()
    return load


def offer(port: int, request: bytes, *, warm_up: float = 0.5, **how: Any) -> Load:
    """Send requests over `n_connections` for `seconds`; the `warm_up` before that is not measured.

    `is_patient`: after 503, a connection waits as long as Retry-After says; else it asks again at once.
    """
    return asyncio.run(offered(port, request, warm_up=warm_up, **how))


def post(path: str, body: bytes, token: str) -> bytes:
    """Bytes of a POST request with a JSON body."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
