"""Fitted clusters that answer for new rows: k-means and Gaussian mixtures, as arrays that can be exported exactly.

Both say for each row how likely each cluster is. For a mixture that is the posterior probability. K-means is the
limit of a mixture whose clusters are balls of one size and one weight (Bishop, "Pattern recognition and machine
learning", 9.3.2): with the spread that was found, the same formula gives a probability whose largest is always
the nearest centre.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClusterMixin

# Features are standardised; beyond twenty deviations a row is merely far (as for neighbours.py).
FARTHEST = 20.0
# Rows that coincide with their centres have no spread; a probability still needs one.
SMALLEST_SPREAD = 1e-6
# Rows × features that are compared with the clusters at once: 32 MB for each copy.
CHUNK_CELLS = 4_000_000

Matrix = NDArray[Any]


class Clusters(ClusterMixin, BaseEstimator):  # type: ignore[misc]
    """Shared by both. `weights_` (d,) multiply the features; `logits` (n, k) of weighted features are
    log-probabilities but for a constant in each row."""

    classes_: NDArray[np.intp]
    weights_: NDArray[np.float64]

    def predict_proba(self, X: Matrix) -> NDArray[np.float64]:
        """The probability of each cluster (n, k)."""
        logits = self.logits(np.clip(np.asarray(X, np.float64), -FARTHEST, FARTHEST) * self.weights_)
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))

    def predict(self, X: Matrix) -> NDArray[np.intp]:
        """The number of the likeliest cluster (n,), from 0."""
        size = max(1, CHUNK_CELLS // max(X.shape[1], 1))
        found = np.empty(len(X), np.intp)
        for start in range(0, len(X), size):
            found[start : start + size] = self.predict_proba(X[start : start + size]).argmax(axis=1)
        return found

    def logits(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        raise NotImplementedError

    def ordered(self, order: NDArray[np.intp]) -> Clusters:
        """The same clusters under other numbers: the first is the one that was `order[0]`."""
        raise NotImplementedError

    def weighing(self, weights: NDArray[np.float64]) -> Clusters:
        """The same clusters, for features that are still to be multiplied by these."""
        self.weights_ = np.asarray(weights, np.float64)
        return self


class NearestCentre(Clusters):
    """K-means after fitting: `centres_` (k, d), and `spread_`, the variance of a feature within a cluster."""

    @classmethod
    def of(cls, centres: Matrix, spread: float) -> NearestCentre:
        made = cls()
        made.centres_ = np.asarray(centres, np.float64)
        made.spread_ = max(float(spread), SMALLEST_SPREAD)
        made.classes_ = np.arange(len(made.centres_))
        made.weights_ = np.ones(made.centres_.shape[1])
        return made

    def ordered(self, order: NDArray[np.intp]) -> NearestCentre:
        return NearestCentre.of(self.centres_[order], self.spread_)

    def logits(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        weights, offsets = self.plane()
        return X @ weights + offsets

    def plane(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Weights (d, k) and offsets (k,): -|x - c|² / 2 spread without |x|², which all clusters share."""
        squares = (self.centres_**2).sum(axis=1)
        return self.centres_.T / self.spread_, -squares / (2.0 * self.spread_)


class SoftMixture(Clusters):
    """A Gaussian mixture after fitting: for each cluster its mean (k, d), the Cholesky factor of its precision
    (k, d, d), and a constant (k,): the log of its weight and of the factor's determinant."""

    @classmethod
    def of(cls, means: Matrix, factors: Matrix, shares: Matrix) -> SoftMixture:
        """`means` and `factors` as scikit-learn's means_ and precisions_cholesky_; `shares` (k,) of the rows."""
        made = cls()
        made.means_ = np.asarray(means, np.float64)
        made.factors_ = np.asarray(factors, np.float64)
        determinants = np.log(np.diagonal(made.factors_, axis1=1, axis2=2)).sum(axis=1)
        made.constants_ = np.log(np.maximum(shares, 1e-300)) + determinants
        made.classes_ = np.arange(len(made.means_))
        made.weights_ = np.ones(made.means_.shape[1])
        return made

    def ordered(self, order: NDArray[np.intp]) -> SoftMixture:
        made = SoftMixture.of(self.means_[order], self.factors_[order], np.ones(len(order)))
        made.constants_ = self.constants_[order]
        return made

    def logits(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        parts = zip(self.means_, self.factors_, self.constants_, strict=True)
        columns = [
            constant - 0.5 * (((X - mean) @ factor) ** 2).sum(axis=1) for mean, factor, constant in parts
        ]
        return np.stack(columns, axis=1)
