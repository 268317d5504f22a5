"""The backtest of a forecast on the version page: line charts over time, errors by step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from ...i18n.translation import translated
from ...ml.types.forecast_facts import forecast_sentences
from ..charts.chart import Chart
from ..pages.value_texts import day

BASELINE_TITLES = {
    "seasonal_naive": gettext_lazy("Seasonal naive"),
    "naive": gettext_lazy("Last value"),
    "drift": gettext_lazy("Drift"),
    "theta": gettext_lazy("Theta"),
    "damped": gettext_lazy("Exponential smoothing"),
    "sba": gettext_lazy("Croston (SBA)"),
    "tsb": gettext_lazy("TSB"),
}


def forecast_charts(report: Mapping[str, Any], target: str) -> list[Chart]:
    """The charts of a backtest; an empty list for other tasks and for older reports."""
    if report.get("task") != "forecasting":
        return []
    charts = [
        _backtest_chart(report, each, target, index) for index, each in enumerate(report.get("history") or [])
    ]
    errors = _error_chart(report)
    return [*charts, *([errors] if errors else [])]


def forecast_facts(report: Mapping[str, Any]) -> str:
    """The series, the horizon and the backtest, in a sentence."""
    if report.get("task") != "forecasting":
        return ""
    n_tested, horizon = report.get("n_series") or 1, report.get("horizon") or 0
    n = report.get("n_series_in_all") or n_tested
    series = _("One series") if n == 1 else _("%(n)s series") % {"n": f"{n:,}"}
    season = report.get("season") or 1
    ahead = ngettext("%(n)s period", "%(n)s periods", horizon) % {"n": f"{horizon:,}"}
    named = {"series": series, "frequency": report.get("frequency"), "season": season, "ahead": ahead}
    what = (
        _("%(series)s (%(frequency)s) with a season of %(season)s periods, up to %(ahead)s ahead.")
        if season > 1
        else _("%(series)s (%(frequency)s), up to %(ahead)s ahead.")
    )
    how = _(
        "It was fitted again at %(cuts)s moments of the past, each time on what was known then, "
        "and made %(forecasts)s forecasts of the following periods."
    )
    counts = {"cuts": report.get("n_cuts"), "forecasts": f"{report.get('n_forecasts') or 0:,}"}
    sample = [_tested_sentence(n_tested)] if n_tested < n else []
    served = report.get("served_method")
    instead = [str(translated(served["sentence"]))] if served else []
    return " ".join(
        [
            what % named,
            how % counts,
            *sample,
            *instead,
            *map(str, map(translated, forecast_sentences(report))),
        ]
    )


def _tested_sentence(n: int) -> str:
    """Said where not all series were tested: those that begin too late, or too many for the time."""
    sentence = ngettext(
        "%(n)s of the series was tested; the others are not in these figures.",
        "%(n)s of the series were tested; the others are not in these figures.",
        n,
    )
    return sentence % {"n": f"{n:,}"}


def _backtest_chart(report: Mapping[str, Any], history: Mapping[str, Any], target: str, index: int) -> Chart:
    name = history.get("series") or ""
    parts = [each for each in report.get("backtest") or [] if (each.get("series") or "") == name]
    known = _pairs(history["dates"], history["values"])
    series: list[dict[str, Any]] = [{"name": _("What came true"), "points": known}]
    series += [
        {
            "name": _("Forecast at %(day)s") % {"day": day(each["origin"])},
            "dashed": True,
            "points": _pairs(each["dates"], each["forecast"]),
        }
        for each in parts
    ]
    bands = [
        {
            "name": _("90 %% interval at %(day)s") % {"day": day(each["origin"])},
            "points": [
                [day(date), *ends]
                for date, *ends in zip(each["dates"], each["low"], each["high"], strict=True)
            ],
        }
        for each in parts
    ]
    subject = _("%(target)s of %(name)s") % {"target": target, "name": name} if name else target
    return Chart(
        f"backtest-{index}",
        "line",
        {"series": series, "bands": bands, "dates": True, "scale": True, "y": target},
        _("Forecasts of the past of %(name)s") % {"name": name} if name else _("Forecasts of the past"),
        _("%(subject)s as it was, and as it was forecast at %(n)s moments of the past")
        % {"subject": subject, "n": len(parts)},
        _(
            "Each dashed line is a forecast from what was known at its start. The shaded areas "
            "are its intervals: nine of ten values should lie inside."
        ),
        "tall",
    )


def _error_chart(report: Mapping[str, Any]) -> Chart | None:
    steps: Sequence[Mapping[str, Any]] = report.get("by_step") or []
    if len(steps) < 2:
        return None
    keys = list(steps[0].get("baselines") or {})
    series: list[dict[str, Any]] = [
        {"name": _("The model"), "points": [[each["step"], each["mae"]] for each in steps]}
    ]
    series += [
        {
            "name": str(BASELINE_TITLES.get(key, key)),
            "dashed": True,
            "points": [[each["step"], each["baselines"][key]["mae"]] for each in steps],
        }
        for key in keys
    ]
    return Chart(
        "errors-by-step",
        "line",
        {"series": series, "x": _("periods ahead"), "y": _("mean absolute error"), "xRange": [1, len(steps)]},
        _("Error by how far ahead"),
        _("Mean absolute error of the model and of simple forecasts, for each period ahead"),
        _("Periods further ahead are harder. The model is useful where its line is below the dashed ones."),
    )


def _pairs(dates: Sequence[str], values: Sequence[float | None]) -> list[list[Any]]:
    return [[day(date), value] for date, value in zip(dates, values, strict=True)]
