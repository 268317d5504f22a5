"""Evaluation metrics for regression and classification, in plain numpy.

`y` holds float targets or class codes; predictions are (n,) values or (n, n_classes) probabilities; `weights`, where
given, say how much each row counts.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..types.schema import Task
from . import row_weights
from .curves import calibration_curve
from .row_weights import Weights

Array = NDArray[Any]
# Probabilities are clipped to at least this: one confident mistake costs 16, not infinity (as in LightGBM).
EPSILON = 1e-7
# Metrics that a decision threshold changes; the others depend on the probabilities alone.
DECIDED = ("accuracy", "balanced_accuracy", "precision", "recall", "f1")
# Maximum number of classes: the calibration error of a hundred classes takes longer than all other metrics together.
MAX_CALIBRATED = 20


def predicted_codes(
    probabilities: Array, threshold: float | None = None, positive: int = 1
) -> NDArray[np.intp]:
    """The index of the predicted class per row: the most probable one, the first of equals.

    With `threshold` (binary only), the class `positive` is predicted when its probability reaches it.
    """
    if threshold is not None:
        return np.where(probabilities[:, positive] >= threshold, positive, 1 - positive).astype(np.intp)
    codes: NDArray[np.intp] = probabilities.argmax(axis=1)
    return codes


def selection_metric(task: Task) -> str:
    """The selection metric, by which candidates are compared; smaller is better."""
    return "log_loss" if task.is_classification else "rmse"


def losses(task: Task, y: Array, predicted: Array) -> NDArray[np.float64]:
    """Loss of each row (n,): log-loss (-log of the true class's probability) or squared error."""
    if not task.is_classification:
        return np.square(np.asarray(predicted, np.float64) - y)
    clipped = np.clip(np.asarray(predicted, np.float64), EPSILON, 1.0)
    clipped /= clipped.sum(axis=1, keepdims=True)
    row_losses: NDArray[np.float64] = -np.log(clipped[np.arange(len(y)), y])
    return row_losses


def selection_score(task: Task, y: Array, predicted: Array, weights: Weights = None) -> float:
    """Log-loss or RMSE; infinite when a prediction is not finite."""
    if not np.isfinite(predicted).all():
        return math.inf
    mean = row_weights.mean(losses(task, y, predicted), weights)
    return mean if task.is_classification else math.sqrt(mean)


def regression_metrics(y: Array, predicted: Array, weights: Weights = None) -> dict[str, float | None]:
    """mse, rmse, mae, median_absolute_error, r2 (null when the target does not vary)."""
    error = predicted - y
    mse = row_weights.mean(error**2, weights)
    spread = row_weights.mean((y - row_weights.mean(y, weights)) ** 2, weights)
    return finite(
        {
            "rmse": math.sqrt(mse),
            "mse": mse,
            "mae": row_weights.mean(np.abs(error), weights),
            "median_absolute_error": float(row_weights.quantiles(np.abs(error), 0.5, weights)),
            "r2": 1.0 - mse / spread if spread > 0 else None,
        }
    )


def classification_metrics(
    y: Array,
    probabilities: Array,
    threshold: float | None = None,
    positive: int = 1,
    weights: Weights = None,
) -> dict[str, float | None]:
    """log_loss, brier, calibration_error, roc_auc, average_precision; and of the predicted classes (DECIDED):
    accuracy, balanced_accuracy, precision, recall, f1.

    For two classes, precision, recall, f1, average_precision, roc_auc and calibration_error are those of the
    class `positive`; for more, macro averages over the classes that occur (roc_auc: one-vs-rest).
    """
    n_classes = probabilities.shape[1]
    matrix = confusion(y, predicted_codes(probabilities, threshold, positive), n_classes, weights)
    by_class = class_metrics(matrix)
    occurring = [code for code in range(n_classes) if matrix[code].sum()]
    scored = [positive] if n_classes == 2 else occurring
    one_hot = np.eye(n_classes)[y]
    ranking = [
        (
            roc_auc(y == code, probabilities[:, code], weights),
            average_precision(y == code, probabilities[:, code], weights),
        )
        for code in scored
    ]
    return finite(
        {
            "log_loss": row_weights.mean(losses(Task.MULTICLASS, y, probabilities), weights),
            "accuracy": float(np.trace(matrix) / matrix.sum()),
            "balanced_accuracy": float(np.mean([by_class[code]["recall"] for code in occurring])),
            "precision": float(np.mean([by_class[code]["precision"] for code in scored])),
            "recall": float(np.mean([by_class[code]["recall"] for code in scored])),
            "f1": float(np.mean([by_class[code]["f1"] for code in scored])),
            "brier": row_weights.mean(np.sum((probabilities - one_hot) ** 2, axis=1), weights)
            / (2 if n_classes == 2 else 1),
            "calibration_error": _mean(
                [
                    calibration_error(y == code, probabilities[:, code], weights)
                    for code in scored[:MAX_CALIBRATED]
                ]
            ),
            "roc_auc": _mean([area for area, _ in ranking]),
            "average_precision": _mean([area for _, area in ranking]),
        }
    )


def secondary_metric(
    task: Task, y: Array, predicted: Array, weights: Weights = None
) -> dict[str, float | None]:
    """The second metric of a leaderboard, after the selection metric: roc_auc or r2, as in `metrics`.

    Only this one is computed: ranking by each of a hundred classes takes a second.
    """
    if not task.is_classification:
        return {"r2": regression_metrics(y, predicted, weights)["r2"]}
    n_classes = predicted.shape[1]
    scored = [1] if n_classes == 2 else np.unique(y).tolist()
    return {"roc_auc": _mean([roc_auc(y == code, predicted[:, code], weights) for code in scored])}


def metrics(
    task: Task,
    y: Array,
    predicted: Array,
    threshold: float | None = None,
    positive: int = 1,
    weights: Weights = None,
) -> dict[str, float | None]:
    """All metrics of the task, by name, the selection metric first; `threshold` and `positive` (the code of the
    positive class) are those of a binary task."""
    if task.is_classification:
        return classification_metrics(y, predicted, threshold, positive, weights)
    return regression_metrics(y, predicted, weights)


def confusion(y: Array, codes: Array, n_classes: int, weights: Weights = None) -> NDArray[Any]:
    """Confusion matrix of counts, or of sums of weights (true class, predicted class)."""
    cells = np.bincount(y * n_classes + codes, weights, minlength=n_classes**2)
    return cells.reshape(n_classes, n_classes)


def class_metrics(matrix: NDArray[Any]) -> list[dict[str, float]]:
    """Precision, recall, F1 and support of each class; 0 where nothing was predicted (or occurs)."""
    hits = np.diag(matrix).astype(float)
    predicted, true = matrix.sum(axis=0), matrix.sum(axis=1)
    precision = hits / np.where(predicted > 0, predicted, 1)
    recall = hits / np.where(true > 0, true, 1)
    f1 = 2 * hits / np.where(predicted + true > 0, predicted + true, 1)
    return [
        {"precision": float(p), "recall": float(r), "f1": float(f), "support": row_weights.as_count(n)}
        for p, r, f, n in zip(precision, recall, f1, true, strict=True)
    ]


def roc_auc(is_positive: Array, score: Array, weights: Weights = None) -> float | None:
    """Area under the ROC curve: the probability that a positive row scores above a negative one.

    Ties count half. None without both classes.
    """
    if not is_positive.any() or is_positive.all():
        return None
    _, inverse, counts = np.unique(score, return_inverse=True, return_counts=True)
    if weights is None:
        n_positive = int(is_positive.sum())
        n_negative = len(is_positive) - n_positive
        rank = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
        above = rank[is_positive].sum() - n_positive * (n_positive + 1) / 2
        return float(above / (n_positive * n_negative))
    hits = np.bincount(inverse, weights * is_positive)
    misses = np.bincount(inverse, weights * ~is_positive)
    below = np.cumsum(misses) - misses / 2
    return float((hits * below).sum() / (hits.sum() * misses.sum()))


def average_precision(is_positive: Array, score: Array, weights: Weights = None) -> float | None:
    """Average precision: precision weighted by the recall gained at each threshold; None without a positive row."""
    if not is_positive.any():
        return None
    order = np.argsort(-score, kind="stable")
    ordered_weights = row_weights.part(weights, order)
    hits = row_weights.sums(is_positive[order], ordered_weights)
    last = np.r_[np.flatnonzero(np.diff(score[order])), len(score) - 1]
    named = last + 1 if ordered_weights is None else np.cumsum(ordered_weights)[last]
    recall = hits[last] / hits[-1]
    return float(np.sum(np.diff(recall, prepend=0.0) * hits[last] / named))


def calibration_error(is_positive: Array, score: Array, weights: Weights = None) -> float:
    """Expected calibration error (ECE): the mean gap between predicted probability and observed frequency.

    Naeini, Cooper and Hauskrecht, "Obtaining well calibrated probabilities using Bayesian binning", 2015; over
    bins of equally many rows, as in the calibration curve.
    """
    bins = calibration_curve(is_positive, score, weights)
    counts = np.asarray(bins["count"])
    off = np.abs(np.asarray(bins["predicted"]) - np.asarray(bins["observed"]))
    return float((counts * off).sum() / counts.sum())


def finite(values: dict[str, float | None]) -> dict[str, float | None]:
    """The same numbers, None for those that JSON cannot hold."""
    return {
        name: value if value is not None and math.isfinite(value) else None for name, value in values.items()
    }


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None
