"""Paired bootstrap of average precision: it is no mean over rows, so it has no influence values as the others have.

Rows are drawn with replacement, the same for both models; whole clusters are drawn where rows are alike (Davison and
Hinkley, "Bootstrap Methods and their Application", 1997, sections 2.4 and 3.8).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
N_RESAMPLES = 400
# Weights of this many cells are held at once: 16 MB.
MAX_CELLS = 2_000_000


def average_precision_deviation(
    is_positive: list[NDArray[np.bool_]],
    first: list[Floats],
    second: list[Floats],
    clusters: NDArray[np.intp] | None = None,
) -> float:
    """Standard deviation of the difference of two mean average precisions; lists hold one entry for each class.

    Resamples without a positive row of some class are left out. The seed is fixed: the same rows, the same answer.
    """
    n_rows = len(is_positive[0])
    codes = np.arange(n_rows) if clusters is None else clusters
    n_clusters = int(codes.max()) + 1
    rng, differences = np.random.default_rng(0), []
    at_once = max(1, MAX_CELLS // n_rows)
    for start in range(0, N_RESAMPLES, at_once):
        n = min(at_once, N_RESAMPLES - start)
        drawn = rng.integers(0, n_clusters, (n, n_clusters))
        weights = np.stack([np.bincount(each, minlength=n_clusters)[codes] for each in drawn])
        parts = [
            _weighted(positive, b, weights) - _weighted(positive, a, weights)
            for positive, a, b in zip(is_positive, first, second, strict=True)
        ]
        differences.append(np.mean(parts, axis=0))
    found = np.concatenate(differences)
    found = found[np.isfinite(found)]
    return float(found.std(ddof=1)) if len(found) > N_RESAMPLES // 2 else float("inf")


def _weighted(is_positive: NDArray[np.bool_], score: Floats, weights: NDArray[Any]) -> Floats:
    """Average precision for each row of weights (resamples, rows); NaN without a positive row."""
    order = np.argsort(-score, kind="stable")
    last = np.r_[np.flatnonzero(np.diff(score[order])), len(score) - 1]
    sorted_weights = weights[:, order]
    n_named = np.cumsum(sorted_weights, axis=1)[:, last]
    n_hit = np.cumsum(sorted_weights * is_positive[order], axis=1)[:, last]
    with np.errstate(invalid="ignore", divide="ignore"):
        precision = np.where(n_named > 0, n_hit / n_named, 0.0)
        gained = np.diff(n_hit, axis=1, prepend=0) / n_hit[:, -1:]
    return np.asarray((gained * precision).sum(axis=1))
