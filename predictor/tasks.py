"""What the broker's messages start. They carry names and numbers only; the rows say what there is to do."""

from __future__ import annotations

from celery import shared_task


@shared_task
def sweep() -> None:
    """Lost leases and lost messages: back to the queue."""


@shared_task
def tidy() -> None:
    """Leftovers of processes that died."""
