"""Ensemble selection: a blend is the weighted mean of several candidates' out-of-fold predictions.

Greedy forward selection with replacement (Caruana et al., "Ensemble selection from libraries of models",
ICML 2004): start from the best candidate, then repeatedly add the one that lowers the loss most.

On few rows, the loss that selects is noisy, and the selected weights are too sure. So they are shrunk towards equal
weights of the best candidates of different kinds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..metrics.row_weights import Weights, mean, part
from ..metrics.scores import EPSILON, selection_score
from ..types.schema import Task

Affordable = Callable[[tuple[str, ...]], bool]
N_STEPS = 40
# A blend must be better than its best member by this share; else the single candidate is kept, which is smaller.
MIN_GAIN = 0.001
MIN_WEIGHT = 0.03
MAX_ROWS = 50_000
# The equal weights count as much as what this many rows say.
PRIOR_ROWS = 500
# Equal weights are for so many candidates, each another kind, whose loss is at most this much above the best.
EQUAL_MEMBERS, NEAR_BEST = 6, 0.1
# Rows × candidates: with more than a hundred candidates on many rows, a sample of the rows is used (about 3 s).
MAX_CELLS, MIN_ROWS = 5_000_000, 5_000


def blend(
    task: Task,
    y: NDArray[Any],
    predictions: Mapping[str, NDArray[Any]],
    *,
    max_members: int,
    is_affordable: Affordable = lambda _: True,
    kinds: Mapping[str, str] | None = None,
    weights: Weights = None,
) -> dict[str, float]:
    """Select the members of the blend. Returns weights by candidate that sum to 1; one member when no blend is better.

    `y`: (n,) values or class codes; `predictions`: (n,) or (n, n_classes) for each candidate.
    `is_affordable`: whether there is time to fit all of these candidates on all rows.
    `kinds`: the kind of each candidate; those of one kind err alike. Without it, weights are not shrunk.
    `weights`: how much each row counts.
    """
    rows = np.linspace(0, len(y) - 1, _n_rows(len(y), len(predictions))).astype(np.intp)
    y, row_weights = y[rows], part(weights, rows)
    finite = {key: each for key, each in predictions.items() if np.isfinite(each).all()} or predictions
    parts = {key: _part(task, y, each, rows) for key, each in finite.items()}

    def loss_of(each: NDArray[np.float64]) -> float:
        return _loss(task, each, row_weights)

    scores = {key: loss_of(each) for key, each in parts.items()}
    affordable = [key for key in scores if is_affordable((key,))]
    best = min(affordable or scores, key=scores.__getitem__)
    shares = _cleaned(_greedy(loss_of, parts, best, max_members, is_affordable))
    kept = {key: predictions[key][rows] for key in {best, *shares}}
    blended = selection_score(task, y, mixed(shares, kept), row_weights)
    if blended > selection_score(task, y, kept[best], row_weights) * (1 - MIN_GAIN):
        shares = {best: 1.0}
    if kinds is None:
        return shares
    near = [key for key in scores if scores[key] <= scores[best] * (1 + NEAR_BEST)]
    equal = _of_other_kinds(shares, sorted(near, key=scores.__getitem__), kinds, max_members, is_affordable)
    return _shrunk(shares, equal, len(y))


def _of_other_kinds(
    weights: Mapping[str, float],
    candidates: Sequence[str],
    kinds: Mapping[str, str],
    max_members: int,
    is_affordable: Affordable,
) -> list[str]:
    """The members of the blend, then the best candidate of each other kind."""
    members = list(weights)
    for key in candidates:
        has_room = len(members) < min(EQUAL_MEMBERS, max_members)
        if (
            has_room
            and kinds[key] not in {kinds[each] for each in members}
            and is_affordable((*members, key))
        ):
            members.append(key)
    return members


def _shrunk(weights: Mapping[str, float], members: Sequence[str], n_rows: int) -> dict[str, float]:
    """The weights, shrunk towards equal weights of `members`; the more, the fewer rows selected them."""
    share = PRIOR_ROWS / (PRIOR_ROWS + n_rows)
    return _cleaned({key: (1 - share) * weights.get(key, 0.0) + share / len(members) for key in members})


def _n_rows(n_rows: int, n_candidates: int) -> int:
    return min(n_rows, MAX_ROWS, max(MIN_ROWS, MAX_CELLS // max(n_candidates, 1)))


def _part(
    task: Task, y: NDArray[Any], predicted: NDArray[Any], rows: NDArray[np.intp]
) -> NDArray[np.float64]:
    """What the loss is computed from, one number per row: the probability of the true class, or the error.

    Both can be averaged as the predictions are, and a hundred classes cost no more than two.
    """
    if task.is_classification:
        return np.asarray(predicted[rows, y], np.float64)
    error: NDArray[np.float64] = np.asarray(predicted[rows], np.float64) - y
    return error


def _loss(task: Task, values: NDArray[np.float64], weights: Weights) -> float:
    """The same loss as `scores.selection_score`, for probabilities that sum to 1."""
    if not np.isfinite(values).all():
        return math.inf
    if task.is_classification:
        return -mean(np.log(np.maximum(values, EPSILON)), weights)
    return math.sqrt(mean(np.square(values), weights))


def mixed(weights: Mapping[str, float], predictions: Mapping[str, NDArray[Any]]) -> NDArray[np.float64]:
    """The weighted mean of the predictions."""
    total: NDArray[np.float64] = np.sum(
        [weight * predictions[key] for key, weight in weights.items()], axis=0
    )
    return total


def _greedy(
    loss_of: Callable[[NDArray[np.float64]], float],
    parts: Mapping[str, NDArray[np.float64]],
    best: str,
    max_members: int,
    is_affordable: Affordable,
) -> dict[str, float]:
    picks = {best: 1}
    total = parts[best].copy()
    lowest, kept = loss_of(total), dict(picks)
    for n in range(1, N_STEPS):
        new = [key for key in parts if key not in picks and is_affordable((*picks, key))]
        allowed = [*picks, *(new if len(picks) < max_members else ())]
        losses = {key: loss_of((total + parts[key]) / (n + 1)) for key in allowed}
        winner = min(losses, key=losses.__getitem__)
        total += parts[winner]
        picks[winner] = picks.get(winner, 0) + 1
        if losses[winner] < lowest:
            lowest, kept = losses[winner], dict(picks)
    n_picks = sum(kept.values())
    return {key: count / n_picks for key, count in kept.items()}


def _cleaned(weights: dict[str, float]) -> dict[str, float]:
    """Remove members of small weight, which cost more time than they gain; the others are rescaled to sum 1."""
    kept = {key: weight for key, weight in weights.items() if weight >= MIN_WEIGHT}
    total = sum(kept.values())
    return {key: weight / total for key, weight in kept.items()}
