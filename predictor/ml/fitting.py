"""Fit one candidate: on a fold, along a path of settings, or finally with the setting that was chosen.

A path costs one fit and shows many settings: a boosting of 600 trees holds those of 5, 10, … 595 trees in it.
Each fold is scored at every stage, and the stage that is best over all folds is the one that is kept. That is
how the number of trees and the strength of regularisation are chosen, without a second validation set.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.neural_network import MLPClassifier, MLPRegressor

from .checking import TrainingTable
from .estimators import CATALOGUE, EstimatorInfo
from .features import Encoding, FeatureSpec
from .pipeline import FittedPipeline, Member, TargetScaling

Array = NDArray[Any]
BOOSTING = (HistGradientBoostingClassifier, HistGradientBoostingRegressor)
NEURAL = (MLPClassifier, MLPRegressor)
MAX_STAGES = 80
# Rounds without a better score before a boosting is ended, times the learning rate: 40 rounds at 0.1, 80 at 0.05.
PATIENCE = 4.0
NEURAL_STAGE_EPOCHS = 3
NEURAL_PATIENCE = 6


@dataclass(frozen=True)
class Candidate:
    """One way to fit the table.

    `params` are the catalogue's hyperparameters; `settings` go to scikit-learn beyond them. `path` lists
    alternatives for some of the params, each fitted in turn; boosting and neural networks are walked along
    their own rounds when `is_staged`.
    """

    key: str
    title: str
    estimator: str
    encoding: Encoding
    params: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    path: tuple[Mapping[str, Any], ...] = ()
    is_staged: bool = False
    is_log: bool = False

    @property
    def info(self) -> EstimatorInfo:
        return CATALOGUE[self.estimator]


@dataclass(frozen=True)
class FoldFit:
    """What one fold showed: predictions (n_stages, n_rows[, n_classes]) on its scoring rows, stage by stage."""

    predictions: NDArray[np.float32]
    stages: tuple[Mapping[str, Any], ...]
    fit_seconds: float
    predict_ms: float


def fit_fold(candidate: Candidate, fit: TrainingTable, score: TrainingTable, *, seed: int) -> FoldFit:
    """Fit on one part, predict the other at every stage of the path."""
    started = time.monotonic()
    fit = sample_rows(fit, candidate.info.max_rows, seed)
    spec, matrix = encode(candidate, fit, seed)
    other = spec.transform(score.columns)
    scaling = target_scaling(candidate, fit)
    target = scaling.forward(fit.target.y) if not fit.task.is_classification else fit.target.y
    stages, predictions, predict_seconds = [], [], 0.0
    with quiet():
        for params, member in walk(candidate, fit, matrix, target, spec, scaling, (other, score), seed):
            before = time.monotonic()
            predictions.append(_answers(member, other, fit).astype(np.float32))
            predict_seconds = time.monotonic() - before
            stages.append(params)
    return FoldFit(
        predictions=np.stack(predictions),
        stages=tuple(stages),
        fit_seconds=time.monotonic() - started,
        predict_ms=predict_seconds * 1e6 / max(len(other), 1),
    )


def fit_member(candidate: Candidate, stage: Mapping[str, Any], table: TrainingTable, *, seed: int, weight: float = 1.0
               ) -> tuple[FeatureSpec, Member]:
    """The candidate fitted on the whole table with the chosen stage's params."""
    table = sample_rows(table, candidate.info.max_rows, seed)
    spec, matrix = encode(candidate, table, seed)
    scaling = target_scaling(candidate, table)
    target = scaling.forward(table.target.y) if not table.task.is_classification else table.target.y
    estimator = build(candidate, stage, table, spec, seed)
    if isinstance(estimator, BOOSTING):
        estimator.set_params(early_stopping=False)
    if isinstance(estimator, NEURAL) and candidate.is_staged:
        estimator.set_params(early_stopping=False, n_iter_no_change=10_000)
    with quiet():
        candidate.info.fit(estimator, matrix, target)
    params = {**candidate.params, **candidate.settings, **stage}
    places = tuple(range(matrix.shape[1]))
    return spec, Member(estimator, places, weight, candidate.estimator, params, scaling)


def join(parts: list[tuple[FeatureSpec, Member]], table: TrainingTable) -> FittedPipeline:
    """One pipeline of members that were fitted on their own matrices."""
    spec, places = FeatureSpec.union([spec for spec, _ in parts])
    members = tuple(
        Member(each.estimator, place, each.weight, each.key, each.params, each.target_scaling)
        for (_, each), place in zip(parts, places, strict=True)
    )
    return FittedPipeline(spec, members, table.task, table.target.n_classes)


def encode(candidate: Candidate, table: TrainingTable, seed: int) -> tuple[FeatureSpec, NDArray[np.float32]]:
    return FeatureSpec.fit_transform(
        table.columns,
        table.roles,
        candidate.encoding,
        y=table.target.y,
        task=table.task,
        n_classes=table.target.n_classes,
        seed=seed,
    )


def build(candidate: Candidate, stage: Mapping[str, Any], table: TrainingTable, spec: FeatureSpec, seed: int) -> Any:
    estimator = candidate.info.build(
        table.task,
        {**candidate.params, **stage},
        seed=seed,
        n_jobs=1,
        categorical_mask=spec.categorical_mask,
    )
    return estimator.set_params(**candidate.settings) if candidate.settings else estimator


def target_scaling(candidate: Candidate, table: TrainingTable) -> TargetScaling:
    if table.task.is_classification:
        return TargetScaling()
    return TargetScaling.fit(table.target.y, is_log=candidate.is_log, is_scaled=candidate.info.has_scaled_target)


def sample_rows(table: TrainingTable, max_rows: int | None, seed: int) -> TrainingTable:
    """At most so many rows, drawn at random, in file order."""
    if max_rows is None or len(table) <= max_rows:
        return table
    chosen = np.random.default_rng(seed).choice(len(table), max_rows, replace=False)
    return table.rows(np.sort(chosen))


Scored = tuple[NDArray[np.float32], TrainingTable]
Stage = tuple[Mapping[str, Any], Any]


def walk(
    candidate: Candidate,
    table: TrainingTable,
    matrix: NDArray[np.float32],
    target: Array,
    spec: FeatureSpec,
    scaling: TargetScaling,
    scored: Scored,
    seed: int,
) -> Iterator[tuple[Mapping[str, Any], Any]]:
    """(params, something that predicts) for each stage of the candidate's path."""
    for params in candidate.path or ({},):
        estimator = build(candidate, params, table, spec, seed)
        member = Member(estimator, tuple(range(matrix.shape[1])), target_scaling=scaling)
        if candidate.is_staged and isinstance(estimator, BOOSTING):
            yield from _boosting_stages(member, matrix, target, scored)
        elif candidate.is_staged and isinstance(estimator, NEURAL):
            yield from _neural_stages(member, matrix, target, scored)
        else:
            candidate.info.fit(estimator, matrix, target)
            yield params, member


def _boosting_stages(member: Member, matrix: Array, target: Array, scored: Scored) -> Iterator[Stage]:
    """One boosting, ended when the scoring rows stop gaining, seen after every few rounds."""
    other, table = scored
    boosting = member.estimator
    stride = max(5, boosting.max_iter // MAX_STAGES)
    actual = table.target.y
    known = np.isin(actual, np.unique(target)) if table.task.is_classification else np.ones(len(actual), bool)
    boosting.set_params(
        early_stopping=True,
        scoring="loss",
        n_iter_no_change=max(10, round(PATIENCE / boosting.learning_rate)),
        tol=0.0,
    )
    judged = actual[known] if table.task.is_classification else member.target_scaling.forward(actual)[known]
    boosting.fit(matrix, target, X_val=other[known], y_val=judged)
    staged = boosting.staged_predict_proba if table.task.is_classification else boosting.staged_predict
    for n_rounds, raw in enumerate(staged(other), start=1):
        if n_rounds % stride == 0 or n_rounds == boosting.n_iter_:
            yield {"max_iter": n_rounds}, _Answers(raw, member)


def _neural_stages(member: Member, matrix: Array, target: Array, scored: Scored) -> Iterator[Stage]:
    """One network, seen after every few epochs, ended when the scoring rows stop gaining."""
    from .metrics import selection_score

    other, table = scored
    network = member.estimator
    best, n_worse = np.inf, 0
    classes = {"classes": np.unique(target)} if table.task.is_classification else {}
    for epoch in range(1, network.max_iter + 1):
        network.partial_fit(matrix, target, **(classes if epoch == 1 else {}))
        if epoch % NEURAL_STAGE_EPOCHS:
            continue
        raw = network.predict_proba(other) if table.task.is_classification else network.predict(other)
        answers = _Answers(raw, member)
        yield {"max_iter": epoch}, answers
        score = selection_score(table.task, table.target.y, _answers(answers, other, table))
        best, n_worse = (score, 0) if score < best else (best, n_worse + 1)
        if n_worse >= NEURAL_PATIENCE:
            return


@dataclass(frozen=True)
class _Answers:
    """A stage's raw answers on the scoring rows, in the place of a member."""

    raw: Array
    member: Member

    def values(self, _: Array) -> NDArray[np.float64]:
        return self.member.target_scaling.inverse(self.raw.reshape(-1))

    def probabilities(self, _: Array, n_classes: int) -> NDArray[np.float64]:
        full = np.zeros((len(self.raw), n_classes))
        full[:, np.asarray(self.member.estimator.classes_, np.intp)] = self.raw
        return full


def _answers(member: Any, matrix: Array, table: TrainingTable) -> NDArray[np.float64]:
    if table.task.is_classification:
        return np.asarray(member.probabilities(matrix, table.target.n_classes))
    return np.asarray(member.values(matrix))


def quiet() -> warnings.catch_warnings[None]:
    """Fits that end before they converge are scored like any other: their warnings help nobody."""
    catcher = warnings.catch_warnings(action="ignore")
    return catcher
