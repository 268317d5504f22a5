"""A cache that the processes of one machine share: one JSON file for each key, replaced by rename.

It holds the counts of wrong passwords. Django's own cache in files stores pickles, and mlweb reads none.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache

MAX_ENTRIES = 10_000
# One write in so many looks for expired entries.
CULLED_EVERY = 500


class FileCache(BaseCache):
    """Django's cache interface over a folder. Values have to be JSON. A lost or torn file counts as no entry."""

    def __init__(self, folder: str, params: dict[str, Any]):
        super().__init__(params)
        self._folder = Path(folder)
        self._n_writes = 0

    def get(self, key: str, default: Any = None, version: int | None = None) -> Any:
        entry = self._read(self._path(key, version))
        return default if entry is None else entry["value"]

    def set(self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> None:
        path, expires_at = self._path(key, version), self.get_backend_timeout(timeout)
        partial = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
        text = json.dumps({"expires_at": expires_at, "value": value})
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            partial.write_text(text, "utf-8")
            os.replace(partial, path)
        finally:
            partial.unlink(missing_ok=True)
        self._n_writes += 1
        if self._n_writes % CULLED_EVERY == 0:
            self._cull()

    def add(self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        if self.has_key(key, version):
            return False
        self.set(key, value, timeout, version)
        return True

    def touch(self, key: str, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        entry = self._read(self._path(key, version))
        if entry is None:
            return False
        self.set(key, entry["value"], timeout, version)
        return True

    def delete(self, key: str, version: int | None = None) -> bool:
        path = self._path(key, version)
        was_there = path.exists()
        path.unlink(missing_ok=True)
        return was_there

    def has_key(self, key: str, version: int | None = None) -> bool:
        return self._read(self._path(key, version)) is not None

    def clear(self) -> None:
        for path in self._paths():
            path.unlink(missing_ok=True)

    def _path(self, key: str, version: int | None) -> Path:
        return self._folder / hashlib.sha256(self.make_key(key, version).encode()).hexdigest()

    def _paths(self) -> list[Path]:
        with suppress(FileNotFoundError):
            return list(self._folder.iterdir())
        return []

    def _read(self, path: Path) -> Mapping[str, Any] | None:
        try:
            entry: dict[str, Any] = json.loads(path.read_text("utf-8"))
        except (FileNotFoundError, ValueError):
            return None
        if entry["expires_at"] is not None and entry["expires_at"] <= time.time():
            path.unlink(missing_ok=True)
            return None
        return entry

    def _cull(self) -> None:
        """Remove expired entries, then the oldest ones above MAX_ENTRIES."""
        ages = {}
        for path in self._paths():
            if self._read(path) is not None:
                with suppress(FileNotFoundError):
                    ages[path] = path.stat().st_mtime
        for path in sorted(ages, key=ages.__getitem__)[: max(len(ages) - MAX_ENTRIES, 0)]:
            path.unlink(missing_ok=True)
