"""Baselines that are fitted beside the search: what somebody gets who tunes nothing.

Each is fitted once on the development rows and answers for the held-out ones, in a killable child that starts
before the search, so that the end of the run does not wait for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..estimators.catalogue import validate_params
from ..evaluation.verdict import Baseline
from ..features.encoding import LINEAR, NATIVE_BOOSTING
from ..pipelines.candidate import Candidate
from ..types.schema import Task
from ..types.training_request import AUTO, TrainingRequest
from ..validation.training_table import TrainingTable
from . import portfolio
from .fold_fitting import fit_fold
from .search import Search

# A baseline may take this share of the budget, and is not begun when it would take more by the estimate below.
SHARE, MIN_SECONDS = 0.08, 0.8
# Measured on one slow core: a boosting round for each cell and class, and what a round costs with hardly any row.
SECONDS_PER_CELL, SECONDS_PER_ROUND = 6e-9, 1.5e-3
N_ROUNDS = 100
BOOSTING = Candidate(
    "default-boosting",
    "Boosting, default settings",
    "hist_gradient_boosting",
    NATIVE_BOOSTING,
    {"max_iter": N_ROUNDS, "learning_rate": 0.1},
)
KEYS = {BOOSTING.key: "boosting"}


def default_linear(task: Task) -> Candidate:
    """For runs of one estimator; *Auto* finds the strength that suits the linear model itself."""
    key = "logistic_regression" if task.is_classification else "ridge"
    title = portfolio.linear_baseline(task).title
    return Candidate("default-linear", title, key, LINEAR)


@dataclass
class Baselines:
    """Baselines of one run: started, waited for, read. `notes` says which are missing, and why."""

    search: Search
    _started: dict[str, tuple[Candidate, float]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def start(self, request: TrainingRequest) -> None:
        """Fit what the request does not train anyhow, in children of their own."""
        for candidate in _wanted(request, self.search.table.task):
            if _is_same(request, candidate, self.search.table.task):
                continue
            seconds = max(MIN_SECONDS, SHARE * self.search.clock.budget_seconds)
            if self.search.checkpoints.load(_name(candidate)) is None and self.search.remaining < 2 * seconds:
                self._leave_out(candidate, "there was no time for it")
                continue
            if candidate is BOOSTING and _estimate(self.search) > seconds:
                self._leave_out(candidate, f"it would take longer than {seconds:.0f} s")
                continue
            self._started[candidate.key] = candidate, seconds
            if self.search.checkpoints.load(_name(candidate)) is None:
                self._fit(candidate, seconds)

    def settle(self) -> None:
        """Wait for those that still run; their deadline is near."""
        while not self.search.children.is_idle:
            self.search.children.wait()

    def found(self) -> list[Baseline]:
        """The answers for the held-out rows, of all that ended in time."""
        found = []
        for candidate, seconds in self._started.values():
            fit = self.search.checkpoints.load(_name(candidate))
            if fit is None:
                self._leave_out(candidate, f"it did not end within {seconds:.1f} s")
            elif np.isfinite(fit.predictions[-1]).all():
                key = KEYS.get(candidate.key, "linear")
                found.append(Baseline(key, candidate.title, np.asarray(fit.predictions[-1], np.float64)))
        return found

    def _fit(self, candidate: Candidate, seconds: float) -> None:
        search, name = self.search, _name(candidate)

        def work() -> None:
            development, held_out = (
                search.table.rows(rows) for rows in (search.split.development, search.split.held_out)
            )
            fit = fit_fold(candidate, development, held_out, seed=search.seed, max_seconds=seconds)
            search.checkpoints.save(name, fit)

        search.children.start(name, work, seconds)

    def _leave_out(self, candidate: Candidate, why: str) -> None:
        note = f"The baseline {candidate.title} was left out: {why}."
        if note not in self.notes:
            self.notes.append(note)


def _wanted(request: TrainingRequest, task: Task) -> list[Candidate]:
    return [BOOSTING] if request.estimator == AUTO else [BOOSTING, default_linear(task)]


def _is_same(request: TrainingRequest, candidate: Candidate, task: Task) -> bool:
    """Whether the run itself trains this."""
    if request.estimator != candidate.estimator:
        return False
    asked: Mapping[str, Any] = validate_params(request.estimator, task, request.params)
    return asked == validate_params(candidate.estimator, task, candidate.params)


def _name(candidate: Candidate) -> str:
    return f"baseline-{candidate.key}"


def _estimate(search: Search) -> float:
    table: TrainingTable = search.table
    n_trees = table.target.n_classes if table.task is Task.MULTICLASS else 1
    cells = len(search.split.development) * len(table.columns)
    return N_ROUNDS * n_trees * (cells * SECONDS_PER_CELL + SECONDS_PER_ROUND)
