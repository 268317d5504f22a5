"""What is asked with every prediction and rarely changes, remembered for at most a second.

Each process remembers for itself. What this process changes through a service is forgotten at once
(`forget_after_commit`); what another process changes is seen within KEPT_SECONDS, because nothing is given
out that was read longer ago. `docs/adr/0009-one-second.md` says why there is no message between processes.
"""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar

from django.db import connection, transaction

KEPT_SECONDS = 1.0
# From this age on one caller reads anew while the others go on with what is there: nobody waits in a crowd.
RENEWED_AFTER_SECONDS = 0.5
MOST = 10_000

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

now = time.monotonic
_all: weakref.WeakSet[Remembered[Any, Any]] = weakref.WeakSet()


class Remembered(Generic[K, V]):
    """Values by key, at most `most` of them. Errors are not remembered, nor is what is not there."""

    def __init__(self, most: int = MOST):
        self._most = most
        self._held: dict[K, _Entry[V]] = {}
        self._lock = threading.Lock()
        self._generation = 0
        _all.add(self)

    def get(self, key: K, read: Callable[[], V]) -> V:
        """The value of `key`, no older than KEPT_SECONDS; `read` gets it. Raises what `read` raises."""
        entry = self._held.get(key)
        if entry is not None:
            age = now() - entry.read_at
            if age < RENEWED_AFTER_SECONDS or (entry.is_being_renewed and age < KEPT_SECONDS):
                return entry.value
            entry.is_being_renewed = True
        return self._read(key, read)

    def forget(self) -> None:
        """Everything, including what is being read at this moment."""
        with self._lock:
            self._generation += 1
            self._held.clear()

    def __len__(self) -> int:
        return len(self._held)

    def _read(self, key: K, read: Callable[[], V]) -> V:
        generation, started = self._generation, now()
        try:
            value = read()
        except BaseException:
            self._held.pop(key, None)
            raise
        if connection.in_atomic_block:
            return value  # what a transaction sees may never be committed
        with self._lock:
            if generation == self._generation:
                if len(self._held) >= self._most and key not in self._held:
                    self._held.pop(next(iter(self._held)))
                self._held[key] = _Entry(value, started)
        return value


class _Entry(Generic[V]):
    __slots__ = ("is_being_renewed", "read_at", "value")

    def __init__(self, value: V, read_at: float):
        self.value = value
        # When reading began: what was changed after that is not in the value.
        self.read_at = read_at
        self.is_being_renewed = False


def forget_all() -> None:
    """Forget everything in this process."""
    for each in list(_all):
        each.forget()


def forget_after_commit() -> None:
    """For services that change what is remembered: from their commit on, this process reads anew."""
    forget_all()
    transaction.on_commit(forget_all)
