"""Model versions ready to answer: loaded once, checked, and kept while they are used."""

from __future__ import annotations

import ctypes
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings

from ..errors import NotFound, NotServable
from ..models import ModelVersion
from . import meters

if TYPE_CHECKING:
    from ..ml.inference import Predictor
    from ..ml.rows import RowChecker
    from ..ml.schema import Signature


@dataclass(frozen=True)
class Served:
    """A version in memory."""

    signature: Signature
    checker: RowChecker
    predictor: Predictor


class ServedVersions:
    """A bounded memory of loaded versions by key; what was not used for longest goes first.

    However many threads ask for a cold version at once, one loads it and the others wait for that one.
    """

    def __init__(self, limit: Callable[[], int]):
        self._limit = limit
        self._lock = threading.Lock()
        self._held: OrderedDict[str, Future[Served]] = OrderedDict()

    def get(self, key: str, load: Callable[[], Served]) -> Served:
        with self._lock:
            future = self._held.get(key)
            if future is not None:
                self._held.move_to_end(key)
        if future is None:
            return self._loaded(key, load)
        meters.count("version_hits")
        return future.result()

    def _loaded(self, key: str, load: Callable[[], Served]) -> Served:
        with self._lock:
            future = self._held.get(key)
            is_mine = future is None
            if future is None:
                future = self._held[key] = Future()
            while len(self._held) > self._limit():
                self._held.popitem(last=False)
        if is_mine:
            self._load_into(future, key, load)
        return future.result()

    def _load_into(self, future: Future[Served], key: str, load: Callable[[], Served]) -> None:
        try:
            future.set_result(load())
            meters.count("version_loads")
            meters.note("versions_in_memory", len(self._held))
        except BaseException as error:
            meters.count("version_load_failures")
            # The next one to ask tries again: a missing file may have come back.
            with self._lock:
                if self._held.get(key) is future:
                    del self._held[key]
            future.set_exception(error)

    def forget(self, key: str) -> None:
        with self._lock:
            self._held.pop(key, None)

    def clear(self) -> None:
        with self._lock:
            self._held.clear()

    def __len__(self) -> int:
        return len(self._held)

    def __contains__(self, key: object) -> bool:
        return key in self._held


_versions = ServedVersions(lambda: settings.SERVED_VERSIONS_IN_MEMORY)


def served(version: ModelVersion) -> Served:
    """The version, loaded and checked. Raises NotServable: archived, a file missing, or its bytes differ."""
    if version.archived_at is not None:
        raise NotServable(f"Version {version.number} is archived and does not serve.")
    return _versions.get(version.content_key, lambda: _load(version.pk))


def forget(version: ModelVersion) -> None:
    """Free the memory that the version takes in this process; the next request loads it again."""
    _versions.forget(version.content_key)


def forget_all() -> None:
    """Empty the memory (tests, and after artifacts were restored)."""
    _versions.clear()


def _load(pk: int) -> Served:
    from ..ml import inference

    version = ModelVersion.objects.get(pk=pk)
    signature = version.signature
    predictor = inference.load_predictor(
        _files(version),
        signature,
        digests={name: entry["digest"] for name, entry in version.artifacts.items()},
    )
    predictor.check_golden()
    return_memory()
    return Served(signature=signature, checker=predictor.checker, predictor=predictor)


def return_memory() -> None:
    """Give what loading needed back to the system: of a forest of 10 MB, reading it left 170 MB behind."""
    if sys.platform == "linux":
        with suppress(AttributeError, OSError):  # musl has no such function
            ctypes.CDLL(None).malloc_trim(0)


def _files(version: ModelVersion) -> dict[str, Path]:
    from . import artifacts

    try:
        return {name: artifacts.path_of(entry["digest"]) for name, entry in version.artifacts.items()}
    except NotFound:
        raise NotServable(
            f"A file of version {version.number} is missing from the artifact storage."
        ) from None
