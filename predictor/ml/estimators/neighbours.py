"""k-nearest neighbours with one defined answer for ties, so that it can be exported exactly."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

# Squared distances are rounded to 2**-20; equal ones go by the order of training rows, as i * 2**-36.
# With squared distances below 2**16 the sum of both is exact in float64, so no two keys are equal.
QUANTUM = 2.0**20
TIE = 2.0**-36
# Features are standardised; beyond twenty deviations a row is merely far.
FARTHEST = 20.0
NEAREST = 1e-3
CHUNK = 256


class _Neighbours(BaseEstimator):  # type: ignore[misc]
    """Shared by the classifier and the regressor: `table_` (n_train, k) holds what each neighbour says."""

    def __init__(self, n_neighbors: int = 15, weights: str = "distance"):
        self.n_neighbors = n_neighbors
        self.weights = weights

    def _remember(self, X: NDArray[Any], table: NDArray[np.float64]) -> None:
        self.rows_ = np.clip(np.asarray(X, np.float32), -FARTHEST, FARTHEST)
        self.table_ = table
        self.n_features_in_ = self.rows_.shape[1]

    def _answers(self, X: NDArray[Any]) -> NDArray[np.float64]:
        rows = self.rows_.astype(np.float64)
        lengths = (rows * rows).sum(axis=1)
        ties = np.arange(len(rows)) * TIE
        k = min(self.n_neighbors, len(rows))
        answers = [
            self._answer(chunk, rows, lengths, ties, k)
            for chunk in np.array_split(np.asarray(X), max(1, -(-len(X) // CHUNK)))
        ]
        return np.concatenate(answers)

    def _answer(
        self, X: NDArray[Any], rows: NDArray[Any], lengths: NDArray[Any], ties: NDArray[Any], k: int
    ) -> NDArray[np.float64]:
        x = np.clip(X.astype(np.float64), -FARTHEST, FARTHEST)
        squares = (x * x).sum(axis=1, keepdims=True) + lengths - 2.0 * (x @ rows.T)
        squares = np.floor(squares * QUANTUM + 0.5) / QUANTUM
        nearest = np.argpartition(squares + ties, k - 1, axis=1)[:, :k]
        said = self.table_[nearest]
        if self.weights == "uniform":
            return np.asarray(said.mean(axis=1))
        distances = np.sqrt(np.maximum(np.take_along_axis(squares, nearest, axis=1), 0.0))
        shares = 1.0 / (distances + NEAREST)
        return np.asarray((said * shares[:, :, None]).sum(axis=1) / shares.sum(axis=1, keepdims=True))


class NeighboursClassifier(ClassifierMixin, _Neighbours):  # type: ignore[misc]
    """The shares of the classes among the nearest training rows."""

    def fit(self, X: NDArray[Any], y: NDArray[Any]) -> NeighboursClassifier:
        self.classes_, codes = np.unique(y, return_inverse=True)
        self._remember(X, np.eye(len(self.classes_))[codes])
        return self

    def predict_proba(self, X: NDArray[Any]) -> NDArray[np.float64]:
        return self._answers(X)

    def predict(self, X: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(self.classes_[self._answers(X).argmax(axis=1)])


class NeighboursRegressor(RegressorMixin, _Neighbours):  # type: ignore[misc]
    """The mean target of the nearest training rows."""

    def fit(self, X: NDArray[Any], y: NDArray[Any]) -> NeighboursRegressor:
        self._remember(X, np.asarray(y, np.float64).reshape(-1, 1))
        return self

    def predict(self, X: NDArray[Any]) -> NDArray[np.float64]:
        return self._answers(X)[:, 0]
