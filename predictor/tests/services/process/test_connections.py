"""The limit on persistent database connections of a process."""

from __future__ import annotations

import threading

import pytest
from django.db import connection
from django.test import Client

from predictor.services.process import connections


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("most", "is_kept"), [(0, False), (1_000, True)])
def test_a_thread_keeps_its_connection_while_there_are_few(
    monkeypatch: pytest.MonkeyPatch, most: int, is_kept: bool
) -> None:
    monkeypatch.setattr(connections, "MOST_KEPT", most)
    found: list[bool] = []

    def ask() -> None:
        assert Client().get("/health/ready").status_code == 200
        found.append(connection.connection is not None)
        connection.close()

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()

    assert found == [is_kept]
