"""Work that outlives the process that does it. The row is the truth; the broker is only a doorbell.

A process claims a row by one conditional UPDATE and holds it by a lease that a thread renews. Whatever it
writes afterwards is conditional on still holding it, so two processes can never both finish one job. The
sweep puts rows whose holder went silent back into the queue, and rings again for what nobody heard.

Another kind of work is a subclass of `Job` (its row) and of `JobKind` (how it is done), listed in `tasks.py`.
"""

from __future__ import annotations

import logging
import threading
import uuid
from datetime import timedelta
from typing import Any

from celery import current_app
from django.conf import settings
from django.db import DatabaseError, transaction
from django.db.models import Q
from django.utils import timezone

from ...errors import Conflict
from ...models import Job, JobStatus
from ..process import meters
from .attempts import begun_attempt, deaths, with_lost_attempts
from .kinds import JobKind
from .leases import Held, OnChange, Stop, Stopped, WorkDied
from .outcomes import perform_to_end

__all__ = [
    "Held",
    "JobKind",
    "Stop",
    "Stopped",
    "WorkDied",
    "cancel",
    "ring",
    "run",
    "shut_down",
    "sweep",
    "work_off",
]

logger = logging.getLogger(__name__)

# A waiting row is rung for again after this many sweeps: its message may be lost, or its worker gone.
RING_AGAIN_AFTER_SWEEPS = 3
# At most so many bells a sweep: one worker that hears one bell works off all that waits.
MAX_BELLS = 10

_is_shutting_down = threading.Event()


def ring(kind: JobKind, pk: int) -> None:
    """Say on commit that there is work. Should the broker not hear it, the sweep rings again."""
    transaction.on_commit(lambda: _ring_now(kind, pk), robust=True)


def _ring_now(kind: JobKind, pk: int) -> None:
    if not kind.rows.queued().filter(pk=pk).exists():
        return
    try:
        current_app.send_task("predictor.tasks.work", args=[kind.name])
    except Exception as error:
        # Each broker has errors of its own, and none of them may fail the request.
        logger.warning(
            "The broker could not be reached (%s); the sweep will ring again.", type(error).__name__
        )
        return
    kind.rows.filter(pk=pk).update(rung_at=timezone.now())


def cancel(kind: JobKind, job: Job) -> None:
    """End a waiting job at once; ask whoever runs it to stop. Raises Conflict when it ended by itself."""
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


def claim(kind: JobKind, pk: int, *, on_change: OnChange | None = None) -> Held | None:
    """The job, ours until the lease is lost; None when somebody else has it or it needs no work.

    `on_change` hears each change that its holder writes to the row.
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
    return Held(
        job,
        owner=owner,
        lease=lease_time(),
        deadline=timezone.now() + kind.hard_limit,
        is_shutting_down=_is_shutting_down,
        on_change=on_change,
    )


def run(kind: JobKind, pk: int) -> bool:
    """Claim the job and do it. False when there was nothing to claim."""
    held = claim(kind, pk)
    if held is None:
        return False
    perform(kind, held)
    return True


def perform(kind: JobKind, held: Held) -> None:
    """Do a claimed job and write down how it ended, unless somebody else holds it by then."""
    logger.info("%s %s: attempt %s begins.", kind.name, held.pk, held.job.attempts)
    try:
        with held:
            perform_to_end(kind, held)
    except Stopped:
        logger.warning("%s %s is no longer ours; its next attempt is another worker's.", kind.name, held.pk)
        return
    except DatabaseError:
        # The lease runs out, and the sweep puts the row back.
        logger.exception("The end of %s %s could not be written.", kind.name, held.pk)
        return
    logger.info("%s %s: %s.", kind.name, held.pk, held.status)
    if JobStatus(held.status).is_final:
        _end(kind, held.pk, held.status)
    elif not _is_shutting_down.is_set():
        ring(kind, held.pk)


def work_off(kind: JobKind) -> None:
    """Do what waits, oldest first, within this process's slots. A holder of a slot takes later work too."""
    while not _is_shutting_down.is_set() and _next(kind) and kind.slots.acquire(blocking=False):
        try:
            while not _is_shutting_down.is_set() and (pk := _next(kind)):
                run(kind, pk)
        finally:
            kind.slots.release()


def _next(kind: JobKind) -> int | None:
    waiting = kind.rows.queued().filter(is_cancel_requested=False)
    pk: int | None = waiting.order_by("queued_at", "pk").values_list("pk", flat=True).first()
    return pk


def sweep(kind: JobKind) -> None:
    """Put back what a silent worker held; end what was cancelled meanwhile; ring for what waits unheard."""
    for job in kind.rows.with_lost_lease():
        _take_back(kind, job)
    _ring_again(kind)


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
    # Whoever renewed the lease or claimed the row since we read it keeps it. One that was cancelled since is
    # for the next sweep: it would wait for good, since nobody claims it.
    unchanged = kind.rows.running().filter(
        pk=job.pk,
        owner=job.owner,
        lease_until=job.lease_until,
        is_cancel_requested=job.is_cancel_requested,
    )
    if unchanged.update(**changes) and changes["status"] != JobStatus.QUEUED:
        _end(kind, job.pk, changes["status"])


def _end(kind: JobKind, pk: int, status: str) -> None:
    """After the row says so."""
    meters.job_ended(kind.name, status)
    kind.clean_up(pk)


def _ring_again(kind: JobKind) -> None:
    unheard = timezone.now() - timedelta(seconds=RING_AGAIN_AFTER_SWEEPS * settings.JOB_SWEEP_SECONDS)
    waiting = kind.rows.queued().filter(Q(rung_at=None) | Q(rung_at__lt=unheard))
    for pk in list(waiting.order_by("queued_at", "pk").values_list("pk", flat=True)[:MAX_BELLS]):
        _ring_now(kind, pk)


def shut_down() -> None:
    """Have every job of this process stop soon and go back into the queue."""
    _is_shutting_down.set()


def lease_time() -> timedelta:
    return timedelta(seconds=settings.JOB_LEASE_SECONDS)
