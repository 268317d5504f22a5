"""How good a fitted pipeline is, beside baselines, as one JSON document.

`EvaluationReport.to_json()`:
    {"format": 1, "task", "metric": the selection metric, "n_rows": held-out rows,
     "held_out": {metric: number}, "cross_validation": {"metrics": {…}, "n_folds", "n_rows", "spread"},
     "baselines": [{"key": "dummy" | "linear", "title", "held_out": {metric: number}}],
     "verdict": {"sentence", "is_better": bool, "is_sure": bool, "baseline": key, "metric", "gain",
                 "gain_low", "gain_high"},
     "importance": [{"column", "mean", "spread"}], largest first: the rise of the selection metric when the
                   column is shuffled, on held-out rows; "importance_rows"
     regression:      "points": {"actual", "predicted"}, "residuals": {"edges", "counts"},
                      "errors": {"quantiles", "within", "by_size"} of curves.error_distribution
     classification:  "classes": [names], "confusion": rows true × columns predicted,
                      "per_class": [{"class", "precision", "recall", "f1", "support",
                                     "roc", "precision_recall", "calibration", "gain"}] with the points of
                      curves.py, null for a class that has no row or every row
     two classes:     "decision": {"threshold", "positive": class, "is_chosen", "rule", "sentence", "note",
                      "held_out", "out_of_fold": {"precision", "recall", "f1", four counts}},
                      "thresholds": curves.threshold_curve}
What classes are predicted (metrics.DECIDED, the confusion, per_class) is decided at that threshold.
final_fits.py adds "coverage" (uncertainty.coverage_report) and "calibration" (calibration.Calibrated, with
"held_out": {"before", "after"}).
Every number is finite or null.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import curves
from .metrics import DECIDED, class_metrics, confusion, losses, metrics, predicted_codes, selection_metric
from .schema import Task, canonical_text
from .target import Target
from .thresholds import HALF, Scores, Threshold, decision_numbers, pairs

Array = NDArray[Any]
N_RESAMPLES = 1000
MAX_CURVES = 20


@dataclass(frozen=True)
class Baseline:
    """What any model should beat: its predictions on the held-out rows."""

    key: str
    title: str
    predictions: Array


@dataclass(frozen=True)
class Verdict:
    """Whether the model beats the baseline. `gain`: how much lower its mean loss is, with a 95 % interval."""

    sentence: str
    is_better: bool
    is_sure: bool
    baseline: str
    gain: float
    gain_low: float
    gain_high: float

    def to_json(self) -> dict[str, Any]:
        return dict(vars(self))


@dataclass(frozen=True)
class EvaluationReport:
    """See the module's docstring."""

    task: Task
    n_rows: int
    held_out: Mapping[str, float | None]
    cross_validation: Mapping[str, Any]
    baselines: Sequence[Mapping[str, Any]]
    verdict: Verdict
    details: Mapping[str, Any]
    importance: Sequence[Mapping[str, Any]] = field(default_factory=list)
    importance_rows: int = 0

    def to_json(self) -> dict[str, Any]:
        return {
            "format": 1,
            "task": self.task.value,
            "metric": selection_metric(self.task),
            "n_rows": self.n_rows,
            "held_out": dict(self.held_out),
            "cross_validation": dict(self.cross_validation),
            "baselines": [dict(each) for each in self.baselines],
            "verdict": self.verdict.to_json(),
            "importance": [dict(each) for each in self.importance],
            "importance_rows": self.importance_rows,
            **self.details,
        }


def dummy_predictions(fitted_on: Target, n_rows: int) -> Array:
    """What is known without any feature: the mean, or the share of each class."""
    if not fitted_on.task.is_classification:
        return np.full(n_rows, fitted_on.y.mean())
    shares = np.bincount(fitted_on.y, minlength=fitted_on.n_classes) / len(fitted_on.y)
    return np.tile(shares, (n_rows, 1))


def evaluate(
    target: Target,
    predicted: Array,
    baselines: Sequence[Baseline],
    cross_validation: Mapping[str, Any],
    *,
    seed: int,
    importance: Sequence[Mapping[str, Any]] = (),
    importance_rows: int = 0,
    threshold: float | None = None,
) -> EvaluationReport:
    """The report for predictions on held-out rows; the first baseline is the dummy.

    `threshold` is what the classes of a binary task are decided by, those of the baselines, too.
    """
    task = target.task
    details = (
        _classification(target, predicted, threshold)
        if task.is_classification
        else _regression(target, predicted, seed)
    )
    return EvaluationReport(
        task=task,
        n_rows=len(target.y),
        held_out=metrics(task, target.y, predicted, threshold),
        cross_validation=cross_validation,
        baselines=[
            {
                "key": each.key,
                "title": each.title,
                "held_out": metrics(task, target.y, each.predictions, threshold),
            }
            for each in baselines
        ],
        verdict=judge(target, predicted, baselines, seed=seed),
        details=details,
        importance=importance,
        importance_rows=importance_rows,
    )


def judge(target: Target, predicted: Array, baselines: Sequence[Baseline], *, seed: int) -> Verdict:
    """The verdict against the dummy; a better linear model is named, too."""
    task = target.task
    own = losses(task, target.y, predicted)
    dummy = baselines[0]
    gain, low, high = gain_interval(own, losses(task, target.y, dummy.predictions), seed=seed)
    is_better, is_sure = gain > 0, low > 0 or high < 0
    sentence = _against_dummy(task, own, losses(task, target.y, dummy.predictions), is_better, is_sure)
    for other in baselines[1:]:
        sentence += _against_other(
            other, *gain_interval(own, losses(task, target.y, other.predictions), seed=seed)
        )
    return Verdict(sentence, is_better and is_sure, is_sure, dummy.key, gain, low, high)


def gain_interval(own: Array, other: Array, *, seed: int) -> tuple[float, float, float]:
    """How much lower our mean loss is, and the 95 % bootstrap interval of that (paired, percentile)."""
    difference = other - own
    rng = np.random.default_rng(seed)
    means = np.array([difference[rng.integers(0, len(own), len(own))].mean() for _ in range(N_RESAMPLES)])
    low, high = np.quantile(means, [0.025, 0.975])
    return float(difference.mean()), float(low), float(high)


def _against_dummy(task: Task, own: Array, dummy: Array, is_better: bool, is_sure: bool) -> str:
    ours, theirs = own.mean(), dummy.mean()
    if task.is_classification:
        what, numbers = "always answering the class shares", f"log-loss {ours:.3f} against {theirs:.3f}"
    else:
        what, numbers = (
            "always answering the mean",
            f"RMSE {_short(math.sqrt(ours))} against {_short(math.sqrt(theirs))}",
        )
    rows = f"{len(own)} held-out rows"
    if is_better and is_sure:
        return f"The model is better than {what}: {numbers} on {rows}, and chance does not explain it."
    if is_sure:
        return f"The model is worse than {what}: {numbers} on {rows}. Do not use it."
    return (
        f"The model is not shown to be better than {what}: {numbers} on {rows}, which chance alone can give."
    )


def _short(value: float) -> str:
    """Four significant digits, and all of those before the point."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.4g}"


def _against_other(other: Baseline, gain: float, low: float, high: float) -> str:
    if low > 0:
        return f" It also beats the baseline {other.title}."
    if high < 0:
        return f" But the baseline {other.title} is better than it."
    return f" It is not shown to differ from the baseline {other.title}."


def _regression(target: Target, predicted: Array, seed: int) -> dict[str, Any]:
    return {
        "points": curves.sampled_points(target.y, predicted, seed=seed),
        "residuals": curves.residual_histogram(predicted - target.y),
        "errors": curves.error_distribution(target.y, predicted),
    }


def decision(
    threshold: Threshold | None,
    positive: str,
    *,
    held_out: tuple[Array, Array],
    out_of_fold: tuple[Array, Array],
) -> dict[str, Any]:
    """How the classes of a binary task are decided, and what that does; each pair is (is positive, probability)."""
    at = threshold.value if threshold else HALF
    return {
        "threshold": at,
        "positive": positive,
        "is_chosen": threshold is not None,
        "rule": threshold.rule.to_json() if threshold else None,
        "sentence": threshold.sentence if threshold else "",
        "note": threshold.note if threshold else "",
        "held_out": decision_numbers(*held_out, at),
        "out_of_fold": decision_numbers(*out_of_fold, at),
    }


def decided_again(report: Mapping[str, Any], scores: Scores, threshold: Threshold) -> dict[str, Any]:
    """The report of a binary task, with everything that depends on the predicted classes at another threshold."""
    held_out, out_of_fold = scores.held_out, scores.out_of_fold
    names = list(report["classes"])
    target = Target("", Task.BINARY, held_out[0].astype(np.intp), tuple(names))
    fresh = _classification(target, pairs(held_out[1]), threshold.value)
    labels = [
        {**old, **{name: new[name] for name in ("precision", "recall", "f1")}}
        for old, new in zip(report["per_class"], fresh["per_class"], strict=True)
    ]
    folds = report["cross_validation"]
    return {
        **report,
        "held_out": _relabelled(report["held_out"], *held_out, threshold.value),
        "cross_validation": {
            **folds,
            "metrics": _relabelled(folds.get("metrics") or {}, *out_of_fold, threshold.value),
        },
        "baselines": [
            {
                **each,
                "held_out": _relabelled(
                    each["held_out"], held_out[0], scores.baselines[each["key"]], threshold.value
                ),
            }
            if each["key"] in scores.baselines
            else each
            for each in report["baselines"]
        ],
        "confusion": fresh["confusion"],
        "per_class": labels,
        "decision": decision(threshold, names[1], held_out=held_out, out_of_fold=out_of_fold),
    }


def _relabelled(
    known: Mapping[str, Any], is_positive: Array, probabilities: Array, at: float
) -> dict[str, Any]:
    new = metrics(Task.BINARY, is_positive.astype(np.intp), pairs(probabilities), at)
    return {**known, **{name: new[name] for name in DECIDED}}


def _classification(target: Target, predicted: Array, threshold: float | None) -> dict[str, Any]:
    matrix = confusion(target.y, predicted_codes(predicted, threshold), target.n_classes)
    names = [str(canonical_text(each)) for each in target.classes]
    per_class = []
    for code, numbers in enumerate(class_metrics(matrix)):
        # Curves of a hundred classes would make a document of megabytes that nobody reads.
        has_curves = code < MAX_CURVES
        per_class.append(
            {
                "class": names[code],
                **numbers,
                **_class_curves(target.y == code, predicted[:, code], has_curves),
            }
        )
    found = {"classes": names, "confusion": matrix.tolist(), "per_class": per_class}
    if target.task is Task.BINARY:
        found["thresholds"] = curves.threshold_curve(target.y == 1, predicted[:, 1])
    return found


def _class_curves(is_positive: Array, score: Array, has_curves: bool) -> dict[str, Any]:
    if not has_curves or is_positive.all() or not is_positive.any():
        return {"roc": None, "precision_recall": None, "calibration": None, "gain": None}
    return {
        "roc": curves.roc_curve(is_positive, score),
        "precision_recall": curves.precision_recall_curve(is_positive, score),
        "calibration": curves.calibration_curve(is_positive, score),
        "gain": curves.gain_curve(is_positive, score),
    }
