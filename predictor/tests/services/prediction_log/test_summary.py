from __future__ import annotations

import contextlib
import io
import os
import random
import signal
import sqlite3
import threading
import uuid
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, connections, transaction
from pytest_django import DjangoAssertNumQueries

from predictor.models import (
    LateLogRow,
    LogSummaryState,
    ModelVersion,
    PredictionHour,
    PredictionLog,
    PredictionTotal,
    RegisteredModel,
    Workspace,
)
from predictor.models.prediction_log import first_id_at
from predictor.services.prediction_log import log_rows, retention, summary
from predictor.services.prediction_log.log_rows import LogRow
from predictor.tests.waiting import let_some_time_pass, wait_until

is_sqlite = connections["default"].vendor == "sqlite"
START = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Clock:
    """The time of a test. `now` is what the summary sees."""

    def __init__(self) -> None:
        self.time = START

    def now(self) -> datetime:
        return self.time

    def pass_(self, **by: float) -> None:
        self.time += timedelta(**by)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    for module in (summary, retention):
        monkeypatch.setattr(module, "timezone", SimpleNamespace(now=made.now))
    return made


def make_version(workspace: Workspace, slug: str = "m") -> ModelVersion:
    model = RegisteredModel.objects.create(workspace=workspace, slug=slug, name=slug)
    return ModelVersion.objects.create(
        registered_model=model, number=1, task="regression", estimator="x", signature_json={}, artifacts={},
        is_compiled=True,
    )  # fmt: skip


def row(version: ModelVersion, at: datetime, **more: Any) -> LogRow:
    """A row predicted at this time; rows of the same millisecond are in any order."""
    key = uuid.UUID(int=first_id_at(at).int | 0x7 << 76 | 0b10 << 62 | random.getrandbits(60))
    return LogRow(
        id=key, workspace_id=version.registered_model.workspace_id, model_version_id=version.pk,
        request_id=key.hex, row_number=1, source="api", actor_id=None, api_token_id=None, inputs="{}",
        output='{"prediction": 2}', warnings="[]", latency_ms=0.5, created_at=at,
    )._replace(**more)  # fmt: skip


def log(*rows: LogRow) -> None:
    with transaction.atomic():
        log_rows.insert(connection, rows)


def hours() -> dict[tuple[int, datetime], int]:
    return {(each.model_version_id, each.hour): each.n_rows for each in PredictionHour.objects.all()}


def expected(rows: list[LogRow]) -> dict[tuple[int, datetime], int]:
    """Counted by hand: the rows of each version and hour of the day in UTC."""
    moments = ((each.model_version_id, each.created_at.astimezone(UTC)) for each in rows)
    return dict(Counter((version, datetime(*at.timetuple()[:4], tzinfo=UTC)) for version, at in moments))


def test_rows_are_counted_by_version_and_hour_once(workspace: Workspace, clock: Clock) -> None:
    a, b = make_version(workspace, "a"), make_version(workspace, "b")
    rows = [row(a, START - timedelta(minutes=20 * k)) for k in range(1, 9)] + [
        row(b, START - timedelta(hours=1))
    ]
    log(*rows)

    assert summary.run() == summary.Progress(9, is_done=True)
    assert summary.run() == summary.Progress(0, is_done=True)
    assert hours() == expected(rows)


def test_hours_are_those_of_utc(workspace: Workspace, clock: Clock) -> None:
    version = make_version(workspace)
    # India is five and a half hours ahead: its half past noon is in UTC's hour of seven.
    india = datetime.fromisoformat("2026-03-01T12:29:59.999+05:30")
    log(row(version, india), row(version, datetime.fromisoformat("2026-03-01T12:30:00+05:30")))

    summary.run()

    assert hours() == {
        (version.pk, datetime(2026, 3, 1, 6, tzinfo=UTC)): 1,
        (version.pk, datetime(2026, 3, 1, 7, tzinfo=UTC)): 1,
    }


def test_rows_of_the_last_seconds_are_left_for_the_next_pass(workspace: Workspace, clock: Clock) -> None:
    version = make_version(workspace)
    log(row(version, START - timedelta(seconds=1)))

    assert summary.run().n_rows == 0
    clock.pass_(seconds=10)
    assert summary.run().n_rows == 1


def test_a_row_that_is_committed_late_is_counted(workspace: Workspace, clock: Clock) -> None:
    version = make_version(workspace)
    early, between = (row(version, START - timedelta(hours=k)) for k in (3, 2))
    log(early, row(version, START - timedelta(hours=1)))
    summary.run()

    log(between)

    assert LateLogRow.objects.count() == 1
    assert summary.run().n_rows == 1
    assert LateLogRow.objects.count() == 0
    assert sum(hours().values()) == 3


def test_a_row_that_is_inserted_again_is_not_counted_again(workspace: Workspace, clock: Clock) -> None:
    once = row(make_version(workspace), START - timedelta(hours=1))
    log(once)
    summary.run()

    log(once)

    assert summary.run().n_rows == 0
    assert sum(hours().values()) == 1


def test_without_news_nothing_is_written(
    workspace: Workspace, clock: Clock, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    log(row(make_version(workspace), START - timedelta(hours=1)))
    summary.run()
    before = LogSummaryState.objects.values().get()
    clock.pass_(hours=1)

    with django_assert_max_num_queries(3):
        summary.run()

    assert LogSummaryState.objects.values().get() == before


def test_a_broken_row_does_not_stop_the_count(workspace: Workspace, clock: Clock) -> None:
    version, at = make_version(workspace), START - timedelta(hours=1)
    outputs = (
        "[]",
        "3",
        '{"prediction": [1]}',
        '{"prediction": "a", "probabilities": {"a": "x", "b": 1}}',
        "{}",
        '{"prediction": 1.5e308}',
        '{"prediction": 1.6e308}',
    )
    log(*(row(version, at, output=output, warnings='[{"code": 3}, {"code": []}, 4]') for output in outputs))

    assert summary.run().n_rows == len(outputs)
    assert PredictionHour.objects.get().n_with_warnings == len(outputs)
    log(*(row(version, at, output='{"prediction": -1.7e308}') for _ in range(2)))
    assert summary.run().n_rows == 2


def test_a_pass_ends_after_its_time_and_the_next_goes_on(
    workspace: Workspace, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = make_version(workspace)
    rows = [row(version, START - timedelta(minutes=k)) for k in range(1, 8)]
    log(*rows)
    monkeypatch.setattr(summary, "ROWS_AT_ONCE", 2)

    assert summary.run(seconds=0) == summary.Progress(0, is_done=False)
    assert summary.run() == summary.Progress(7, is_done=True)
    assert hours() == expected(rows)


def test_the_number_of_statements_does_not_grow_with_the_rows(workspace: Workspace, clock: Clock) -> None:
    version = make_version(workspace)
    counts = []
    for n in (1, 100):
        log(*(row(version, clock.time - timedelta(minutes=1)) for _ in range(n)))
        statements: list[str] = []

        def note(execute: Any, sql: str, *rest: Any, statements: list[str] = statements) -> Any:
            statements.append(sql)
            return execute(sql, *rest)

        with connection.execute_wrapper(note):
            summary.run()
        counts.append(len(statements))
        clock.pass_(minutes=10)

    assert counts[1] <= counts[0]


def test_the_command_counts_everything(workspace: Workspace, clock: Clock) -> None:
    version = make_version(workspace)
    log(*(row(version, START - timedelta(hours=k)) for k in (1, 2)))
    said = io.StringIO()

    call_command("summarize_log", stdout=said)

    assert said.getvalue() == "2 rows of the prediction log were counted.\n"


def test_deleting_a_version_deletes_its_hours_and_total(workspace: Workspace, clock: Clock) -> None:
    version = make_version(workspace)
    log(row(version, START - timedelta(hours=1)))
    summary.run()

    PredictionLog.objects.all().delete()
    version.delete()

    assert (PredictionHour.objects.count(), PredictionTotal.objects.count()) == (0, 0)


def test_a_late_row_that_was_deleted_is_forgotten(workspace: Workspace, clock: Clock) -> None:
    version = make_version(workspace)
    log(row(version, START - timedelta(hours=1)))
    summary.run()
    late = row(version, START - timedelta(hours=2))
    log(late)
    PredictionLog.objects.filter(pk=late.id).delete()

    assert summary.run().n_rows == 0
    assert LateLogRow.objects.count() == 0


def test_a_workspace_is_told_up_to_when_its_log_is_counted(
    workspace: Workspace, other_workspace: Workspace, clock: Clock
) -> None:
    version = make_version(workspace)
    log(row(version, START - timedelta(hours=3)))
    summary.run()
    assert summary.counted_to(workspace) is None

    clock.pass_(hours=1)
    log(row(version, START + timedelta(minutes=30)))

    assert summary.counted_to(workspace) == START - summary.SETTLE
    assert summary.counted_to(other_workspace) is None
    summary.run()
    assert summary.counted_to(workspace) is None


# --- Every order of events -------------------------------------------------------------------------------------
class Killed(Exception):
    """Stands for kill -9: nothing after it runs, and the transaction is rolled back."""


class Workshop:
    """Random writers, workers that count and are killed, and retention; all in turns, and within each other's turns.

    A worker's turn is interrupted after it has read rows and before it stores their counts: there other workers count,
    rows are committed with ids of any time, and workers are killed.
    """

    def __init__(
        self, seed: int, versions: list[ModelVersion], clock: Clock, monkeypatch: pytest.MonkeyPatch
    ):
        self.chance, self.versions, self.clock = random.Random(seed), versions, clock
        self.rows: list[LogRow] = []
        self.depth, self.is_over = 0, False
        self.read, self.add = summary._rows, summary._add_to_hours
        monkeypatch.setattr(summary, "ROWS_AT_ONCE", 3)
        monkeypatch.setattr(summary.time, "sleep", lambda seconds: None)
        monkeypatch.setattr(summary, "_rows", self.interrupted_read)
        monkeypatch.setattr(summary, "_add_to_hours", self.mortal_add)

    def interrupted_read(self, *arguments: Any) -> Any:
        found = self.read(*arguments)
        if self.depth < 2 and not self.is_over:
            self.depth += 1
            for _ in range(self.chance.randrange(3)):
                self.turn()
            self.depth -= 1
        return found

    def mortal_add(self, counts: Any) -> None:
        self.add(counts)
        if self.chance.random() < 0.2 and not self.is_over:
            raise Killed

    def turn(self) -> None:
        self.chance.choice((self.write, self.write, self.count, self.wait, self.prune))()

    def write(self) -> None:
        ages = (self.chance.choice((0, 3, 300, 20_000)) * self.chance.random() for _ in range(4))
        new = [
            row(self.chance.choice(self.versions), self.clock.time - timedelta(seconds=age)) for age in ages
        ]
        again = self.chance.sample(self.rows, min(1, len(self.rows)))
        kept = [each for each in again if PredictionLog.objects.filter(pk=each.id).exists()]
        log(*new, *kept)
        self.rows += new

    def count(self) -> None:
        pass_ = summary._Pass()
        try:
            for _ in range(self.chance.randrange(1, 8)):
                if not pass_.step():
                    break
        except Killed:
            pass

    def wait(self) -> None:
        self.clock.pass_(seconds=self.chance.choice((1, 60, 4_000, 100_000)))

    def prune(self) -> None:
        with contextlib.suppress(Killed):
            retention.prune(days=1)


@pytest.mark.parametrize("seed", range(12))
def test_every_row_is_counted_exactly_once_whatever_happens_when(
    seed: int, workspace: Workspace, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    versions = [make_version(workspace, slug) for slug in "ab"]
    workshop = Workshop(seed, versions, clock, monkeypatch)

    for _ in range(25):
        workshop.turn()
    workshop.is_over = True
    clock.pass_(minutes=1)
    while summary.run().n_rows:
        clock.pass_(minutes=1)

    assert hours() == expected(workshop.rows)
    totals = dict(PredictionTotal.objects.values_list("model_version", "n_rows"))
    assert totals == dict(Counter(each.model_version_id for each in workshop.rows))
    assert not LateLogRow.objects.exists()


# --- Processes and connections ---------------------------------------------------------------------------------
def forked(do: Callable[[], None], database: Path) -> int:
    """The process id of a child that does this with another database."""
    pid = os.fork()
    if pid:
        return pid
    try:
        connections["default"].settings_dict["NAME"] = str(database)
        do()
    finally:
        os._exit(0)


@pytest.mark.skipif(not is_sqlite, reason="Kills processes that share a file.")
@pytest.mark.django_db(transaction=True)
def test_killed_writers_and_workers_leave_an_exact_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = make_version(Workspace.objects.create(slug="acme", name="Acme"))
    copy, chance = tmp_path / "copy.sqlite3", random.Random()
    with sqlite3.connect(copy) as target:
        connection.connection.backup(target)
    target.close()
    connection.close()
    # Nothing is left for later, so that many rows are late.
    monkeypatch.setattr(summary, "SETTLE", timedelta(0))
    monkeypatch.setattr(summary, "ROWS_AT_ONCE", 20)

    def write() -> None:
        for _ in range(60):
            age = timedelta(seconds=chance.choice((0, 0, 1, 10_000)) * chance.random())
            log(*(row(version, datetime.now(UTC) - age) for _ in range(3)))
        signal.pause()

    def count() -> None:
        while True:
            summary.run()

    for _ in range(4):
        children = [forked(do, copy) for do in (write, write, count, count)]
        try:
            wait_for_counts(copy, n_more=chance.randrange(20, 200))
        finally:
            for pid in children:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
    os.waitpid(forked(lambda: [summary.run(seconds=None) for _ in range(3)] and None, copy), 0)

    with sqlite3.connect(copy) as database:
        logged = database.execute(
            "SELECT substr(created_at, 1, 13), count(*) FROM predictor_predictionlog GROUP BY 1 ORDER BY 1"
        ).fetchall()
        counted = database.execute(
            "SELECT substr(hour, 1, 13), n_rows FROM predictor_predictionhour ORDER BY 1"
        ).fetchall()
    database.close()
    assert counted == logged


def wait_for_counts(database: Path, *, n_more: int) -> None:
    """Return when so many more rows are counted than now."""

    def counted() -> int:
        with sqlite3.connect(database) as read:
            n = read.execute("SELECT coalesce(sum(n_rows), 0) FROM predictor_predictionhour").fetchone()[0]
        read.close()
        return int(n)

    first = counted()
    wait_until(lambda: counted() - first > n_more, "more counts")


@pytest.mark.skipif(is_sqlite, reason="SQLite has one writer at a time.")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_inserted_before_closing", [True, False])
def test_a_transaction_that_began_before_a_range_was_closed_is_waited_for(
    clock: Clock, is_inserted_before_closing: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(summary, "BETWEEN_QUESTIONS_SECONDS", 0.001)
    version = make_version(Workspace.objects.create(slug="acme", name="Acme"))
    rows = [row(version, START - timedelta(hours=k)) for k in (1, 2, 3)]
    log(rows[0])
    other = connections.create_connection("default")
    try:
        other.set_autocommit(False)
        log_rows.insert(other, rows[1:2])
        if is_inserted_before_closing:
            log_rows.insert(other, rows[2:])

        assert summary.run() == summary.Progress(0, is_done=False)
        if not is_inserted_before_closing:
            log_rows.insert(other, rows[2:])
        assert summary.run() == summary.Progress(0, is_done=False)
        other.commit()
    finally:
        other.close()

    assert summary.run().n_rows == 3
    assert hours() == expected(rows)


@pytest.mark.skipif(is_sqlite, reason="SQLite has one writer at a time.")
@pytest.mark.django_db(transaction=True)
def test_concurrent_transactions_and_workers_count_each_row_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(summary, "SETTLE", timedelta(0))
    monkeypatch.setattr(summary, "ROWS_AT_ONCE", 20)
    version = make_version(Workspace.objects.create(slug="acme", name="Acme"))
    is_over = threading.Event()

    def write() -> None:
        chance = random.Random()
        for _ in range(40):
            age = timedelta(seconds=chance.choice((0, 0, 1, 10_000)) * chance.random())
            with transaction.atomic():
                log(*(row(version, datetime.now(UTC) - age) for _ in range(3)))
                let_some_time_pass(chance)
        connection.close()

    def count() -> None:
        while not is_over.is_set():
            summary.run()
        connection.close()

    writers, counters = ([threading.Thread(target=do) for _ in range(3)] for do in (write, count))
    for thread in (*writers, *counters):
        thread.start()
    for thread in writers:
        thread.join()
    is_over.set()
    for thread in counters:
        thread.join()
    while summary.run().n_rows:
        pass

    assert sum(hours().values()) == PredictionLog.objects.count() == 3 * 40 * 3
