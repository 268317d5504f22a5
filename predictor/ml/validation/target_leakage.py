"""Target leakage: features that give the target away, most often because they were recorded after the fact.

There are two kinds. A copy holds the target itself: renamed (each level is one class), or rescaled, rounded or
transformed with the same rank order. Any other leak alone predicts the target almost perfectly, also by being
missing.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from ...errors import quoted
from ..metrics.scores import roc_auc
from ..types.warnings import TrainingWarning, WarningKind
from .target import missing
from .training_table import TrainingTable

MAX_ROWS = 4_000
# One column alone reaches this on rows that were not fitted on: area under the ROC curve, accuracy
# (0 for always the commonest class), or R².
SUSPICIOUS = 0.99
# A copy has at least this rank correlation; visible noise brings it below.
COPY = 0.999
MAX_LEAVES = 128
# Perfect scores on fewer rows of the rarer classes come by chance when there are many columns.
MIN_JUDGED = 5


def find_leaks(table: TrainingTable, *, seed: int, max_seconds: float = 2.0) -> list[TrainingWarning]:
    """Warnings for columns that alone predict the target almost perfectly, one for each.

    When `max_seconds` are over, the remaining columns are skipped, and a warning says so.
    """
    rng = np.random.default_rng(seed)
    rows = np.sort(rng.permutation(len(table))[:MAX_ROWS])
    sample = table.rows(rows)
    half = rng.permutation(len(sample)) % 2 == 0
    started, warnings = time.monotonic(), []
    for number, (name, values) in enumerate(sample.columns.items()):
        if time.monotonic() - started > max_seconds:
            warnings.append(
                TrainingWarning(f"Only the first {number} columns were searched for leaks of the target.")
            )
            break
        if warning := _warning(sample, name, values, half):
            warnings.append(warning)
    return warnings


def _warning(
    table: TrainingTable, name: str, values: NDArray[Any], half: NDArray[np.bool_]
) -> TrainingWarning | None:
    target = quoted(table.target.name)
    advice = "If it is known only after the fact, leave it out, or the model will be worthless on new rows."
    if _is_copy(table, values):
        message = f"Possible leak: the column {quoted(name)} is {target} in other words or on another scale. {advice}"
        return TrainingWarning(message, name, WarningKind.LEAK)
    score = _power(table, values, half)
    if score < SUSPICIOUS:
        return None
    message = (
        f"Possible leak: the column {quoted(name)} alone predicts {target} almost perfectly ({score:.3f} of 1). "
        f"{advice}"
    )
    return TrainingWarning(message, name, WarningKind.LEAK)


def _is_copy(table: TrainingTable, values: NDArray[Any]) -> bool:
    """Whether the column is the target under other names, or in the same rank order."""
    y = table.target.y
    known = ~missing(values)
    if known.mean() < 0.9:
        return False
    if not table.task.is_classification:
        if values.dtype == object:
            return False
        numbers = values[known].astype(np.int64) if values.dtype.kind == "M" else values[known]
        return bool(abs(_rank_correlation(np.asarray(numbers, np.float64), y[known])) >= COPY)
    texts = values[known].astype(str)
    levels, codes = np.unique(texts, return_inverse=True)
    classes = len(np.unique(y[known]))
    pairs = len(np.unique(codes * table.target.n_classes + y[known]))
    return len(levels) == classes == pairs and classes > 1


def _rank_correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Spearman's rank correlation; 0 when either does not vary."""
    first, second = _ranks(a), _ranks(b)
    if first.std() == 0 or second.std() == 0:
        return 0.0
    return float(np.corrcoef(first, second)[0, 1])


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ranks from 1; equal values share their mean rank."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks: NDArray[np.float64] = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    return ranks


def _power(table: TrainingTable, values: NDArray[Any], half: NDArray[np.bool_]) -> float:
    """Predictive power of the column alone, on rows not fitted on: 0 is none, 1 is perfect."""
    y = table.target.y
    feature = _coded(values, y, half).reshape(-1, 1)
    if not table.task.is_classification:
        tree = DecisionTreeRegressor(max_leaf_nodes=MAX_LEAVES, min_samples_leaf=2, random_state=0)
        error = np.mean((tree.fit(feature[half], y[half]).predict(feature[~half]) - y[~half]) ** 2)
        spread = y[~half].var()
        by_tree = float(1 - error / spread) if spread > 0 else 0.0
        return max(by_tree, _linear_r2(feature[:, 0], y))
    counts = np.bincount(y[~half], minlength=table.target.n_classes)
    if counts.sum() - counts.max() < MIN_JUDGED:
        return 0.0
    tree = DecisionTreeClassifier(max_leaf_nodes=MAX_LEAVES, min_samples_leaf=2, random_state=0)
    tree.fit(feature[half], y[half])
    if table.target.n_classes == 2 and len(tree.classes_) == 2:
        return roc_auc(y[~half] == 1, tree.predict_proba(feature[~half])[:, 1]) or 0.0
    accuracy = float(np.mean(tree.predict(feature[~half]) == y[~half]))
    commonest = float(counts.max() / counts.sum())
    return (accuracy - commonest) / (1 - commonest) if commonest < 1 else 0.0


def _linear_r2(feature: NDArray[np.float64], y: NDArray[Any]) -> float:
    """The squared correlation: it finds a copy of the target in few rows, where a tree is too coarse."""
    known = np.isfinite(feature)
    if known.mean() < 0.9 or feature[known].std() == 0 or y[known].std() == 0:
        return 0.0
    return float(np.corrcoef(feature[known], y[known])[0, 1] ** 2)


def _coded(values: NDArray[Any], y: NDArray[Any], half: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The column as numbers; categories are target-encoded on the rows fitted on."""
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
