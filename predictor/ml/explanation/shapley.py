"""What each column added to an answer: Shapley values on the original columns.

Sampled by permutations (Castro, Gómez and Tejada, "Polynomial calculation of the Shapley value based on
sampling", 2009): starting from a background row, the columns of the explained row are put in one after the
other, and each change of the answer belongs to the column that made it; every order is also walked backwards,
which halves the spread (antithetic sampling, Mitchell et al., JMLR 2022). The changes telescope, so base value
and contributions sum to the answer exactly, however few orders are walked. The base value is the mean answer
over the background rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..features.feature_spec import FeatureSpec

# Answers asked for one explained row: 20 to 50 ms on a busy core for a forest of 100 full trees, 1 ms for one
# of 10 (benchmarks/explanations.py).
N_EVALUATIONS = 1_500
MOST_BACKGROUND_ROWS, LEAST_BACKGROUND_ROWS = 64, 8
BACKGROUND_ROWS = 100
CELLS_AT_ONCE = 4_000_000

Matrix = NDArray[np.float32]
Answer = Callable[[Matrix], NDArray[np.float64]]


@dataclass(frozen=True)
class Explanation:
    """`base` + the sum of `contributions` is the explained answer: the value, or the probability of the class
    with this code."""

    base: float
    code: int | None
    contributions: Mapping[str, float]


class Explainer:
    """Explains rows of one version against its background rows; safe to use from many threads.

    `answer` gives (n, k) for a matrix of the spec: values (k = 1) or probabilities.
    """

    def __init__(self, spec: FeatureSpec, background: Mapping[str, NDArray[Any]], answer: Answer):
        sources = spec.sources
        self._names = sources
        place = {name: number for number, name in enumerate(sources)}
        # Which original column each column of the matrix comes from.
        self._origin = np.array([place[output.source] for output in spec.outputs], np.intp)
        n = n_background_rows(len(sources))
        self._background = spec.transform(background)[:n]
        self._answer = answer

    def explain(self, matrix: Matrix, codes: Sequence[int | None]) -> list[Explanation]:
        """For each row of the spec's matrix; `codes` say which class of it, None for a value."""
        return [self._explain(row, code) for row, code in zip(matrix, codes, strict=True)]

    def _explain(self, row: Matrix, code: int | None) -> Explanation:
        n_rows, n_columns = len(self._background), len(self._names)
        orders = _orders(n_rows, n_columns)
        at_once = max(1, CELLS_AT_ONCE // (2 * n_columns * len(row)))
        parts = [self._walked(row, code, slice(at, at + at_once)) for at in range(0, n_rows, at_once)]
        explained = np.concatenate(parts)
        # Of each background row: no column, one more each time forwards, and the same backwards to none.
        forwards = np.diff(explained[:, : n_columns + 1], axis=1)
        backwards = -np.diff(np.concatenate([explained[:, n_columns:], explained[:, :1]], axis=1), axis=1)
        values = np.empty((n_rows, n_columns))
        np.put_along_axis(values, orders, (forwards + backwards) / 2, axis=1)
        means = values.mean(axis=0)
        largest_first = np.argsort(-np.abs(means), kind="stable")
        contributions = {self._names[place]: float(means[place]) for place in largest_first}
        return Explanation(float(explained[:, 0].mean()), code, contributions)

    def _walked(self, row: Matrix, code: int | None, part: slice) -> NDArray[np.float64]:
        """The answers along the walks from these background rows (n, 2 · columns)."""
        is_in = _walks(len(self._background), len(self._names))[part][:, :, self._origin]
        mixed = np.where(is_in, row, self._background[part, None, :])
        answers = self._answer(mixed.reshape(-1, len(row)))
        return answers[:, 0 if code is None else code].reshape(len(mixed), -1)


def n_background_rows(n_columns: int) -> int:
    """As many as N_EVALUATIONS allow; each takes two walks through all columns."""
    return int(np.clip(N_EVALUATIONS // (2 * n_columns), LEAST_BACKGROUND_ROWS, MOST_BACKGROUND_ROWS))


@lru_cache(maxsize=64)
def _orders(n_rows: int, n_columns: int) -> NDArray[np.intp]:
    """An order of the columns for each background row, the same in every process."""
    rng = np.random.default_rng(n_columns)
    return np.array([rng.permutation(n_columns) for _ in range(n_rows)], np.intp)


@lru_cache(maxsize=64)
def _walks(n_rows: int, n_columns: int) -> NDArray[np.bool_]:
    """(rows, 2 · columns, columns): which columns are those of the explained row.

    Forwards the columns come in one after the other; backwards they leave in the same order, which is the
    reverse order walked from the other end.
    """
    place = np.argsort(_orders(n_rows, n_columns), axis=1)
    step = np.arange(n_columns + 1)
    forwards = place[:, None, :] < step[None, :, None]
    backwards = place[:, None, :] >= step[None, 1:n_columns, None]
    return np.concatenate([forwards, backwards], axis=1)
