"""Features that give the target away: too good to be true, most often written down after the fact."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from ..errors import shown
from .checking import TrainingTable, TrainingWarning
from .metrics import roc_auc
from .target import missing

MAX_ROWS = 4_000
# One column alone reaches this on rows that were not fitted on: area under the ROC curve, share right, or R².
SUSPICIOUS = 0.99
MAX_LEAVES = 128


def find_leaks(table: TrainingTable, *, seed: int) -> list[TrainingWarning]:
    """A loud warning for each column that alone predicts the target almost perfectly."""
    rng = np.random.default_rng(seed)
    rows = np.sort(rng.permutation(len(table))[:MAX_ROWS])
    sample = table.rows(rows)
    half = rng.permutation(len(sample)) % 2 == 0
    found = []
    for name, values in sample.columns.items():
        score = _power(sample, values, half)
        if score >= SUSPICIOUS:
            message = (
                f"Possible leak: the column {shown(name)} alone predicts "
                f"{shown(table.target.name)} almost perfectly ({score:.3f} of 1). If it is known only "
                "after the fact, leave it out, or the model will be worthless on new rows."
            )
            found.append(TrainingWarning(message, name))
    return found


def _power(table: TrainingTable, values: NDArray[Any], half: NDArray[np.bool_]) -> float:
    """How well the column alone predicts: 0 as good as nothing, 1 perfect."""
    y = table.target.y
    feature = _coded(values, y, half).reshape(-1, 1)
    if not table.task.is_classification:
        tree = DecisionTreeRegressor(max_leaf_nodes=MAX_LEAVES, min_samples_leaf=2, random_state=0)
        error = np.mean((tree.fit(feature[half], y[half]).predict(feature[~half]) - y[~half]) ** 2)
        spread = y[~half].var()
        by_tree = float(1 - error / spread) if spread > 0 else 0.0
        return max(by_tree, _linear_r2(feature[:, 0], y))
    tree = DecisionTreeClassifier(max_leaf_nodes=MAX_LEAVES, min_samples_leaf=2, random_state=0)
    tree.fit(feature[half], y[half])
    if table.target.n_classes == 2 and len(tree.classes_) == 2:
        return roc_auc(y[~half] == 1, tree.predict_proba(feature[~half])[:, 1]) or 0.0
    right = float(np.mean(tree.predict(feature[~half]) == y[~half]))
    commonest = float(np.bincount(y[~half]).max() / (~half).sum())
    return (right - commonest) / (1 - commonest) if commonest < 1 else 0.0


def _linear_r2(feature: NDArray[np.float64], y: NDArray[Any]) -> float:
    """The squared correlation, which sees a copy of the target in few rows, where a tree is too coarse."""
    known = np.isfinite(feature)
    if known.mean() < 0.9 or feature[known].std() == 0 or y[known].std() == 0:
        return 0.0
    return float(np.corrcoef(feature[known], y[known])[0, 1] ** 2)


def _coded(values: NDArray[Any], y: NDArray[Any], half: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The column as numbers; a level becomes its mean target among the rows fitted on."""
    if values.dtype.kind == "M":
        return np.where(missing(values), np.nan, values.astype("datetime64[s]").astype(np.float64))
    if values.dtype != object:
        return np.asarray(values, np.float64)
    texts = np.array(["" if value is None else str(value) for value in values])
    levels, codes = np.unique(texts, return_inverse=True)
    counts = np.bincount(codes[half], minlength=len(levels))
    sums = np.bincount(codes[half], weights=np.asarray(y[half], np.float64), minlength=len(levels))
    means = np.where(counts > 1, sums / np.maximum(counts, 1), np.mean(y[half]))
    return np.asarray(means[codes])
