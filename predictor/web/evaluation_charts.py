"""The drawings of an evaluation, each with a plain sentence that says how to read it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..templatetags.mlweb import number

MAX_CURVES = 6
MAX_CONFUSED_CLASSES = 20
MAX_IMPORTANT = 15

LOSS_TITLES = {"log_loss": "log-loss", "rmse": "RMSE"}


@dataclass(frozen=True)
class Chart:
    """One drawing: what `{% chart %}` needs, and a sentence that says how to read it."""

    id: str
    kind: str
    data: Mapping[str, Any]
    title: str
    label: str
    meaning: str
    size: str = ""


def confusion_chart(report: Mapping[str, Any]) -> Chart | None:
    matrix, classes = report.get("confusion"), report.get("classes")
    if not matrix or not classes or len(classes) > MAX_CONFUSED_CLASSES:
        return None
    return Chart(
        "confusion",
        "heatmap",
        {"rows": classes, "columns": classes, "values": matrix, "x": "predicted", "y": "actual"},
        "Confusion matrix",
        "How many rows of each class were predicted as which class",
        "Each line is one true class, each column what the model said. On the diagonal it was right; "
        "the dark squares beside it are its habitual mistakes.",
        "square" if len(classes) <= 6 else "tall",
    )


def curve_charts(report: Mapping[str, Any]) -> list[Chart | None]:
    shown = shown_classes(report)
    return [roc_chart(shown), precision_recall_chart(shown), calibration_chart(shown)]


def shown_classes(report: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The positive class of two; else those with the most rows."""
    classes = report.get("per_class") or []
    if len(classes) == 2:
        return [classes[1]]
    return sorted(classes, key=lambda each: -(each.get("support") or 0))[:MAX_CURVES]


def series_of(classes: Sequence[Mapping[str, Any]], curve: str, x: str, y: str) -> list[dict[str, Any]]:
    found = []
    for each in classes:
        points = each.get(curve)
        if points:
            pairs = [list(pair) for pair in zip(points[x], points[y], strict=False)]
            found.append({"name": each["class"], "points": pairs})
    return found


def roc_chart(classes: Sequence[Mapping[str, Any]]) -> Chart | None:
    series = series_of(classes, "roc", "false_positive_rate", "true_positive_rate")
    if not series:
        return None
    return Chart(
        "roc",
        "line",
        {"series": series, "diagonal": True, "x": "false alarms", "y": "found",
         "xRange": [0, 1], "yRange": [0, 1]},
        "ROC curve" + of_class(series),
        "ROC curve: share of the class that is found against share of false alarms",
        "Each point is one threshold: how many true cases are found (up) for how many false alarms (right). "
        "The dashed line is guessing; the further above it, the better.",
        "square",
    )  # fmt: skip


def precision_recall_chart(classes: Sequence[Mapping[str, Any]]) -> Chart | None:
    series = series_of(classes, "precision_recall", "recall", "precision")
    if not series:
        return None
    return Chart(
        "precision-recall",
        "line",
        {"series": series, "x": "recall", "y": "precision", "xRange": [0, 1], "yRange": [0, 1]},
        "Precision and recall" + of_class(series),
        "Precision against recall",
        "To find more of the class (right) one accepts more false alarms among the hits (down). "
        "Look here rather than at the ROC curve when the class is rare.",
        "square",
    )


def calibration_chart(classes: Sequence[Mapping[str, Any]]) -> Chart | None:
    series = series_of(classes, "calibration", "predicted", "observed")
    if not series:
        return None
    return Chart(
        "calibration",
        "line",
        {"series": series, "diagonal": True, "x": "predicted probability", "y": "share that happened",
         "xRange": [0, 1], "yRange": [0, 1]},
        "Calibration" + of_class(series),
        "Predicted probability against the share that really happened",
        "Of the rows given a probability of 70 %, about 70 % should be the class: a line on the dashed one. "
        "Below it the model is too sure of itself, above it too shy.",
        "square",
    )  # fmt: skip


def of_class(series: Sequence[Mapping[str, Any]]) -> str:
    return f" of “{series[0]['name']}”" if len(series) == 1 else ""


def points_chart(report: Mapping[str, Any], target: str) -> Chart | None:
    points = report.get("points")
    if not points or not points.get("actual"):
        return None
    pairs = [list(pair) for pair in zip(points["actual"], points["predicted"], strict=False)]
    both = round_range([value for pair in pairs for value in pair if value is not None])
    return Chart(
        "points",
        "scatter",
        {
            "series": [{"name": target, "points": pairs}],
            "diagonal": True,
            "x": "actual",
            "y": "predicted",
            "xRange": both,
            "yRange": both,
        },
        "Predicted against actual",
        f"Predicted against actual {target}",
        "Each dot is one held-out row. On the dashed line the prediction was exact; above it too high, "
        "below too low.",
        "square",
    )


def round_range(values: Sequence[float]) -> list[float]:
    """A range of round ends that holds all values: both axes share it, so the diagonal is one."""
    low, high = min(values, default=0.0), max(values, default=1.0)
    span = high - low or abs(high) or 1.0
    step = 10.0 ** math.floor(math.log10(span)) / 2
    return [math.floor(low / step) * step, math.ceil(high / step) * step or step]


def residuals_chart(report: Mapping[str, Any], target: str) -> Chart | None:
    residuals = report.get("residuals")
    if not residuals or not residuals.get("counts"):
        return None
    edges, counts = residuals["edges"], residuals["counts"]
    bins = [
        {"low": low, "high": high, "count": count}
        for low, high, count in zip(edges, edges[1:], counts, strict=False)
    ]
    return Chart(
        "residuals",
        "histogram",
        {"bins": bins, "x": "predicted minus actual", "y": "rows"},
        "Errors",
        f"How far predictions of {target} are off",
        "How many rows were off by how much. A heap around 0 that falls off evenly to both sides is good; "
        "a long tail is a kind of row that the model does not understand.",
        "square",
    )


def importance_chart(report: Mapping[str, Any]) -> Chart | None:
    found = [each for each in report.get("importance") or [] if each.get("mean") is not None]
    if not found:
        return None
    top = found[:MAX_IMPORTANT]
    loss = LOSS_TITLES.get(report.get("metric", ""), "error")
    data = {
        "labels": [each["column"] for each in top],
        "series": [{"name": f"rise of the {loss}", "values": [each["mean"] for each in top]}],
        "errors": [[each["mean"] - each["spread"], each["mean"] + each["spread"]] for each in top],
        "horizontal": True,
        "x": f"rise of the {loss}",
        "y": "",
    }
    n_others, rows = len(found) - len(top), report.get("importance_rows")
    sample = f" ({number(rows)} held-out rows)" if rows else ""
    others = f" The other {n_others} matter less." if n_others else ""
    return Chart(
        "importance",
        "bar",
        data,
        "What the model looks at",
        f"How much the {loss} rises when one column is shuffled",
        f"Each column was shuffled in turn, which takes its information away{sample}; the bar is how much "
        f"worse the {loss} got, the thin line its spread over repeats. Columns near 0 could be left out."
        f"{others}",
        "tall" if len(top) > 8 else "",
    )  # fmt: skip
