"""The part of a model's page about its quality on live rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from ...models import RegisteredModel
from ...services.monitoring import live_quality
from ...services.monitoring.live_quality import LiveQuality
from ...templatetags.mlweb import number, share
from ..charts.chart import Chart
from ..charts.palette import slot_of_version
from ..pages.metric_words import METRICS, Metric, metric_of

# The ranges of the chart of predictions, in days.
DAYS = {"day": 1, "30d": 30, "year": 365}
WHEN = {
    1: gettext_lazy("in the last 24 hours"),
    30: gettext_lazy("in the last 30 days"),
    365: gettext_lazy("in the last year"),
}
# The metrics of a table; the API has all of them.
SHOWN = (
    "accuracy", "balanced_accuracy", "roc_auc", "precision", "recall", "f1", "log_loss", "brier", "r2", "rmse", "mae",
    "median_absolute_error",
)  # fmt: skip


@dataclass(frozen=True)
class LiveRow:
    """A metric on live rows beside its held-out figure, as texts."""

    metric: Metric
    live: str
    interval: str
    held_out: str
    verdict: str
    is_worse: bool


@dataclass(frozen=True)
class LiveVersion:
    """One version on live rows. `sentence`: how many rows judge it."""

    number: int
    sentence: str
    notes: list[str]
    rows: list[LiveRow]
    charts: list[Chart]


def live_quality_of(model: RegisteredModel, span: str) -> dict[str, Any]:
    """What the template needs."""
    days = DAYS.get(span, 30)
    found = live_quality.of_model(model, days=days)
    return {
        "when": WHEN[days],
        "versions": [_version(each) for each in found],
        "course": _course_chart(found),
    }


def _version(quality: LiveQuality) -> LiveVersion:
    if quality.n_predictions is None:
        n = quality.n_actuals
        sentence = ngettext(
            "%(n)s prediction has an actual value.", "%(n)s predictions have an actual value.", n
        ) % {"n": number(n)}
    else:
        sentence = _("%(n)s of %(all)s predictions have an actual value (%(share)s).") % {
            "n": number(quality.n_actuals),
            "all": number(quality.n_predictions),
            "share": share(quality.share),
        }
    return LiveVersion(
        quality.version.number, sentence, list(_notes(quality)), _rows(quality), _charts(quality)
    )


def _notes(quality: LiveQuality) -> Sequence[str]:
    notes = []
    if quality.is_cut:
        notes.append(_("The newest %(n)s of them are judged.") % {"n": number(quality.n_rows)})
    if quality.n_other_classes:
        n = quality.n_other_classes
        notes.append(
            ngettext(
                "%(n)s actual value is a class that the version does not know; it is left out.",
                "%(n)s actual values are classes that the version does not know; they are left out.",
                n,
            )
            % {"n": number(n)}
        )
    if quality.n_unanswered:
        n = quality.n_unanswered
        notes.append(
            ngettext(
                "%(n)s prediction without an answer is left out.",
                "%(n)s predictions without an answer are left out.",
                n,
            )
            % {"n": number(n)}
        )
    if quality.figures and not any(each.interval for each in quality.figures):
        notes.append(_("These are too few rows for intervals: the figures are rough."))
    return notes


def _rows(quality: LiveQuality) -> list[LiveRow]:
    figures = {each.name: each for each in quality.figures}
    rows = []
    for name in [each for each in METRICS if each in figures and each in SHOWN]:
        figure, metric = figures[name], metric_of(name)
        verdict, is_worse = "", False
        if figure.is_other and figure.value is not None and figure.held_out is not None:
            is_worse = (figure.value > figure.held_out) == metric.is_smaller_better
            verdict = _("worse") if is_worse else _("better")
        elif figure.interval is not None and figure.held_out is not None:
            verdict = _("no clear difference")
        interval = ""
        if figure.interval:
            low, high = map(metric.shown, figure.interval)
            interval = _("%(low)s to %(high)s") % {"low": low, "high": high}
        held_out = metric.shown(figure.held_out)
        rows.append(LiveRow(metric, metric.shown(figure.value), interval, held_out, verdict, is_worse))
    return rows


def _charts(quality: LiveQuality) -> list[Chart]:
    performance, classes = quality.performance, quality.version.signature.class_names
    if performance is None or performance.confusion is None or len(classes) > 20:
        return []
    n = quality.version.number
    chart = Chart(
        f"live-confusion-{n}",
        "heatmap",
        {
            "rows": classes,
            "columns": classes,
            "values": performance.confusion,
            "x": _("predicted"),
            "y": _("actual"),
        },
        _("Confusion matrix on live rows"),
        _("How many rows of each class were predicted as which class"),
        "",
    )
    return [chart]


def _course_chart(found: Sequence[LiveQuality]) -> Chart | None:
    """The metric of each version over time; nothing before there are two periods."""
    drawn = [each for each in found if len(each.course) > 1]
    if not drawn:
        return None
    metric = metric_of(drawn[0].course_of)
    data = {
        "series": [
            {
                "name": _("version %(number)s") % {"number": each.version.number},
                "points": [[period.start.isoformat(), period.value] for period in each.course],
                "slot": slot_of_version(each.version.number),
            }
            for each in drawn
        ],
        "dates": True,
        "percent": metric.shape == "percent",
        "x": _("time of the prediction"),
        "y": str(metric.title),
    }
    return Chart(
        "live-course",
        "line",
        data,
        _("%(metric)s over time") % {"metric": metric.title},
        _("%(metric)s on live rows over time") % {"metric": metric.title},
        _("By the time of the prediction. Days or weeks with fewer than %(n)s actual values are left out.")
        % {"n": live_quality.FEWEST_IN_PERIOD},
    )
