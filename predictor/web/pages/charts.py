"""Charts of an evaluation report, each with a sentence that explains how to read it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...templatetags.mlweb import number

MAX_CONFUSED_CLASSES = 20
MAX_IMPORTANT = 15

LOSS_TITLES = {"log_loss": "log-loss", "rmse": "RMSE"}


@dataclass(frozen=True)
class Chart:
    """A chart: the arguments of `{% chart %}`, and a sentence that explains how to read it."""

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
    """A range with round ends that holds all values. Both axes use it, so that x = y is the diagonal."""
    low, high = min(values, default=0.0), max(values, default=1.0)
    span = high - low or abs(high) or 1.0
    step = 10.0 ** math.floor(math.log10(span)) / 2
    return [math.floor(low / step) * step, math.ceil(high / step) * step or step]


def bins_of(histogram: Mapping[str, Any]) -> list[dict[str, Any]]:
    edges = histogram["edges"]
    return [
        {"low": low, "high": high, "count": count}
        for low, high, count in zip(edges, edges[1:], histogram["counts"], strict=False)
    ]


def residuals_chart(report: Mapping[str, Any], target: str) -> Chart | None:
    residuals = report.get("residuals")
    if not residuals or not residuals.get("counts"):
        return None
    return Chart(
        "residuals",
        "histogram",
        {"bins": bins_of(residuals), "x": "predicted minus actual", "y": "rows"},
        "Errors",
        f"How far predictions of {target} are off",
        "How many rows were off by how much. A heap around 0 that falls off evenly to both sides is good; "
        "a long tail is a kind of row that the model does not understand.",
        "square",
    )


def _shapley_chart(data: Mapping[str, Any], n_others: int, rows: Any) -> Chart:
    others = f" The other {n_others} matter less." if n_others else ""
    return Chart(
        "importance",
        "bar",
        data,
        "What the model looks at",
        "How much each column adds to an answer or takes from it",
        f"The bar is the mean absolute Shapley value of the column in {number(rows)} rows: how far it moved "
        "their answers. "
        "There was no time to shuffle each column, which would say how much worse the answers get without it."
        f"{others}",
        "tall" if len(data["labels"]) > 8 else "",
    )


def importance_chart(report: Mapping[str, Any]) -> Chart | None:
    columns = [each for each in report.get("importance") or [] if each.get("mean") is not None]
    if not columns:
        return None
    top = columns[:MAX_IMPORTANT]
    is_shapley = report.get("importance_kind") == "shapley"
    loss = LOSS_TITLES.get(report.get("metric", ""), "error")
    measure = "mean contribution to an answer" if is_shapley else f"rise of the {loss}"
    data = {
        "labels": [each["column"] for each in top],
        "series": [{"name": measure, "values": [each["mean"] for each in top]}],
        "errors": [[each["mean"] - each["spread"], each["mean"] + each["spread"]] for each in top],
        "horizontal": True,
        "x": measure,
        "y": "",
    }
    n_others, rows = len(columns) - len(top), report.get("importance_rows")
    if is_shapley:
        return _shapley_chart(data, n_others, rows)
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
