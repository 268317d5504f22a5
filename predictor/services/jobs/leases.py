"""Leases on claimed jobs: renewal, reasons to stop, and writes that require the lease."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from types import TracebackType
from typing import Any, Self

from django.db import DatabaseError, connections, transaction
from django.utils import timezone

from ...models import Job, JobStatus
from ...models.job import JobQuerySet
from .attempts import now_text

logger = logging.getLogger(__name__)

OnChange = Callable[[Mapping[str, Any]], None]

# A cancelled job has to stop within 5 s; killing its processes takes less than 1 s.
WATCH_SECONDS = 1.0


class StopReason(StrEnum):
    """Why a running job has to stop."""

    CANCELLED = "cancelled"
    LOST = "lost"
    TOO_LONG = "too long"
    SHUTDOWN = "shutdown"
    GAVE_WAY = "gave way"


class JobStopped(Exception):
    """The work was stopped from outside."""

    def __init__(self, reason: StopReason):
        super().__init__(reason.value)
        self.reason = reason


class WorkerDied(Exception):
    """The process of the job died without an error of its own; a retry may succeed. The message is a sentence."""


class ClaimedJob:
    """A claimed job. As a context manager it renews the lease in a thread; writes require that we still hold it."""

    def __init__(
        self,
        job: Job,
        *,
        owner: str,
        lease: timedelta,
        deadline: datetime,
        is_shutting_down: threading.Event,
        on_change: OnChange | None = None,
    ):
        self.job = job
        self.pk: int = job.pk
        self.status: str = job.status
        self._owner = owner
        self._lease = lease
        self._deadline = deadline
        self._is_shutting_down = is_shutting_down
        self._on_change = on_change
        self._renewed_at = time.monotonic()
        self._is_cancelled = False
        self._is_lost = False
        self._is_over = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name=f"lease-{job.pk}", daemon=True)

    def __enter__(self) -> Self:
        self._watcher.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over.set()
        self._watcher.join()

    @property
    def rows(self) -> JobQuerySet:
        """The row, if we still hold its lease; else an empty queryset."""
        rows: JobQuerySet = type(self.job)._default_manager.all()  # type: ignore[assignment]
        return rows.held_by(self._owner).filter(pk=self.pk)

    @property
    def reason_to_stop(self) -> StopReason | None:
        """Why the job has to stop, or None. Without a query, so that the work can call it a few times a second."""
        # A lease that could not be renewed in time may belong to another process now.
        if self._is_lost or time.monotonic() - self._renewed_at > self._lease.total_seconds():
            return StopReason.LOST
        if self._is_cancelled:
            return StopReason.CANCELLED
        if timezone.now() > self._deadline:
            return StopReason.TOO_LONG
        return StopReason.SHUTDOWN if self._is_shutting_down.is_set() else None

    def check(self) -> None:
        """Raises JobStopped when there is a reason to stop."""
        reason = self.reason_to_stop
        if reason is not None:
            raise JobStopped(reason)

    def update(self, **fields: Any) -> None:
        """Write to the row. Raises JobStopped when the lease is lost."""
        if not self.rows.update(**fields):
            self._is_lost = True
            raise JobStopped(StopReason.LOST)
        if self._on_change is not None:
            self._on_change(fields)

    def finish(self, status: JobStatus, *, outcome: str, **fields: Any) -> None:
        """End the job. In one transaction with the results of the work, both are stored or neither."""
        self._release(status, outcome, "", finished_at=timezone.now(), **fields)

    def put_back(self, *, outcome: str, note: str = "") -> None:
        """Put the job back into the queue for the next attempt; if it was cancelled meanwhile, end it."""
        with transaction.atomic():
            # Read under the lock: a job put back after it was cancelled would never be claimed.
            cancel_requests = self.rows.select_for_update().values_list("is_cancel_requested", flat=True)
            if cancel_requests.first():
                self.finish(JobStatus.CANCELLED, outcome="cancelled")
            else:
                self._release(JobStatus.QUEUED, outcome, note, rung_at=None)

    def renew(self) -> None:
        """Extend the lease, or note that it is lost."""
        started_at = time.monotonic()
        if not self.rows.update(lease_until=timezone.now() + self._lease):
            self._is_lost = True
            return
        self._renewed_at = started_at

    def look(self) -> None:
        """Read whether the job was cancelled. A read takes no lock."""
        is_cancelled = self.rows.values_list("is_cancel_requested", flat=True).first()
        self._is_cancelled = bool(is_cancelled)

    def _release(self, status: JobStatus, outcome: str, note: str, **fields: Any) -> None:
        ended = {"ended_at": now_text(), "outcome": outcome}
        if note:
            ended["note"] = note
        log = [*self.job.attempt_log[:-1], {**self.job.attempt_log[-1], **ended}]
        with transaction.atomic():
            self.update(status=status, owner="", lease_until=None, attempt_log=log, **fields)
        self.status = status

    def _watch(self) -> None:
        renewal = self._lease.total_seconds() / 4
        wait = min(WATCH_SECONDS, renewal)
        try:
            while not self._is_over.wait(wait):
                try:
                    self.look()
                    if time.monotonic() - self._renewed_at >= renewal - wait:
                        self.renew()
                except DatabaseError:
                    logger.warning("The lease of job %s could not be renewed; trying again.", self.pk)
                    connections.close_all()
        finally:
            connections.close_all()
