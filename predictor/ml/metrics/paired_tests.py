"""Paired tests: is a metric of one model better than that of another on the same rows, or is it chance?

Each metric is a mean of influence values of the rows (delta method), so the difference of two models has the standard
error of the difference of their values, row by row. For the area under the ROC curve this is the test of DeLong,
DeLong and Clarke-Pearson (1988), for mean losses the paired t-test, for the accuracy nearly McNemar's test.

Rows that are alike are tested in clusters. Of groups, the sums over each group are independent: for means of groups of
one size this is the paired t-test of the group means (Liang and Zeger, 1986). Of forecasts, the sums over each period
are correlated as far as the horizon: the variance is that of Newey and West (1987), in the test of Diebold and Mariano
(1995) with the correction of Harvey, Leybourne and Newbold (1997).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..types.schema import Task
from .curves import score_counts
from .paired_bootstrap import average_precision_deviation
from .scores import average_precision, losses, predicted_codes

Array = NDArray[Any]
Floats = NDArray[np.float64]
# With fewer rows, or fewer on which the two differ, the normal distribution is no guide: that five rows are all better
# can be chance.
MIN_ROWS, MIN_DIFFERING = 20, 6
NORMAL_95 = 1.96
# Sums over fewer clusters say little about their variance.
MIN_CLUSTERS = 10
# Metrics of two classes that are those of the positive one.
OF_POSITIVE = frozenset({"precision", "recall", "f1"})
# For more rows, average precision is tested by its influence values (nonparametric delta method: Davison and Hinkley,
# "Bootstrap Methods and their Application", 1997, section 2.7); drawing rows 400 times would take seconds.
MAX_BOOTSTRAP_ROWS = 2_000
SIGNIFICANT = 0.05


@dataclass(frozen=True)
class Predicted:
    """Predictions of one version for the held-out rows: values (n,), or probabilities (n, k) with the decision."""

    predictions: Floats
    threshold: float | None = None
    positive: int = 1


@dataclass(frozen=True)
class Clusters:
    """Rows that are alike: the code of each row's cluster, from 0 and, where `n_lags`, in the order of time.

    `n_lags`: so many clusters later the sums are correlated still; of forecasts, the horizon − 1.
    """

    codes: NDArray[np.intp]
    n_lags: int = 0

    @property
    def n(self) -> int:
        return int(self.codes.max()) + 1 if len(self.codes) else 0

    @property
    def are_enough(self) -> bool:
        return self.n >= max(MIN_CLUSTERS, 2 * (self.n_lags + 1))


@dataclass(frozen=True)
class PairedDifference:
    """A metric of the second model minus that of the first, with its 95 % interval.

    `p`: how probable so large a difference is by chance; None where too few rows differ. `adjusted_p`: the same,
    where several models are tested against one (see `holm`).
    """

    difference: float
    low: float
    high: float
    p: float | None = None
    adjusted_p: float | None = None

    @property
    def is_sure(self) -> bool:
        is_beyond = self.low > 0 or self.high < 0
        return is_beyond and (self.adjusted_p is None or self.adjusted_p < SIGNIFICANT)


@dataclass(frozen=True)
class Measured:
    """Predictions of one version with the influence values of its metrics: computed once, tested against many."""

    predicted: Predicted
    influences: Mapping[str, _Influence]


def measured(task: Task, y: Array, predicted: Predicted) -> Measured:
    return Measured(predicted, _influences(task, y, predicted))


def paired_differences(
    task: Task, y: Array, a: Predicted, b: Predicted, clusters: Clusters | None = None
) -> dict[str, PairedDifference]:
    """The difference of each metric that can be tested; empty for too few rows or clusters.

    Metrics of the positive class are left out where the two have different ones.
    """
    if len(y) < MIN_ROWS or (clusters is not None and not clusters.are_enough):
        return {}
    return measured_differences(task, y, measured(task, y, a), measured(task, y, b), clusters)


def measured_differences(
    task: Task, y: Array, a: Measured, b: Measured, clusters: Clusters | None = None
) -> dict[str, PairedDifference]:
    """As `paired_differences`, of what was measured before."""
    if len(y) < MIN_ROWS or (clusters is not None and not clusters.are_enough):
        return {}
    first, second = a.influences, b.influences
    if a.predicted.positive != b.predicted.positive:
        first = {
            name: each
            for name, each in first.items()
            if name not in OF_POSITIVE and name != "average_precision"
        }
    found = {name: _difference(first[name], second[name], clusters) for name in first if name in second}
    is_drawn = len(y) <= MAX_BOOTSTRAP_ROWS
    if is_drawn and task.is_classification and a.predicted.positive == b.predicted.positive:
        found |= _of_average_precision(y, a.predicted, b.predicted, clusters)
    return found


def holm(p_values: Sequence[float]) -> list[float]:
    """The p-values of several tests, adjusted so that all together err in 5 of 100 cases at most.

    Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6 (1979).
    """
    order = sorted(range(len(p_values)), key=lambda place: p_values[place])
    adjusted, largest = [1.0] * len(p_values), 0.0
    for rank, place in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = largest
    return adjusted


@dataclass(frozen=True)
class _Influence:
    """A metric, and how far each row moves it (n,), with mean 0."""

    value: float
    rows: Floats


def _difference(a: _Influence, b: _Influence, clusters: Clusters | None) -> PairedDifference:
    difference, rows = b.value - a.value, b.rows - a.rows
    # Rows on which both say the same all have one value, the median, since values are centred.
    differ = np.abs(rows - np.median(rows)) > 1e-9 * (1 + abs(a.value))
    if clusters is None:
        if differ.sum() < MIN_DIFFERING:
            return PairedDifference(difference, -math.inf, math.inf)
        return _within(difference, float(rows.std(ddof=1)) / math.sqrt(len(rows)))
    if len(np.unique(clusters.codes[differ])) < MIN_DIFFERING:
        return PairedDifference(difference, -math.inf, math.inf)
    return _within(difference, _clustered_error(rows, clusters), clusters.n - 1)


def _within(difference: float, error: float, degrees: int | None = None) -> PairedDifference:
    """With this standard error: by the normal distribution, or Student's with `degrees` of freedom."""
    reach = (NORMAL_95 if degrees is None else _quantile(degrees)) * error
    return PairedDifference(
        difference, difference - reach, difference + reach, _p_value(difference, error, degrees)
    )


def _p_value(difference: float, error: float, degrees: int | None) -> float | None:
    if not math.isfinite(error):
        return None
    if error == 0:
        return 0.0 if difference else 1.0
    size = abs(difference) / error
    if degrees is None:
        return math.erfc(size / math.sqrt(2))
    from scipy.special import stdtr

    return 2 * float(stdtr(degrees, -size))


def _quantile(degrees: int) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(degrees, 0.975))


def _clustered_error(rows: Floats, clusters: Clusters) -> float:
    """Standard error of the mean of rows from the sums of their clusters."""
    n, horizon = clusters.n, clusters.n_lags + 1
    sums = np.bincount(clusters.codes, rows, minlength=n)
    variance = float(sums @ sums)
    for lag in range(1, horizon):
        variance += 2 * (1 - lag / horizon) * float(sums[lag:] @ sums[:-lag])
    # Of Harvey, Leybourne and Newbold; for a horizon of one period it is (n − 1) / n.
    corrected = (n + 1 - 2 * horizon + horizon * (horizon - 1) / n) / n
    return math.sqrt(max(variance, 0.0) / corrected) / len(rows)


def _of_average_precision(
    y: Array, a: Predicted, b: Predicted, clusters: Clusters | None
) -> dict[str, PairedDifference]:
    n_classes = a.predictions.shape[1]
    scored = [a.positive] if n_classes == 2 else [code for code in range(n_classes) if (y == code).any()]
    is_positive = [y == code for code in scored]
    first, second = ([each.predictions[:, code] for code in scored] for each in (a, b))
    values = [
        [average_precision(positive, score) for positive, score in zip(is_positive, scores, strict=True)]
        for scores in (first, second)
    ]
    if any(value is None for each in values for value in each):
        return {}
    before, after = (float(np.mean(each)) for each in values)  # type: ignore[arg-type]
    if (np.abs(b.predictions - a.predictions).max(axis=1) > 1e-9).sum() < MIN_DIFFERING:
        return {"average_precision": PairedDifference(after - before, -math.inf, math.inf)}
    deviation = average_precision_deviation(
        is_positive, first, second, None if clusters is None else clusters.codes
    )
    degrees = None if clusters is None else clusters.n - 1
    return {"average_precision": _within(after - before, deviation, degrees)}


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
    if len(y) > MAX_BOOTSTRAP_ROWS and all(code in hits for code in scored):
        found["average_precision"] = _average(
            [_precision_area(y == code, probabilities[:, code]) for code in scored]
        )
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


def _precision_area(is_positive: Array, score: Array) -> _Influence:
    """Average precision, and how far it moves when a row weighs a little more.

    A positive row adds the precision at its own score; every row changes the precision at its score and below.
    """
    scores, hits, alarms = score_counts(is_positive, score)
    named, n_positive = hits + alarms, hits[-1]
    gained = np.diff(hits, prepend=0)
    precision = hits / named
    value = float((gained * precision).sum() / n_positive)
    # Sums over this score and all below: of 1 / named, and of hits / named².
    hit_rise = np.cumsum((gained / named)[::-1])[::-1]
    fall = np.cumsum((gained * hits / named**2)[::-1])[::-1]
    place = np.searchsorted(-scores, -score)
    rows = np.where(is_positive, precision[place] - value + hit_rise[place], 0.0) - fall[place]
    return _Influence(value, rows * len(score) / n_positive)
