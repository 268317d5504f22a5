"""Fit one candidate on a table: encode, scale the target, build, fit."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.neural_network import MLPClassifier, MLPRegressor

from ..estimators.mini_batches import set_even_batches
from ..features.feature_spec import FeatureSpec
from ..metrics.row_weights import Weights, evened
from ..validation.training_table import TrainingTable
from .candidate import Candidate
from .fitted_pipeline import FittedPipeline, Member, TargetScaling

__all__ = ["Candidate", "PreparedFit", "fit_member", "join", "prepare", "quiet", "sample_rows"]

BOOSTING = (HistGradientBoostingClassifier, HistGradientBoostingRegressor)
FORESTS = (ExtraTreesClassifier, ExtraTreesRegressor, RandomForestClassifier, RandomForestRegressor)
NEURAL = (MLPClassifier, MLPRegressor)


@dataclass(frozen=True)
class PreparedFit:
    """Everything a candidate needs to be fitted: its matrix, and the target as the estimator sees it.

    `weights`: how much each row counts, with a mean of 1; None: all the same.
    """

    candidate: Candidate
    table: TrainingTable
    spec: FeatureSpec
    matrix: NDArray[np.float32]
    target: NDArray[Any]
    scaling: TargetScaling
    seed: int
    weights: Weights = None

    def fit(self, estimator: Any) -> Any:
        """The estimator, fitted on all rows."""
        return self.candidate.info.fit(estimator, self.matrix, self.target, self.weights)

    def build(self, stage: Mapping[str, Any]) -> Any:
        """The unfitted estimator at one stage of the candidate's path."""
        estimator = self.candidate.info.build(
            self.table.task,
            {**self.candidate.params, **stage},
            seed=self.seed,
            categorical_mask=self.spec.categorical_mask,
        )
        if self.candidate.settings:
            estimator.set_params(**self.candidate.settings)
        if signs := self.table.monotone_signs:
            estimator.set_params(monotonic_cst=self.spec.directions(signs))
        if isinstance(estimator, NEURAL):
            set_even_batches(estimator, len(self.matrix))
        return estimator

    def member(self, estimator: Any, stage: Mapping[str, Any], weight: float = 1.0) -> Member:
        params = {**self.candidate.params, **self.candidate.settings, **stage}
        places = tuple(range(self.matrix.shape[1]))
        return Member(estimator, places, weight, self.candidate.estimator, params, self.scaling)


def prepare(candidate: Candidate, table: TrainingTable, *, seed: int) -> PreparedFit:
    """Fit the candidate's encoding to the table, or to a sample where its estimator has a limit of rows."""
    table = sample_rows(table, candidate.info.max_rows, seed)
    task, target = table.task, table.target
    weights = evened(target.weights)
    spec, matrix = FeatureSpec.fit_transform(
        table.columns,
        table.roles,
        candidate.encoding,
        y=target.y,
        task=task,
        n_classes=target.n_classes,
        seed=seed,
        weights=weights,
    )
    if task.is_classification:
        return PreparedFit(candidate, table, spec, matrix, target.y, TargetScaling(), seed, weights)
    is_scaled = candidate.info.has_scaled_target
    scaling = TargetScaling.fit(target.y, is_log=candidate.is_log, is_scaled=is_scaled, weights=weights)
    return PreparedFit(candidate, table, spec, matrix, scaling.forward(target.y), scaling, seed, weights)


def fit_member(
    candidate: Candidate, stage: Mapping[str, Any], table: TrainingTable, *, seed: int, weight: float = 1.0
) -> tuple[FeatureSpec, Member]:
    """The candidate fitted on the whole table with the chosen stage's params."""
    prepared = prepare(candidate, table, seed=seed)
    estimator = prepared.build(stage)
    # The number of rounds is known: early stopping would hold rows back to find it.
    if candidate.is_staged and isinstance(estimator, BOOSTING):
        estimator.set_params(early_stopping=False)
    if candidate.is_staged and isinstance(estimator, NEURAL):
        estimator.set_params(early_stopping=False, n_iter_no_change=estimator.max_iter + 1)
    with quiet():
        prepared.fit(estimator)
    return prepared.spec, prepared.member(estimator, stage, weight)


def join(parts: list[tuple[FeatureSpec, Member]], table: TrainingTable) -> FittedPipeline:
    """One pipeline (an ensemble) of members that were fitted on their own matrices."""
    spec, places = FeatureSpec.union([spec for spec, _ in parts])
    members = tuple(replace(member, columns=place) for (_, member), place in zip(parts, places, strict=True))
    return FittedPipeline(spec, members, table.task, table.target.n_classes)


def sample_rows(table: TrainingTable, max_rows: int | None, seed: int) -> TrainingTable:
    """At most `max_rows` rows, drawn at random, in file order."""
    if max_rows is None or len(table) <= max_rows:
        return table
    row_numbers = np.random.default_rng(seed).choice(len(table), max_rows, replace=False)
    return table.rows(np.sort(row_numbers))


def quiet() -> warnings.catch_warnings[None]:
    """Ignore warnings: fits that do not converge are scored like any other."""
    return warnings.catch_warnings(action="ignore")
