"""Evaluation curves (ROC, precision-recall, calibration, gain): chart points, thinned, finite, ready for JSON."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import row_weights
from .row_weights import Weights

Array = NDArray[Any]
MAX_POINTS = 200
N_BINS = 10
N_SIZES = 5
GAIN_SHARES = (0.01, 0.05, 0.1, 0.2, 0.3, 0.5)
ERROR_QUANTILES = (0.5, 0.8, 0.9, 0.95, 0.99)
Points = dict[str, list[float]]


def roc_curve(is_positive: Array, score: Array, weights: Weights = None) -> Points:
    """ROC curve: false positive rate against true positive rate, from (0, 0) to (1, 1), with the thresholds."""
    thresholds, hits, alarms = score_counts(is_positive, score, weights)
    tpr = np.r_[0.0, hits / (hits[-1] or 1)]
    fpr = np.r_[0.0, alarms / (alarms[-1] or 1)]
    thresholds = np.r_[1.0, thresholds]
    keep = _thinned(fpr + tpr)
    return {
        "false_positive_rate": _list(fpr[keep]),
        "true_positive_rate": _list(tpr[keep]),
        "threshold": _list(thresholds[keep]),
    }


def precision_recall_curve(is_positive: Array, score: Array, weights: Weights = None) -> Points:
    """Precision against recall, recall rising, with the thresholds."""
    thresholds, hits, alarms = score_counts(is_positive, score, weights)
    recall = hits / (hits[-1] or 1)
    precision = hits / np.maximum(hits + alarms, 1)
    keep = _thinned(recall)
    return {
        "recall": _list(recall[keep]),
        "precision": _list(precision[keep]),
        "threshold": _list(thresholds[keep]),
    }


def calibration_curve(is_positive: Array, score: Array, weights: Weights = None) -> Points:
    """Calibration curve: predicted probability against observed frequency, in up to ten bins of equally many rows."""
    edges = np.unique(row_weights.quantiles(score, np.linspace(0, 1, N_BINS + 1)[1:-1], weights))
    part = np.searchsorted(edges, score, side="right")
    bins = [np.flatnonzero(part == each) for each in range(len(edges) + 1)]
    bins = [rows for rows in bins if len(rows)]
    return {
        "predicted": _list([row_weights.mean(score[each], row_weights.part(weights, each)) for each in bins]),
        "observed": _list(
            [row_weights.mean(is_positive[each], row_weights.part(weights, each)) for each in bins]
        ),
        "count": [float(len(each) if weights is None else weights[each].sum()) for each in bins],
    }


def threshold_curve(is_positive: Array, score: Array, weights: Weights = None) -> Points:
    """Precision, recall and F1 by decision threshold, rising, up to the highest score."""
    grid = np.r_[np.linspace(0.01, 0.99, 99), np.quantile(score, np.linspace(0, 1, MAX_POINTS // 2))]
    thresholds, hits, alarms = score_counts(is_positive, score, weights)
    grid = np.unique([float(f"{each:.4g}") for each in grid])
    grid = grid[grid <= thresholds[0]]
    # The last of the falling scores that still reaches each threshold.
    index = np.searchsorted(-thresholds, -grid, side="right") - 1
    hits, n_predicted = hits[index], hits[index] + alarms[index]
    n_positive = row_weights.total(is_positive, weights) or 1
    return {
        "threshold": _list(grid),
        "precision": _list(hits / n_predicted),
        "recall": _list(hits / n_positive),
        "f1": _list(2 * hits / (n_predicted + n_positive)),
    }


def gain_curve(is_positive: Array, score: Array, weights: Weights = None) -> dict[str, Any]:
    """Cumulative gain and lift: the share of positive rows among the rows with the highest scores.

    `rows`, `found` are the gain curve from (0, 0) to (1, 1), ties in proportion. `table` holds gain and lift at some
    shares of the rows; lift is the gain relative to a random choice of rows.
    """
    _, hits, alarms = score_counts(is_positive, score, weights)
    rows = np.r_[0.0, (hits + alarms) / (len(score) if weights is None else weights.sum())]
    gain = np.r_[0.0, hits / (hits[-1] or 1)]
    shares = [share for share in GAIN_SHARES if share * len(score) >= 1]
    captured = np.interp(shares, rows, gain)
    keep = _thinned(rows + gain)
    return {
        "rows": _list(rows[keep]),
        "found": _list(gain[keep]),
        "table": [
            {"rows": share, "found": float(f"{each:.6g}"), "lift": float(f"{each / share:.6g}")}
            for share, each in zip(shares, captured.tolist(), strict=True)
        ],
    }


def error_distribution(actual: Array, predicted: Array, weights: Weights = None) -> dict[str, Any]:
    """Distribution of regression errors: `quantiles` of the absolute error, and the share `within` round limits.

    `by_size`: mean absolute error and mean error in up to five groups of equally many rows by predicted value.
    """
    error = np.asarray(predicted, np.float64) - actual
    size = np.abs(error)
    levels = row_weights.quantiles(size, ERROR_QUANTILES, weights)
    edges = np.unique(row_weights.quantiles(predicted, np.linspace(0, 1, N_SIZES + 1)[1:-1], weights))
    part = np.searchsorted(edges, predicted, side="right")
    groups = [np.flatnonzero(part == each) for each in range(len(edges) + 1)]
    return {
        "quantiles": [
            {"share": share, "error": error}
            for share, error in zip(ERROR_QUANTILES, _list(levels), strict=True)
        ],
        "within": [
            {"error": limit, "share": float(f"{row_weights.mean(size <= limit, weights):.6g}")}
            for limit in _round_sizes(levels)
        ],
        "by_size": [
            {
                "low": _list([predicted[rows].min()])[0],
                "high": _list([predicted[rows].max()])[0],
                "rows": len(rows),
                "mean_size": _list([row_weights.mean(size[rows], row_weights.part(weights, rows))])[0],
                "mean_error": _list([row_weights.mean(error[rows], row_weights.part(weights, rows))])[0],
            }
            for rows in groups
            if len(rows)
        ],
    }


def _round_sizes(levels: Array) -> list[float]:
    """Up to five of … 1, 2, 5, 10, 20, 50 … between 0.4 of the median error and its 99th percentile."""
    low, high = 0.4 * float(levels[0]), float(levels[-1])
    if not high > 0:
        return []
    first = int(np.floor(np.log10(max(low, high / 1000))))
    steps = [float(f"{digit}e{power}") for power in range(first, first + 6) for digit in (1, 2, 5)]
    return [step for step in steps if low <= step <= high][:5]


def residual_histogram(residuals: Array, n_bins: int = 30, weights: Weights = None) -> dict[str, Any]:
    """Histogram of residuals (predicted minus actual) in equal bins; the outer 0.1 % count in the end bins."""
    low, high = row_weights.quantiles(residuals, [0.001, 0.999], weights)
    if not high > low:
        low, high = float(low) - 0.5, float(high) + 0.5
    counts, edges = np.histogram(
        np.clip(residuals, low, high), bins=n_bins, range=(low, high), weights=weights
    )
    return {"edges": _list(edges), "counts": [row_weights.as_count(count) for count in counts]}


def sampled_points(actual: Array, predicted: Array, *, seed: int, n_points: int = 500) -> Points:
    """Predicted against actual values of a random sample of the rows."""
    rows = np.arange(len(actual))
    if len(rows) > n_points:
        rows = np.sort(np.random.default_rng(seed).choice(rows, n_points, replace=False))
    return {"actual": _list(actual[rows]), "predicted": _list(predicted[rows])}


def score_counts(is_positive: Array, score: Array, weights: Weights = None) -> tuple[Array, Array, Array]:
    """Distinct scores, falling, with the counts of true and false positives at each."""
    order = np.argsort(-score, kind="stable")
    ordered = score[order]
    last = np.r_[np.flatnonzero(np.diff(ordered)), len(ordered) - 1]
    ordered_weights = row_weights.part(weights, order)
    hits = row_weights.sums(is_positive[order], ordered_weights)[last]
    if ordered_weights is None:
        return ordered[last], hits, last + 1 - hits
    return ordered[last], hits, row_weights.sums(~is_positive[order], ordered_weights)[last]


def _thinned(position: Array) -> Array:
    """At most MAX_POINTS indices, evenly spread along `position` (rising), both ends kept."""
    if len(position) <= MAX_POINTS:
        return np.arange(len(position))
    grid = np.linspace(position[0], position[-1], MAX_POINTS - 2)
    indices = np.searchsorted(position, grid).clip(0, len(position) - 1)
    return np.unique(np.r_[0, indices, len(position) - 1])


def _list(values: Any) -> list[float]:
    """Values rounded to six significant digits: more than a chart shows, and half the document."""
    return [float(f"{value:.6g}") for value in np.asarray(values, np.float64)]
