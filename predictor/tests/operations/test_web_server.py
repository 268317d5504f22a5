"""The web server as real processes: replacement, shutdown, kill, slow clients."""

from __future__ import annotations

import os
import random
import signal
import socket
from collections.abc import Iterator

import psutil
import pytest

from ..waiting import HANG_SECONDS, let_some_time_pass, wait_until
from .web_server import PATH, Callers, WebServer

pytestmark = pytest.mark.servers
BODY = b'{"rows": [{"x1": 1, "x2": 2}]}'


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> WebServer:
    return WebServer(tmp_path_factory.mktemp("web"))


@pytest.fixture(scope="module")
def running(installed: WebServer) -> Iterator[psutil.Process]:
    with installed.running() as main:
        yield main


def head(server: WebServer, length: int) -> bytes:
    return (
        f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {server.token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    ).encode()


def test_no_request_fails_while_all_processes_are_replaced(
    installed: WebServer, running: psutil.Process
) -> None:
    old = installed.workers()
    with Callers(installed, 6) as callers:
        callers.wait_for(20)
        running.send_signal(signal.SIGHUP)
        wait_until(lambda: len(set(installed.workers()) - set(old)) == 2, "new processes")
        wait_until(lambda: not set(installed.workers()) & set(old), "the end of the old ones")
        callers.wait_for(20)

    assert callers.failed == []
    assert installed.logged().keys() >= set(callers.answered)


def test_a_killed_process_loses_open_requests_but_no_acknowledged_row(
    installed: WebServer, running: psutil.Process
) -> None:
    chance = random.Random(0)
    with Callers(installed, 6, n_rows=3) as callers:
        callers.wait_for(20)
        let_some_time_pass(chance)
        killed = chance.choice(installed.workers())
        os.kill(killed, signal.SIGKILL)
        callers.wait_for(40)

    logged = installed.logged()
    assert {logged[request] for request in callers.answered} == {3}
    # Of what was not acknowledged, all rows or none.
    assert {logged[request] for request in callers.sent} <= {0, 3}
    assert len(callers.failed) <= 6, callers.failed
    wait_until(lambda: killed not in installed.workers() and len(installed.workers()) == 2, "a new process")


def test_slow_clients_do_not_block_others(installed: WebServer, running: psutil.Process) -> None:
    """With 64 threads in each of two processes, 64 requests that never end occupy half of them."""
    slow: list[socket.socket] = []
    try:
        for number in range(64):
            client = installed.connect()
            # Half of them do not even complete their headers.
            client.sendall(head(installed, 1_000)[: -4 if number % 2 else None] + b"{"[: 1 - number % 2])
            slow.append(client)
        with installed.client() as http:
            for _ in range(10):
                for client in slow[::2]:
                    client.sendall(b" ")
                answer = http.post(
                    PATH, content=BODY, headers={"Content-Type": "application/json"}, timeout=HANG_SECONDS
                )
                assert answer.status_code == 200
    finally:
        for client in slow:
            client.close()
