"""A blend: the weighted mean of several candidates' predictions, chosen on out-of-fold predictions.

Greedy forward selection with replacement (Caruana et al., "Ensemble selection from libraries of models",
ICML 2004): start from the best, and add, again and again, whichever candidate lowers the loss most.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..metrics.scores import EPSILON, selection_score
from ..types.schema import Task

Affordable = Callable[[tuple[str, ...]], bool]
N_STEPS = 40
# A blend must be better than its best member by this share, or the single candidate is kept: it is smaller.
MIN_GAIN = 0.001
MIN_WEIGHT = 0.03
MAX_ROWS = 50_000
# Rows × candidates: with more than a hundred candidates on many rows, fewer rows choose (about 3 s).
MAX_CELLS, MIN_ROWS = 5_000_000, 5_000


def blend(
    task: Task,
    y: NDArray[Any],
    predictions: Mapping[str, NDArray[Any]],
    *,
    max_members: int,
    is_affordable: Affordable = lambda _: True,
) -> dict[str, float]:
    """Weights that sum to 1, by candidate: one candidate, or several that are better together.

    `is_affordable` says of a set of candidates whether there is time to fit all of them on all rows.
    """
    rows = np.linspace(0, len(y) - 1, _n_rows(len(y), len(predictions))).astype(np.intp)
    y = y[rows]
    finite = {key: each for key, each in predictions.items() if np.isfinite(each).all()} or predictions
    parts = {key: _part(task, y, each, rows) for key, each in finite.items()}
    scores = {key: _loss(task, each) for key, each in parts.items()}
    affordable = [key for key in scores if is_affordable((key,))]
    best = min(affordable or scores, key=scores.__getitem__)
    weights = _cleaned(_greedy(task, parts, best, max_members, is_affordable))
    kept = {key: predictions[key][rows] for key in {best, *weights}}
    if selection_score(task, y, mixed(weights, kept)) > selection_score(task, y, kept[best]) * (1 - MIN_GAIN):
        return {best: 1.0}
    return weights


def _n_rows(n_rows: int, n_candidates: int) -> int:
    return min(n_rows, MAX_ROWS, max(MIN_ROWS, MAX_CELLS // max(n_candidates, 1)))


def _part(
    task: Task, y: NDArray[Any], predicted: NDArray[Any], rows: NDArray[np.intp]
) -> NDArray[np.float64]:
    """What a mixture is judged by, one number a row: the probability of the true class, or the error.

    Both are mixed as the predictions are, and a hundred classes cost no more than two.
    """
    if task.is_classification:
        return np.asarray(predicted[rows, y], np.float64)
    error: NDArray[np.float64] = np.asarray(predicted[rows], np.float64) - y
    return error


def _loss(task: Task, part: NDArray[np.float64]) -> float:
    """As metrics.selection_score, whose rows of probabilities sum to 1."""
    if not np.isfinite(part).all():
        return math.inf
    if task.is_classification:
        return float(-np.log(np.maximum(part, EPSILON)).mean())
    return math.sqrt(np.square(part).mean())


def mixed(weights: Mapping[str, float], predictions: Mapping[str, NDArray[Any]]) -> NDArray[np.float64]:
    """The weighted mean of the predictions."""
    total: NDArray[np.float64] = np.sum(
        [weight * predictions[key] for key, weight in weights.items()], axis=0
    )
    return total


def _greedy(
    task: Task,
    parts: Mapping[str, NDArray[np.float64]],
    best: str,
    max_members: int,
    is_affordable: Affordable,
) -> dict[str, float]:
    chosen = {best: 1}
    total = parts[best].copy()
    lowest, kept = _loss(task, total), dict(chosen)
    for n in range(1, N_STEPS):
        new = [key for key in parts if key not in chosen and is_affordable((*chosen, key))]
        allowed = [*chosen, *(new if len(chosen) < max_members else ())]
        tried = {key: _loss(task, (total + parts[key]) / (n + 1)) for key in allowed}
        winner = min(tried, key=tried.__getitem__)
        total += parts[winner]
        chosen[winner] = chosen.get(winner, 0) + 1
        if tried[winner] < lowest:
            lowest, kept = tried[winner], dict(chosen)
    n_picks = sum(kept.values())
    return {key: count / n_picks for key, count in kept.items()}


def _cleaned(weights: dict[str, float]) -> dict[str, float]:
    """Without members whose share is not worth their milliseconds, the rest summing to 1."""
    kept = {key: weight for key, weight in weights.items() if weight >= MIN_WEIGHT}
    total = sum(kept.values())
    return {key: weight / total for key, weight in kept.items()}
