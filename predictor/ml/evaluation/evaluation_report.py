"""The evaluation report of a fitted pipeline: metrics, intervals, baselines and verdict as one JSON document.

`EvaluationReport.to_json()`:
    {"format": 1, "task", "metric": the selection metric, "n_rows": held-out rows,
     "held_out": {metric: number}, "intervals": {metric: [low, high] or null}: 95 %, of the held-out rows,
     "cross_validation": {"metrics": {…}, "intervals": {…}: corrected for overlapping folds, "n_folds", "n_rows",
                          "spread", "is_nested": true where weights are chosen without the fold that they predict},
     "baselines": [{"key": "dummy" | "linear" | "boosting", "title", "held_out": {metric: number}}],
     "baseline_notes": [why one is missing],
     "verdict": {"sentence", "is_better": bool, "is_sure": bool, "baseline": key, "gain", "gain_low", "gain_high":
                 how much lower the mean loss is than the first baseline's,
                 "comparisons": [{"baseline": key, "title", "gain", "gain_low", "gain_high", "relative_gain",
                                  "relative_low", "relative_high", "outcome": "better" | "worse" | "unclear"}],
                 "worries": [sentences]},
     "conditions": {"split": {"kind": "random" | "time" | "group", "column"}, "suggested_split": the same or null,
                    "duplicates": {"n_copies", "n_conflicting", "are_kept_together"}, "leaks": [columns]},
     "slices": [{"column", "words", "n_rows", "metric": "log_loss" | "mae", "score", "score_elsewhere",
                 "difference", "rate", "rate_elsewhere": shares of wrong classes or null, "p_value",
                 "where": its condition on the column, see slices.Where; older reports lack it}]: parts of the
               held-out rows with a significantly higher loss; "n_slices_tested",
     "importance": [{"column", "mean", "spread"}], largest first; "importance_rows"; "importance_kind" "permutation":
                   the rise of the selection metric when the column is shuffled, on held-out rows, or "shapley",
                   when that would take too long: the mean absolute Shapley value
     regression:      "points": {"actual", "predicted"}, "residuals": {"edges", "counts"},
                      "errors": {"quantiles", "within", "by_size"} of curves.error_distribution
     classification:  "classes": [names; of two the negative first], "confusion": rows true × columns predicted,
                      "per_class": [{"class", "precision", "recall", "f1", "support",
                                     "roc", "precision_recall", "calibration", "gain"}] with the points of
                      curves.py, null for a class that has no row or every row
     two classes:     "decision": {"threshold", "positive": class, "is_chosen", "rule", "sentence", "note", "warning",
                      "held_out", "out_of_fold": {"precision", "recall", "f1", four counts}},
                      "thresholds": curves.threshold_curve}
Metrics of predicted classes (scores.DECIDED, the confusion, per_class) use that threshold.
holdout_evaluation.py adds "weighting" where rows are weighted: {"column", "n_rows", "n_effective", "n_held_out",
"n_held_out_effective"}; then metrics are weighted, and counts of rows are sums of weights (not "n_rows").
recipe.py adds "left_out" (types/left_out.py) and "recipe".
supervised_run.py adds "learning_curve": {"sentence", "metric", "candidate", "n_folds", "points": [{"n_rows",
"score", "spread"}] (none when there was no time), "gain_last", "gain_next"}.
coverage_check.py adds "coverage" (conformal.coverage_report) and "calibration" (probability_calibration.Calibrated,
with "is_tried", "held_out": {"before", "after"}).
Every number is finite or null.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..calibration.decision_thresholds import HALF, Threshold, decision_numbers
from ..metrics import curves
from ..metrics.confidence_intervals import Resamples, held_out_intervals
from ..metrics.row_weights import Weights, as_count, mean
from ..metrics.scores import class_metrics, confusion, metrics, predicted_codes, selection_metric
from ..types.schema import Task
from ..types.threshold_rule import catches_none
from ..validation.target import Target
from ..validation.testing_conditions import Conditions
from ..validation.training_table import TrainingTable
from .slices import Slice, worst_slices
from .verdict import Baseline, Verdict, compare_with_baselines, worries_about

__all__ = [
    "Baseline",
    "EvaluationReport",
    "Verdict",
    "decision",
    "dummy_predictions",
    "evaluate",
    "measured",
]

Array = NDArray[Any]
MAX_CURVES = 20


@dataclass(frozen=True)
class EvaluationReport:
    """An evaluation report; the module's docstring describes its JSON."""

    task: Task
    n_rows: int
    held_out: Mapping[str, float | None]
    cross_validation: Mapping[str, Any]
    baselines: Sequence[Mapping[str, Any]]
    verdict: Verdict
    details: Mapping[str, Any]
    intervals: Mapping[str, Any] = field(default_factory=dict)
    slices: Sequence[Slice] = ()
    n_slices_tested: int = 0
    conditions: Conditions = field(default_factory=Conditions)
    baseline_notes: Sequence[str] = ()
    importance: Sequence[Mapping[str, Any]] = field(default_factory=list)
    importance_rows: int = 0

    def to_json(self) -> dict[str, Any]:
        return {
            "format": 1,
            "task": self.task.value,
            "metric": selection_metric(self.task),
            "n_rows": self.n_rows,
            "held_out": dict(self.held_out),
            "intervals": dict(self.intervals),
            "cross_validation": dict(self.cross_validation),
            "baselines": [dict(each) for each in self.baselines],
            "baseline_notes": list(self.baseline_notes),
            "verdict": self.verdict.to_json(),
            "conditions": self.conditions.to_json(),
            "slices": [each.to_json() for each in self.slices],
            "n_slices_tested": self.n_slices_tested,
            "importance": [dict(each) for each in self.importance],
            "importance_rows": self.importance_rows,
            **self.details,
        }


def dummy_predictions(fitted_on: Target, n_rows: int) -> Array:
    """Predictions of the dummy baseline: the mean (n,), or the class shares (n, n_classes)."""
    if not fitted_on.task.is_classification:
        return np.full(n_rows, mean(fitted_on.y, fitted_on.weights))
    counts = np.bincount(fitted_on.y, fitted_on.weights, minlength=fitted_on.n_classes)
    shares = counts / counts.sum()
    return np.tile(shares, (n_rows, 1))


def evaluate(
    target: Target,
    predicted: Array,
    baselines: Sequence[Baseline],
    cross_validation: Mapping[str, Any],
    *,
    seed: int,
    table: TrainingTable | None = None,
    together: NDArray[np.intp] | None = None,
    conditions: Conditions | None = None,
    baseline_notes: Sequence[str] = (),
    importance: Sequence[Mapping[str, Any]] = (),
    importance_rows: int = 0,
    threshold: float | None = None,
) -> EvaluationReport:
    """The report for predictions on held-out rows; the first baseline is the dummy.

    `threshold` is the decision threshold of a binary task, also for the baselines.
    `table` holds the rows, to find the slices with the largest errors. `together`: the group of each row, when
    whole groups were held out; then groups are resampled instead of rows.
    """
    task, conditions, weights = target.task, conditions or Conditions(), target.weights
    resamples = Resamples.draw(len(target.y), seed=seed, together=together, counted_by=weights)
    positive = target.positive
    held_out = metrics(task, target.y, predicted, threshold, positive, weights)
    intervals = held_out_intervals(
        task, target.y, predicted, resamples, seed=seed, threshold=threshold, positive=positive
    )
    slices, n_tested = worst_slices(table, predicted, threshold, together) if table is not None else ([], 0)
    worries = [
        *conditions.worries, *worries_about(target, held_out, intervals, cross_validation, slices, resamples)
    ]  # fmt: skip
    return EvaluationReport(
        task=task,
        n_rows=len(target.y),
        held_out=held_out,
        intervals=intervals,
        cross_validation=cross_validation,
        baselines=[measured(each, target, threshold) for each in baselines],
        verdict=compare_with_baselines(target, predicted, baselines, resamples, worries),
        slices=slices,
        n_slices_tested=n_tested,
        conditions=conditions,
        baseline_notes=baseline_notes,
        details=_details(target, predicted, threshold, seed),
        importance=importance,
        importance_rows=importance_rows,
    )


def measured(baseline: Baseline, target: Target, threshold: float | None) -> dict[str, Any]:
    held_out = metrics(
        target.task, target.y, baseline.predictions, threshold, target.positive, target.weights
    )
    return {"key": baseline.key, "title": baseline.title, "held_out": held_out}


def _details(target: Target, predicted: Array, threshold: float | None, seed: int) -> dict[str, Any]:
    """The part of the report on classes, or on the errors of a regression."""
    if target.task.is_classification:
        return class_details(target, predicted, threshold)
    return {
        "points": curves.sampled_points(target.y, predicted, seed=seed),
        "residuals": curves.residual_histogram(predicted - target.y, weights=target.weights),
        "errors": curves.error_distribution(target.y, predicted, target.weights),
    }


def decision(
    threshold: Threshold | None,
    positive: str,
    *,
    held_out: tuple[Array, Array],
    out_of_fold: tuple[Array, Array],
    weights: tuple[Weights, Weights] = (None, None),
) -> dict[str, Any]:
    """The decision threshold of a binary task and its effect; each pair is (is positive, probability).

    `weights`: of the held-out rows, and of those out of fold.
    """
    value = threshold.value if threshold else HALF
    numbers = decision_numbers(*held_out, value, weights[0])
    return {
        "threshold": value,
        "positive": positive,
        "is_chosen": threshold is not None,
        "rule": threshold.rule.to_json() if threshold else None,
        "sentence": threshold.sentence_on(positive) if threshold else "",
        "note": threshold.note if threshold else "",
        "warning": catches_none(positive, numbers),
        "held_out": numbers,
        "out_of_fold": decision_numbers(*out_of_fold, value, weights[1]),
    }


def class_details(target: Target, predicted: Array, threshold: float | None) -> dict[str, Any]:
    """The confusion matrix at the threshold, and the metrics and curves of each class.

    Of two classes the negative one is the first, so that the matrix is [[true negative, false positive], [false
    negative, true positive]].
    """
    weights, codes = target.weights, predicted_codes(predicted, threshold, target.positive)
    matrix = confusion(target.y, codes, target.n_classes, weights)
    names = target.class_names
    is_reversed = target.task is Task.BINARY and target.positive == 0
    order = [1, 0] if is_reversed else list(range(target.n_classes))
    scores = class_metrics(matrix)
    per_class = []
    for place, code in enumerate(order):
        # Curves of a hundred classes would take megabytes, and nobody would read them.
        has_curves = place < MAX_CURVES
        per_class.append(
            {
                "class": names[code],
                **scores[code],
                **_class_curves(target.y == code, predicted[:, code], has_curves, weights),
            }
        )
    details = {
        "classes": [names[code] for code in order],
        "confusion": [[as_count(each) for each in row] for row in matrix[np.ix_(order, order)]],
        "per_class": per_class,
    }
    if target.task is Task.BINARY:
        details["thresholds"] = curves.threshold_curve(
            target.is_positive, predicted[:, target.positive], weights
        )
    return details


def _class_curves(is_positive: Array, score: Array, has_curves: bool, weights: Weights) -> dict[str, Any]:
    if not has_curves or is_positive.all() or not is_positive.any():
        return {"roc": None, "precision_recall": None, "calibration": None, "gain": None}
    return {
        "roc": curves.roc_curve(is_positive, score, weights),
        "precision_recall": curves.precision_recall_curve(is_positive, score, weights),
        "calibration": curves.calibration_curve(is_positive, score, weights),
        "gain": curves.gain_curve(is_positive, score, weights),
    }
