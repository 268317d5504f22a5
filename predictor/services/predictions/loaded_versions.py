"""LRU cache of loaded model versions, which are checked when they are loaded."""

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

from ...errors import NotFound, NotServable
from ...models import ModelVersion
from ..process import meters

if TYPE_CHECKING:
    from ...ml.inference.predictor import Predictor
    from ...ml.inputs.row_checker import RowChecker
    from ...ml.types.schema import Signature


# Memory estimate: a linear model takes 0.13 MB, a forest 3.6 to 4.9 times the size of its file (measured).
LOADED_BYTES, LOADED_TIMES = 130_000, 5


@dataclass(frozen=True)
class LoadedVersion:
    """A loaded version: its signature, input checker and predictor."""

    signature: Signature
    checker: RowChecker
    predictor: Predictor


class LoadedVersions:
    """An LRU cache of loaded versions, bounded in number and in bytes. The newest stays, however large.

    When many threads request a version that is not loaded, one loads it and the others wait for it.
    """

    def __init__(self, limit: Callable[[], int], most_bytes: Callable[[], int]):
        self._limit, self._most_bytes = limit, most_bytes
        self._lock = threading.Lock()
        self._held: OrderedDict[str, Future[LoadedVersion]] = OrderedDict()
        self._sizes: dict[str, int] = {}

    def get(
        self, key: str, load: Callable[[], LoadedVersion], size: Callable[[], int] = lambda: 0
    ) -> LoadedVersion:
        """The version of this key, loaded if needed; `size` estimates its bytes. Raises what `load` raises."""
        with self._lock:
            future = self._held.get(key)
            if future is not None:
                self._held.move_to_end(key)
        if future is None:
            return self._loaded(key, load, size())
        meters.count("version_hits")
        return future.result()

    def _loaded(self, key: str, load: Callable[[], LoadedVersion], n_bytes: int) -> LoadedVersion:
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

    def _load_into(self, future: Future[LoadedVersion], key: str, load: Callable[[], LoadedVersion]) -> None:
        try:
            future.set_result(load())
            meters.count("version_loads")
            meters.note("versions_in_memory", len(self._held))
        except BaseException as error:
            meters.count("version_load_failures")
            # The next request tries again: a missing file may have been restored.
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


_versions = LoadedVersions(
    lambda: settings.SERVED_VERSIONS_IN_MEMORY, lambda: settings.SERVED_MEMORY_MB * 1_000_000
)


def load(version: ModelVersion) -> LoadedVersion:
    """The version, loaded and checked. Raises NotServable: archived, a file missing, or a wrong digest."""
    if version.archived_at is not None:
        raise NotServable(f"Version {version.number} is archived and does not serve.")
    return _versions.get(version.content_key, lambda: _load(version.pk), lambda: memory_of(version))


def memory_of(version: ModelVersion) -> int:
    """Estimate the memory of the loaded version, in bytes."""
    names = served_names(version)
    return LOADED_BYTES + LOADED_TIMES * sum(int(version.artifacts[name]["n_bytes"]) for name in names)


def served_names(version: ModelVersion) -> list[str]:
    """The files that serving loads: with an ONNX graph, scikit-learn's estimators (model.skops) are not read."""
    has_graph = "model.onnx" in version.artifacts
    return [name for name in version.artifacts if not (has_graph and name == "model.skops")]


def forget(version: ModelVersion) -> None:
    """Drop the version from the cache of this process; the next request loads it again."""
    _versions.forget(version.content_key)


def forget_all() -> None:
    """Empty the cache (for tests, and after artifacts were restored)."""
    _versions.clear()


def _load(pk: int) -> LoadedVersion:
    from ...ml.inference import loading

    version = ModelVersion.objects.get(pk=pk)
    signature = version.signature
    predictor = loading.load_predictor(
        _files(version),
        signature,
        digests={name: entry["digest"] for name, entry in version.artifacts.items()},
    )
    predictor.check_golden()
    return_memory()
    return LoadedVersion(signature=signature, checker=predictor.checker, predictor=predictor)


def return_memory() -> None:
    """Return freed heap memory to the system: loading a forest of 10 MB left 170 MB allocated."""
    if sys.platform == "linux":
        with suppress(AttributeError, OSError):  # musl has no such function
            ctypes.CDLL(None).malloc_trim(0)


def _files(version: ModelVersion) -> dict[str, Path]:
    from .. import artifacts

    try:
        return {name: artifacts.path_of(entry["digest"]) for name, entry in version.artifacts.items()}
    except NotFound:
        raise NotServable(
            f"A file of version {version.number} is missing from the artifact storage."
        ) from None
