"""Limit on the persistent database connections of one process.

A web process has up to 256 threads; most only wait for slow clients or for a place to predict. Each thread that
has used the database would keep a connection, and PostgreSQL accepts 100 in all by default. So threads keep their
connections while there are few, and close them at the end of a request when there are many.
"""

from __future__ import annotations

import threading
import weakref
from typing import Any

from django.core.signals import request_finished
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

MOST_KEPT = 20

_known: weakref.WeakSet[BaseDatabaseWrapper] = weakref.WeakSet()
_lock = threading.Lock()


def watch() -> None:
    """Connect the signals. Call it once, when the process starts."""
    connection_created.connect(_note, dispatch_uid="connections.note")
    request_finished.connect(_close_if_many, dispatch_uid="connections.let_go")


def n_open() -> int:
    with _lock:
        return sum(each.connection is not None for each in list(_known))


def _note(connection: BaseDatabaseWrapper, **kwargs: Any) -> None:
    with _lock:
        _known.add(connection)


def _close_if_many(**kwargs: Any) -> None:
    # The length comes first: it is cheap, and enough for a process with few threads.
    if len(_known) <= MOST_KEPT or connection.connection is None or connection.in_atomic_block:
        return
    if n_open() > MOST_KEPT:
        connection.close()
