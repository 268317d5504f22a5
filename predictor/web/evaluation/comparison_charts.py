"""Curves of several versions in one chart: one series for each version."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from django.utils.translation import gettext as _

from ...models import ModelVersion
from ..charts.chart import Chart
from ..charts.overlays import SeriesGroup, overlaid
from ..pages.charts import points_chart, residuals_chart
from .probability_charts import calibration_chart, precision_recall_chart, roc_chart, shown_classes

REPORT_PARTS = ("per_class", "decision", "points", "residuals")
MAX_POINTS = 150


def overlaid_charts(versions: Sequence[ModelVersion]) -> list[Chart]:
    """ROC, precision-recall and calibration curves, predicted against actual values, and errors: those that exist.

    Curves of several classes are those of the class with the most rows.
    """
    reports = [(version, _report(version)) for version in versions]
    classes = {version.number: shown_classes(report)[:1] for version, report in reports}
    of_class = next((each[0]["class"] for each in classes.values() if each), None)
    charts = [
        _overlaid(versions, lambda version, draw=draw: draw(_of_class(classes[version.number], of_class)))
        for draw in (roc_chart, precision_recall_chart, calibration_chart)
    ]
    by_number = {version.number: report for version, report in reports}
    target = versions[0].signature.target
    charts.append(_overlaid(versions, lambda version: points_chart(by_number[version.number], target)))
    charts.append(_errors(versions, by_number))
    return [each for each in charts if each is not None]


def _report(version: ModelVersion) -> dict[str, Any]:
    return {name: version.part(name) for name in REPORT_PARTS}


def _of_class(classes: Sequence[Mapping[str, Any]], name: Any) -> Sequence[Mapping[str, Any]]:
    """Curves of another class would not be comparable."""
    return [each for each in classes if each["class"] == name]


def version_name(version: ModelVersion) -> str:
    return _("Version %(number)s") % {"number": version.number}


def _overlaid(
    versions: Sequence[ModelVersion], chart_of: Callable[[ModelVersion], Chart | None]
) -> Chart | None:
    """The chart of the first version that has one, with the series of all in the colours of their versions."""
    found = [(version, chart) for version in versions if (chart := chart_of(version)) is not None]
    if not found:
        return None
    groups = [
        SeriesGroup(version_name(version), version.number, [{**each, "points": _points(chart, each)}])
        for version, chart in found
        for each in chart.data["series"][:1]
    ]
    first = found[0][1]
    data = dict(first.data)
    for axis in ("xRange", "yRange"):
        ranges = [chart.data[axis] for _version, chart in found if axis in chart.data]
        if ranges:
            data[axis] = [min(low for low, _high in ranges), max(high for _low, high in ranges)]
    return overlaid(groups, chart=replace(first, data=data))


def _points(chart: Chart, series: Mapping[str, Any]) -> Sequence[Any]:
    """Dots of several versions hide each other: a part of them is drawn."""
    points: Sequence[Any] = series["points"]
    return points[:MAX_POINTS] if chart.kind == "scatter" else points


def _errors(versions: Sequence[ModelVersion], reports: Mapping[int, Mapping[str, Any]]) -> Chart | None:
    """Histograms as lines, in shares of the rows: versions may have been judged on different numbers of rows."""
    groups = []
    first: Chart | None = None
    for version in versions:
        chart = residuals_chart(reports[version.number], version.signature.target)
        if chart is None:
            continue
        first = first or chart
        total = sum(each["count"] for each in chart.data["bins"]) or 1
        points = [[(each["low"] + each["high"]) / 2, each["count"] / total] for each in chart.data["bins"]]
        groups.append(SeriesGroup(version_name(version), version.number, [{"points": points}]))
    if first is None:
        return None
    data = {"series": [], "x": first.data["x"], "y": _("share of the rows")}
    return overlaid(groups, chart=replace(first, kind="line", data=data))
