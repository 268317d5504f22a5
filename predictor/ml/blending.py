"""A blend: the weighted mean of several candidates' predictions, chosen on out-of-fold predictions.

Greedy forward selection with replacement (Caruana et al., "Ensemble selection from libraries of models",
ICML 2004): start from the best, and add, again and again, whichever candidate lowers the loss most.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .metrics import selection_score
from .schema import Task

Affordable = Callable[[tuple[str, ...]], bool]
N_STEPS = 40
# A blend must be better than its best member by this share, or the single candidate is kept: it is smaller.
MIN_GAIN = 0.001
MIN_WEIGHT = 0.03
MAX_ROWS = 50_000


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
    if len(y) > MAX_ROWS:
        rows = np.linspace(0, len(y) - 1, MAX_ROWS).astype(np.intp)
        y, predictions = y[rows], {key: each[rows] for key, each in predictions.items()}
    scores = {key: selection_score(task, y, each) for key, each in predictions.items()}
    affordable = [key for key in scores if is_affordable((key,))]
    best = min(affordable or scores, key=scores.__getitem__)
    weights = _cleaned(_greedy(task, y, predictions, best, max_members, is_affordable))
    score = selection_score(task, y, mixed(weights, predictions))
    if score > scores[best] * (1 - MIN_GAIN):
        return {best: 1.0}
    return weights


def mixed(weights: Mapping[str, float], predictions: Mapping[str, NDArray[Any]]) -> NDArray[np.float64]:
    """The weighted mean of the predictions."""
    total: NDArray[np.float64] = np.sum(
        [weight * predictions[key] for key, weight in weights.items()], axis=0
    )
    return total


def _greedy(
    task: Task,
    y: NDArray[Any],
    predictions: Mapping[str, NDArray[Any]],
    best: str,
    max_members: int,
    is_affordable: Affordable,
) -> dict[str, float]:
    chosen = {best: 1}
    total = np.asarray(predictions[best], np.float64).copy()
    lowest, kept = selection_score(task, y, total), dict(chosen)
    for n in range(1, N_STEPS):
        new = [key for key in predictions if key not in chosen and is_affordable((*chosen, key))]
        allowed = [*chosen, *(new if len(chosen) < max_members else ())]
        tried = {key: selection_score(task, y, (total + predictions[key]) / (n + 1)) for key in allowed}
        winner = min(tried, key=tried.__getitem__)
        total += predictions[winner]
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
