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
    from ..ml.inference.predictor import Predictor
    from ..ml.inputs.row_checker import RowChecker
    from ..ml.types.schema import Signature


# Measured: a linear model takes 0.13 MB, a forest 3.6 to 4.9 times its file.
LOADED_BYTES, LOADED_TIMES = 130_000, 5


@dataclass(frozen=True)
class Served:
    """A version in memory."""

    signature: Signature
    checker: RowChecker
    predictor: Predictor


class ServedVersions:
    """A memory of loaded versions by key, bounded in number and in bytes; what was not used for longest goes
    first, and the one asked for stays, however large it is.

    However many threads ask for a cold version at once, one loads it and the others wait for that one.
    """

    def __init__(self, limit: Callable[[], int], most_bytes: Callable[[], int]):
        self._limit, self._most_bytes = limit, most_bytes
        self._lock = threading.Lock()
        self._held: OrderedDict[str, Future[Served]] = OrderedDict()
        self._sizes: dict[str, int] = {}

    def get(self, key: str, load: Callable[[], Served], size: Callable[[], int] = lambda: 0) -> Served:
        """The version of this key, loaded when it is not there; then it takes about `size` bytes."""
        with self._lock:
            future = self._held.get(key)
            if future is not None:
                self._held.move_to_end(key)
        if future is None:
            return self._loaded(key, load, size())
        meters.count("version_hits")
        return future.result()

    def _loaded(self, key: str, load: Callable[[], Served], n_bytes: int) -> Served:
        with self._lock:
            future = self._held.get(key)
            is_mine = future is None
            if future is None:
                future = self._held[key] = Future()
                self._sizes[key] = n_bytes
            while len(self._held) > 1 and self._is_over():
                self._sizes.pop(self._held.popitem(last=False)[0], None)
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
                    self._drop(key)
            future.set_exception(error)

    def _is_over(self) -> bool:
        return len(self._held) > self._limit() or sum(self._sizes.values()) > self._most_bytes()

    def _drop(self, key: str) -> None:
        self._held.pop(key, None)
        self._sizes.pop(key, None)

    def forget(self, key: str) -> None:
        with self._lock:
            self._drop(key)

    def clear(self) -> None:
        with self._lock:
            self._held.clear()
            self._sizes.clear()

    def __len__(self) -> int:
        return len(self._held)

    def __contains__(self, key: object) -> bool:
        return key in self._held


_versions = ServedVersions(
    lambda: settings.SERVED_VERSIONS_IN_MEMORY, lambda: settings.SERVED_MEMORY_MB * 1_000_000
)


def served(version: ModelVersion) -> Served:
    """The version, loaded and checked. Raises NotServable: archived, a file missing, or its bytes differ."""
    if version.archived_at is not None:
        raise NotServable(f"Version {version.number} is archived and does not serve.")
    return _versions.get(version.content_key, lambda: _load(version.pk), lambda: memory_of(version))


def memory_of(version: ModelVersion) -> int:
    """About how many bytes the version takes when it is loaded."""
    names = served_names(version)
    return LOADED_BYTES + LOADED_TIMES * sum(int(version.artifacts[name]["n_bytes"]) for name in names)


def served_names(version: ModelVersion) -> list[str]:
    """The files that serving reads: scikit-learn's own estimators stay on disk where there is an ONNX graph."""
    has_graph = "model.onnx" in version.artifacts
    return [name for name in version.artifacts if not (has_graph and name == "model.skops")]


def forget(version: ModelVersion) -> None:
    """Free the memory that the version takes in this process; the next request loads it again."""
    _versions.forget(version.content_key)


def forget_all() -> None:
    """Empty the memory (tests, and after artifacts were restored)."""
    _versions.clear()


def _load(pk: int) -> Served:
    from ..ml.inference import loading

    version = ModelVersion.objects.get(pk=pk)
    signature = version.signature
    predictor = loading.load_predictor(
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
