from __future__ import annotations

import os
import sqlite3
import time
from pathlib import Path

import pytest
from pytest_django import Settings

from predictor.services.operations import upkeep


def messages(path: Path) -> list[str]:
    with sqlite3.connect(path) as connection:
        return [row[0] for row in connection.execute("SELECT payload FROM kombu_message")]


def test_delivered_messages_are_purged_and_waiting_ones_stay(tmp_path: Path) -> None:
    path = tmp_path / "broker.sqlite3"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE kombu_message (visible BOOLEAN, payload TEXT)")
        connection.executemany("INSERT INTO kombu_message VALUES (?, ?)", [(0, "delivered"), (1, "waiting")])

    assert upkeep.purge_delivered_messages(f"sqla+sqlite:///{path}") == 1
    assert messages(path) == ["waiting"]


@pytest.mark.parametrize("url", ["redis://127.0.0.1:1", "sqla+sqlite://"])
def test_other_brokers_are_not_changed(url: str) -> None:
    assert upkeep.purge_delivered_messages(url) == 0


def test_incomplete_uploads_are_removed_and_others_stay(settings: Settings) -> None:
    old, new = Path(settings.UPLOAD_DIR) / "old.upload", Path(settings.UPLOAD_DIR) / "new.upload"
    for path in (old, new):
        path.write_text("half")
    long_ago = time.time() - 5 * settings.INGEST_TIMEOUT_SECONDS
    os.utime(old, (long_ago, long_ago))

    upkeep.remove_abandoned_uploads()

    assert not old.exists()
    assert new.exists()


@pytest.mark.django_db
def test_folders_of_missing_runs_are_removed(settings: Settings) -> None:
    work = Path(settings.WORK_DIR)
    for name in ("run-77", "run-x", "other"):
        (work / name).mkdir()

    upkeep.tidy()

    assert sorted(path.name for path in work.iterdir() if path.name != "locks") == ["other", "run-x"]
