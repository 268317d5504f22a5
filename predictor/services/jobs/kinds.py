"""The interface of a job kind; `queue.py` does the rest."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from datetime import timedelta
from typing import ClassVar

from django.conf import settings

from ...models import Job
from ...models.job import JobQuerySet
from .leases import ClaimedJob


class JobKind(ABC):
    """One kind of job: its model, how many run at once in a process, and how one is done."""

    name: ClassVar[str]
    model: ClassVar[type[Job]]

    def __init__(self) -> None:
        self.slots = threading.BoundedSemaphore(self.n_slots)
        # For workspaces that have no job of this kind running while all slots are taken.
        self.turn_slots = threading.BoundedSemaphore(max(settings.TURN_SLOTS, 1))

    @property
    def n_slots(self) -> int:
        return 1

    @property
    @abstractmethod
    def hard_limit(self) -> timedelta:
        """The longest time of one attempt."""

    @abstractmethod
    def perform(self, held: ClaimedJob) -> None:
        """Do the work and end with `held.finish(...)`, in one transaction with the results.

        Raises a MlwebError to fail for good, `WorkerDied` to be retried, `JobStopped` when asked to stop.
        """

    def may_begin(self) -> bool:
        """Whether a job of this kind may begin now; one that may not waits for a later notification."""
        return True

    @property
    def rows(self) -> JobQuerySet:
        rows: JobQuerySet = self.model._default_manager.all()  # type: ignore[assignment]
        return rows

    @abstractmethod
    def clean_up(self, pk: int) -> None:
        """Remove the files of all attempts, once the job is final."""
