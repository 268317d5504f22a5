"""The points behind the charts of an evaluation: thinned, finite, ready for JSON."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
MAX_POINTS = 200
N_BINS = 10
Points = dict[str, list[float]]


def roc_curve(is_positive: Array, score: Array) -> Points:
    """False positive rate against true positive rate, from (0, 0) to (1, 1), with the thresholds."""
    thresholds, hits, alarms = _counts(is_positive, score)
    tpr = np.r_[0.0, hits / max(hits[-1], 1)]
    fpr = np.r_[0.0, alarms / max(alarms[-1], 1)]
    thresholds = np.r_[1.0, thresholds]
    keep = _thinned(fpr + tpr)
    return {
        "false_positive_rate": _list(fpr[keep]),
        "true_positive_rate": _list(tpr[keep]),
        "threshold": _list(thresholds[keep]),
    }


def precision_recall_curve(is_positive: Array, score: Array) -> Points:
    """Precision against recall, recall rising, with the thresholds."""
    thresholds, hits, alarms = _counts(is_positive, score)
    recall = hits / max(hits[-1], 1)
    precision = hits / np.maximum(hits + alarms, 1)
    keep = _thinned(recall)
    return {
        "recall": _list(recall[keep]),
        "precision": _list(precision[keep]),
        "threshold": _list(thresholds[keep]),
    }


def calibration_curve(is_positive: Array, score: Array) -> Points:
    """What was said against what happened, in up to ten bins of equally many rows."""
    edges = np.unique(np.quantile(score, np.linspace(0, 1, N_BINS + 1)[1:-1]))
    part = np.searchsorted(edges, score, side="right")
    bins = [np.flatnonzero(part == each) for each in range(len(edges) + 1)]
    bins = [rows for rows in bins if len(rows)]
    return {
        "predicted": _list([score[rows].mean() for rows in bins]),
        "observed": _list([is_positive[rows].mean() for rows in bins]),
        "count": [float(len(rows)) for rows in bins],
    }


def residual_histogram(residuals: Array, n_bins: int = 30) -> dict[str, Any]:
    """Counts of predicted minus actual over equal bins; the outermost per mille share the end bins."""
    low, high = np.quantile(residuals, [0.001, 0.999])
    if not high > low:
        low, high = float(low) - 0.5, float(high) + 0.5
    counts, edges = np.histogram(np.clip(residuals, low, high), bins=n_bins, range=(low, high))
    return {"edges": _list(edges), "counts": [int(count) for count in counts]}


def sampled_points(actual: Array, predicted: Array, *, seed: int, n_points: int = 500) -> Points:
    """Predicted against actual of a random part of the rows."""
    rows = np.arange(len(actual))
    if len(rows) > n_points:
        rows = np.sort(np.random.default_rng(seed).choice(rows, n_points, replace=False))
    return {"actual": _list(actual[rows]), "predicted": _list(predicted[rows])}


def _counts(is_positive: Array, score: Array) -> tuple[Array, Array, Array]:
    """Distinct scores, falling, and how many positive and negative rows reach each."""
    order = np.argsort(-score, kind="stable")
    ordered = score[order]
    last = np.r_[np.flatnonzero(np.diff(ordered)), len(ordered) - 1]
    hits = np.cumsum(is_positive[order])[last]
    return ordered[last], hits, last + 1 - hits


def _thinned(position: Array) -> Array:
    """At most MAX_POINTS indices, evenly spread along `position` (rising), both ends kept."""
    if len(position) <= MAX_POINTS:
        return np.arange(len(position))
    wanted = np.linspace(position[0], position[-1], MAX_POINTS - 2)
    found = np.searchsorted(position, wanted).clip(0, len(position) - 1)
    return np.unique(np.r_[0, found, len(position) - 1])


def _list(values: Any) -> list[float]:
    """Six significant digits are more than a chart shows, and halve the document."""
    return [float(f"{value:.6g}") for value in np.asarray(values, np.float64)]
