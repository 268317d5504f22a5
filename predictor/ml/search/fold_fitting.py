"""Fit a candidate on a fold, seen at every stage of its path.

A path costs one fit and shows many settings: a boosting of 600 trees holds those of 5, 10, … 595 trees in it.
Each fold is scored at every stage, and the stage that is best over all folds together is kept. That is how
the number of trees and the strength of regularisation are chosen, without a second validation set.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..execution.progress import Deadline
from ..metrics.scores import selection_score
from ..pipelines.fitted_pipeline import Member
from ..pipelines.fitting import BOOSTING, FORESTS, NEURAL, Candidate, PreparedFit, prepare, quiet
from ..validation.training_table import TrainingTable
from .checkpoints import FoldFit
from .staged_boosting import StagedFit

Array = NDArray[Any]
MAX_STAGES = 80
# Rounds without a better score before a boosting is ended, times the learning rate: 40 at 0.1, 80 at 0.05.
PATIENCE = 4.0
NEURAL_STAGE_EPOCHS = 3
NEURAL_PATIENCE = 5
TREES_AT_ONCE = 10


@dataclass(frozen=True)
class ScoringRows:
    """The rows that a fold is scored on, encoded by the spec that was learnt on the others."""

    table: TrainingTable
    matrix: NDArray[np.float32]
    deadline: Deadline

    def answers(self, member: Member) -> NDArray[np.float64]:
        if self.table.task.is_classification:
            return member.probabilities(self.matrix, self.table.target.n_classes)
        return member.values(self.matrix)


@dataclass(frozen=True)
class Stage:
    """The params of one stage, what it answers for the scoring rows, and the seconds that its fit took."""

    params: Mapping[str, Any]
    predictions: NDArray[np.float64]
    seconds: float
    is_cut: bool = False


def fit_fold(
    candidate: Candidate,
    fit: TrainingTable,
    score: TrainingTable,
    *,
    seed: int,
    max_seconds: float = math.inf,
) -> FoldFit:
    """Fit on one part, predict the other at every stage of the path.

    What grows step by step (boostings, forests, networks) ends after about `max_seconds`, as good as it is by
    then; a path ends with the setting it is at.
    """
    started = time.monotonic()
    prepared = prepare(candidate, fit, seed=seed)
    deadline = Deadline(started + max_seconds)
    scored = ScoringRows(score, prepared.spec.transform(score.columns), deadline)
    encoding_seconds = time.monotonic() - started
    stages: list[Stage] = []
    with quiet():
        for params in candidate.path or ({},):
            estimator = prepared.build(params)
            stages += _walk(prepared, estimator, params, scored)
            if not deadline.allows(0.0):
                break
    return FoldFit(
        predictions=np.stack([stage.predictions for stage in stages]).astype(np.float32),
        stages=tuple(stage.params for stage in stages),
        seconds=tuple(encoding_seconds + stage.seconds for stage in stages),
        fit_seconds=time.monotonic() - started,
        predict_ms=_predict_ms(estimator, scored.matrix),
        size_bytes=model_size(estimator),
        is_cut=any(stage.is_cut for stage in stages) or not deadline.allows(0.0),
    )


def _walk(
    prepared: PreparedFit, estimator: Any, params: Mapping[str, Any], scored: ScoringRows
) -> Iterator[Stage]:
    member = prepared.member(estimator, params)
    if prepared.candidate.is_staged and isinstance(estimator, BOOSTING):
        yield from _boosting_stages(prepared, member, scored)
    elif prepared.candidate.is_staged and isinstance(estimator, NEURAL):
        yield from _neural_stages(prepared, member, scored)
    elif prepared.candidate.is_staged and isinstance(estimator, FORESTS):
        yield from _forest_stages(prepared, member, scored)
    else:
        started = time.monotonic()
        prepared.fit(estimator)
        seconds = time.monotonic() - started
        yield Stage(params, scored.answers(member), seconds)


def _boosting_stages(prepared: PreparedFit, member: Member, scored: ScoringRows) -> Iterator[Stage]:
    """One boosting, ended when the scoring rows stop gaining, seen after every few rounds."""
    boosting, is_classification = member.estimator, scored.table.task.is_classification
    judged = scored.table.target.y
    known = np.ones(len(judged), bool)
    if is_classification:
        # A class of one row here may be absent from the fitting rows; scikit-learn would refuse it.
        known = np.isin(judged, prepared.target)
        judged = np.where(known, judged, prepared.target[0])
    else:
        judged = prepared.scaling.forward(judged)
    watch = StagedFit(
        boosting,
        known,
        stride=max(5, boosting.max_iter // MAX_STAGES),
        patience=max(10, round(PATIENCE / boosting.learning_rate)),
        max_seconds=scored.deadline.remaining,
    )
    weights = prepared.weights, scored.table.target.weights
    for sight in watch.fit(prepared.matrix, prepared.target, scored.matrix, judged, weights):
        answers = _finished(sight.raw, member, scored.table)
        yield Stage({"max_iter": sight.n_rounds}, answers, sight.seconds)


def _forest_stages(prepared: PreparedFit, member: Member, scored: ScoringRows) -> Iterator[Stage]:
    """One forest, grown a few trees at a time (the same trees as at once), until all are there or time ends.

    More trees are never worse but for noise, so only the last stage is worth predicting. The first trees are
    grown even when the encoding took all of the time, so that there is something to predict with.
    """
    forest, n_trees, n_grown = member.estimator, member.estimator.n_estimators, 0
    started, seconds = time.monotonic(), 0.0
    forest.set_params(warm_start=True)
    while n_grown < n_trees and (not n_grown or scored.deadline.allows(seconds / n_grown * TREES_AT_ONCE)):
        n_grown = min(n_grown + TREES_AT_ONCE, n_trees)
        forest.set_params(n_estimators=n_grown)
        prepared.fit(forest)
        seconds = time.monotonic() - started
    yield Stage({"n_estimators": n_grown}, scored.answers(member), seconds, is_cut=n_grown < n_trees)


def _neural_stages(prepared: PreparedFit, member: Member, scored: ScoringRows) -> Iterator[Stage]:
    """One network, seen after every few epochs, ended when the scoring rows stop gaining."""
    network = member.estimator
    best, n_worse, started = np.inf, 0, time.monotonic()
    first = {"classes": np.unique(prepared.target)} if scored.table.task.is_classification else {}
    weighted = {} if prepared.weights is None else {"sample_weight": prepared.weights}
    target = scored.table.target
    for epoch in range(1, network.max_iter + 1):
        network.partial_fit(prepared.matrix, prepared.target, **weighted, **(first if epoch == 1 else {}))
        is_late = not scored.deadline.allows(0.0)
        if epoch % NEURAL_STAGE_EPOCHS and not is_late:
            continue
        answers = scored.answers(member)
        yield Stage({"max_iter": epoch}, answers, time.monotonic() - started)
        score = selection_score(target.task, target.y, answers, target.weights)
        best, n_worse = (score, 0) if score < best else (best, n_worse + 1)
        if is_late or n_worse >= NEURAL_PATIENCE:
            return


def _finished(raw: Array, member: Member, table: TrainingTable) -> NDArray[np.float64]:
    """Raw answers of a boosting as a member would give them."""
    loss = member.estimator._loss
    if not table.task.is_classification:
        return member.target_scaling.inverse(loss.link.inverse(raw.reshape(-1)))
    full = np.zeros((len(raw), table.target.n_classes))
    full[:, np.asarray(member.estimator.classes_, np.intp)] = loss.predict_proba(raw)
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
