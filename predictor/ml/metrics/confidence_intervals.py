"""95 % confidence intervals of metrics, on held-out rows (bootstrap) and over cross-validation folds.

Held-out rows: percentile intervals of the bootstrap (Efron, 1979). All resamples are drawn at once as weights of the
rows, so that a metric of a thousand resamples is a matrix product or one sort. More rows get fewer resamples. Where
whole groups were held out, whole groups are drawn (cluster bootstrap). Folds: the corrected interval of Nadeau and
Bengio, "Inference for the generalization error" (2003), since the training parts of folds overlap and their scores
are not independent.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..types.schema import Task
from . import row_weights
from .curves import N_BINS
from .row_weights import Weights
from .scores import MAX_CALIBRATED, calibration_error, confusion, losses, metrics, predicted_codes

Array = NDArray[Any]
Interval = list[float] | None
Fold = tuple[int, NDArray[np.intp]]
LOW, HIGH = 0.025, 0.975
MIN_RESAMPLES, MAX_RESAMPLES = 150, 1_000
# Rows drawn in all: 0.1 s and 24 MB.
MAX_DRAWN = 3_000_000
# With fewer resamples than this, the normal interval of their spread is steadier than their percentiles.
FEW_RESAMPLES = 150
MAX_RANKED = 4_000_000
MAX_CELLS = 4_000_000
# Resamples of fewer groups are too similar.
MIN_GROUPS = 5
# Two folds do not show how much folds differ.
MIN_FOLDS = 3
# The 97.5 % quantile of Student's t for 1, 2, … 10 degrees of freedom.
STUDENT = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)
SHARES = frozenset(
    {"accuracy", "balanced_accuracy", "precision", "recall", "f1", "roc_auc", "average_precision"}
)


@dataclass(frozen=True)
class Resamples:
    """Bootstrap resamples as `weights` (n_resamples, n_rows): how often each row occurs in each resample.

    `n_groups`: the number of groups that were drawn from; None when single rows were drawn.
    `counted_by`: how much each row counts (n_rows,), which is in `weights` already; None where all count the same.
    """

    weights: NDArray[np.float64]
    n_groups: int | None = None
    counted_by: Weights = None

    @classmethod
    def draw(
        cls,
        n_rows: int,
        *,
        seed: int,
        together: NDArray[np.intp] | None = None,
        counted_by: Weights = None,
    ) -> Resamples:
        """Draw rows, or whole groups numbered by `together` (n_rows,): errors within a group are correlated."""
        n = int(np.clip(MAX_DRAWN // max(n_rows, 1), MIN_RESAMPLES, MAX_RESAMPLES))
        names, codes = (None, None) if together is None else np.unique(together, return_inverse=True)
        n_units = n_rows if names is None else len(names)
        drawn = np.random.default_rng(seed).integers(0, n_units, (n, n_units))
        drawn += np.arange(n)[:, None] * n_units
        counts = np.bincount(drawn.ravel(), minlength=n * n_units).reshape(n, n_units).astype(np.float64)
        drawn_rows = cls(counts) if codes is None else cls(counts[:, codes], n_units)
        if counted_by is None:
            return drawn_rows
        return replace(drawn_rows, weights=drawn_rows.weights * counted_by, counted_by=counted_by)

    def __len__(self) -> int:
        return len(self.weights)

    @property
    def is_enough(self) -> bool:
        """Whether there are enough groups for an interval."""
        return self.n_groups is None or self.n_groups >= MIN_GROUPS

    @cached_property
    def sizes(self) -> NDArray[np.float64]:
        """The number of rows in each resample."""
        n_rows: NDArray[np.float64] = self.weights.sum(axis=1)
        return n_rows

    def means(self, values: Array) -> NDArray[np.float64]:
        """The mean of one value per row, in each resample."""
        means: NDArray[np.float64] = self.weights @ np.asarray(values, np.float64)
        means /= self.sizes
        return means

    def interval(self, values: Array) -> Interval:
        """The percentile interval of one value per resample; None where there are too few groups."""
        return percentiles(values) if self.is_enough else None


def held_out_intervals(
    task: Task,
    y: Array,
    predicted: Array,
    resamples: Resamples,
    *,
    seed: int,
    threshold: float | None = None,
    positive: int = 1,
) -> dict[str, Interval]:
    """The 95 % interval of each metric of `scores.metrics`; None where it cannot be estimated."""
    if not task.is_classification:
        intervals = _regression(y, predicted, resamples)
    else:
        codes = predicted_codes(predicted, threshold, positive)
        n_classes = predicted.shape[1]
        intervals = {
            **_of_probabilities(y, predicted, resamples, positive),
            **decided_intervals(y, codes, n_classes, seed=seed, resamples=resamples, positive=positive),
        }
    return intervals if resamples.is_enough else dict.fromkeys(intervals)


def fold_intervals(
    task: Task,
    y: Array,
    predicted: Array,
    folds: Sequence[Fold],
    *,
    threshold: float | None = None,
    positive: int = 1,
    weights: Weights = None,
) -> dict[str, Interval]:
    """The corrected interval of Nadeau and Bengio around each cross-validated metric.

    Each fold is (number of training rows, indices in `y` of its test rows).
    """
    fold_scores = [
        metrics(task, y[places], predicted[places], threshold, positive, row_weights.part(weights, places))
        for _, places in folds
    ]
    test_share = float(np.mean([len(places) / n_fitted for n_fitted, places in folds]))
    joint = metrics(task, y, predicted, threshold, positive, weights)
    return {
        name: _corrected(name, [scores.get(name) for scores in fold_scores], value, test_share)
        for name, value in joint.items()
    }


def _corrected(name: str, scores: list[float | None], centre: float | None, test_share: float) -> Interval:
    known = [score for score in scores if score is not None]
    if centre is None or len(known) < MIN_FOLDS:
        return None
    variance = float(np.var(known, ddof=1)) * (1 / len(known) + test_share)
    half_width = STUDENT[min(len(known) - 1, len(STUDENT)) - 1] * math.sqrt(variance)
    low, high = centre - half_width, centre + half_width
    if name == "r2":
        return [low, min(high, 1.0)]
    return [max(low, 0.0), min(high, 1.0) if name in SHARES else high]


def _regression(y: Array, predicted: Array, resamples: Resamples) -> dict[str, Interval]:
    error = np.asarray(predicted, np.float64) - y
    mse, centred = resamples.means(error**2), y - y.mean()
    spread = resamples.means(centred**2) - resamples.means(centred) ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        r2 = 1 - mse / spread
    return {
        "rmse": percentiles(np.sqrt(mse)),
        "mse": percentiles(mse),
        "mae": percentiles(resamples.means(np.abs(error))),
        "median_absolute_error": _of_median(np.abs(error), resamples),
        "r2": percentiles(r2) if y.std() > 0 else None,
    }


def _of_median(values: Array, resamples: Resamples) -> Interval:
    """Interval of the median from order statistics, as resampling gives: ranks n / 2 ± 1.96 √n / 2."""
    if resamples.n_groups is not None or resamples.counted_by is not None:
        order = np.argsort(values)
        up_to = np.cumsum(resamples.weights[:, order], axis=1)
        return percentiles(values[order][np.argmax(up_to >= resamples.sizes[:, None] / 2, axis=1)])
    ordered, n = np.sort(values), len(values)
    reach = 1.96 * math.sqrt(n) / 2
    low, high = max(math.floor(n / 2 - reach), 0), min(math.ceil(n / 2 + reach), n - 1)
    return [float(ordered[low]), float(ordered[high])]


def _of_probabilities(y: Array, predicted: Array, resamples: Resamples, positive: int) -> dict[str, Interval]:
    n_classes = predicted.shape[1]
    brier = np.sum((predicted - np.eye(n_classes)[y]) ** 2, axis=1) / (2 if n_classes == 2 else 1)
    scored = [positive] if n_classes == 2 else np.flatnonzero(np.bincount(y, minlength=n_classes)).tolist()
    return {
        "log_loss": percentiles(resamples.means(losses(Task.MULTICLASS, y, predicted))),
        "brier": percentiles(resamples.means(brier)),
        "calibration_error": _of_calibration(y, predicted, resamples, scored[:MAX_CALIBRATED]),
        **_of_ranking(y, predicted, resamples, scored),
    }


def decided_intervals(
    y: Array,
    codes: Array,
    n_classes: int,
    *,
    seed: int,
    resamples: Resamples | None = None,
    positive: int = 1,
) -> dict[str, Interval]:
    """Intervals of the metrics of predicted classes (scores.DECIDED).

    Resampling rows means resampling the cells of the confusion matrix, whose counts are multinomial. For groups and
    for rows that do not count the same, the weights of `resamples` are used.
    """
    counted_by = None if resamples is None else resamples.counted_by
    matrix = confusion(y, codes, n_classes, counted_by)
    n = int(np.clip(MAX_CELLS // n_classes**2, MIN_RESAMPLES, MAX_RESAMPLES))
    if resamples is not None and (resamples.n_groups is not None or counted_by is not None):
        cells = _grouped_cells(y * n_classes + codes, n_classes**2, resamples.weights[:n])
    else:
        n_rows, used = int(matrix.sum()), np.flatnonzero(matrix)
        cells = np.zeros((n, n_classes**2))
        cells[:, used] = np.random.default_rng(seed).multinomial(n_rows, matrix.flat[used] / n_rows, size=n)
    counts = cells.reshape(-1, n_classes, n_classes)
    hits = np.diagonal(counts, axis1=1, axis2=2)
    true, predicted = counts.sum(axis=2), counts.sum(axis=1)
    occurring = matrix.sum(axis=1) > 0
    scored = np.arange(2) == positive if n_classes == 2 else occurring
    recall = hits / np.where(true > 0, true, np.nan)
    precision = hits / np.where(predicted > 0, predicted, 1)
    f1 = 2 * hits / np.where(true + predicted > 0, true + predicted, 1)
    return {
        "accuracy": percentiles(hits.sum(axis=1) / counts.sum(axis=(1, 2))),
        "balanced_accuracy": percentiles(_mean_known(recall[:, occurring])),
        "precision": percentiles(precision[:, scored].mean(axis=1)),
        "recall": percentiles(_mean_known(recall[:, scored])),
        "f1": percentiles(f1[:, scored].mean(axis=1)),
    }


def _grouped_cells(cells: Array, n_cells: int, weights: Array) -> NDArray[np.float64]:
    return np.stack([np.bincount(cells, weights=each, minlength=n_cells) for each in weights])


def _of_calibration(y: Array, predicted: Array, resamples: Resamples, scored: list[int]) -> Interval:
    """Normal interval: resampled gaps are absolute values, so biased upwards, and only their spread is used."""
    gaps_by_class = []
    for code in scored:
        score = predicted[:, code]
        levels = np.linspace(0, 1, N_BINS + 1)[1:-1]
        edges = np.unique(row_weights.quantiles(score, levels, resamples.counted_by))
        part = np.searchsorted(edges, score, side="right")
        gaps = np.zeros((len(y), len(edges) + 1))
        gaps[np.arange(len(y)), part] = score - (y == code)
        gaps_by_class.append(np.abs(resamples.weights @ gaps).sum(axis=1) / resamples.sizes)
    spread = 1.96 * float(np.mean(gaps_by_class, axis=0).std())
    errors = [calibration_error(y == code, predicted[:, code], resamples.counted_by) for code in scored]
    centre = float(np.mean(errors))
    return [max(centre - spread, 0.0), centre + spread]


def _mean_known(values: Array) -> Array:
    """Row means without NaN: a class that a resample lacks is left out."""
    known = np.isfinite(values)
    n = known.sum(axis=1)
    return np.where(n > 0, np.where(known, values, 0).sum(axis=1) / np.maximum(n, 1), np.nan)


def _of_ranking(y: Array, predicted: Array, resamples: Resamples, scored: list[int]) -> dict[str, Interval]:
    n = int(np.clip(MAX_RANKED // max(len(y) * len(scored), 1), 24, len(resamples)))
    weights = resamples.weights[:n]
    areas = [_ranked(weights, y == code, predicted[:, code]) for code in scored]
    return {
        name: percentiles(_mean_known(np.stack([each[place] for each in areas], axis=1)))
        for place, name in enumerate(("roc_auc", "average_precision"))
    }


def _ranked(weights: Array, is_positive: Array, score: Array) -> tuple[Array, Array]:
    """The area under the ROC curve and the average precision in each resample; NaN where one class is absent."""
    order = np.argsort(-score, kind="stable")
    ordered = score[order]
    starts = np.r_[0, np.flatnonzero(np.diff(ordered)) + 1]
    sorted_weights = weights[:, order]
    hits = np.add.reduceat(sorted_weights * is_positive[order], starts, axis=1)
    alarms = np.add.reduceat(sorted_weights * ~is_positive[order], starts, axis=1)
    all_hits, all_alarms = np.cumsum(hits, axis=1), np.cumsum(alarms, axis=1)
    n_positive, n_negative = all_hits[:, -1], all_alarms[:, -1]
    with np.errstate(divide="ignore", invalid="ignore"):
        above = (alarms * (all_hits - hits / 2)).sum(axis=1)
        area = above / (n_positive * n_negative)
        named = all_hits + all_alarms
        precision = all_hits / np.where(named > 0, named, 1)
        average = (hits * precision).sum(axis=1) / n_positive
    return area, average


def percentiles(values: Array) -> Interval:
    """The percentile interval (95 %) over resamples; None when fewer than half, or 20, are finite."""
    known = values[np.isfinite(values)]
    if len(known) < max(0.5 * len(values), 20):
        return None
    if len(values) < FEW_RESAMPLES:
        centre, reach = float(known.mean()), 1.96 * float(known.std())
        return [centre - reach, centre + reach]
    low, high = np.quantile(known, [LOW, HIGH])
    return [float(low), float(high)]
