"""Predictions for many rows as arrays: what a predictor gives, before anybody makes objects or texts of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..explanation.shapley import Explanation

Floats = NDArray[np.float64]


# A frozen dataclass of eight fields takes 0.7 µs longer to make, and many requests hold a single row.
class PredictedRows(NamedTuple):
    """Predictions for n rows; a field that the task or the version does not have is None.

    One of three holds the model's numbers: `values` (n,), anomaly `scores` (n,) or `probabilities` (n, n_classes).
    `codes` (n,): the index of each row's label in `Signature.labels`, decided by the threshold where there is one.
    `intervals`: the lower and the upper ends (n,) around `values`; `is_in_set` (n, n_classes): the classes of the
    prediction set. Both are for this `coverage`. `explanations`: one for each row.
    """

    coverage: float
    values: Floats | None = None
    scores: Floats | None = None
    probabilities: Floats | None = None
    codes: NDArray[np.intp] | None = None
    intervals: tuple[Floats, Floats] | None = None
    is_in_set: NDArray[np.bool_] | None = None
    explanations: Sequence[Explanation] | None = None

    @property
    def without(self) -> list[int]:
        """The indices of the rows without a prediction: those for which a number of the model is not finite."""
        if self.probabilities is not None:
            is_finite = np.isfinite(self.probabilities).all(axis=1)
        else:
            is_finite = np.isfinite(np.asarray(self.scores if self.values is None else self.values))
        return np.flatnonzero(~is_finite).tolist()
