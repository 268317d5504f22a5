from __future__ import annotations

from datetime import timedelta
from typing import Any, Self

from django.db import models
from django.db.models import F, Q
from django.utils import timezone


class JobStatus(models.TextChoices):
    """The states of a job. The row holds the state; messages of the broker only notify workers."""

    QUEUED = "queued", "Waiting for a worker"
    RUNNING = "running", "A worker holds the lease and is at work"
    SUCCEEDED = "succeeded", "Finished; the result is stored"
    FAILED = "failed", "Ended without a result; the error says why"
    CANCELLED = "cancelled", "Stopped because a person asked for it"

    @property
    def is_final(self) -> bool:
        return self in (JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELLED)


class JobQuerySet(models.QuerySet[Any]):
    def queued(self) -> Self:
        return self.filter(status=JobStatus.QUEUED)

    def running(self) -> Self:
        return self.filter(status=JobStatus.RUNNING)

    def unfinished(self) -> Self:
        return self.filter(status__in=[JobStatus.QUEUED, JobStatus.RUNNING])

    def with_lost_lease(self) -> Self:
        return self.running().filter(lease_until__lt=timezone.now())

    def held_by(self, owner: str) -> Self:
        return self.running().filter(owner=owner)


class Job(models.Model):
    """A queued job with a lease: it survives the process that works on it."""

    status = models.CharField(max_length=10, choices=JobStatus.choices, default=JobStatus.QUEUED)
    owner = models.CharField(max_length=64, blank=True, help_text="Who holds the lease.")
    lease_until = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    attempt_log = models.JSONField(default=list, help_text="When each attempt began, and how it ended.")
    queued_at = models.DateTimeField(default=timezone.now)
    rung_at = models.DateTimeField(null=True, blank=True, help_text="When the doorbell was last rung.")
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    is_cancel_requested = models.BooleanField(default=False)
    progress = models.FloatField(default=0.0, help_text="From 0 to 1.")
    progress_message = models.CharField(max_length=300, blank=True)
    error = models.TextField(blank=True, help_text="Why it failed, in a sentence.")
    traceback = models.TextField(blank=True, help_text="For its owner.")

    class Meta:
        abstract = True

    @property
    def is_final(self) -> bool:
        return JobStatus(self.status).is_final

    @property
    def elapsed(self) -> timedelta | None:
        if self.started_at is None:
            return None
        return (self.finished_at or timezone.now()) - self.started_at

    @classmethod
    def claim(cls, pk: int, *, owner: str, lease: timedelta) -> bool:
        """Take the job if it is queued, or if its lease has expired. One conditional UPDATE decides.

        False when another process has it, or when it was cancelled.
        """
        now = timezone.now()
        free = Q(status=JobStatus.QUEUED) | Q(status=JobStatus.RUNNING, lease_until__lt=now)
        n_claimed = cls._default_manager.filter(free, pk=pk, is_cancel_requested=False).update(
            status=JobStatus.RUNNING,
            owner=owner,
            attempts=F("attempts") + 1,
            started_at=now,
            lease_until=now + lease,
        )
        return n_claimed == 1
