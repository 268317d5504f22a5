"""An isolation forest whose score means something: the share of rows like those of training that are less unusual.

A row is unusual when few random cuts suffice to set it apart (Liu, Ting and Zhou, "Isolation forest", 2008). Their
score s = 2^(-mean depth / expected depth) has no unit; here it is read off the scores that training rows got from
forests that had not seen them, so that 0.98 means: less usual than 98 % of the rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.ensemble import IsolationForest

Matrix = NDArray[Any]

N_FOLDS = 3
# Where scores are read off: each 2 % of the rows, and closer towards the unusual end, where it matters.
LEVELS = np.unique(np.round(np.concatenate(
    [np.linspace(0.0, 0.9, 46), np.linspace(0.9, 0.99, 19), np.linspace(0.99, 1.0, 11)]
), 6))  # fmt: skip
# Scores of equal rows differ by rounding only; a step between two knots closer than this would amplify it.
CLOSEST_KNOTS = 1e-4


class IsolationScore(OutlierMixin, BaseEstimator):  # type: ignore[misc]
    """`forest_`, and the line through (`knots_`, `shares_`) from its scores to shares of rows."""

    @classmethod
    def of(cls, forest: Any, knots: Matrix, shares: Matrix) -> IsolationScore:
        made = cls()
        made.forest_ = forest
        made.knots_ = np.asarray(knots, np.float64)
        made.shares_ = np.asarray(shares, np.float64)
        return made

    @classmethod
    def uncalibrated(cls, forest: Any) -> IsolationScore:
        """The forest's own score, from 0 to 1."""
        return cls.of(forest, np.array([0.0, 1.0]), np.array([0.0, 1.0]))

    def raw(self, X: Matrix) -> NDArray[np.float64]:
        """The score of the paper (n,): near 1 for rows that are set apart at once, near 0.5 for ordinary ones."""
        return raw_scores(self.forest_, X)

    def predict(self, X: Matrix) -> NDArray[np.float64]:
        """The share of rows that are less unusual (n,)."""
        return np.interp(self.raw(X), self.knots_, self.shares_)


def raw_scores(forest: Any, X: Matrix) -> NDArray[np.float64]:
    return -np.asarray(forest.score_samples(np.asarray(X, np.float32)), np.float64)


def leaf_depths(forest: Any) -> list[NDArray[np.float64]]:
    """For each tree and node, what reaching it as a leaf adds to the depth: as scikit-learn counts it."""
    return [
        np.asarray(depths + rest - 1.0)
        for depths, rest in zip(
            forest._decision_path_lengths, forest._average_path_length_per_tree, strict=True
        )
    ]


def expected_depth(forest: Any) -> float:
    """The sum over the trees of the depth that is expected by chance: the score's denominator."""
    from sklearn.ensemble._iforest import _average_path_length

    return float(len(forest.estimators_) * _average_path_length([forest.max_samples_])[0])


def fit_forest(matrix: Matrix, params: Mapping[str, Any], seed: int) -> Any:
    n_sampled = min(int(params["max_samples"]), len(matrix))
    forest = IsolationForest(
        n_estimators=int(params["n_estimators"]), max_samples=n_sampled, random_state=seed, n_jobs=1
    )
    return forest.fit(matrix)


def out_of_sample(matrix: Matrix, params: Mapping[str, Any], seed: int) -> NDArray[np.float64]:
    """The score of each row by a forest that was grown on the other rows (n,)."""
    folds = np.random.default_rng(seed).permutation(len(matrix)) % N_FOLDS
    scores = np.empty(len(matrix))
    for fold in range(N_FOLDS):
        is_held = folds == fold
        scores[is_held] = raw_scores(fit_forest(matrix[~is_held], params, seed + fold), matrix[is_held])
    return scores


def calibrate(forest: Any, scores: NDArray[np.float64]) -> IsolationScore:
    """The forest with the line from its score to the share of these scores that are lower."""
    knots, shares = [float(scores.min())], [0.0]
    for level, score in zip(LEVELS, np.quantile(scores, LEVELS), strict=True):
        if score - knots[-1] >= CLOSEST_KNOTS:
            knots.append(float(score))
            shares.append(float(level))
    if shares[-1] < 1.0:
        knots.append(knots[-1] + CLOSEST_KNOTS)
        shares.append(1.0)
    return IsolationScore.of(forest, np.array(knots), np.array(shares))
