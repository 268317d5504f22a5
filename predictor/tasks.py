"""What the broker's messages start. They carry names only; the rows say what there is to do."""

from __future__ import annotations

from typing import Any

from celery import shared_task
from celery.signals import worker_shutting_down

from .services import batches, jobs, training
from .services.operations import upkeep
from .services.prediction_log import retention

KINDS: dict[str, jobs.JobKind] = {kind.name: kind for kind in (training.TRAINING, batches.BATCHES)}


@shared_task
def work(kind: str) -> None:
    """There may be something to do."""
    jobs.work_off(KINDS[kind])


@shared_task
def sweep() -> None:
    """Lost leases and lost messages: back to the queue."""
    for kind in KINDS.values():
        jobs.sweep(kind)


@shared_task
def tidy() -> None:
    """What processes that died left behind."""
    upkeep.tidy()


@shared_task
def prune() -> None:
    """Rows of the prediction log that are older than the log is kept."""
    retention.prune()


@worker_shutting_down.connect
def put_everything_back(**kwargs: Any) -> None:
    """A worker that is told to stop does not wait for hours of fitting: the runs go on in the next one."""
    jobs.shut_down()
