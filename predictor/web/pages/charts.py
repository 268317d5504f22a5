"""Charts of an evaluation report, each with a sentence that explains how to read it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ...templatetags.mlweb import number
from ..charts.chart import Chart
from ..charts.scales import linear_scale

MAX_CONFUSED_CLASSES = 20
MAX_IMPORTANT = 15

LOSS_TITLES = {"log_loss": gettext_lazy("log-loss"), "rmse": "RMSE"}


def confusion_chart(report: Mapping[str, Any]) -> Chart | None:
    matrix, classes = report.get("confusion"), report.get("classes")
    if not matrix or not classes or len(classes) > MAX_CONFUSED_CLASSES:
        return None
    return Chart(
        "confusion",
        "heatmap",
        {"rows": classes, "columns": classes, "values": matrix, "x": _("predicted"), "y": _("actual")},
        _("Confusion matrix"),
        _("How many rows of each class were predicted as which class"),
        _(
            "Each line is a true class, each column a predicted class. The diagonal shows right "
            "answers; dark squares beside it show frequent mistakes."
        ),
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
            "x": _("actual"),
            "y": _("predicted"),
            "xRange": both,
            "yRange": both,
        },
        _("Predicted against actual"),
        _("Predicted against actual %(target)s") % {"target": target},
        _(
            "Each dot is one held-out row. On the dashed line the prediction was exact; above it too high, "
            "below too low."
        ),
        "square",
    )


def round_range(values: Sequence[float]) -> list[float]:
    """A range with round ends that holds all values. Both axes use it, so that x = y is the diagonal."""
    scale = linear_scale(min(values, default=0.0), max(values, default=1.0))
    return [scale.low, scale.high]


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
        {"bins": bins_of(residuals), "x": _("predicted minus actual"), "y": _("rows")},
        _("Errors"),
        _("How far predictions of %(target)s are off") % {"target": target},
        _(
            "How many rows were off by how much. Most errors should be near 0, equally often too "
            "high and too low; a long tail shows rows that the model predicts badly."
        ),
        "square",
    )


def importance_chart(report: Mapping[str, Any]) -> Chart | None:
    columns = [each for each in report.get("importance") or [] if each.get("mean") is not None]
    if not columns:
        return None
    top = columns[:MAX_IMPORTANT]
    is_shapley = report.get("importance_kind") == "shapley"
    loss = str(LOSS_TITLES.get(report.get("metric", "")) or _("error"))
    measure = (
        _("mean contribution to an answer") if is_shapley else _("rise of the %(loss)s") % {"loss": loss}
    )
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
        label = _("How much each column adds to an answer or takes from it")
        meaning = _shapley_meaning(rows)
    else:
        label = _("How much the %(loss)s rises when one column is shuffled") % {"loss": loss}
        meaning = _shuffled_meaning(loss, rows)
    if n_others:
        meaning += " " + _("The other %(n)s matter less.") % {"n": n_others}
    return Chart("importance", "bar", data, _("What the model looks at"), label, meaning)


def _shapley_meaning(rows: Any) -> str:
    return _(
        "The bar is the mean absolute Shapley value of the column in %(rows)s rows: how far it moved their answers. "
        "There was no time to shuffle each column, which would say how much worse the answers get without it."
    ) % {"rows": number(rows)}


def _shuffled_meaning(loss: str, rows: Any) -> str:
    if not rows:
        return _(
            "Each column was shuffled in turn, which removes its information. The bar is how much "
            "worse the %(loss)s got, the thin line its spread over repeats. Columns near 0 could "
            "be left out."
        ) % {"loss": loss}
    return _(
        "Each column was shuffled in turn, which removes its information (%(rows)s held-out "
        "rows). The bar is how much worse the %(loss)s got, the thin line its spread over "
        "repeats. Columns near 0 could be left out."
    ) % {"loss": loss, "rows": number(rows)}
