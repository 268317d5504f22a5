"""Clients that harm a server, in a process of their own: slow bodies, hostile bodies, a flood of requests."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from _load import Load, offered, post

# A client that was answered or cut off comes back after this time.
COMES_BACK_SECONDS = 0.5
SECONDS_A_BYTE = 0.5
FOREVER_SECONDS = 86_400.0
WRONG_TOKEN = "mlw_" + "x" * 43


def slow_sign_in() -> bytes:
    return (
        b"POST /accounts/login/ HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: csrftoken=" + b"x" * 32 + b"\r\n"
        b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 5000\r\n\r\n"
    )


def slow_prediction(*, path: str, token: str) -> bytes:
    return (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
        "Content-Type: application/json\r\nContent-Length: 5000\r\n\r\n"
    ).encode()


def hostile_bodies(names: list[str]) -> list[bytes]:
    """Bodies that are cheap to send and look expensive to read; `names`: the columns of the model."""
    many_names = {f"name {number}": number for number in range(50_000)}
    huge = "9" * 4_000
    wrong: list[Any] = [None, [], {}, [[1]], {"a": {"b": [None]}}, True, "x" * 5_000]
    return [
        json.dumps({"rows": [many_names]}).encode(),
        json.dumps(many_names).encode(),
        b'{"rows":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"rows":[' + b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"]}",
        json.dumps({"rows": [dict.fromkeys(names, 0)]}).replace(": 0", f": {huge}").encode(),
        json.dumps({"rows": [dict.fromkeys(names, 0)]}).replace(": 0", ": 1e999").encode(),
        *(json.dumps({"rows": [dict.fromkeys(names, each)]}).encode() for each in wrong),
        *(json.dumps({"rows": each}).encode() for each in wrong),
        json.dumps({"rows": [{}], "version": huge, "coverage": "x", "nearest": 1e9}).encode(),
        b'{"rows":[{"' + b"\\u0000" * 20_000 + b'":1}]}',
    ]


async def slow_client(port: int, head: bytes, counts: Counter[str]) -> None:
    """Send a body one byte at a time; come back when the server answers or closes the connection."""
    while True:
        with suppress(OSError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(head)
            answer = None
            while answer is None:
                writer.write(b"x")
                with suppress(TimeoutError):
                    answer = await asyncio.wait_for(reader.read(4_096), SECONDS_A_BYTE)
            counts[answer[9:12].decode() or "closed"] += 1
            writer.close()
        await asyncio.sleep(COMES_BACK_SECONDS)


async def slow(port: int, counts: Counter[str], *, head: bytes, n_clients: int) -> None:
    async with asyncio.TaskGroup() as group:
        for number in range(n_clients):
            group.create_task(slow_client(port, head, counts))
            if number % 20 == 0:
                await asyncio.sleep(0.02)


async def hostile(
    port: int, counts: Counter[str], *, path: str, token: str, names: list[str], n_clients: int
) -> None:
    """Each connection sends the bodies in turn, and the next one when it has the answer."""
    requests = [post(path, body, token) for body in hostile_bodies(names)]

    async def client(first: int) -> None:
        at = first
        while True:
            with suppress(OSError, asyncio.IncompleteReadError):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                while True:
                    writer.write(requests[at % len(requests)])
                    at += 1
                    head = await reader.readuntil(b"\r\n\r\n")
                    n_bytes = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
                    await reader.readexactly(n_bytes)
                    counts[head[9:12].decode()] += 1
                    if b"connection: close" in head.lower():
                        break
            await asyncio.sleep(0.01)

    async with asyncio.TaskGroup() as group:
        for number in range(n_clients):
            group.create_task(client(number))


async def flood(
    port: int, counts: Counter[str], *, request: bytes, n_connections: int, is_patient: bool
) -> None:
    load = Load(FOREVER_SECONDS)
    try:
        await offered(
            port, request, n_connections=n_connections, seconds=FOREVER_SECONDS, warm_up=0.0,
            is_patient=is_patient, load=load,
        )  # fmt: skip
    finally:
        counts.update({str(status): count for status, count in load.statuses.items()})


def _run(harm: Callable[..., Any], port: int, options: Mapping[str, Any], pipe: Any) -> None:
    async def until_told() -> None:
        counts: Counter[str] = Counter()
        task = asyncio.create_task(harm(port, counts, **options))
        await asyncio.get_running_loop().run_in_executor(None, pipe.recv)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        pipe.send(dict(counts))

    asyncio.run(until_told())


@contextmanager
def beside(harm: Callable[..., Any], port: int, **options: Any) -> Iterator[Counter[str]]:
    """Run hostile clients while the block runs; then the answers that they got are in the counter."""
    counts: Counter[str] = Counter()
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_run, args=(harm, port, options, there))
    process.start()
    try:
        yield counts
        here.send("end")
        counts.update(here.recv() if here.poll(30) else {})
    finally:
        process.join(5)
        process.terminate()
        process.join()
