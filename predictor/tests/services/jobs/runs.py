"""A job kind whose work a test supplies, for training runs that nobody fits."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone

from predictor.models import JobStatus, TrainingRun
from predictor.services.jobs import queue


class Kind(queue.JobKind):
    """A job kind whose work a test supplies."""

    name = "training"
    model = TrainingRun
    hard_limit = timedelta(seconds=60)

    def __init__(self, work: Any = None):
        super().__init__()
        self.work = work or (lambda held: held.finish(JobStatus.SUCCEEDED, outcome="succeeded"))
        self.cleaned: list[int] = []

    def perform(self, held: queue.ClaimedJob) -> None:
        self.work(held)

    def clean_up(self, pk: int) -> None:
        self.cleaned.append(pk)


def silence(run: TrainingRun) -> None:
    """Let the lease run out, as when the worker is dead."""
    TrainingRun.objects.filter(pk=run.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
