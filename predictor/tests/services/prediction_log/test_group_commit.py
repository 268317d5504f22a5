from __future__ import annotations

import fcntl
import json
import os
import random
import signal
import sqlite3
import threading
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import (
    DatabaseError,
    IntegrityError,
    InterfaceError,
    OperationalError,
    connection,
    connections,
)
from pytest_django import Settings

from predictor.models import ModelVersion, PredictionLog, RegisteredModel, Workspace
from predictor.services import prediction_log
from predictor.services.prediction_log import group_commit
from predictor.services.prediction_log.group_commit import LogWriter
from predictor.services.prediction_log.log_rows import ROWS_A_STATEMENT, LogRow
from predictor.tests.waiting import HANG_SECONDS, let_some_time_pass, wait_for_end, wait_until

from .rows import Rows

is_sqlite = connections["default"].vendor == "sqlite"


@pytest.fixture
def version(transactional_db: None) -> ModelVersion:
    """Committed, so that the writer's own connection sees it."""
    workspace = Workspace.objects.create(slug="acme", name="Acme")
    model = RegisteredModel.objects.create(workspace=workspace, slug="m", name="M")
    return ModelVersion.objects.create(
        registered_model=model, number=1, task="regression", estimator="x", signature_json={}, artifacts={},
        is_compiled=True,
    )  # fmt: skip


@pytest.fixture
def writer() -> Iterator[LogWriter]:
    made = LogWriter()
    yield made
    made.close()


@pytest.fixture
def rows(version: ModelVersion) -> Callable[..., list[LogRow]]:
    return Rows(version)


@contextmanager
def turn_taken() -> Iterator[None]:
    """Hold the file lock, as if another process were writing."""
    with (Path(django_settings.DATA_DIR) / "prediction_log.lock").open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def in_threads(n: int, do: Callable[[int], None]) -> list[threading.Thread]:
    threads = [threading.Thread(target=do, args=(number,)) for number in range(n)]
    for thread in threads:
        thread.start()
    return threads


def stored() -> list[dict[str, Any]]:
    return list(PredictionLog.objects.order_by("id").values("id", "inputs", "output", "created_at"))


def test_rows_are_committed_when_it_returns(writer: LogWriter, rows: Rows) -> None:
    written = rows(3)

    writer.write(written)

    assert [each["id"] for each in stored()] == [row.id for row in written]
    assert stored()[0]["inputs"] == {"x": 1}
    assert stored()[0]["created_at"] == written[0].created_at


def test_more_rows_than_a_statement_holds_are_one_transaction(writer: LogWriter, rows: Rows) -> None:
    many = rows(ROWS_A_STATEMENT + 1)

    with pytest.raises(IntegrityError):
        writer.write([*many, *rows(lost=True)])
    assert not stored()

    writer.write(many)
    assert len(stored()) == len(many)


@pytest.mark.skipif(not is_sqlite, reason="PostgreSQL needs no turns.")
def test_rows_that_arrive_while_another_process_writes_are_one_commit(writer: LogWriter, rows: Rows) -> None:
    asked = [rows(2) for _ in range(6)]
    with turn_taken():
        threads = in_threads(6, lambda number: writer.write(asked[number]))
        wait_until(lambda: writer.status().n_waiting_rows == 12)
        assert writer.status().oldest_seconds >= 0
    for thread in threads:
        thread.join()

    assert {each["id"] for each in stored()} == {row.id for request in asked for row in request}
    assert (writer.status().n_commits, writer.status().n_rows) == (1, 12)


@pytest.mark.skipif(not is_sqlite, reason="PostgreSQL needs no turns.")
def test_rows_that_cannot_be_stored_fail_alone(writer: LogWriter, rows: Rows) -> None:
    asked = [rows(2), rows(1, lost=True), rows(2)]
    errors: dict[int, Exception] = {}

    def ask(number: int) -> None:
        try:
            writer.write(asked[number])
        except DatabaseError as error:
            errors[number] = error

    with turn_taken():
        threads = in_threads(3, ask)
        wait_until(lambda: writer.status().n_waiting_rows == 5)
    for thread in threads:
        thread.join()

    assert [*errors] == [1]
    assert isinstance(errors[1], IntegrityError)
    assert len(stored()) == 4
    assert writer.status().n_failed_rows == 1


def test_existing_rows_are_not_written_twice(writer: LogWriter, rows: Rows) -> None:
    written = rows(2)
    writer.write(written)
    writer.write([*written, *rows(1)])

    assert len(stored()) == 3


def test_every_call_returns_under_concurrency(writer: LogWriter, rows: Rows) -> None:
    def ask(number: int) -> None:
        for place in range(10):
            lost = number == 0 and place % 2 == 0
            with suppress(IntegrityError):
                writer.write(rows(1, lost=lost))

    wait_for_end(*in_threads(6, ask))

    assert len(stored()) == 55
    assert writer.status().n_rows == 55
    assert writer.status().n_waiting_rows == 0


def test_an_unavailable_database_fails_only_the_waiting_calls(
    writer: LogWriter, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(*args: Any) -> None:
        raise OperationalError("database is locked")

    with monkeypatch.context() as patched:
        patched.setattr(group_commit, "insert", locked)
        with pytest.raises(OperationalError):
            writer.write(rows(1))

    writer.write(rows(1))
    assert len(stored()) == 1


def test_after_an_unexpected_error_another_request_becomes_leader(
    writer: LogWriter, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(group_commit, "insert", lambda *args: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            writer.write(rows(1))

    writer.write(rows(1))
    assert len(stored()) == 1


def test_a_child_process_writes_with_its_own_connection(rows: Rows) -> None:
    group_commit.writer().write(rows(1))
    connection.close()  # the test's own; a fork handles only the writer's

    def child() -> None:
        group_commit.writer().write(rows(2))

    assert ended(forked(child)) == 0
    group_commit.writer().write(rows(1))
    group_commit.writer().close()
    assert len(stored()) == 4


# --- Buffered ----------------------------------------------------------------------------------------------
@pytest.mark.skipif(not is_sqlite, reason="PostgreSQL needs no turns.")
def test_buffered_rows_are_committed_after_the_call_returned(
    rows: Rows, settings: Settings, writer: LogWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.PREDICTION_LOG = "buffered"
    monkeypatch.setattr(group_commit, "_writer", writer)
    with turn_taken():
        for _ in range(5):
            prediction_log.append(rows(2))
        assert not stored()

    writer.flush()

    assert len(stored()) == 10


@pytest.mark.parametrize(
    "error",
    [
        OperationalError("database is locked"),
        InterfaceError("connection already closed"),
        OSError(28, "full"),
    ],
)
def test_buffered_rows_are_kept_while_the_database_does_not_answer(
    rows: Rows, writer: LogWriter, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    tried = threading.Event()

    def fails(*args: Any) -> None:
        tried.set()
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(group_commit, "RETRY_SECONDS", 0.01)
        patched.setattr(group_commit, "insert", fails)
        writer.write_behind(rows(2))
        assert tried.wait(HANG_SECONDS)
    wait_until(lambda: writer.status().n_rows == 2)

    assert len(stored()) == 2


@pytest.mark.skipif(not is_sqlite, reason="PostgreSQL needs no turns.")
def test_buffered_rows_are_kept_while_the_lock_file_cannot_be_opened(
    rows: Rows, writer: LogWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = threading.Event()

    def fails() -> Path:
        tried.set()
        raise OSError(24, "Too many open files")

    with monkeypatch.context() as patched:
        patched.setattr(group_commit, "RETRY_SECONDS", 0.01)
        patched.setattr(group_commit, "turns_path", fails)
        writer.write_behind(rows(2))
        assert tried.wait(HANG_SECONDS)
    wait_until(lambda: writer.status().n_rows == 2)

    assert len(stored()) == 2


def test_the_write_behind_thread_survives_an_unexpected_error(
    rows: Rows, writer: LogWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "RETRY_SECONDS", 0.01)
    with monkeypatch.context() as patched:
        patched.setattr(group_commit, "insert", lambda *args: 1 / 0)
        writer.write_behind(rows(2))
        wait_until(lambda: writer.status().n_failed_rows == 2)

    writer.write_behind(rows(1))
    wait_until(lambda: writer.status().n_rows == 1)

    assert len(stored()) == 1


def test_when_the_buffer_is_full_callers_wait(
    rows: Rows, writer: LogWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "MOST_BUFFERED_ROWS", 0)

    writer.write_behind(rows(1))

    assert len(stored()) == 1


# --- kill -9 -----------------------------------------------------------------------------------------------
def forked(do: Callable[[], None]) -> int:
    """The child's process id."""
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        do()
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def ended(pid: int) -> int:
    return os.waitpid(pid, 0)[1]


def log_until_killed(database: Path, rows: Rows, acknowledged: int) -> None:
    """Log requests of three rows from four threads; write each id to `acknowledged` once `append` returned."""
    connections["default"].settings_dict["NAME"] = str(database)

    def ask(_: int) -> None:
        while True:
            written = rows(3)
            prediction_log.append(written)
            os.write(acknowledged, b"".join(row.id.bytes for row in written))

    for thread in in_threads(4, ask):
        thread.join()


@pytest.mark.skipif(not is_sqlite, reason="Kills processes that share a file.")
def test_rows_acknowledged_before_a_kill_are_stored_once_and_complete(
    version: ModelVersion, tmp_path: Path
) -> None:
    copy, acknowledged_file = tmp_path / "copy.sqlite3", tmp_path / "acknowledged"
    with sqlite3.connect(copy) as target:
        connection.connection.backup(target)
    target.close()
    connection.close()
    chance, rows = random.Random(), Rows(version)
    acknowledged = os.open(acknowledged_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for _ in range(6):
        killed = [forked(lambda: log_until_killed(copy, rows, acknowledged)) for _ in range(2)]
        size = acknowledged_file.stat().st_size
        wait_until(lambda size=size: acknowledged_file.stat().st_size > size + 1_000)  # type: ignore[misc]
        let_some_time_pass(chance)
        for pid in killed:
            os.kill(pid, signal.SIGKILL)
            ended(pid)
    os.close(acknowledged)

    content = acknowledged_file.read_bytes()
    ids = [content[start : start + 16].hex() for start in range(0, len(content), 16)]
    with sqlite3.connect(copy) as database:
        stored_rows = database.execute(
            "SELECT id, request_id, inputs, output FROM predictor_predictionlog"
        ).fetchall()
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    database.close()
    assert len(ids) > 300
    assert set(ids) <= {row[0] for row in stored_rows}
    assert len({row[0] for row in stored_rows}) == len(stored_rows)
    assert set(Counter(row[1] for row in stored_rows).values()) == {3}
    assert all(json.loads(row[2]) and json.loads(row[3]) for row in stored_rows)
