"""Training runs: ask for one, carry it out in a child process, the catalogue of estimators for interfaces."""

from .training_runs import (
    TRAINING,
    cancel,
    execute,
    find_task,
    run_here,
    split_of,
    splits_for,
    start_run,
    threshold_rule,
)

__all__ = [
    "TRAINING",
    "cancel",
    "execute",
    "find_task",
    "run_here",
    "split_of",
    "splits_for",
    "start_run",
    "threshold_rule",
]
