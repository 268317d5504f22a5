"""Charts of class probabilities: ROC, precision and recall, calibration, gain, lift, decision threshold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _

from ..charts.chart import Chart
from ..charts.palette import slot_of_class

MAX_CURVES = 6
# For a smaller share of the rows, the lift is too noisy to draw.
LEAST_LIFTED = 0.01


def curve_charts(report: Mapping[str, Any]) -> list[Chart | None]:
    shown = shown_classes(report)
    return [roc_chart(shown), precision_recall_chart(shown), calibration_chart(shown)]


def shown_classes(report: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The positive class of two; else those with the most rows. Each has the `slot` of its place among all."""
    names = report.get("classes") or [each["class"] for each in report.get("per_class") or []]
    classes = [
        {**each, "slot": slot_of_class(each["class"], names)} for each in report.get("per_class") or []
    ]
    if len(classes) == 2:
        # Reports of before the positive class could be chosen have the second.
        positive = (report.get("decision") or {}).get("positive")
        return [next((each for each in classes if each["class"] == positive), classes[1])]
    return sorted(classes, key=lambda each: -(each.get("support") or 0))[:MAX_CURVES]


def roc_chart(classes: Sequence[Mapping[str, Any]]) -> Chart | None:
    series = series_of(classes, "roc", "false_positive_rate", "true_positive_rate")
    if not series:
        return None
    return Chart(
        "roc",
        "line",
        {"series": series, "diagonal": True, "x": _("false alarms"), "y": _("found"),
         "xRange": [0, 1], "yRange": [0, 1]},
        titled(_("ROC curve"), series),
        _("ROC curve: share of the class that is found against share of false alarms"),
        _(
            "Each point is one threshold: how many true cases are found (up) for how many false "
            "alarms (right). The dashed line is guessing; higher is better."
        ),
        "square",
    )  # fmt: skip


def precision_recall_chart(classes: Sequence[Mapping[str, Any]]) -> Chart | None:
    series = series_of(classes, "precision_recall", "recall", "precision")
    if not series:
        return None
    return Chart(
        "precision-recall",
        "line",
        {"series": series, "x": _("recall"), "y": _("precision"), "xRange": [0, 1], "yRange": [0, 1]},
        titled(_("Precision and recall"), series),
        _("Precision against recall"),
        _(
            "Finding more of the class (right) brings more false alarms (down). Use this curve "
            "rather than the ROC curve when the class is rare."
        ),
        "square",
    )


def calibration_chart(classes: Sequence[Mapping[str, Any]]) -> Chart | None:
    series = series_of(classes, "calibration", "predicted", "observed")
    if not series:
        return None
    return Chart(
        "calibration",
        "line",
        {"series": series, "diagonal": True, "x": _("predicted probability"), "y": _("share that happened"),
         "xRange": [0, 1], "yRange": [0, 1]},
        titled(_("Calibration"), series),
        _("Predicted probability against the share that really happened"),
        _(
            "Of the rows with a probability of 70 %, about 70 % should be of the class: the line "
            "is then on the dashed one. Below it the probabilities are too high, above it too "
            "low."
        ),
        "square",
    )  # fmt: skip


def gain_chart(classes: Sequence[Mapping[str, Any]]) -> Chart:
    series = series_of(classes, "gain", "rows", "found")
    return Chart(
        "gain",
        "line",
        {"series": series, "diagonal": True, "x": _("share of the rows"), "y": _("share of the class found"),
         "xRange": [0, 1], "yRange": [0, 1]},
        titled(_("Gain"), series),
        _("Share of the class found among the rows with the highest probability"),
        _(
            "Rows are sorted by probability, highest first. The steeper the line, the more of the "
            "class is found in few rows. The dashed line is a random order."
        ),
        "square",
    )  # fmt: skip


def lift_chart(classes: Sequence[Mapping[str, Any]]) -> Chart:
    series = [
        {
            "name": each["class"],
            "slot": each.get("slot", 1),
            "points": [
                [rows, found / rows]
                for rows, found in pairs(each["gain"], "rows", "found")
                if rows >= LEAST_LIFTED
            ],
        }
        for each in classes
    ]
    return Chart(
        "lift",
        "line",
        {"series": series, "x": _("share of the rows"), "y": _("lift"), "xRange": [0, 1]},
        titled(_("Lift"), series),
        _(
            "How many times as many rows of the class as by chance are among those with the highest probability"
        ),
        _(
            "The same, divided by what chance would find: 3 at 0.1 means that the top tenth holds three times its "
            "share."
        ),
        "square",
    )


def threshold_chart(points: Mapping[str, Any] | None, decision: Mapping[str, Any]) -> Chart | None:
    if not points or not points.get("threshold"):
        return None
    threshold = decision["threshold"]
    series = [
        {"name": name, "points": pairs(points, "threshold", key)}
        for name, key in ((_("precision"), "precision"), (_("recall"), "recall"), ("F1", "f1"))
    ]
    series.append(
        {"name": _("served threshold"), "points": [[threshold, 0], [threshold, 1]], "dashed": True, "slot": 8}
    )
    return Chart(
        "thresholds",
        "line",
        {"series": series, "x": _("threshold"), "y": _("share"), "xRange": [0, 1], "yRange": [0, 1]},
        _("Precision and recall over thresholds, for “%(positive)s”") % {"positive": decision["positive"]},
        _(
            "Precision, recall and F1 on held-out rows, over the probability from which the class is predicted"
        ),
        _(
            "Further right, the class is predicted only when it is more certain: fewer false "
            "alarms (precision up), more misses (recall down). The vertical line is the threshold "
            "of this version."
        ),
    )


def series_of(classes: Sequence[Mapping[str, Any]], curve: str, x: str, y: str) -> list[dict[str, Any]]:
    series = []
    for each in classes:
        points = each.get(curve)
        if points:
            series.append({"name": each["class"], "slot": each.get("slot", 1), "points": pairs(points, x, y)})
    return series


def pairs(points: Mapping[str, Any], x: str, y: str) -> list[list[Any]]:
    return [list(pair) for pair in zip(points[x], points[y], strict=False)]


def titled(title: str, series: Sequence[Mapping[str, Any]]) -> str:
    """The title, with the name of the class where there is only one."""
    if len(series) != 1:
        return title
    return _("%(title)s of “%(class)s”") % {"title": title, "class": series[0]["name"]}
