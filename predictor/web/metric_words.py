"""Metrics in words: their titles, what they mean to somebody who does not know them, and which way is better."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from ..models import ModelVersion
from ..templatetags.mlweb import number, share

Shape = Literal["number", "percent"]


@dataclass(frozen=True)
class Metric:
    name: str
    title: str
    meaning: str
    is_smaller_better: bool = False
    shape: Shape = "number"

    def shown(self, value: float | None) -> str:
        if value is None:
            return "–"
        return share(value) if self.shape == "percent" else number(float(value), 4)


@dataclass(frozen=True)
class Figure:
    """A metric with its value."""

    metric: Metric
    value: float

    @property
    def text(self) -> str:
        return self.metric.shown(self.value)


METRICS = {
    metric.name: metric
    for metric in (
        Metric("accuracy", "Accuracy", "The share of rows whose class was predicted right.", shape="percent"),
        Metric(
            "balanced_accuracy",
            "Balanced accuracy",
            "The share predicted right, averaged over the classes, so that a rare class counts as much as a common one.",
            shape="percent",
        ),
        Metric(
            "roc_auc",
            "ROC AUC",
            "How well the probabilities rank: 0.5 is a coin toss, 1 puts every positive row above every negative one.",
        ),
        Metric(
            "average_precision",
            "Average precision",
            "The area under the precision-recall curve; compare it with the share of the positive class.",
        ),
        Metric("precision", "Precision", "Of the rows predicted as the class, the share that really were.", shape="percent"),
        Metric("recall", "Recall", "Of the rows that really were the class, the share that was found.", shape="percent"),
        Metric("f1", "F1", "The harmonic mean of precision and recall; it is high only when both are."),
        Metric(
            "log_loss",
            "Log-loss",
            "How far the probabilities are from what happened; confident mistakes cost most. Smaller is better.",
            is_smaller_better=True,
        ),
        Metric(
            "brier",
            "Brier score",
            "The mean squared distance of the probabilities from what happened. Smaller is better.",
            is_smaller_better=True,
        ),
        Metric(
            "r2",
            "R²",
            "The share of the target's variation that is explained: 0 is no better than the mean, 1 is perfect.",
        ),
        Metric(
            "rmse",
            "RMSE",
            "The typical error in the target's own unit; large errors weigh more. Smaller is better.",
            is_smaller_better=True,
        ),
        Metric("mae", "MAE", "The average error in the target's own unit. Smaller is better.", is_smaller_better=True),
        Metric(
            "median_absolute_error",
            "Median error",
            "Half of the predictions are closer than this. Smaller is better.",
            is_smaller_better=True,
        ),
        Metric("mse", "MSE", "The mean squared error, RMSE times itself. Smaller is better.", is_smaller_better=True),
    )
}  # fmt: skip

HEADLINES = {
    "regression": ("r2", "rmse", "mae"),
    "binary": ("roc_auc", "accuracy", "log_loss"),
    "multiclass": ("accuracy", "balanced_accuracy", "log_loss"),
}


def metric_of(name: str) -> Metric:
    """The metric of this name; one that is not known here is shown under its own name."""
    return METRICS.get(name) or Metric(name, name.replace("_", " "), "")


def key_metrics(task: str) -> list[Metric]:
    """The few metrics that a list has room for."""
    return [METRICS[name] for name in HEADLINES.get(task, HEADLINES["regression"])]


def headline_metric(version: ModelVersion) -> Figure | None:
    """The one figure that speaks for a version."""
    for metric in key_metrics(version.task):
        value: Any = version.metrics.get(metric.name)
        if isinstance(value, int | float):
            return Figure(metric, float(value))
    return None
