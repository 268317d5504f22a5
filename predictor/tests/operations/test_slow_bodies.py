"""More clients with bodies that never come than the web server has threads."""

from __future__ import annotations

import select
import socket
from collections.abc import Iterator
from contextlib import suppress

import psutil
import pytest

from ..waiting import be_slow, wait_until
from .web_server import WebServer

pytestmark = pytest.mark.servers
N_THREADS = 8
SIGN_IN = (
    b"POST /accounts/login/ HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: csrftoken=" + b"x" * 32 + b"\r\n"
    b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 5000\r\n\r\na"
)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> WebServer:
    return WebServer(tmp_path_factory.mktemp("slow"), MLWEB_WEB_THREADS=str(N_THREADS))


@pytest.fixture(scope="module")
def running(installed: WebServer) -> Iterator[psutil.Process]:
    with installed.running() as main:
        yield main


def is_closed(link: socket.socket) -> bool:
    """Whether the server has answered or closed the connection."""
    asked = select.poll()  # `select.select` takes no descriptor beyond 1,023
    asked.register(link, select.POLLIN)
    return bool(asked.poll(0))


def test_health_and_pages_are_answered_beside_more_slow_bodies_than_threads(
    installed: WebServer, running: psutil.Process
) -> None:
    links = []
    try:
        for _ in range(4 * 2 * N_THREADS):
            links.append(installed.connect())
            links[-1].sendall(SIGN_IN)
        with installed.client() as client:
            for path in ("/health/live", "/api/v1/workspaces", "/health/live"):
                assert client.get(path).status_code == 200

        # Those that hold a thread bring a byte each while they are open, and are closed all the same.
        def all_are_closed() -> bool:
            for link in links:
                with suppress(OSError):
                    link.sendall(b"a")
            be_slow()
            return all(map(is_closed, links))

        wait_until(all_are_closed, "the end of all slow connections")
        with installed.client() as client:
            assert client.post(
                "/api/v1/default/models/article/predictions", json={"rows": [{"x1": 1, "x2": 2}]}
            )
    finally:
        for link in links:
            link.close()
