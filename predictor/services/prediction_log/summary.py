"""The hourly summary of the prediction log: each row of the log is counted exactly once, whenever it is committed.

Rows are counted in the order of their ids, in batches. A batch's counts and the new mark `counted_to` are written in
one transaction, which only succeeds if nobody else has moved the mark: a kill, or a second worker, changes nothing.

Ids begin with the time of the prediction, and a row can be committed long after it: a batch's rows have the time of
its request, and a buffered log waits for the database. So before rows are read, their range is closed: `closed_to` is
published, and from then on a trigger of the database notes each inserted row at or below it as a LateLogRow. The range
is read without those, and they are counted one by one when the mark has passed them.

Reading must wait until every transaction that may not have seen `closed_to` has ended. SQLite has one writer at a
time, so publishing is enough. On PostgreSQL, `horizon` is the number of a transaction begun after publishing: a
transaction with a higher number runs its trigger later and sees `closed_to`; those with a lower one are waited for.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from ...models import LateLogRow, LogSummaryState, PredictionHour, PredictionLog, PredictionTotal, Workspace
from ...models.prediction_hour import BEFORE_ALL
from ...models.prediction_log import first_id_at
from ...models.prediction_log import moment_of as moment_of_id
from . import outcomes
from .group_commit import turn
from .hour_counts import CountedRow, HourCounts, moment_of

ROWS_AT_ONCE = 2_000
# Rows younger than this are left for the next pass: most are committed by then, so that few are late.
SETTLE = timedelta(seconds=5)
# Pages say how far the log is counted when rows of this age are not.
LATE_AFTER = timedelta(minutes=2)
# How long one pass may take, and how often it asks whether older transactions have ended.
PASS_SECONDS = 8.0
SETTLING_QUESTIONS, BETWEEN_QUESTIONS_SECONDS = 20, 0.05

COLUMNS = "log.model_version_id, log.row_number, log.source, log.output, log.warnings, log.latency_ms"
# As text: the driver of SQLite would make an object of each.
CREATED_AT = {"sqlite": "log.created_at || ''"}
LOG, LATE = PredictionLog._meta.db_table, LateLogRow._meta.db_table
NEXT_ROWS = (
    f"SELECT log.id, {COLUMNS}, {{created_at}} FROM {LOG} AS log WHERE log.id > %s AND log.id <= %s"  # noqa: S608
    f" AND NOT EXISTS (SELECT 1 FROM {LATE} AS late WHERE late.id = log.id) ORDER BY log.id LIMIT %s"
)
LATE_ROWS = (
    f"SELECT late.id, {COLUMNS}, {{created_at}} FROM {LATE} AS late LEFT JOIN {LOG} AS log ON log.id = late.id"  # noqa: S608
    " WHERE late.id <= %s ORDER BY late.id LIMIT %s"
)
NEXT_TRANSACTION = (
    f"UPDATE {LogSummaryState._meta.db_table} SET horizon = pg_current_xact_id()::text::bigint"  # noqa: S608
    " WHERE id = 1 AND horizon IS NULL"
)
OLDER_TRANSACTIONS = (
    "SELECT EXISTS (SELECT 1 FROM pg_snapshot_xip(pg_current_snapshot()) AS running WHERE"
    " running::text::bigint < %s AND running IS DISTINCT FROM pg_current_xact_id_if_assigned())"
)

DAY_SECONDS = 86_400
HOUR_KEY = ("id", "model_version", "hour")
Key = tuple[int, datetime]


@dataclass(frozen=True)
class Progress:
    """What a pass has counted. `is_done`: all rows older than SETTLE are counted, as far as it could know."""

    n_rows: int
    is_done: bool


def run(*, seconds: float | None = PASS_SECONDS) -> Progress:
    """Count what has been logged since the last time, for at most so many seconds; None for as long as it takes.

    After each batch it pauses as long as the batch took, so that predictions can be logged.
    """
    pass_ = _Pass()
    began = time.monotonic()
    while seconds is None or time.monotonic() - began < seconds:
        batch_began = time.monotonic()
        if not pass_.step():
            return Progress(pass_.n_rows, is_done=pass_.is_done)
        time.sleep(time.monotonic() - batch_began)
    return Progress(pass_.n_rows, is_done=False)


def counted_to(workspace: Workspace) -> datetime | None:
    """None if the workspace's log is counted; else the time up to which it is. It reads one step of an index.

    Rows of the last LATE_AFTER may be missing without a word.
    """
    counted = mark()
    waiting = PredictionLog.objects.filter(workspace=workspace, id__gt=counted)
    if not waiting.filter(id__lt=first_id_at(timezone.now() - LATE_AFTER)).exists():
        return None
    return moment_of_id(counted)


def mark() -> uuid.UUID:
    """Rows up to this id are counted, but for late ones."""
    return LogSummaryState.objects.filter(pk=1).values_list("counted_to", flat=True).first() or BEFORE_ALL


class _Pass:
    def __init__(self) -> None:
        self.n_rows = 0
        self.is_done = False
        self._has_closed = False
        self._totals: dict[int, PredictionTotal] = {}

    def step(self) -> bool:
        """Count one batch or close a range; False when nothing is left to do now."""
        state = LogSummaryState.objects.get_or_create(pk=1)[0]
        late = _rows(LATE_ROWS, state.counted_to, ROWS_AT_ONCE)
        if late:
            self._count_late(late)
            return True
        if state.counted_to < state.closed_to:
            return self._count_next(state)
        if self._has_closed or not _close(state):
            self.is_done = True
            return False
        self._has_closed = True
        return True

    def _count_late(self, late: Sequence[CountedRow]) -> None:
        ids = [_uuid(row.id) for row in late]
        # A row without a version was deleted meanwhile.
        rows = [row for row in late if row.model_version is not None]
        self._store(rows, lambda: LateLogRow.objects.filter(pk__in=ids).delete()[0] == len(ids))

    def _count_next(self, state: LogSummaryState) -> bool:
        if not _settles(state):
            return False
        rows = _rows(NEXT_ROWS, state.counted_to, state.closed_to, ROWS_AT_ONCE)
        end = _uuid(rows[-1].id) if len(rows) == ROWS_AT_ONCE else state.closed_to
        here = LogSummaryState.objects.filter(pk=1, counted_to=state.counted_to, closed_to=state.closed_to)
        self._store(rows, lambda: here.update(counted_to=end) == 1)
        return True

    def _store(self, rows: Sequence[CountedRow], claim: Callable[[], bool]) -> None:
        """Add the counts of the rows, if `claim` finds within the transaction that they are still to be counted."""
        counts = self._counts(rows)
        with turn(), transaction.atomic():
            LogSummaryState.objects.select_for_update().get(pk=1)
            if not claim():
                transaction.set_rollback(True)
                return
            _add_to_totals(self._totals, counts)
            _add_to_hours(counts)
        self.n_rows += len(rows)

    def _counts(self, rows: Sequence[CountedRow]) -> dict[Key, HourCounts]:
        self._load_totals({row.model_version for row in rows})
        counts: dict[tuple[int, datetime | str], HourCounts] = {}
        for row in rows:
            if row.model_version not in self._totals:
                continue  # deleted since the rows were read, and its rows with it
            key = row.model_version, row.hour
            if key not in counts:
                counts[key] = HourCounts(self._totals[row.model_version])
            counts[key].add(row)
        return {(version, moment_of(hour)): each for (version, hour), each in counts.items()}

    def _load_totals(self, versions: Iterable[int]) -> None:
        missing = set(versions) - self._totals.keys()
        self._totals |= PredictionTotal.objects.in_bulk(missing)
        missing -= self._totals.keys()
        self._totals |= {each.model_version_id: each for each in outcomes.new_totals(missing)}


def _rows(sql: str, *arguments: Any) -> list[CountedRow]:
    """Rows by the driver's cursor: Django's conversions would take longer than the counting."""
    vendor = connection.vendor
    adapted = [each.hex if isinstance(each, uuid.UUID) and vendor == "sqlite" else each for each in arguments]
    with connection.cursor() as cursor:
        cursor.execute(sql.format(created_at=CREATED_AT.get(vendor, "log.created_at")), adapted)
        return list(map(CountedRow._make, cursor.fetchall()))


def _uuid(key: Any) -> uuid.UUID:
    return key if isinstance(key, uuid.UUID) else uuid.UUID(key)


def _close(state: LogSummaryState) -> bool:
    """Publish the end of the next range; False when no row is old enough."""
    end = first_id_at(timezone.now() - SETTLE)
    if not PredictionLog.objects.filter(id__gt=state.closed_to, id__lte=end).exists():
        return False
    with turn():
        LogSummaryState.objects.filter(pk=1, counted_to=state.counted_to, closed_to=state.closed_to).update(
            closed_to=end, horizon=None
        )
    return True


def _settles(state: LogSummaryState) -> bool:
    """Whether all transactions that may not have seen `closed_to` have ended, or soon do."""
    if connection.vendor == "sqlite":
        return True
    with connection.cursor() as cursor:
        cursor.execute(NEXT_TRANSACTION)
        horizon = LogSummaryState.objects.values_list("horizon", flat=True).get(pk=1)
        for _ in range(SETTLING_QUESTIONS):
            cursor.execute(OLDER_TRANSACTIONS, [horizon])
            if not cursor.fetchone()[0]:
                return True
            time.sleep(BETWEEN_QUESTIONS_SECONDS)
    return False


def _add_to_totals(totals: Mapping[int, PredictionTotal], counts: Mapping[Key, HourCounts]) -> None:
    versions = sorted({version for version, _ in counts})
    stored = PredictionTotal.objects.in_bulk(versions)
    for (version, _), added in counts.items():
        total = stored.setdefault(version, totals[version])
        total.n_rows += added.n_rows
        total.n_requests += added.n_requests
        total.latency_ms_sum += added.latency_ms_sum
        total.last_at = max(filter(None, (total.last_at, added.last_at)), default=None)
    PredictionTotal.objects.bulk_create(
        stored.values(),
        update_conflicts=True,
        unique_fields=["model_version"],
        update_fields=["n_rows", "n_requests", "latency_ms_sum", "last_at"],
    )


def _add_to_hours(counts: Mapping[Key, HourCounts]) -> None:
    stored = PredictionHour.objects.filter(
        model_version__in={version for version, _ in counts}, hour__in={hour for _, hour in counts}
    )
    hours = {(each.model_version_id, each.hour): each for each in stored}
    for (version, hour), added in counts.items():
        key = version, hour
        if key not in hours:
            day = int(hour.timestamp()) // DAY_SECONDS
            hours[key] = PredictionHour(model_version_id=version, hour=hour, day=day)
        added.add_to(hours[key])
    changed = [hours[key] for key in counts]
    for each in changed:
        each.pk = None
    fields = [field.name for field in PredictionHour._meta.concrete_fields if field.name not in HOUR_KEY]
    PredictionHour.objects.bulk_create(
        changed, update_conflicts=True, unique_fields=HOUR_KEY[1:], update_fields=fields
    )
