"""The job queue: kinds of jobs, leases, attempts, outcomes. A row is the job; the broker only wakes workers."""

from .queue import (
    ClaimedJob,
    JobKind,
    JobStopped,
    StopReason,
    WorkerDied,
    cancel,
    claim,
    notify_workers,
    perform,
    run,
    shut_down,
    sweep,
    work_off,
)

__all__ = [
    "ClaimedJob",
    "JobKind",
    "JobStopped",
    "StopReason",
    "WorkerDied",
    "cancel",
    "claim",
    "notify_workers",
    "perform",
    "run",
    "shut_down",
    "sweep",
    "work_off",
]
