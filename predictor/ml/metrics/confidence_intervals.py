"""How sure a figure is: 95 % intervals of metrics on held-out rows and over folds.

Held-out rows: the bootstrap (Efron, 1979), percentile intervals. All resamples are drawn at once, as how often
each row comes, so that a metric of a thousand resamples is a matrix product or one sort; how many are drawn falls
with the number of rows. Where whole groups were held out, whole groups are drawn. Folds: the corrected interval of
Nadeau and Bengio, "Inference for the generalization error" (2003), since the fitting parts of folds overlap and
their scores are not independent.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..types.schema import Task
from .curves import N_BINS
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
# Resamples of fewer groups are too much alike.
MIN_GROUPS = 5
# Two folds say nothing of how folds differ.
MIN_FOLDS = 3
# The 97.5 % quantile of Student's t for 1, 2, … 10 degrees of freedom.
STUDENT = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)
SHARES = frozenset(
    {"accuracy", "balanced_accuracy", "precision", "recall", "f1", "roc_auc", "average_precision"}
)


@dataclass(frozen=True)
class Resamples:
    """`weights` (n_resamples, n_rows): how often each row comes in each resample.

    `n_groups`: of how many groups rows were drawn; None when they were drawn one by one.
    """

    weights: NDArray[np.float64]
    n_groups: int | None = None

    @classmethod
    def draw(cls, n_rows: int, *, seed: int, together: NDArray[np.intp] | None = None) -> Resamples:
        """Rows, or the whole groups that `together` numbers: rows of one group err together."""
        n = int(np.clip(MAX_DRAWN // max(n_rows, 1), MIN_RESAMPLES, MAX_RESAMPLES))
        names, codes = (None, None) if together is None else np.unique(together, return_inverse=True)
        n_units = n_rows if names is None else len(names)
        drawn = np.random.default_rng(seed).integers(0, n_units, (n, n_units))
        drawn += np.arange(n)[:, None] * n_units
        counts = np.bincount(drawn.ravel(), minlength=n * n_units).reshape(n, n_units).astype(np.float64)
        return cls(counts) if codes is None else cls(counts[:, codes], n_units)

    def __len__(self) -> int:
        return len(self.weights)

    @property
    def is_enough(self) -> bool:
        """Whether there are groups enough to say anything from."""
        return self.n_groups is None or self.n_groups >= MIN_GROUPS

    @cached_property
    def sizes(self) -> NDArray[np.float64]:
        """How many rows each resample has."""
        found: NDArray[np.float64] = self.weights.sum(axis=1)
        return found

    def means(self, values: Array) -> NDArray[np.float64]:
        """The mean of one value a row, in each resample."""
        found: NDArray[np.float64] = self.weights @ np.asarray(values, np.float64)
        found /= self.sizes
        return found

    def interval(self, values: Array) -> Interval:
        """The middle 95 % of one number a resample; None where too few groups were drawn from."""
        return percentiles(values) if self.is_enough else None


def held_out_intervals(
    task: Task, y: Array, predicted: Array, resamples: Resamples, *, seed: int, threshold: float | None = None
) -> dict[str, Interval]:
    """The 95 % interval of each metric of `metrics.metrics`; None where it cannot be told."""
    if not task.is_classification:
        found = _regression(y, predicted, resamples)
    else:
        codes = predicted_codes(predicted, threshold)
        found = {
            **_of_probabilities(y, predicted, resamples),
            **decided_intervals(y, codes, predicted.shape[1], seed=seed, resamples=resamples),
        }
    return found if resamples.is_enough else dict.fromkeys(found)


def fold_intervals(
    task: Task, y: Array, predicted: Array, folds: Sequence[Fold], *, threshold: float | None = None
) -> dict[str, Interval]:
    """The corrected interval around each cross-validated metric.

    Each fold is (how many rows it was fitted on, where its scoring rows are in `y`).
    """
    each = [metrics(task, y[places], predicted[places], threshold) for _, places in folds]
    test_share = float(np.mean([len(places) / n_fitted for n_fitted, places in folds]))
    joint = metrics(task, y, predicted, threshold)
    return {
        name: _corrected(name, [scores.get(name) for scores in each], value, test_share)
        for name, value in joint.items()
    }


def _corrected(name: str, scores: list[float | None], centre: float | None, test_share: float) -> Interval:
    known = [score for score in scores if score is not None]
    if centre is None or len(known) < MIN_FOLDS:
        return None
    variance = float(np.var(known, ddof=1)) * (1 / len(known) + test_share)
    reach = STUDENT[min(len(known) - 1, len(STUDENT)) - 1] * math.sqrt(variance)
    low, high = centre - reach, centre + reach
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
    """What resampling a median comes to: the values whose ranks lie 1.96 √n / 2 beside the middle."""
    if resamples.n_groups is not None:
        order = np.argsort(values)
        up_to = np.cumsum(resamples.weights[:, order], axis=1)
        return percentiles(values[order][np.argmax(up_to >= resamples.sizes[:, None] / 2, axis=1)])
    ordered, n = np.sort(values), len(values)
    reach = 1.96 * math.sqrt(n) / 2
    low, high = max(math.floor(n / 2 - reach), 0), min(math.ceil(n / 2 + reach), n - 1)
    return [float(ordered[low]), float(ordered[high])]


def _of_probabilities(y: Array, predicted: Array, resamples: Resamples) -> dict[str, Interval]:
    n_classes = predicted.shape[1]
    brier = np.sum((predicted - np.eye(n_classes)[y]) ** 2, axis=1) / (2 if n_classes == 2 else 1)
    shown = [1] if n_classes == 2 else np.flatnonzero(np.bincount(y, minlength=n_classes)).tolist()
    return {
        "log_loss": percentiles(resamples.means(losses(Task.MULTICLASS, y, predicted))),
        "brier": percentiles(resamples.means(brier)),
        "calibration_error": _of_calibration(y, predicted, resamples, shown[:MAX_CALIBRATED]),
        **_of_ranking(y, predicted, resamples, shown),
    }


def decided_intervals(
    y: Array, codes: Array, n_classes: int, *, seed: int, resamples: Resamples | None = None
) -> dict[str, Interval]:
    """Those of the metrics of predicted classes (metrics.DECIDED).

    To resample rows is to resample the cells of the confusion matrix, whose counts are multinomial. For groups,
    `resamples` say which rows come.
    """
    matrix = confusion(y, codes, n_classes)
    n = int(np.clip(MAX_CELLS // n_classes**2, MIN_RESAMPLES, MAX_RESAMPLES))
    if resamples is not None and resamples.n_groups is not None:
        cells = _grouped_cells(y * n_classes + codes, n_classes**2, resamples.weights[:n])
    else:
        n_rows, used = int(matrix.sum()), np.flatnonzero(matrix)
        cells = np.zeros((n, n_classes**2))
        cells[:, used] = np.random.default_rng(seed).multinomial(n_rows, matrix.flat[used] / n_rows, size=n)
    counts = cells.reshape(-1, n_classes, n_classes)
    hits = np.diagonal(counts, axis1=1, axis2=2)
    true, said = counts.sum(axis=2), counts.sum(axis=1)
    occurring = matrix.sum(axis=1) > 0
    shown = np.array([False, True]) if n_classes == 2 else occurring
    recall = hits / np.where(true > 0, true, np.nan)
    precision, f1 = hits / np.maximum(said, 1), 2 * hits / np.maximum(true + said, 1)
    return {
        "accuracy": percentiles(hits.sum(axis=1) / counts.sum(axis=(1, 2))),
        "balanced_accuracy": percentiles(_mean_known(recall[:, occurring])),
        "precision": percentiles(precision[:, shown].mean(axis=1)),
        "recall": percentiles(_mean_known(recall[:, shown])),
        "f1": percentiles(f1[:, shown].mean(axis=1)),
    }


def _grouped_cells(cells: Array, n_cells: int, weights: Array) -> NDArray[np.float64]:
    return np.stack([np.bincount(cells, weights=each, minlength=n_cells) for each in weights])


def _of_calibration(y: Array, predicted: Array, resamples: Resamples, shown: list[int]) -> Interval:
    """Each bin's gap spreads by chance; a resampled gap is never smaller than nothing, so its spread is taken."""
    each = []
    for code in shown:
        score = predicted[:, code]
        edges = np.unique(np.quantile(score, np.linspace(0, 1, N_BINS + 1)[1:-1]))
        part = np.searchsorted(edges, score, side="right")
        gaps = np.zeros((len(y), len(edges) + 1))
        gaps[np.arange(len(y)), part] = score - (y == code)
        each.append(np.abs(resamples.weights @ gaps).sum(axis=1) / resamples.sizes)
    spread = 1.96 * float(np.mean(each, axis=0).std())
    at = float(np.mean([calibration_error(y == code, predicted[:, code]) for code in shown]))
    return [max(at - spread, 0.0), at + spread]


def _mean_known(values: Array) -> Array:
    """Row means over what is there; a class that a resample lacks is left out of it."""
    known = np.isfinite(values)
    n = known.sum(axis=1)
    return np.where(n > 0, np.where(known, values, 0).sum(axis=1) / np.maximum(n, 1), np.nan)


def _of_ranking(y: Array, predicted: Array, resamples: Resamples, shown: list[int]) -> dict[str, Interval]:
    n = int(np.clip(MAX_RANKED // max(len(y) * len(shown), 1), 24, len(resamples)))
    weights = resamples.weights[:n]
    areas = [_ranked(weights, y == code, predicted[:, code]) for code in shown]
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
        precision = all_hits / np.maximum(all_hits + all_alarms, 1)
        average = (hits * precision).sum(axis=1) / n_positive
    return area, average


def percentiles(values: Array) -> Interval:
    """The middle 95 % of what resamples gave; None when hardly any gave a number."""
    known = values[np.isfinite(values)]
    if len(known) < max(0.5 * len(values), 20):
        return None
    if len(values) < FEW_RESAMPLES:
        centre, reach = float(known.mean()), 1.96 * float(known.std())
        return [centre - reach, centre + reach]
    low, high = np.quantile(known, [LOW, HIGH])
    return [float(low), float(high)]
