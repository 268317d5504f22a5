"""Shapley values on the original columns: what each column adds to a prediction.

Sampled by permutations (Castro, Gómez and Tejada, "Polynomial calculation of the Shapley value based on
sampling", 2009): starting from a background row, the columns of the explained row are put in one after the
other, and each change of the prediction belongs to the column that made it; every order is also used backwards,
which halves the spread (antithetic sampling, Mitchell et al., JMLR 2022). The changes telescope, so base value
and contributions sum to the prediction exactly, however few orders are sampled. The base value is the weighted mean
prediction over the background rows (see background.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ..features.feature_spec import FeatureSpec
from .background import Background

# Predictions for one explained row: 20 to 50 ms on a busy core for a forest of 100 full trees, 1 ms for one
# of 10 (benchmarks/explanations.py).
N_EVALUATIONS = 1_500
MOST_BACKGROUND_ROWS, LEAST_BACKGROUND_ROWS = 64, 8
CELLS_AT_ONCE = 4_000_000

Matrix = NDArray[np.float32]
Predict = Callable[[Matrix], NDArray[np.float64]]


@dataclass(frozen=True)
class Explanation:
    """Shapley values: `base` + the sum of `contributions` is the prediction, a value or the probability of the
    class with this code."""

    base: float
    code: int | None
    contributions: Mapping[str, float]


class Explainer:
    """Computes Shapley values for rows of one version against its background rows; safe to use from many threads.

    `predict` gives (n, k) for a matrix of the spec: values (k = 1) or probabilities.
    """

    def __init__(self, spec: FeatureSpec, background: Background, predict: Predict):
        sources = spec.sources
        self._names = sources
        place = {name: number for number, name in enumerate(sources)}
        # Which original column each column of the matrix comes from.
        self._origin = np.array([place[output.source] for output in spec.outputs], np.intp)
        rows = spec.transform(background.columns)
        if background.weights is None:
            rows = rows[: n_background_rows(len(sources))]
        self._background = rows
        self._weights = (
            np.full(len(rows), 1 / len(rows)) if background.weights is None else background.weights
        )
        self._predict = predict

    def explain(self, matrix: Matrix, codes: Sequence[int | None]) -> list[Explanation]:
        """Explanations of the rows of the spec's matrix; `codes`: the class to explain, None for a value."""
        return [self._explain(row, code) for row, code in zip(matrix, codes, strict=True)]

    def _explain(self, row: Matrix, code: int | None) -> Explanation:
        n_rows, n_columns = len(self._background), len(self._names)
        orders = _orders(n_rows, n_columns)
        size = max(1, CELLS_AT_ONCE // (2 * n_columns * len(row)))
        parts = [
            self._predictions_along(row, code, slice(start, start + size)) for start in range(0, n_rows, size)
        ]
        predictions = np.concatenate(parts)
        # For each background row: no column, one more at each step forwards, then backwards to none.
        forwards = np.diff(predictions[:, : n_columns + 1], axis=1)
        backwards = -np.diff(np.concatenate([predictions[:, n_columns:], predictions[:, :1]], axis=1), axis=1)
        values = np.empty((n_rows, n_columns))
        np.put_along_axis(values, orders, (forwards + backwards) / 2, axis=1)
        means = self._weights @ values
        largest_first = np.argsort(-np.abs(means), kind="stable")
        contributions = {self._names[place]: float(means[place]) for place in largest_first}
        return Explanation(float(self._weights @ predictions[:, 0]), code, contributions)

    def _predictions_along(self, row: Matrix, code: int | None, part: slice) -> NDArray[np.float64]:
        """Predictions at each step of the permutations of these background rows (n, 2 · columns)."""
        is_in = _steps(len(self._background), len(self._names))[part][:, :, self._origin]
        mixed = np.where(is_in, row, self._background[part, None, :])
        predictions = self._predict(mixed.reshape(-1, len(row)))
        return predictions[:, 0 if code is None else code].reshape(len(mixed), -1)


def n_background_rows(n_columns: int, n_classes: int = 0) -> int:
    """The number of background rows within N_EVALUATIONS; each takes two passes through all columns.

    More classes need more rows: their weights have to give the mean of each.
    """
    n_rows = max(N_EVALUATIONS // (2 * n_columns), LEAST_BACKGROUND_ROWS, 2 * n_classes)
    return int(min(n_rows, MOST_BACKGROUND_ROWS))


@lru_cache(maxsize=64)
def _orders(n_rows: int, n_columns: int) -> NDArray[np.intp]:
    """An order of the columns for each background row, the same in every process."""
    rng = np.random.default_rng(n_columns)
    return np.array([rng.permutation(n_columns) for _ in range(n_rows)], np.intp)


@lru_cache(maxsize=64)
def _steps(n_rows: int, n_columns: int) -> NDArray[np.bool_]:
    """(rows, 2 · columns, columns): which columns are those of the explained row.

    Forwards the columns come in one after the other; backwards they leave in the same order, which is the
    reverse order from the other end.
    """
    place = np.argsort(_orders(n_rows, n_columns), axis=1)
    step = np.arange(n_columns + 1)
    forwards = place[:, None, :] < step[None, :, None]
    backwards = place[:, None, :] >= step[None, 1:n_columns, None]
    return np.concatenate([forwards, backwards], axis=1)
