"""Evaluation metrics for regression and classification, in plain numpy.

`y` holds float targets or class codes; predictions are (n,) values or (n, n_classes) probabilities.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..types.schema import Task
from .curves import calibration_curve

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


def selection_score(task: Task, y: Array, predicted: Array) -> float:
    """Log-loss or RMSE; infinite when a prediction is not finite."""
    if not np.isfinite(predicted).all():
        return math.inf
    mean = float(losses(task, y, predicted).mean())
    return mean if task.is_classification else math.sqrt(mean)


def regression_metrics(y: Array, predicted: Array) -> dict[str, float | None]:
    """mse, rmse, mae, median_absolute_error, r2 (null when the target does not vary)."""
    error = predicted - y
    mse = float(np.mean(error**2))
    spread = float(np.mean((y - y.mean()) ** 2))
    return finite(
        {
            "rmse": math.sqrt(mse),
            "mse": mse,
            "mae": float(np.mean(np.abs(error))),
            "median_absolute_error": float(np.median(np.abs(error))),
            "r2": 1.0 - mse / spread if spread > 0 else None,
        }
    )


def classification_metrics(
    y: Array, probabilities: Array, threshold: float | None = None, positive: int = 1
) -> dict[str, float | None]:
    """log_loss, brier, calibration_error, roc_auc, average_precision; and of the predicted classes (DECIDED):
    accuracy, balanced_accuracy, precision, recall, f1.

    For two classes, precision, recall, f1, average_precision, roc_auc and calibration_error are those of the
    class `positive`; for more, macro averages over the classes that occur (roc_auc: one-vs-rest).
    """
    n_classes = probabilities.shape[1]
    matrix = confusion(y, predicted_codes(probabilities, threshold, positive), n_classes)
    by_class = class_metrics(matrix)
    occurring = [code for code in range(n_classes) if matrix[code].sum()]
    scored = [positive] if n_classes == 2 else occurring
    one_hot = np.eye(n_classes)[y]
    ranking = [
        (roc_auc(y == code, probabilities[:, code]), average_precision(y == code, probabilities[:, code]))
        for code in scored
    ]
    return finite(
        {
            "log_loss": float(losses(Task.MULTICLASS, y, probabilities).mean()),
            "accuracy": float(np.trace(matrix) / len(y)),
            "balanced_accuracy": float(np.mean([by_class[code]["recall"] for code in occurring])),
            "precision": float(np.mean([by_class[code]["precision"] for code in scored])),
            "recall": float(np.mean([by_class[code]["recall"] for code in scored])),
            "f1": float(np.mean([by_class[code]["f1"] for code in scored])),
            "brier": float(np.mean(np.sum((probabilities - one_hot) ** 2, axis=1)))
            / (2 if n_classes == 2 else 1),
            "calibration_error": _mean(
                [calibration_error(y == code, probabilities[:, code]) for code in scored[:MAX_CALIBRATED]]
            ),
            "roc_auc": _mean([area for area, _ in ranking]),
            "average_precision": _mean([area for _, area in ranking]),
        }
    )


def secondary_metric(task: Task, y: Array, predicted: Array) -> dict[str, float | None]:
    """The second metric of a leaderboard, after the selection metric: roc_auc or r2, as in `metrics`.

    Only this one is computed: ranking by each of a hundred classes takes a second.
    """
    if not task.is_classification:
        return {"r2": regression_metrics(y, predicted)["r2"]}
    n_classes = predicted.shape[1]
    scored = [1] if n_classes == 2 else np.unique(y).tolist()
    return {"roc_auc": _mean([roc_auc(y == code, predicted[:, code]) for code in scored])}


def metrics(
    task: Task, y: Array, predicted: Array, threshold: float | None = None, positive: int = 1
) -> dict[str, float | None]:
    """All metrics of the task, by name, the selection metric first; `threshold` and `positive` (the code of the
    positive class) are those of a binary task."""
    if task.is_classification:
        return classification_metrics(y, predicted, threshold, positive)
    return regression_metrics(y, predicted)


def confusion(y: Array, codes: Array, n_classes: int) -> NDArray[np.intp]:
    """Confusion matrix of counts (true class, predicted class)."""
    return np.bincount(y * n_classes + codes, minlength=n_classes**2).reshape(n_classes, n_classes)


def class_metrics(matrix: NDArray[np.intp]) -> list[dict[str, float]]:
    """Precision, recall, F1 and support of each class; 0 where nothing was predicted (or occurs)."""
    hits = np.diag(matrix).astype(float)
    precision = hits / np.maximum(matrix.sum(axis=0), 1)
    recall = hits / np.maximum(matrix.sum(axis=1), 1)
    f1 = 2 * hits / np.maximum(matrix.sum(axis=0) + matrix.sum(axis=1), 1)
    return [
        {"precision": float(p), "recall": float(r), "f1": float(f), "support": int(n)}
        for p, r, f, n in zip(precision, recall, f1, matrix.sum(axis=1), strict=True)
    ]


def roc_auc(is_positive: Array, score: Array) -> float | None:
    """Area under the ROC curve: the probability that a positive row scores above a negative one.

    Ties count half. None without both classes.
    """
    n_positive = int(is_positive.sum())
    n_negative = len(is_positive) - n_positive
    if not n_positive or not n_negative:
        return None
    _, inverse, counts = np.unique(score, return_inverse=True, return_counts=True)
    rank = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    return float((rank[is_positive].sum() - n_positive * (n_positive + 1) / 2) / (n_positive * n_negative))


def average_precision(is_positive: Array, score: Array) -> float | None:
    """Average precision: precision weighted by the recall gained at each threshold; None without a positive row."""
    if not is_positive.any():
        return None
    order = np.argsort(-score, kind="stable")
    hits = np.cumsum(is_positive[order])
    last = np.r_[np.flatnonzero(np.diff(score[order])), len(score) - 1]
    recall = hits[last] / hits[-1]
    return float(np.sum(np.diff(recall, prepend=0.0) * hits[last] / (last + 1)))


def calibration_error(is_positive: Array, score: Array) -> float:
    """Expected calibration error (ECE): the mean gap between predicted probability and observed frequency.

    Naeini, Cooper and Hauskrecht, "Obtaining well calibrated probabilities using Bayesian binning", 2015; over
    bins of equally many rows, as in the calibration curve.
    """
    bins = calibration_curve(is_positive, score)
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
