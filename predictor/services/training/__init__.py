"""Training runs, and what they left out of a report: ask for one, carry it out in a child process; the catalogue of
estimators for interfaces."""

from . import completions
from .completion_job import COMPLETIONS
from .training_options import TrainingOptions
from .training_process import keep_one_ahead
from .training_runs import TRAINING, cancel, execute, find_task, run_here, splits_for, start_run

__all__ = [
    "COMPLETIONS",
    "TRAINING",
    "TrainingOptions",
    "cancel",
    "completions",
    "execute",
    "find_task",
    "keep_one_ahead",
    "run_here",
    "splits_for",
    "start_run",
]
