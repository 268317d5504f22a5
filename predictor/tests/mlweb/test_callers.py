"""Which callers have left: those of whom no connection is open that the request may have come by."""

from __future__ import annotations

import socket

import pytest

from mlweb.callers import watcher
from mlweb.slow_bodies import Connection, OpenRequest, own_connections

HERE = "10.0.0.1"
NOW = 1_000.0


def connection(inode: int, open_ones: set[int], *, address: str = HERE, ago: float = 0.0) -> Connection:
    return Connection(inode, address, 100, 0, ago, lambda: None, lambda: inode in open_ones)


def request(*, entered_ago: float = 0.0) -> OpenRequest:
    return OpenRequest(HERE, HERE, NOW - entered_ago, NOW)


def watched(connections: list[Connection], **more: float):
    watch_of = watcher(
        lambda addresses: [each for each in connections if each.address in addresses], lambda: NOW
    )
    return watch_of(request(**more))


def test_a_caller_has_left_when_all_possible_connections_are_closed() -> None:
    open_ones = {1, 2}
    has_left = watched([connection(1, open_ones), connection(2, open_ones, ago=20)])

    assert not has_left()
    open_ones.remove(1)
    assert not has_left()  # it may have come by the other one
    open_ones.remove(2)
    assert has_left()


def test_connections_of_others_and_those_idle_for_long_do_not_count() -> None:
    open_ones = {1, 2, 3}
    has_left = watched(
        [
            connection(1, open_ones),
            connection(2, open_ones, address="10.0.0.2"),
            connection(3, open_ones, ago=31),
        ]
    )

    open_ones.remove(1)

    assert has_left()


def test_a_body_that_took_long_still_belongs_to_its_connection() -> None:
    open_ones = {1}
    has_left = watched([connection(1, open_ones, ago=50)], entered_ago=40)

    assert not has_left()
    open_ones.remove(1)
    assert has_left()


def test_without_a_connection_of_its_address_the_caller_left_before_the_work_began() -> None:
    assert watched([connection(1, {1}, address="10.0.0.2")])()


def test_where_all_connections_were_idle_for_long_nobody_has_left() -> None:
    assert not watched([connection(1, set(), ago=31)])()


@pytest.mark.parametrize("way", ["closed by its client", "half closed", "closed by the server"])
def test_the_kernel_says_whether_a_connection_is_open(way: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        server, _ = listener.accept()
        (own,) = own_connections(listener.getsockname()[1])({"127.0.0.1"})
        assert own.is_open()

        if way == "half closed":
            client.shutdown(socket.SHUT_WR)
        elif way == "closed by its client":
            client.close()
        else:
            server.shutdown(socket.SHUT_RDWR)
        if way != "closed by the server":
            assert server.recv(1) == b""  # returns when the end has arrived
        assert not own.is_open()

        server.close()
        assert not own.is_open()
        client.close()
