"""Searches on small tables, and outcomes whose predictions are given instead of fitted."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from predictor.ml.execution.child_processes import Children
from predictor.ml.execution.progress import Clock, Reporter
from predictor.ml.features.feature_spec import LINEAR, NATIVE_BOOSTING
from predictor.ml.metrics.scores import selection_score
from predictor.ml.pipelines.fitting import Candidate
from predictor.ml.search import search
from predictor.ml.search.checkpoints import Checkpoints
from predictor.ml.search.leaderboard import Entry, Outcome, entry_for
from predictor.ml.validation.splits import split_rows
from predictor.ml.validation.training_table import TrainingTable

from ..tables_for_tests import regression_table

RIDGE = Candidate("ridge", "Ridge", "ridge", LINEAR, path=({"alpha": 0.1}, {"alpha": 1000.0}))
BOOSTING = Candidate(
    "boosting",
    "Boosting",
    "hist_gradient_boosting",
    NATIVE_BOOSTING,
    {"max_iter": 60, "learning_rate": 0.2},
    is_staged=True,
)
NEURAL = Candidate("neural", "Neural", "mlp", LINEAR, {"max_iter": 9, "n_units": 8}, is_staged=True)
BROKEN = Candidate("broken", "Broken", "ridge", LINEAR, settings={"no_such_setting": 1})


def new_search(
    table: TrainingTable,
    folder: Path,
    *,
    budget: float = 600.0,
    n_slots: int = 1,
    started_ago: float = 0.0,
) -> search.Search:
    checkpoints = Checkpoints.open(folder, "a-digest")
    return search.Search(
        table,
        split_rows(table.target, seed=0, holdout_share=0.2, n_folds=3),
        checkpoints,
        Children(n_slots, checkpoints.folder),
        Clock(time.monotonic() - started_ago, budget),
        Reporter(),
        seed=0,
    )


def outcome(
    candidate: Candidate,
    *,
    score: float | None = 1.0,
    fold_seconds: float = 0.0,
    stage: Mapping[str, Any] | None = None,
    predictions: NDArray[Any] | None = None,
    **entry: Any,
) -> Outcome:
    """An outcome with this score."""
    line = Entry(candidate.key, candidate.title, candidate.estimator, {}, "", "rmse", score, **entry)
    held = np.empty(0, np.float32) if predictions is None else np.asarray(predictions, np.float32)
    return Outcome(candidate, stage or {}, held, line, fold_seconds)


def add_outcome(
    model_search: search.Search,
    candidate: Candidate,
    predictions: NDArray[Any],
    *,
    fold_seconds: float = 0.0,
    stage: Mapping[str, Any] | None = None,
) -> Outcome:
    """Add a candidate that gave these out-of-fold predictions to a search."""
    held = np.asarray(predictions, np.float32)
    score = selection_score(model_search.table.task, model_search.y, held)
    line = entry_for(candidate, model_search.table.task, stage=stage or {}, score=score)
    added = Outcome(candidate, stage or {}, held, line, fold_seconds)
    model_search.outcomes[candidate.key] = added
    model_search.entries[candidate.key] = line
    return added


def named(key: str, **changes: Any) -> Candidate:
    """The ridge candidate without a path, under another name."""
    return replace(RIDGE, key=key, title=key.capitalize(), path=(), **changes)


@dataclass
class FakeSearch:
    """A search that fits nothing: the predictions of all candidates of a round are off by the next of `errors`.

    None: the candidates of that round are not tried.
    """

    errors: Iterable[float | None]
    budget_seconds: float = 60.0
    is_over: bool = False
    n_until_over: int | None = None
    checkpoints: Checkpoints | None = None
    table = regression_table(40)
    y = table.target.y
    weights = None
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    entries: dict[str, Entry] = field(default_factory=dict)
    rounds: list[tuple[list[Candidate], bool]] = field(default_factory=list)

    def __post_init__(self):
        self._errors = iter(self.errors)
        self.clock = SimpleNamespace(budget_seconds=self.budget_seconds)
        self.split = SimpleNamespace(is_sampled=False)
        self.is_whole = False

    def run(self, candidates, *, is_pruned):
        self.rounds.append((list(candidates), is_pruned))
        self.is_over = self.is_over or len(self.rounds) == self.n_until_over
        error = next(self._errors)
        if error is not None:
            for each in candidates:
                self.add(each, error)

    def add(self, candidate, error):
        added = outcome(candidate, score=error, predictions=self.y + error)
        self.outcomes[candidate.key], self.entries[candidate.key] = added, added.entry
