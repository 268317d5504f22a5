"""Celery tasks. Messages hold only names; the rows of the jobs hold the work."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from celery import shared_task
from celery.signals import worker_ready, worker_shutting_down

from .services import batches, jobs, training
from .services.monitoring import actuals
from .services.operations import upkeep
from .services.prediction_log import retention, summary

# Actual values of predictions whose log rows were not there yet; older ones are tried again with `tidy`.
RECENT = timedelta(hours=1)
KINDS: dict[str, jobs.JobKind] = {
    kind.name: kind for kind in (training.TRAINING, batches.BATCHES, training.COMPLETIONS)
}


@shared_task
def work(kind: str) -> None:
    """Process the queued jobs of this kind."""
    jobs.work_off(KINDS[kind])


@shared_task
def sweep() -> None:
    """Requeue jobs with an expired lease, and notify workers of jobs whose message was lost."""
    for kind in KINDS.values():
        jobs.sweep(kind)


@shared_task
def tidy() -> None:
    """Remove files and rows left by dead processes."""
    upkeep.tidy()
    actuals.match_waiting()


@shared_task
def prune() -> None:
    """Delete rows of the prediction log and of its summary that are past their retention time."""
    retention.prune()
    retention.prune_summary()
    actuals.forget_past_retention()


@shared_task
def summarize() -> None:
    """Count what was logged since the last time in the hourly summary, and find predictions of actual values."""
    summary.run()
    actuals.match_waiting(within=RECENT)


@worker_ready.connect
def prepare_for_training(**kwargs: Any) -> None:
    """Start a process ahead, which loads libraries while nothing else is to be done."""
    training.keep_one_ahead()


@worker_shutting_down.connect
def put_everything_back(**kwargs: Any) -> None:
    """A worker that stops does not wait for hours of fitting: its jobs go back into the queue."""
    jobs.shut_down()
