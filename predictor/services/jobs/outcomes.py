"""Outcomes of a claimed job: which status, error and attempt entry each writes to its row."""

from __future__ import annotations

import logging
import traceback

from django.conf import settings
from django.db import DatabaseError

from ...errors import MlwebError
from ...models import JobStatus
from .attempts import deaths
from .kinds import JobKind
from .leases import ClaimedJob, JobStopped, StopReason, WorkerDied

logger = logging.getLogger(__name__)


def perform_to_end(kind: JobKind, held: ClaimedJob) -> None:
    """Do the work and write its outcome. Raises JobStopped when the lease is lost, or DatabaseError."""
    try:
        kind.perform(held)
    except JobStopped as stopped:
        _end_stopped(kind, held, stopped.reason)
    except KeyboardInterrupt:
        held.finish(JobStatus.CANCELLED, outcome="cancelled")
        raise
    except WorkerDied as death:
        _end_dead(held, death)
    except MlwebError as error:
        held.finish(
            JobStatus.FAILED, error=str(error), traceback=getattr(error, "traceback", ""), outcome="failed"
        )
    except DatabaseError:
        raise
    except Exception:
        logger.exception("%s %s crashed.", kind.name, held.pk)
        held.finish(
            JobStatus.FAILED,
            error="It stopped because of a fault in mlweb; its owner can read the details in the traceback.",
            traceback=traceback.format_exc(),
            outcome="failed",
        )


def _end_stopped(kind: JobKind, held: ClaimedJob, reason: StopReason) -> None:
    if reason is StopReason.LOST:
        raise JobStopped(reason)
    if reason is StopReason.CANCELLED:
        held.finish(JobStatus.CANCELLED, outcome="cancelled")
    elif reason is StopReason.TOO_LONG:
        seconds = kind.hard_limit.total_seconds()
        held.finish(
            JobStatus.FAILED,
            error=f"Stopped at the hard limit of {seconds:g} seconds. Give it a smaller budget or table.",
            outcome="hard limit",
        )
    elif reason is StopReason.GAVE_WAY:
        held.put_back(outcome="gave way to other work")
    else:
        held.put_back(outcome="worker was stopped")


def _end_dead(held: ClaimedJob, death: WorkerDied) -> None:
    n_deaths = 1 + deaths(held.job.attempt_log)
    if n_deaths >= settings.JOB_MAX_ATTEMPTS:
        held.finish(
            JobStatus.FAILED,
            error=f"{death} This was attempt {held.job.attempts}, and the last.",
            outcome="died",
        )
    else:
        held.put_back(outcome="died", note=str(death))
