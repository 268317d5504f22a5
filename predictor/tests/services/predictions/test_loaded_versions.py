from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from predictor.errors import NotServable
from predictor.models import ModelVersion, User, Workspace
from predictor.services import registry
from predictor.services.predictions import loaded_versions
from predictor.services.predictions.loaded_versions import LoadedVersions
from predictor.services.process import meters
from predictor.tests.waiting import HANG_SECONDS, wait_for_end


@pytest.fixture(autouse=True)
def _nothing_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meters, "_meters", meters.Meters(tmp_path / "meters"))
    loaded_versions.forget_all()


@pytest.fixture
def linear(workspace: Workspace, member: User) -> ModelVersion:
    return registry.register_linear(
        workspace=workspace, name="article", coefficients=[0.5, 0.3], intercept=-1.5, by=member
    )


def get(versions: LoadedVersions, key: str, n_bytes: int = 0) -> Any:
    return versions.get(key, object, lambda: n_bytes)  # type: ignore[arg-type, return-value]


# --- The cache -----------------------------------------------------------------------------------------------
def test_all_who_wait_for_a_load_get_its_error_and_nothing_is_kept() -> None:
    versions = LoadedVersions(lambda: 2, lambda: 10**9)
    is_loading, may_fail = threading.Event(), threading.Event()
    errors: list[str] = []

    def fail() -> Any:
        is_loading.set()
        may_fail.wait(HANG_SECONDS)
        raise NotServable("A file is missing.")

    def ask() -> None:
        try:
            versions.get("a", fail)
        except NotServable as error:
            errors.append(error.message)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    threads[0].start()
    assert is_loading.wait(HANG_SECONDS)
    for thread in threads[1:]:
        thread.start()
    may_fail.set()
    wait_for_end(*threads)

    assert errors == ["A file is missing."] * 3
    assert len(versions) == 0


def test_a_failed_load_frees_its_memory() -> None:
    versions = LoadedVersions(lambda: 9, lambda: 10)
    get(versions, "a", 4)

    def fail() -> Any:
        raise NotServable("A file is missing.")

    with pytest.raises(NotServable):
        versions.get("b", fail, lambda: 6)
    get(versions, "c", 6)

    assert ("a" in versions, "c" in versions) == (True, True)


def test_a_version_that_is_forgotten_while_it_loads_is_answered_and_not_kept() -> None:
    versions = LoadedVersions(lambda: 2, lambda: 10**9)
    loaded: Any = object()

    def load() -> Any:
        versions.forget("a")
        return loaded

    assert versions.get("a", load) is loaded
    assert "a" not in versions


def test_a_use_counts_for_the_order_of_eviction_in_bytes_too() -> None:
    versions = LoadedVersions(lambda: 9, lambda: 10)
    for key in ("a", "b", "a"):
        get(versions, key, 4)

    get(versions, "c", 6)

    assert [key for key in "abc" if key in versions] == ["a", "c"]


@pytest.mark.parametrize(("n_bytes", "kept"), [(6, "ab"), (7, "b")])
def test_memory_may_be_filled_to_the_last_byte(n_bytes: int, kept: str) -> None:
    versions = LoadedVersions(lambda: 9, lambda: 10)
    get(versions, "a", 4)

    get(versions, "b", n_bytes)

    assert "".join(key for key in "ab" if key in versions) == kept


def test_a_lower_limit_holds_from_the_next_load_on() -> None:
    limit = [3]
    versions = LoadedVersions(lambda: limit[0], lambda: 10**9)
    for key in "abc":
        get(versions, key)
    limit[0] = 1

    get(versions, "c")
    assert len(versions) == 3
    get(versions, "d")

    assert (len(versions), "d" in versions) == (1, True)


def test_clearing_forgets_versions_and_their_memory() -> None:
    versions = LoadedVersions(lambda: 9, lambda: 10)
    get(versions, "a", 10)

    versions.clear()
    get(versions, "b", 5)
    get(versions, "c", 5)

    assert [key for key in "abc" if key in versions] == ["b", "c"]


def test_hits_loads_and_failures_are_counted() -> None:
    versions = LoadedVersions(lambda: 9, lambda: 10**9)

    def fail() -> Any:
        raise NotServable("A file is missing.")

    for key in ("a", "a", "b", "a"):
        get(versions, key)
    with pytest.raises(NotServable):
        versions.get("c", fail)

    totals = meters.totals()
    counts = [totals.value(name) for name in ("version_hits", "version_loads", "version_load_failures")]
    assert counts == [2, 2, 1]
    assert totals.value("versions_in_memory") == 2


# --- Versions ------------------------------------------------------------------------------------------------
FILES = {
    "spec.json": {"digest": "1" * 64, "n_bytes": 10},
    "model.skops": {"digest": "2" * 64, "n_bytes": 1_000},
    "model.onnx": {"digest": "3" * 64, "n_bytes": 100},
}


def test_the_estimators_are_not_read_beside_a_graph() -> None:
    version = ModelVersion(artifacts=FILES)

    assert loaded_versions.served_names(version) == ["spec.json", "model.onnx"]
    assert loaded_versions.memory_of(version) == 130_000 + 5 * 110


def test_without_a_graph_the_estimators_are_read() -> None:
    version = ModelVersion(artifacts={name: FILES[name] for name in ("spec.json", "model.skops")})

    assert loaded_versions.served_names(version) == ["spec.json", "model.skops"]
    assert loaded_versions.memory_of(version) == 130_000 + 5 * 1_010


def test_a_version_is_loaded_once_and_again_after_it_was_forgotten(linear: ModelVersion) -> None:
    first = loaded_versions.load(linear)
    assert loaded_versions.load(ModelVersion.objects.get(pk=linear.pk)) is first

    loaded_versions.forget(linear)

    again = loaded_versions.load(linear)
    assert again is not first
    assert again.signature == first.signature
    assert again.checker is again.predictor.checker


def test_versions_with_equal_files_are_loaded_apart(
    linear: ModelVersion, workspace: Workspace, member: User
) -> None:
    twin = registry.register_linear(
        workspace=workspace, name="twin", coefficients=[0.5, 0.3], intercept=-1.5, by=member
    )
    twin.artifacts = linear.artifacts
    twin.save()

    assert loaded_versions.load(linear) is not loaded_versions.load(twin)


def test_an_archived_version_is_refused_even_when_it_is_in_memory(linear: ModelVersion, member: User) -> None:
    loaded_versions.load(linear)
    registry.remove_alias(registered_model=linear.registered_model, alias="champion", by=member)
    archived = registry.archive(model_version=linear, by=member)

    with pytest.raises(NotServable, match="Version 1 is archived and does not serve"):
        loaded_versions.load(archived)


def test_a_system_without_malloc_trim_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    class Musl:
        def __init__(self, name: None):
            pass

    monkeypatch.setattr(loaded_versions.sys, "platform", "linux")
    monkeypatch.setattr(loaded_versions.ctypes, "CDLL", Musl)

    loaded_versions.return_memory()
