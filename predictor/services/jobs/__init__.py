"""The job queue: kinds of jobs, leases, attempts, outcomes. A row is the job; the broker only wakes workers."""

from .queue import (
    Held,
    JobKind,
    Stop,
    Stopped,
    WorkDied,
    cancel,
    claim,
    perform,
    ring,
    run,
    shut_down,
    sweep,
    work_off,
)

__all__ = [
    "Held",
    "JobKind",
    "Stop",
    "Stopped",
    "WorkDied",
    "cancel",
    "claim",
    "perform",
    "ring",
    "run",
    "shut_down",
    "sweep",
    "work_off",
]
