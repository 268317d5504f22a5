"""In-process cache with a TTL of one second, for rows that every prediction needs and that rarely change.

A change by a service of this process clears the cache at once (`clear_after_commit`). A change by another process is
seen within KEPT_SECONDS, the TTL. `docs/adr/0009-one-second.md` says why processes do not invalidate each other.
"""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar

from django.db import connection, transaction

MAX_AGE_SECONDS = 1.0
# Refresh ahead: from this age on one caller reads again while the others use the old value (no stampede).
REFRESH_AFTER_SECONDS = 0.5
MOST = 10_000

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

now = time.monotonic
_all: weakref.WeakSet[ShortCache[Any, Any]] = weakref.WeakSet()


class ShortCache(Generic[K, V]):
    """A TTL cache with at most `most` keys; the oldest goes first. Errors, and so missing rows, are not cached."""

    def __init__(self, most: int = MOST):
        self._most = most
        self._held: dict[K, _Entry[V]] = {}
        self._lock = threading.Lock()
        self._generation = 0
        _all.add(self)

    def get(self, key: K, read: Callable[[], V]) -> V:
        """The value of `key`, no older than KEPT_SECONDS, read by `read()` if needed. Raises what `read` raises."""
        entry = self._held.get(key)
        if entry is not None:
            age = now() - entry.read_at
            if age < REFRESH_AFTER_SECONDS or (entry.is_being_renewed and age < MAX_AGE_SECONDS):
                return entry.value
            entry.is_being_renewed = True
        return self._read(key, read)

    def peek(self, key: K) -> V | None:
        """The value of `key` if it is no older than MAX_AGE_SECONDS, without reading."""
        entry = self._held.get(key)
        return entry.value if entry is not None and now() - entry.read_at < MAX_AGE_SECONDS else None

    def forget(self) -> None:
        """Clear the cache; a value that is being read now will not be stored."""
        with self._lock:
            self._generation += 1
            self._held.clear()

    def __contains__(self, key: object) -> bool:
        """Whether there is a value, which may be older than KEPT_SECONDS."""
        return key in self._held

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
            return value  # it may depend on uncommitted changes
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
        # When the read began: later changes may not be in the value.
        self.read_at = read_at
        self.is_being_renewed = False


def forget_all() -> None:
    """Clear all caches of this process."""
    for each in list(_all):
        each.forget()


def clear_after_commit() -> None:
    """Clear the caches now and again after the commit. For services that change cached rows."""
    forget_all()
    transaction.on_commit(forget_all)
