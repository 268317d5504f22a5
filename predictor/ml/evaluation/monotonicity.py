"""Checks that what serves is monotone: on a grid of each constrained column, for rows of the table.

All values at which a served tree can change lie between two values of the grid or outside of it, so the grid holds the
quantiles of the column, and values far beyond its ends. Trees are monotone by their construction; the grid shows that
encoding, weights, calibration and the exported graph have not changed that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..features.columns import Columns
from ..types.monotone import Direction

Floats = NDArray[np.float64]

N_ROWS, N_VALUES = 200, 64
# How far beyond its ends the grid goes, in widths of the column.
BEYOND = (1.0, 100.0)
# The largest step in the wrong direction that counts as rounding: float32 holds about seven digits.
TOLERANCE = 1e-5


@dataclass(frozen=True)
class Monotonicity:
    """One column: its direction, the rows and values that were tried, and the largest step the wrong way.

    A step is relative to the spread of the predictions (of probabilities: to 1).
    """

    column: str
    direction: str
    n_rows: int
    n_values: int
    largest_violation: float

    @property
    def holds(self) -> bool:
        return self.largest_violation <= TOLERANCE

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "holds": self.holds}


def check_monotone(
    predict: Callable[[Columns], Floats],
    columns: Columns,
    monotone: Mapping[str, Direction],
    *,
    scale: float,
    seed: int,
) -> list[Monotonicity]:
    """Try every constrained column on a sample of the rows.

    `predict` gives one number for each row, (n,): the value, or the probability of the positive class. `scale`: what
    a step is divided by. Columns that no model uses are left out by the caller.
    """
    n = len(next(iter(columns.values())))
    sample = np.random.default_rng(seed).choice(n, min(n, N_ROWS), replace=False)
    rows = {name: values[sample] for name, values in columns.items()}
    result = []
    for name, direction in monotone.items():
        grid = values_of(columns[name])
        answers = np.stack([
            predict({**rows, name: np.full(len(sample), value)}) for value in grid
        ])  # fmt: skip
        steps = direction.sign * np.diff(answers, axis=0)
        worst = max(0.0, float(-steps.min(initial=0.0))) / (scale or 1.0)
        result.append(Monotonicity(name, direction.value, len(sample), len(grid), worst))
    return result


def values_of(column: NDArray[Any]) -> Floats:
    """The values that are tried, ascending."""
    known = np.asarray(column, np.float64)
    known = known[np.isfinite(known)]
    inside = np.quantile(known, np.linspace(0, 1, N_VALUES))
    low, high = float(inside[0]), float(inside[-1])
    width = (high - low) or max(abs(high), 1.0)
    outside = [end for share in BEYOND for end in (low - share * width, high + share * width)]
    return np.unique(np.concatenate([inside, outside]))
