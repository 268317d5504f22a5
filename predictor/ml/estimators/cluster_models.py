"""Fitted clusterings that predict for new rows: k-means and Gaussian mixtures, as arrays that export exactly.

Both give each row a probability of each cluster. For a mixture that is the posterior probability. K-means is the
limit of a mixture whose clusters are balls of one size and one weight (Bishop, "Pattern recognition and machine
learning", 9.3.2): with the fitted spread, the same formula gives probabilities, and the nearest centre always
has the largest.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClusterMixin

# Features are standardised, then clipped to this many deviations, as for nearest neighbours.
FARTHEST = 20.0
# Rows that coincide with their centres have no spread; a probability still needs one.
SMALLEST_SPREAD = 1e-6
# Rows × features that are compared with the clusters at once: 32 MB for each copy.
CHUNK_CELLS = 4_000_000

Matrix = NDArray[Any]


class Clusters(ClusterMixin, BaseEstimator):  # type: ignore[misc]
    """Base of both. `weights_` (d,) multiply the features; `logits` (n, k) of weighted features are
    log-probabilities up to a constant in each row."""

    classes_: NDArray[np.intp]
    weights_: NDArray[np.float64]

    def predict_proba(self, X: Matrix) -> NDArray[np.float64]:
        """The probability of each cluster (n, k)."""
        logits = self.logits(np.clip(np.asarray(X, np.float64), -FARTHEST, FARTHEST) * self.weights_)
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))

    def predict(self, X: Matrix) -> NDArray[np.intp]:
        """The most probable cluster of each row (n,), numbered from 0."""
        size = max(1, CHUNK_CELLS // max(X.shape[1], 1))
        labels = np.empty(len(X), np.intp)
        for start in range(0, len(X), size):
            labels[start : start + size] = self.predict_proba(X[start : start + size]).argmax(axis=1)
        return labels

    def logits(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        """Log-probabilities (n, k), up to a constant in each row, of weighted features (n, d)."""
        raise NotImplementedError

    def ordered(self, order: NDArray[np.intp]) -> Clusters:
        """The same clusters, renumbered: the new first one was number `order[0]`."""
        raise NotImplementedError

    def weighing(self, weights: NDArray[np.float64]) -> Clusters:
        """Set the weights that features are multiplied by before prediction; returns itself."""
        self.weights_ = np.asarray(weights, np.float64)
        return self


class NearestCentre(Clusters):
    """K-means after fitting: `centres_` (k, d), and `spread_`, the variance of a feature within a cluster."""

    @classmethod
    def of(cls, centres: Matrix, spread: float) -> NearestCentre:
        fitted = cls()
        fitted.centres_ = np.asarray(centres, np.float64)
        fitted.spread_ = max(float(spread), SMALLEST_SPREAD)
        fitted.classes_ = np.arange(len(fitted.centres_))
        fitted.weights_ = np.ones(fitted.centres_.shape[1])
        return fitted

    def ordered(self, order: NDArray[np.intp]) -> NearestCentre:
        return NearestCentre.of(self.centres_[order], self.spread_)

    def logits(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        weights, offsets = self.plane()
        return X @ weights + offsets

    def plane(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Linear weights (d, k) and offsets (k,): -|x - c|² / (2 spread) without |x|², equal for all clusters."""
        squares = (self.centres_**2).sum(axis=1)
        return self.centres_.T / self.spread_, -squares / (2.0 * self.spread_)


class SoftMixture(Clusters):
    """A Gaussian mixture after fitting: for each cluster its mean (k, d), the Cholesky factor of its precision
    (k, d, d), and a constant (k,): the log of its weight and of the factor's determinant."""

    @classmethod
    def of(cls, means: Matrix, factors: Matrix, shares: Matrix) -> SoftMixture:
        """`means` and `factors` as scikit-learn's means_ and precisions_cholesky_; `shares` (k,) of the rows."""
        fitted = cls()
        fitted.means_ = np.asarray(means, np.float64)
        fitted.factors_ = np.asarray(factors, np.float64)
        determinants = np.log(np.diagonal(fitted.factors_, axis1=1, axis2=2)).sum(axis=1)
        fitted.constants_ = np.log(np.maximum(shares, 1e-300)) + determinants
        fitted.classes_ = np.arange(len(fitted.means_))
        fitted.weights_ = np.ones(fitted.means_.shape[1])
        return fitted

    def ordered(self, order: NDArray[np.intp]) -> SoftMixture:
        reordered = SoftMixture.of(self.means_[order], self.factors_[order], np.ones(len(order)))
        reordered.constants_ = self.constants_[order]
        return reordered

    def logits(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        parts = zip(self.means_, self.factors_, self.constants_, strict=True)
        columns = [
            constant - 0.5 * (((X - mean) @ factor) ** 2).sum(axis=1) for mean, factor, constant in parts
        ]
        return np.stack(columns, axis=1)
