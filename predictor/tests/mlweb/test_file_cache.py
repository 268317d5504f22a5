from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlweb import file_cache
from mlweb.file_cache import FileCache


@pytest.fixture
def cache(tmp_path: Path) -> FileCache:
    return FileCache(str(tmp_path / "cache"), {})


def test_two_processes_see_the_same_entries(cache: FileCache, tmp_path: Path) -> None:
    other = FileCache(str(tmp_path / "cache"), {})
    cache.set("wrong:a@b.example", [1.5, 2.5], timeout=300)

    assert other.get("wrong:a@b.example") == [1.5, 2.5]
    assert other.get("nobody", "none") == "none"
    assert other.delete("wrong:a@b.example")
    assert not cache.has_key("wrong:a@b.example")


def test_an_entry_expires(cache: FileCache, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.set("a", 1, timeout=300)
    cache.set("b", 2, timeout=None)
    late = file_cache.time.time() + 301
    monkeypatch.setattr(file_cache.time, "time", lambda: late)

    assert cache.get("a") is None
    assert cache.get("b") == 2
    assert cache.add("a", 3)
    assert not cache.add("a", 4)
    assert cache.get("a") == 3


def test_files_are_json_of_their_owner_and_a_torn_one_is_no_entry(cache: FileCache, tmp_path: Path) -> None:
    cache.set("a", [1])
    (path,) = (tmp_path / "cache").iterdir()
    assert json.loads(path.read_text())["value"] == [1]
    assert (tmp_path / "cache").stat().st_mode & 0o077 == 0

    path.write_text('{"value": [1')

    assert cache.get("a") is None


def test_it_keeps_a_bounded_number(cache: FileCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_cache, "MAX_ENTRIES", 10)
    monkeypatch.setattr(file_cache, "CULLED_EVERY", 5)
    for number in range(50):
        cache.set(f"k{number}", number)

    assert len(list((tmp_path / "cache").iterdir())) <= 15
    cache.clear()
    assert list((tmp_path / "cache").iterdir()) == []
