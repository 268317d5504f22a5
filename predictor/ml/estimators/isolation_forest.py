"""An isolation forest with a calibrated score: the share of rows like those of training that are less unusual.

A row is unusual when few random cuts isolate it (Liu, Ting and Zhou, "Isolation forest", 2008). Their
score s = 2^(-mean depth / expected depth) has no unit. Here it is compared with the scores
of training rows by forests that had not seen them: 0.98 means more unusual than 98 % of the rows.
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
# Quantile levels of the calibration curve: every 2 % of the rows, and closer towards the unusual end.
LEVELS = np.unique(np.round(np.concatenate(
    [np.linspace(0.0, 0.9, 46), np.linspace(0.9, 0.99, 19), np.linspace(0.99, 1.0, 11)]
), 6))  # fmt: skip
# Scores of equal rows differ by rounding only; a step between two knots closer than this would amplify it.
CLOSEST_KNOTS = 1e-4


class IsolationScore(OutlierMixin, BaseEstimator):  # type: ignore[misc]
    """Calibrated isolation forest: `forest_`, and (`knots_`, `shares_`) that map its scores to shares of rows."""

    @classmethod
    def of(cls, forest: Any, knots: Matrix, shares: Matrix) -> IsolationScore:
        fitted = cls()
        fitted.forest_ = forest
        fitted.knots_ = np.asarray(knots, np.float64)
        fitted.shares_ = np.asarray(shares, np.float64)
        return fitted

    @classmethod
    def uncalibrated(cls, forest: Any) -> IsolationScore:
        """The forest's own score, from 0 to 1."""
        return cls.of(forest, np.array([0.0, 1.0]), np.array([0.0, 1.0]))

    def raw(self, X: Matrix) -> NDArray[np.float64]:
        """The anomaly score of the paper (n,): near 1 for rows isolated at once, near 0.5 for ordinary ones."""
        return raw_scores(self.forest_, X)

    def predict(self, X: Matrix) -> NDArray[np.float64]:
        """The share of rows that are less unusual (n,)."""
        return np.interp(self.raw(X), self.knots_, self.shares_)


def raw_scores(forest: Any, X: Matrix) -> NDArray[np.float64]:
    """The anomaly scores of the paper (n,), without calibration."""
    return -np.asarray(forest.score_samples(np.asarray(X, np.float32)), np.float64)


def leaf_depths(forest: Any) -> list[NDArray[np.float64]]:
    """For each tree, the path length of a row that ends in each node, as scikit-learn counts it."""
    return [
        np.asarray(depths + rest - 1.0)
        for depths, rest in zip(
            forest._decision_path_lengths, forest._average_path_length_per_tree, strict=True
        )
    ]


def expected_depth(forest: Any) -> float:
    """The expected path length in a random tree, summed over the trees: the score's denominator."""
    from sklearn.ensemble._iforest import _average_path_length

    return float(len(forest.estimators_) * _average_path_length([forest.max_samples_])[0])


def fit_forest(matrix: Matrix, params: Mapping[str, Any], seed: int) -> Any:
    """An isolation forest of scikit-learn, fitted on the matrix (n, k)."""
    n_sampled = min(int(params["max_samples"]), len(matrix))
    forest = IsolationForest(
        n_estimators=int(params["n_estimators"]), max_samples=n_sampled, random_state=seed, n_jobs=1
    )
    return forest.fit(matrix)


def out_of_sample(matrix: Matrix, params: Mapping[str, Any], seed: int) -> NDArray[np.float64]:
    """Out-of-fold scores (n,): each row is scored by a forest fitted on the other folds."""
    folds = np.random.default_rng(seed).permutation(len(matrix)) % N_FOLDS
    scores = np.empty(len(matrix))
    for fold in range(N_FOLDS):
        is_held = folds == fold
        scores[is_held] = raw_scores(fit_forest(matrix[~is_held], params, seed + fold), matrix[is_held])
    return scores


def calibrate(forest: Any, scores: NDArray[np.float64]) -> IsolationScore:
    """The forest with a calibration curve: from its score to the share of `scores` that are lower."""
    knots, shares = [float(scores.min())], [0.0]
    for level, score in zip(LEVELS, np.quantile(scores, LEVELS), strict=True):
        if score - knots[-1] >= CLOSEST_KNOTS:
            knots.append(float(score))
            shares.append(float(level))
    if shares[-1] < 1.0:
        knots.append(knots[-1] + CLOSEST_KNOTS)
        shares.append(1.0)
    return IsolationScore.of(forest, np.array(knots), np.array(shares))
