"""Background rows of explanations: a few weighted training rows whose mean answer is that over all training rows.

A handful of rows drawn at random has a mean answer of its own, 10 % or more away from that of the training rows. So
the rows are drawn by strata of the answer, and their weights are the non-negative ones nearest to equal weights that
give the mean (as in calibration of survey weights: Deville and Särndal, 1992).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..features.columns import Columns

# Rows that are asked for the mean: 20,000 take 0.1 to 0.5 s where ONNX Runtime answers.
MAX_ASKED, MAX_ASKED_IN_PROCESS = 20_000, 2_000
# How far the base may be from the mean answer, as a share of it.
TOLERANCE = 0.01
# Draws of rows until one gives the mean within the tolerance.
N_DRAWS = 20
# How much more the mean counts than equal weights.
PENALTY = 1e3

Array = NDArray[Any]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Background:
    """Rows of explanations as canonical columns of n rows, and their weights (n,), which sum to 1.

    `mean`: the mean answer over the training rows (k,): a value, or the probability of each class; `base`: that of the
    weighted rows. Both are None for a version stored before rows had weights: then the rows count alike.
    """

    columns: Columns
    weights: Floats | None = None
    mean: Floats | None = None
    base: Floats | None = None

    @property
    def is_training_mean(self) -> bool:
        """Whether the base of an explanation is the mean answer over the training rows, within TOLERANCE."""
        if self.mean is None or self.base is None:
            return False
        return _distance(self.base, self.mean) <= TOLERANCE


def asked_rows(y: Array, n: int) -> NDArray[np.intp]:
    """At most n rows to ask for the mean answer: evenly spaced in the order of the target, to stand for all."""
    order = np.argsort(y, kind="stable")
    if len(y) <= n:
        return order
    return order[((np.arange(n) + 0.5) * len(y) / n).astype(np.intp)]


def choose_background(
    columns: Columns, predict: Callable[[Columns], Floats], *, n_rows: int, seed: int
) -> Background:
    """`n_rows` of these rows, weighted so that their mean answer is that of all of them.

    `predict` gives (n, k) for canonical columns.
    """
    answers = predict(columns)
    mean = answers.mean(axis=0)
    rng = np.random.default_rng(seed)
    strata = _strata(answers, n_rows)
    best: tuple[float, Array, Floats] | None = None
    for draw in range(N_DRAWS):
        places = np.array([_one_of(each, answers, rng if draw else None) for each in strata])
        weights = _weights(answers[places], mean)
        distance = _distance(weights @ answers[places], mean)
        if best is None or distance < best[0]:
            best = (distance, places, weights)
        if distance <= TOLERANCE / 10:
            break
    if best is None:
        raise ValueError("There is no row to explain against.")
    _, places, weights = best
    kept = {name: values[places] for name, values in columns.items()}
    return Background(kept, weights, mean, weights @ answers[places])


def _strata(answers: Floats, n_rows: int) -> list[NDArray[np.intp]]:
    """Parts of equally many rows, alike in their answer: by value, or by class and its probability."""
    key = answers[:, -1]
    if answers.shape[1] > 2:
        codes = answers.argmax(axis=1)
        key = codes + 1 - answers[np.arange(len(answers)), codes]
    order = np.argsort(key, kind="stable")
    return [part for part in np.array_split(order, min(n_rows, len(order))) if len(part)]


def _one_of(part: NDArray[np.intp], answers: Floats, rng: np.random.Generator | None) -> int:
    """The row nearest to the mean answer of its part; with `rng`, any row of it."""
    if rng is not None:
        return int(rng.choice(part))
    inside = answers[part]
    return int(part[np.abs(inside - inside.mean(axis=0)).sum(axis=1).argmin()])


def _weights(answers: Floats, mean: Floats) -> Floats:
    """The weights nearest to equal ones under which these answers (n, k) have this mean."""
    # Imported here: serving loads this module, and needs no SciPy.
    from scipy.optimize import nnls

    n = len(answers)
    size = np.maximum(np.abs(mean), np.abs(answers).max(axis=0) * 1e-6)
    size[size == 0] = 1.0
    system = np.vstack([PENALTY * (answers / size).T, np.full((1, n), PENALTY), np.eye(n)])
    goal = np.concatenate([PENALTY * mean / size, [PENALTY], np.full(n, 1 / n)])
    weights: Floats = nnls(system, goal)[0]
    total = float(weights.sum())
    scaled: Floats = weights / total
    return scaled


def _distance(base: Floats, mean: Floats) -> float:
    """The largest distance of a base from its mean, as a share of it."""
    difference = np.abs(base - mean)
    size = np.abs(mean)
    return float(np.where(difference > 0, difference / np.maximum(size, 1e-12), 0.0).max())
