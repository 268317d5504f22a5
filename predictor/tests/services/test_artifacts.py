from __future__ import annotations

import hashlib
import os
import threading
import time
from pathlib import Path

import pytest
from django.conf import settings
from pytest_django import Settings

from predictor.errors import DamagedArtifact, NotFound
from predictor.services import artifacts
from predictor.tests.waiting import let_some_time_pass, wait_for_end

DATA = b"some bytes" * 1000
DIGEST = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.write_bytes(DATA)
    return path


def stored_files(settings: Settings) -> list[Path]:
    return [
        path for path in Path(settings.ARTIFACT_DIR).rglob("*") if path.is_file() and path.name != ".lock"
    ]


@pytest.mark.parametrize("may_link", [False, True])
def test_bytes_are_kept_once_under_their_digest(settings: Settings, source: Path, may_link: bool) -> None:
    assert artifacts.put(source, may_link=may_link) == DIGEST
    assert artifacts.put(source, may_link=may_link) == artifacts.put_bytes(DATA) == DIGEST
    assert artifacts.path_of(DIGEST).read_bytes() == DATA
    assert len(stored_files(settings)) == 1
    with artifacts.open(DIGEST) as file:
        assert file.read() == DATA


def test_a_copy_does_not_change_with_its_source(source: Path) -> None:
    artifacts.put(source)
    with source.open("r+b") as file:
        file.write(b"other")
    assert artifacts.verified_path(DIGEST).read_bytes() == DATA


def test_a_link_falls_back_to_a_copy(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError("another file system")

    monkeypatch.setattr(os, "link", refuse)
    assert artifacts.put(source, may_link=True) == DIGEST
    assert artifacts.path_of(DIGEST).stat().st_ino != source.stat().st_ino


@pytest.mark.parametrize(
    "digest", ["", "../secret_key", "a" * 63, "A" * 64, "/etc/passwd", DIGEST + "/", "é" * 64, DIGEST]
)
def test_only_digests_are_opened(digest: str) -> None:
    assert digest == DIGEST or not artifacts.DIGEST.fullmatch(digest)
    with pytest.raises(NotFound):
        artifacts.path_of(digest)


def test_damaged_bytes_are_noticed(source: Path) -> None:
    artifacts.put(source)
    artifacts.path_of(DIGEST).chmod(0o600)
    artifacts.path_of(DIGEST).write_bytes(DATA[:-1] + b"x")
    with pytest.raises(DamagedArtifact):
        artifacts.verified_path(DIGEST)
    with pytest.raises(DamagedArtifact):
        artifacts.open(DIGEST)


def test_a_link_in_the_place_of_a_file_is_not_followed(source: Path, tmp_path: Path) -> None:
    artifacts.put(source)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(DATA)
    artifacts.path_of(DIGEST).unlink()
    (Path(settings.ARTIFACT_DIR) / DIGEST[:2] / DIGEST).symlink_to(elsewhere)

    with pytest.raises(NotFound):
        artifacts.path_of(DIGEST)
    with pytest.raises(NotFound):
        artifacts.open(DIGEST)


def test_a_file_that_was_cut_short_is_replaced(source: Path) -> None:
    artifacts.put(source)
    artifacts.path_of(DIGEST).write_bytes(b"short")
    artifacts.put(source)
    assert artifacts.verified_path(DIGEST).read_bytes() == DATA


def test_a_failed_write_leaves_nothing(
    settings: Settings, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space"):
        artifacts.put(source)
    assert stored_files(settings) == []


def test_unreferenced_files_are_deleted_once_they_are_old(settings: Settings, source: Path) -> None:
    artifacts.put(source)
    kept, young = artifacts.put_bytes(b"kept"), artifacts.put_bytes(b"young")
    partial = Path(settings.ARTIFACT_DIR) / artifacts.PARTIAL / "0"
    partial.write_bytes(b"of a process that died")
    long_ago = time.time() - 2 * artifacts.ABANDONED_AFTER_SECONDS
    for path in (artifacts.path_of(DIGEST), artifacts.path_of(kept), partial):
        os.utime(path, (long_ago, long_ago))
    assert artifacts.delete_unreferenced([kept]) == 2
    assert artifacts.exists(kept)
    assert artifacts.exists(young)
    assert not artifacts.exists(DIGEST)


def test_putting_again_renews_the_age(source: Path) -> None:
    artifacts.put(source)
    os.utime(artifacts.path_of(DIGEST), (0, 0))
    artifacts.put(source)
    assert artifacts.delete_unreferenced([]) == 0


def test_many_at_once_put_the_same_bytes(settings: Settings, source: Path) -> None:
    digests: list[str] = []
    threads = [threading.Thread(target=lambda: digests.append(artifacts.put(source))) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert digests == [DIGEST] * 12
    assert len(stored_files(settings)) == 1


def test_removing_waits_for_keeping() -> None:
    entered = threading.Event()

    def remove() -> None:
        with artifacts.removing():
            entered.set()

    with artifacts.keeping(), artifacts.keeping():
        thread = threading.Thread(target=remove)
        thread.start()
        let_some_time_pass()
        assert not entered.is_set()
    wait_for_end(thread)
    assert entered.is_set()
