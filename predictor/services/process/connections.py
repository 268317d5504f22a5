"""How many database connections the threads of one process keep.

A web process has up to 256 threads, most of which only wait for slow clients or for a place to predict. Each
that ever asked the database would keep a connection, and PostgreSQL takes a hundred in all by default. So threads
keep theirs while there are few, and close them at the end of their request when there are many.
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
    """Call it once, when the process starts."""
    connection_created.connect(_note, dispatch_uid="connections.note")
    request_finished.connect(_let_go, dispatch_uid="connections.let_go")


def n_open() -> int:
    with _lock:
        return sum(each.connection is not None for each in list(_known))


def _note(connection: BaseDatabaseWrapper, **kwargs: Any) -> None:
    with _lock:
        _known.add(connection)


def _let_go(**kwargs: Any) -> None:
    # The first question is a length: it answers for all processes that have few threads.
    if len(_known) <= MOST_KEPT or connection.connection is None or connection.in_atomic_block:
        return
    if n_open() > MOST_KEPT:
        connection.close()
