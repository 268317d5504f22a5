"""A support vector classifier whose probabilities can be exported exactly."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.svm import SVC


class ProbabilisticSVC(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """One-vs-rest SVCs with Platt scaling: a sigmoid fitted on out-of-fold margins gives each probability.

    scikit-learn's own `probability=True` is deprecated, uses pairwise coupling, and contradicts its labels.
    Binary tasks have one machine (for the second class); more classes are normalised to sum 1.
    """

    def __init__(
        self,
        C: float = 1.0,
        kernel: str = "rbf",
        class_weight: str | None = None,
        n_folds: int = 3,
        random_state: int | None = None,
    ):
        self.C = C
        self.kernel = kernel
        self.class_weight = class_weight
        self.n_folds = n_folds
        self.random_state = random_state

    def fit(
        self, X: NDArray[Any], y: NDArray[Any], sample_weight: NDArray[Any] | None = None
    ) -> ProbabilisticSVC:
        X, y = np.asarray(X), np.asarray(y)
        self.classes_ = np.unique(y)
        self.n_features_in_ = X.shape[1]
        positive = self.classes_[1:] if len(self.classes_) == 2 else self.classes_
        self.machines_ = []
        slopes, offsets = [], []
        for label in positive:
            machine, slope, offset = self._fit_one(X, (y == label).astype(np.intp), sample_weight)
            self.machines_.append(machine)
            slopes.append(slope)
            offsets.append(offset)
        self.slopes_, self.offsets_ = np.array(slopes), np.array(offsets)
        return self

    def _fit_one(
        self, X: NDArray[Any], y: NDArray[np.intp], weights: NDArray[Any] | None
    ) -> tuple[SVC, float, float]:
        machine = SVC(
            C=self.C, kernel=self.kernel, class_weight=self.class_weight, cache_size=500, max_iter=200_000
        )
        n_folds = min(self.n_folds, int(np.bincount(y, minlength=2).min()))
        if n_folds >= 2:
            folds = StratifiedKFold(n_folds, shuffle=True, random_state=self.random_state)
            margins = cross_val_predict(
                machine, X, y, cv=folds, method="decision_function", params={"sample_weight": weights}
            )
        machine.fit(X, y, weights)
        if n_folds < 2:
            margins = machine.decision_function(X)
        sigmoid = LogisticRegression(C=1e3).fit(margins.reshape(-1, 1), y, weights)
        return machine, float(sigmoid.coef_[0, 0]), float(sigmoid.intercept_[0])

    def predict_proba(self, X: NDArray[Any]) -> NDArray[np.float64]:
        margins = np.stack([machine.decision_function(X) for machine in self.machines_], axis=1)
        logits = np.clip(margins * self.slopes_ + self.offsets_, -500, 500)
        shares = 1.0 / (1.0 + np.exp(-logits))
        if len(self.classes_) == 2:
            return np.hstack([1.0 - shares, shares])
        return np.asarray(shares / np.maximum(shares.sum(axis=1, keepdims=True), 1e-300))

    def predict(self, X: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(self.classes_[self.predict_proba(X).argmax(axis=1)])
