"""Training runs: ask for one, carry it out in a child process, the catalogue of estimators for interfaces."""

from .training_options import TrainingOptions
from .training_process import keep_one_ahead
from .training_runs import TRAINING, cancel, execute, find_task, run_here, splits_for, start_run

__all__ = [
    "TRAINING",
    "TrainingOptions",
    "cancel",
    "execute",
    "find_task",
    "keep_one_ahead",
    "run_here",
    "splits_for",
    "start_run",
]
