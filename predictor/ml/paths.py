"""Fit a candidate on a fold, seen at every stage of its path.

A path costs one fit and shows many settings: a boosting of 600 trees holds those of 5, 10, … 595 trees in it.
Each fold is scored at every stage, and the stage that is best over all folds together is kept. That is how
the number of trees and the strength of regularisation are chosen, without a second validation set.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .checking import TrainingTable
from .fitting import BOOSTING, NEURAL, Candidate, Prepared, prepare, quiet
from .metrics import selection_score
from .pipeline import Member

Array = NDArray[Any]
MAX_STAGES = 80
# Rounds without a better score before a boosting is ended, times the learning rate: 40 at 0.1, 80 at 0.05.
PATIENCE = 4.0
NEURAL_STAGE_EPOCHS = 3
NEURAL_PATIENCE = 5


@dataclass(frozen=True)
class FoldFit:
    """What one fold showed: predictions (n_stages, n_rows[, n_classes]) on its scoring rows, stage by stage.

    `predict_ms` for 1,000 rows and `size_bytes` are those of the last stage.
    """

    predictions: NDArray[np.float32]
    stages: tuple[Mapping[str, Any], ...]
    fit_seconds: float
    predict_ms: float
    size_bytes: int = 0


@dataclass(frozen=True)
class Scored:
    """The rows that a fold is scored on, encoded by the spec that was learnt on the others."""

    table: TrainingTable
    matrix: NDArray[np.float32]

    def answers(self, member: Member) -> NDArray[np.float64]:
        if self.table.task.is_classification:
            return member.probabilities(self.matrix, self.table.target.n_classes)
        return member.values(self.matrix)


@dataclass(frozen=True)
class Stage:
    """The params of one stage and what it answers for the scoring rows."""

    params: Mapping[str, Any]
    predictions: NDArray[np.float64]


def fit_fold(candidate: Candidate, fit: TrainingTable, score: TrainingTable, *, seed: int) -> FoldFit:
    """Fit on one part, predict the other at every stage of the path."""
    started = time.monotonic()
    prepared = prepare(candidate, fit, seed=seed)
    scored = Scored(score, prepared.spec.transform(score.columns))
    stages: list[Stage] = []
    with quiet():
        for params in candidate.path or ({},):
            estimator = prepared.build(params)
            stages += _walk(prepared, estimator, params, scored)
    return FoldFit(
        predictions=np.stack([stage.predictions for stage in stages]).astype(np.float32),
        stages=tuple(stage.params for stage in stages),
        fit_seconds=time.monotonic() - started,
        predict_ms=_predict_ms(estimator, scored.matrix),
        size_bytes=model_size(estimator),
    )


def _walk(prepared: Prepared, estimator: Any, params: Mapping[str, Any], scored: Scored) -> Iterator[Stage]:
    member = prepared.member(estimator, params)
    if prepared.candidate.is_staged and isinstance(estimator, BOOSTING):
        yield from _boosting_stages(prepared, member, scored)
    elif prepared.candidate.is_staged and isinstance(estimator, NEURAL):
        yield from _neural_stages(prepared, member, scored)
    else:
        prepared.candidate.info.fit(estimator, prepared.matrix, prepared.target)
        yield Stage(params, scored.answers(member))


def _boosting_stages(prepared: Prepared, member: Member, scored: Scored) -> Iterator[Stage]:
    """One boosting, ended when the scoring rows stop gaining, seen after every few rounds."""
    boosting, is_classification = member.estimator, scored.table.task.is_classification
    stride = max(5, boosting.max_iter // MAX_STAGES)
    actual = scored.table.target.y
    # A class of one row here may be absent from the fitting rows; scikit-learn would refuse it.
    known = np.isin(actual, prepared.target) if is_classification else np.ones(len(actual), bool)
    boosting.set_params(
        early_stopping=True,
        scoring="loss",
        n_iter_no_change=max(10, round(PATIENCE / boosting.learning_rate)),
        tol=0.0,
    )
    judged = actual if is_classification else prepared.scaling.forward(actual)
    boosting.fit(prepared.matrix, prepared.target, X_val=scored.matrix[known], y_val=judged[known])
    staged = boosting.staged_predict_proba if is_classification else boosting.staged_predict
    for n_rounds, raw in enumerate(staged(scored.matrix), start=1):
        if n_rounds % stride == 0 or n_rounds == boosting.n_iter_:
            yield Stage({"max_iter": n_rounds}, _finished(raw, member, scored.table))


def _neural_stages(prepared: Prepared, member: Member, scored: Scored) -> Iterator[Stage]:
    """One network, seen after every few epochs, ended when the scoring rows stop gaining."""
    network = member.estimator
    best, n_worse = np.inf, 0
    first = {"classes": np.unique(prepared.target)} if scored.table.task.is_classification else {}
    for epoch in range(1, network.max_iter + 1):
        network.partial_fit(prepared.matrix, prepared.target, **(first if epoch == 1 else {}))
        if epoch % NEURAL_STAGE_EPOCHS:
            continue
        answers = scored.answers(member)
        yield Stage({"max_iter": epoch}, answers)
        score = selection_score(scored.table.task, scored.table.target.y, answers)
        best, n_worse = (score, 0) if score < best else (best, n_worse + 1)
        if n_worse >= NEURAL_PATIENCE:
            return


def _finished(raw: Array, member: Member, table: TrainingTable) -> NDArray[np.float64]:
    """Raw answers of a stage as a member would give them."""
    if not table.task.is_classification:
        return member.target_scaling.inverse(raw.reshape(-1))
    full = np.zeros((len(raw), table.target.n_classes))
    full[:, np.asarray(member.estimator.classes_, np.intp)] = raw
    return full


def _predict_ms(estimator: Any, matrix: NDArray[np.float32]) -> float:
    """Milliseconds for 1,000 rows, by one call on at most so many."""
    rows = matrix[:1000]
    started = time.monotonic()
    estimator.predict(rows)
    return (time.monotonic() - started) * 1e6 / max(len(rows), 1)


def model_size(estimator: Any) -> int:
    """About how many bytes the fitted estimator takes: 40 for a tree's node, 4 for a weight."""
    if isinstance(estimator, BOOSTING):
        return 40 * sum(len(tree.nodes) for trees in estimator._predictors for tree in trees)
    if hasattr(estimator, "tree_"):
        return 40 * int(estimator.tree_.node_count)
    if hasattr(estimator, "estimators_"):
        return sum(model_size(each) for each in np.ravel(estimator.estimators_))
    held = [getattr(estimator, name, None) for name in ("coef_", "coefs_", "_fit_X", "theta_")]
    arrays = [each for value in held for each in (value if isinstance(value, list) else [value])]
    return 4 * sum(int(np.size(each)) for each in arrays if each is not None)
