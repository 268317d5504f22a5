"""Statistics of rows that count by a weight; weights None means that every row counts once.

A weight of 2 is the same as the row twice. Only counts depend on the unit of the weights; means and shares do not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Weights = NDArray[np.float64] | None


def part(weights: Weights, rows: Array | slice) -> Weights:
    """The weights of these rows."""
    return None if weights is None else weights[rows]


def evened(weights: Weights) -> Weights:
    """The weights with a mean of 1: as penalties and limits that are meant for single rows expect them."""
    return None if weights is None or not len(weights) else weights / weights.mean()


def mean(values: Any, weights: Weights = None) -> float:
    if weights is None:
        return float(np.mean(values))
    return float(np.asarray(values, np.float64) @ weights / weights.sum())


def sums(values: Array, weights: Weights = None) -> Array:
    """Cumulative sums of a mask."""
    return np.cumsum(values) if weights is None else np.cumsum(values * weights)


def total(mask: Array, weights: Weights = None) -> float:
    """How many rows there are in the mask."""
    return float(mask.sum() if weights is None else weights[mask].sum())


def as_count(value: Any) -> Any:
    """A count as JSON: a whole number where it is one, else six digits."""
    number = float(value)
    return int(number) if number.is_integer() else float(f"{number:.6g}")


def standard_error(values: Array, weights: Weights = None) -> float:
    """The standard error of the mean."""
    if weights is None:
        return float(np.std(values) / len(values) ** 0.5)
    return float(np.sqrt(np.sum((weights * (values - mean(values, weights))) ** 2)) / weights.sum())


def effective_size(weights: Array) -> float:
    """Kish's effective number of rows, (Σw)² / Σw²: so many equal rows would give means as precise."""
    return float(weights.sum() ** 2 / np.square(weights).sum())


def quantiles(values: Array, levels: float | Sequence[float] | Array, weights: Weights = None) -> Array:
    """Quantiles; with whole weights those of the repeated rows, else the inverse of the weighted distribution."""
    if weights is None:
        return np.asarray(np.quantile(values, levels))
    order = np.argsort(values, kind="stable")
    ordered, up_to = np.asarray(values, np.float64)[order], np.cumsum(weights[order])
    is_repeated = bool(np.all(weights == np.floor(weights)))
    places = np.asarray(levels, np.float64) * (up_to[-1] - 1 if is_repeated else up_to[-1])
    last = len(ordered) - 1
    if not is_repeated:
        found = np.searchsorted(up_to, places * (1 - 1e-12), side="left")
        return np.asarray(ordered[np.minimum(found, last)])
    below = np.floor(places)
    low = ordered[np.minimum(np.searchsorted(up_to, below, side="right"), last)]
    high = ordered[np.minimum(np.searchsorted(up_to, below + 1, side="right"), last)]
    return np.asarray(low + (high - low) * (places - below))
