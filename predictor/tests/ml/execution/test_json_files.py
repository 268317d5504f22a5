from __future__ import annotations

import json
import os
from pathlib import Path
from typing import NoReturn

import pytest

from predictor.ml.execution.json_files import write_bytes, write_json


def test_a_document_is_read_back_and_no_other_file_is_left(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    path = folder / "result.json"

    write_json(path, {"text": "Łódź 北京", "number": 0.1, "none": None})

    assert json.loads(path.read_text("utf-8")) == {"text": "Łódź 北京", "number": 0.1, "none": None}
    assert list(folder.iterdir()) == [path]


def test_a_file_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"longer than the new content")

    write_bytes(path, b"\0new")

    assert path.read_bytes() == b"\0new"


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_number_that_json_cannot_hold_is_refused_and_the_old_file_stays(
    tmp_path: Path, number: float
) -> None:
    path = tmp_path / "result.json"
    write_json(path, {"score": 1})

    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(path, {"score": number})

    assert json.loads(path.read_bytes()) == {"score": 1}


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")

    def fail(descriptor: int) -> NoReturn:
        raise OSError("No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space left"):
        write_bytes(path, b"new")

    assert path.read_bytes() == b"old"


def test_all_bytes_are_on_disk_before_the_file_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, synced = tmp_path / "a", []

    def fsync(descriptor: int) -> None:
        synced.append((os.fstat(descriptor).st_size, path.exists()))

    monkeypatch.setattr(os, "fsync", fsync)
    write_bytes(path, b"12345")

    assert synced == [(5, False)]
