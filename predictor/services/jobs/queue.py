"""Job queue in the database: queued rows, leases, retries. The broker only notifies workers (`notify_workers`).

A process claims a row by one conditional UPDATE and holds it by a lease that a thread renews. Each later write
requires that lease, so two processes can never both finish one job. The sweep puts rows with an expired lease
back into the queue, and notifies workers again for rows that still wait.

Another kind of job is a subclass of `Job` (its row) and of `JobKind` (how it is done), listed in `tasks.py`.
"""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from celery import current_app
from django.conf import settings
from django.db import DatabaseError, transaction
from django.db.models import Q
from django.utils import timezone

from ...errors import Conflict
from ...models import Job, JobStatus
from .. import notices
from ..process import meters
from . import turns
from .attempts import begun_attempt, deaths, with_lost_attempts
from .kinds import JobKind
from .leases import ClaimedJob, JobStopped, OnChange, StopReason, WorkerDied
from .outcomes import perform_to_end

__all__ = [
    "ClaimedJob",
    "JobKind",
    "JobStopped",
    "StopReason",
    "WorkerDied",
    "cancel",
    "notify_workers",
    "run",
    "shut_down",
    "sweep",
    "work_off",
]

logger = logging.getLogger(__name__)

# Workers are notified again for a waiting row after this many sweeps: the message or its worker may be lost.
NOTIFY_AGAIN_AFTER_SWEEPS = 3
# Most notifications per sweep: a worker that gets one processes all waiting rows.
MAX_NOTIFICATIONS = 10

_is_shutting_down = threading.Event()


def notify_workers(kind: JobKind, pk: int) -> None:
    """Notify workers on commit that a job waits. If the broker is down, the next sweeps repeat it."""
    transaction.on_commit(lambda: _notify_now(kind, pk), robust=True)


def _notify_now(kind: JobKind, pk: int) -> None:
    if not kind.rows.queued().filter(pk=pk).exists():
        return
    try:
        current_app.send_task("predictor.tasks.work", args=[kind.name])
    except Exception as error:
        # Each broker has its own exception classes, and none of them may fail the request.
        logger.warning(
            "The broker could not be reached (%s); the sweep will ring again.", type(error).__name__
        )
        return
    kind.rows.filter(pk=pk).update(rung_at=timezone.now())


def cancel(kind: JobKind, job: Job) -> None:
    """End a queued job at once; ask the worker of a running one to stop. Raises Conflict when it has finished."""
    rows = kind.rows.filter(pk=job.pk)
    now = timezone.now()
    is_stopped = rows.queued().update(status=JobStatus.CANCELLED, finished_at=now, is_cancel_requested=True)
    if not is_stopped:
        rows.running().update(is_cancel_requested=True)
    job.refresh_from_db()
    if job.status in (JobStatus.SUCCEEDED, JobStatus.FAILED):
        raise Conflict(f"It has {job.status} already, so there is nothing to cancel.")
    if is_stopped:
        _end(kind, job.pk, JobStatus.CANCELLED)


def claim(kind: JobKind, pk: int, *, on_change: OnChange | None = None) -> ClaimedJob | None:
    """Claim the job under a lease; None when another process has it or it is not queued.

    `on_change` is called with each change that the holder writes to the row.
    """
    owner = uuid.uuid4().hex
    with transaction.atomic():
        if not kind.model.claim(pk, owner=owner, lease=lease_time()):
            return None
        job = kind.rows.get(pk=pk)
        job.attempt_log = [
            *with_lost_attempts(job.attempt_log, job.attempts - 1),
            begun_attempt(),
        ]
        job.save(update_fields=["attempt_log"])
    return ClaimedJob(
        job,
        owner=owner,
        lease=lease_time(),
        deadline=timezone.now() + kind.hard_limit,
        is_shutting_down=_is_shutting_down,
        on_change=on_change,
    )


def run(kind: JobKind, pk: int) -> bool:
    """Claim the job and do it. False when it could not be claimed."""
    held = claim(kind, pk)
    if held is None:
        return False
    perform(kind, held)
    return True


def perform(kind: JobKind, held: ClaimedJob) -> None:
    """Do a claimed job and write its outcome, unless the lease is lost by then."""
    logger.info("%s %s: attempt %s begins.", kind.name, held.pk, held.job.attempts)
    try:
        with held:
            perform_to_end(kind, held)
    except JobStopped:
        logger.warning("%s %s is no longer ours; its next attempt is another worker's.", kind.name, held.pk)
        return
    except DatabaseError:
        # The lease will expire, and the sweep will put the row back.
        logger.exception("The end of %s %s could not be written.", kind.name, held.pk)
        return
    logger.info("%s %s: %s.", kind.name, held.pk, held.status)
    if JobStatus(held.status).is_final:
        _end(kind, held.pk, held.status)
    elif not _is_shutting_down.is_set():
        notify_workers(kind, held.pk)


def work_off(kind: JobKind) -> None:
    """Process queued jobs within the slots of this process; workspaces take turns. A slot is kept until none waits.

    When all slots are taken, a workspace that has no job running may use a turn slot: its first job does not wait
    for the end of another workspace's.
    """
    _work_off(kind, kind.slots, turns.next_job)
    if settings.TURN_SLOTS:
        _work_off(kind, kind.turn_slots, turns.next_job_of_idle_workspace)


def _work_off(kind: JobKind, slots: threading.Semaphore, next_job: Callable[[JobKind], int | None]) -> None:
    while not _is_shutting_down.is_set() and next_job(kind) and slots.acquire(blocking=False):
        try:
            while not _is_shutting_down.is_set() and (pk := next_job(kind)):
                run(kind, pk)
        finally:
            slots.release()


def sweep(kind: JobKind) -> None:
    """Requeue jobs with an expired lease (or end cancelled ones), and notify workers of jobs that wait long."""
    for job in kind.rows.with_lost_lease():
        _take_back(kind, job)
    _notify_again(kind)


def _take_back(kind: JobKind, job: Job) -> None:
    log = with_lost_attempts(job.attempt_log, job.attempts)
    changes: dict[str, Any] = {"owner": "", "lease_until": None, "attempt_log": log}
    if job.is_cancel_requested:
        changes |= {"status": JobStatus.CANCELLED, "finished_at": timezone.now()}
    elif deaths(log) >= settings.JOB_MAX_ATTEMPTS:
        error = f"The worker that held it died {deaths(log)} times, so it was given up."
        changes |= {"status": JobStatus.FAILED, "finished_at": timezone.now(), "error": error}
    else:
        changes |= {"status": JobStatus.QUEUED, "rung_at": None}
    # A worker that renewed the lease or claimed the row since we read it keeps it. A job cancelled since is left
    # to the next sweep: put back now, it would wait forever, since cancelled jobs are not claimed.
    unchanged = kind.rows.running().filter(
        pk=job.pk,
        owner=job.owner,
        lease_until=job.lease_until,
        is_cancel_requested=job.is_cancel_requested,
    )
    if unchanged.update(**changes) and changes["status"] != JobStatus.QUEUED:
        _end(kind, job.pk, changes["status"])


def _end(kind: JobKind, pk: int, status: str) -> None:
    """Count, tell the person who started it, and clean up, after the final status is written."""
    meters.job_ended(kind.name, status)
    notices.job_ended(kind.model, pk)
    kind.clean_up(pk)


def _notify_again(kind: JobKind) -> None:
    notified_before = timezone.now() - timedelta(
        seconds=NOTIFY_AGAIN_AFTER_SWEEPS * settings.JOB_SWEEP_SECONDS
    )
    waiting = kind.rows.queued().filter(Q(rung_at=None) | Q(rung_at__lt=notified_before))
    for pk in list(waiting.order_by("queued_at", "pk").values_list("pk", flat=True)[:MAX_NOTIFICATIONS]):
        _notify_now(kind, pk)


def shut_down() -> None:
    """Stop the jobs of this process soon and put them back into the queue."""
    _is_shutting_down.set()


def lease_time() -> timedelta:
    return timedelta(seconds=settings.JOB_LEASE_SECONDS)
