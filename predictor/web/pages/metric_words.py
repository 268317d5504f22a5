"""Metrics in words: title, meaning for a reader who does not know them, which direction is better."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from ...models import ModelVersion
from ...templatetags.mlweb import number, share

Shape = Literal["number", "percent"]


@dataclass(frozen=True)
class Metric:
    name: str
    # Texts in the language of the reader.
    title: Any
    meaning: Any
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


SHARES = {
    "accuracy": (_("Accuracy"), _("The share of rows whose class was predicted right.")),
    "balanced_accuracy": (
        _("Balanced accuracy"),
        _(
            "The share predicted right, averaged over the classes: a rare class counts as much as a common one."
        ),
    ),
    "precision": (_("Precision"), _("Of the rows predicted as the class, the share that really were.")),
    "contamination": (
        _("Called unusual"),
        _("The share of rows like these that are to be called unusual, as asked."),
    ),
    "largest_share": (_("Largest cluster"), _("The share of the rows in the largest cluster.")),
    "recall": (_("Recall"), _("Of the rows that really were the class, the share that was found.")),
}
LARGER = {
    "silhouette": (
        _("Silhouette"),
        _("How much closer rows are to their own cluster than to the next: 1 is far apart, 0 is touching."),
    ),
    "stability": (
        _("Stability"),
        _("How alike the outcomes of repeats are: 1 is the same every time, 0 is chance."),
    ),
    "n_clusters": (_("Clusters"), _("How many there are.")),
    "n_clear": (
        _("Clearly unusual"),
        _("Rows with an isolation score of 0.7 or more: they stand out by themselves."),
    ),
    "roc_auc": (
        "ROC AUC",
        _(
            "How well the probabilities order the rows: 0.5 is a guess, "
            "1 puts each positive row above each negative one."
        ),
    ),
    "average_precision": (
        _("Average precision"),
        _("The area under the precision-recall curve; compare it with the share of the positive class."),
    ),
    "f1": ("F1", _("The harmonic mean of precision and recall; it is high only when both are.")),
    "r2": (
        "R²",
        _("The share of the target's variation that is explained: 0 is as good as the mean, 1 perfect."),
    ),
}
SMALLER = {
    "log_loss": (
        _("Log-loss"),
        _("How far the probabilities are from what happened; confident mistakes cost most."),
    ),
    "brier": (_("Brier score"), _("The mean squared distance of the probabilities from what happened.")),
    "calibration_error": (
        _("Calibration error"),
        _("How far, on average, a stated probability is from the share that happened."),
    ),
    "rmse": ("RMSE", _("The typical error in the target's own unit; large errors weigh more.")),
    "mae": ("MAE", _("The average error in the target's own unit.")),
    "median_absolute_error": (_("Median error"), _("Half of the predictions are closer than this.")),
    "mse": ("MSE", _("The mean squared error, RMSE times itself.")),
    "mase": (
        "MASE",
        _(
            "The average error beside that of repeating the last season one step ahead: below 1 is better than that."
        ),
    ),
    "scaled_rmse": (
        _("Error in spreads"),
        _(
            "RMSE in units of the spread that the series had when the forecast was made: it compares candidates."
        ),
    ),
    "smape": ("sMAPE", _("The average error beside the size of the value: 0.1 is about 10 %, 2 the worst.")),
}
ORDER = (
    "accuracy", "balanced_accuracy", "roc_auc", "average_precision", "precision", "recall", "f1", "log_loss",
    "brier", "calibration_error", "r2", "rmse", "mae", "median_absolute_error", "mse", "mase", "smape",
    "silhouette", "stability", "n_clusters", "largest_share", "n_clear", "contamination",
    "scaled_rmse",
)  # fmt: skip


def _metric(name: str) -> Metric:
    if name in SHARES:
        return Metric(name, *SHARES[name], shape="percent")
    if name in LARGER:
        return Metric(name, *LARGER[name])
    title, meaning = SMALLER[name]
    return Metric(name, title, format_lazy("{} {}", meaning, _("Smaller is better.")), is_smaller_better=True)


METRICS = {name: _metric(name) for name in ORDER}

HEADLINES = {
    "regression": ("r2", "rmse", "mae"),
    "binary": ("roc_auc", "accuracy", "log_loss"),
    "forecasting": ("mase", "mae", "rmse"),
    "multiclass": ("accuracy", "balanced_accuracy", "log_loss"),
    "clustering": ("silhouette", "stability", "n_clusters"),
    "anomaly": ("stability", "n_clear"),
}


def metric_of(name: str) -> Metric:
    """The metric with this name; an unknown metric gets its name as title."""
    return METRICS.get(name) or Metric(name, name.replace("_", " "), "")


def key_metrics(task: str) -> list[Metric]:
    """The two or three most important metrics of a task, for lists."""
    return [METRICS[name] for name in HEADLINES.get(task, ())]


def headline_metric(version: ModelVersion) -> Figure | None:
    """The most important metric of a version, or None if it has none of the key metrics."""
    for metric in key_metrics(version.task):
        value: Any = version.metrics.get(metric.name)
        if isinstance(value, int | float):
            return Figure(metric, float(value))
    return None
