"""Paired tests: is a metric of one model better than that of another on the same rows, or is it chance?

Each metric is a mean of influence values of the rows (delta method), so the difference of two models has the standard
error of the difference of their values, row by row. For the area under the ROC curve this is the test of DeLong,
DeLong and Clarke-Pearson (1988), for mean losses the paired t-test, for the accuracy nearly McNemar's test.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..types.schema import Task
from .scores import losses, predicted_codes

Array = NDArray[Any]
Floats = NDArray[np.float64]
# With fewer rows, or fewer on which the two differ, the normal distribution is no guide: that five rows are all better
# can be chance.
MIN_ROWS, MIN_DIFFERING = 20, 6
NORMAL_95 = 1.96
# Metrics of two classes that are those of the positive one.
OF_POSITIVE = frozenset({"precision", "recall", "f1"})


@dataclass(frozen=True)
class Predicted:
    """Predictions of one version for the held-out rows: values (n,), or probabilities (n, k) with the decision."""

    predictions: Floats
    threshold: float | None = None
    positive: int = 1


@dataclass(frozen=True)
class PairedDifference:
    """A metric of the second model minus that of the first, with its 95 % interval."""

    difference: float
    low: float
    high: float

    @property
    def is_sure(self) -> bool:
        return self.low > 0 or self.high < 0


def paired_differences(task: Task, y: Array, a: Predicted, b: Predicted) -> dict[str, PairedDifference]:
    """The difference of each metric that can be tested; empty for too few rows.

    Metrics of the positive class are left out where the two have different ones.
    """
    if len(y) < MIN_ROWS:
        return {}
    first, second = _influences(task, y, a), _influences(task, y, b)
    if a.positive != b.positive:
        first = {name: each for name, each in first.items() if name not in OF_POSITIVE}
    return {name: _difference(first[name], second[name]) for name in first if name in second}


@dataclass(frozen=True)
class _Influence:
    """A metric, and how far each row moves it (n,), with mean 0."""

    value: float
    rows: Floats


def _difference(a: _Influence, b: _Influence) -> PairedDifference:
    difference, rows = b.value - a.value, b.rows - a.rows
    # Rows on which both say the same all have one value, the median, since values are centred.
    if (np.abs(rows - np.median(rows)) > 1e-9 * (1 + abs(a.value))).sum() < MIN_DIFFERING:
        return PairedDifference(difference, -math.inf, math.inf)
    n = len(rows)
    reach = NORMAL_95 * float(rows.std(ddof=1)) / math.sqrt(n)
    return PairedDifference(difference, difference - reach, difference + reach)


def _influences(task: Task, y: Array, predicted: Predicted) -> Mapping[str, _Influence]:
    if not task.is_classification:
        return _of_values(y, predicted.predictions)
    return _of_classes(y, predicted)


def _mean(values: Array) -> _Influence:
    values = np.asarray(values, np.float64)
    return _Influence(float(values.mean()), values - values.mean())


def _ratio(above: Array, below: Array) -> _Influence | None:
    """Of Σ above / Σ below; None where nothing is below: of no predicted rows no share is right or wrong."""
    size = float(below.mean())
    if size == 0:
        return None
    value = float(above.mean()) / size
    return _Influence(value, (above - value * below) / size)


def _average(parts: list[_Influence | None]) -> _Influence | None:
    """The mean of metrics of classes; None where one is not known."""
    known = [each for each in parts if each is not None]
    if len(known) < len(parts):
        return None
    value = float(np.mean([each.value for each in known]))
    return _Influence(value, np.mean([each.rows for each in known], axis=0))


def _of_values(y: Array, predicted: Floats) -> dict[str, _Influence]:
    square = (predicted - y) ** 2
    mse, centred = _mean(square), (y - y.mean()) ** 2
    found = {"mse": mse, "mae": _mean(np.abs(predicted - y))}
    root, spread = math.sqrt(mse.value), float(centred.mean())
    if root > 0:
        found["rmse"] = _Influence(root, mse.rows / (2 * root))
    if spread > 0:
        rows = -mse.rows / spread + mse.value * (centred - spread) / spread**2
        found["r2"] = _Influence(1 - mse.value / spread, rows)
    return found


def _of_classes(y: Array, predicted: Predicted) -> dict[str, _Influence]:
    probabilities = predicted.predictions
    n_classes = probabilities.shape[1]
    codes = predicted_codes(probabilities, predicted.threshold, predicted.positive)
    occurring = [code for code in range(n_classes) if (y == code).any()]
    scored = [predicted.positive] if n_classes == 2 else occurring
    brier = np.sum((probabilities - np.eye(n_classes)[y]) ** 2, axis=1) / (2 if n_classes == 2 else 1)
    hits = {code: ((y == code) & (codes == code)).astype(float) for code in occurring}
    is_true = {code: (y == code).astype(float) for code in occurring}
    is_named = {code: (codes == code).astype(float) for code in occurring}
    found: dict[str, _Influence | None] = {
        "log_loss": _mean(losses(Task.MULTICLASS, y, probabilities)),
        "brier": _mean(brier),
        "accuracy": _mean(codes == y),
        "balanced_accuracy": _average([_ratio(hits[code], is_true[code]) for code in occurring]),
    }
    if all(code in hits for code in scored):
        found |= {
            "precision": _average([_ratio(hits[code], is_named[code]) for code in scored]),
            "recall": _average([_ratio(hits[code], is_true[code]) for code in scored]),
            "f1": _average([_ratio(2 * hits[code], is_true[code] + is_named[code]) for code in scored]),
        }
    if len(occurring) > 1:
        found["roc_auc"] = _average([_area(y == code, probabilities[:, code]) for code in scored])
    return {name: each for name, each in found.items() if each is not None}


def _area(is_positive: Array, score: Array) -> _Influence:
    """The area under the ROC curve: how often each row stands on the right side of the rows of the other class."""
    positives, negatives = np.sort(score[is_positive]), np.sort(score[~is_positive])
    m, n = len(positives), len(negatives)
    rows = np.empty(len(score))
    own, other = score[is_positive], score[~is_positive]
    below = (np.searchsorted(negatives, own, "left") + np.searchsorted(negatives, own, "right")) / (2 * n)
    above = 1 - (np.searchsorted(positives, other, "left") + np.searchsorted(positives, other, "right")) / (
        2 * m
    )
    area = float(below.mean())
    rows[is_positive] = (below - area) * len(score) / m
    rows[~is_positive] = (above - area) * len(score) / n
    return _Influence(area, rows)
