"""The evaluation report on the version page: a verdict, metrics and their baselines, charts.

Reads the JSON of `ml/evaluation/evaluation_report.py` leniently: an older or a missing report leaves parts out,
never fails.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ...i18n.translation import translated
from ...models import ModelVersion
from ...templatetags.mlweb import number, share
from ..charts.chart import Chart
from ..pages.charts import confusion_chart, importance_chart, points_chart, residuals_chart
from ..pages.metric_words import METRICS, Metric, metric_of
from .forecast_report import forecast_charts, forecast_facts
from .limits import SliceRow, learning_chart, learning_sentence, slice_rows, slice_score_title, tested_on
from .probability_charts import curve_charts

# As MIN_HELD_OUT of ml/evaluation/slices.py.
FEWEST_FOR_SLICES = 100
NO_FEATURES_NOTE = gettext_lazy(
    "“No features” gives every row the same answer, from the target alone: the score of a model "
    "that learnt nothing."
)
NESTED_NOTE = gettext_lazy(
    "The cross-validated figures are nested: each part is predicted with the candidates and weights that are "
    "chosen on the other parts."
)
INTERVALS_NOTE = gettext_lazy(
    "The small figures are 95 % intervals: the range in which the figure for all rows of this kind probably lies."
)


@dataclass(frozen=True)
class MetricRow:
    """One metric: on held-out rows, by cross-validation, and for each baseline."""

    metric: Metric
    held_out: float | None
    cross_validated: float | None
    baselines: tuple[tuple[str, float | None], ...]
    interval: str = ""
    cross_interval: str = ""

    @property
    def beats_dummy(self) -> bool | None:
        dummy = self.baselines[0][1] if self.baselines else None
        # A constant prediction is calibrated by construction: a larger calibration error is no defect.
        is_unfair = self.metric.name == "calibration_error"
        if is_unfair or self.held_out is None or dummy is None or self.held_out == dummy:
            return None
        return (self.held_out < dummy) == self.metric.is_smaller_better


class ReportView:
    """What the version page shows of its evaluation."""

    def __init__(self, version: ModelVersion):
        self.version = version
        self.report: Mapping[str, Any] = version.report

    @property
    def is_empty(self) -> bool:
        return not self.report.get("held_out")

    @property
    def n_rows(self) -> int | None:
        return self.report.get("n_rows")

    @property
    def rows_words(self) -> str:
        """How many rows or values the figures were measured on, and how these were chosen."""
        words = (
            _("%(n)s values that it never saw")
            if self.forecast_facts
            else _("%(n)s held-out rows that it never saw")
        ) % {"n": number(self.n_rows)}
        return f"{words} ({self.tested_on})" if self.tested_on else words

    @property
    def verdict(self) -> Mapping[str, Any]:
        return self.report.get("verdict") or {}

    @property
    def tone(self) -> str:
        """good, bad, or warning where chance alone could explain the difference or a baseline is better."""
        if any(each.get("outcome") == "worse" for each in (self.verdict.get("comparisons") or [])[1:]):
            return "warning"
        if self.verdict.get("is_better"):
            return "good"
        return "bad" if self.verdict.get("is_sure") else "warning"

    @property
    def worries(self) -> Sequence[str]:
        return self.verdict.get("worries") or []

    @property
    def tested_on(self) -> str:
        return tested_on(self.report)

    @property
    def forecast_charts(self) -> list[Chart]:
        """Line charts over time; they need the whole width."""
        return forecast_charts(self.report, self.version.signature.target)

    @property
    def forecast_facts(self) -> str:
        """What was forecast and how it was tested; empty for other tasks."""
        return forecast_facts(self.report)

    @property
    def slices(self) -> list[SliceRow]:
        return slice_rows(self.report)

    @property
    def slice_score_title(self) -> str:
        return slice_score_title(self.report)

    @property
    def slices_absence(self) -> str:
        """Why no part of the rows was looked at; "" where some were, and for reports from before there were any."""
        if self.n_slices_tested or "slices" not in self.report:
            return ""
        if (self.report.get("n_rows") or 0) < FEWEST_FOR_SLICES:
            return _(
                "There are too few held-out rows to look for parts where it errs more: a part "
                "needs %(fewest_for_slices)s rows."
            ) % {"fewest_for_slices": FEWEST_FOR_SLICES}
        return _("Where it errs most was not looked at: no column has parts with enough held-out rows.")

    @property
    def n_slices_tested(self) -> int:
        return self.report.get("n_slices_tested") or 0

    @property
    def learning_sentence(self) -> str:
        return learning_sentence(self.report)

    @property
    def learning_chart(self) -> Chart | None:
        return learning_chart(self.report)

    @property
    def baseline_notes(self) -> Sequence[str]:
        return self.report.get("baseline_notes") or []

    @property
    def baselines(self) -> Sequence[Mapping[str, Any]]:
        return self.report.get("baselines") or []

    @property
    def baseline_titles(self) -> list[str]:
        return [
            _("No features")
            if each.get("key") == "dummy"
            else str(translated(each.get("title") or each.get("key")))
            for each in self.baselines
        ]

    @property
    def cross_validation(self) -> Mapping[str, Any]:
        return self.report.get("cross_validation") or {}

    @property
    def cross_validation_title(self) -> str:
        n_folds = self.cross_validation.get("n_folds")
        return _("%(n_folds)s-fold CV") % {"n_folds": n_folds} if n_folds else "CV"

    @property
    def metric_notes(self) -> list[str]:
        """How to read the table of metrics, a sentence for each kind of figure in it."""
        notes = []
        if self.baselines and self.baselines[0].get("key") == "dummy":
            notes.append(NO_FEATURES_NOTE)
        if self.cross_validation.get("metrics"):
            n_rows = self.cross_validation.get("n_rows")
            rows = _("%(n)s training rows") % {"n": number(n_rows)} if n_rows else _("training rows")
            notes.append(
                _(
                    "Cross-validation measures on each part of %(rows)s in turn; a figure much better "
                    "than the held-out one would point to overfitting."
                )
                % {"rows": rows}
            )
        if self.cross_validation.get("is_nested"):
            notes.append(NESTED_NOTE)
        if any(row.interval for row in self.metric_rows[:1]):
            notes.append(INTERVALS_NOTE)
        return [*map(str, notes), *map(translated, self.baseline_notes)]

    @property
    def metric_rows(self) -> list[MetricRow]:
        held_out = self.report.get("held_out") or {}
        validated = self.cross_validation.get("metrics") or {}
        intervals = self.report.get("intervals") or {}
        cross_intervals = self.cross_validation.get("intervals") or {}
        names = [name for name in METRICS if name in held_out] + [
            name for name in held_out if name not in METRICS
        ]
        return [
            MetricRow(
                metric_of(name),
                held_out[name],
                validated.get(name),
                tuple(
                    (title, (each.get("held_out") or {}).get(name))
                    for title, each in zip(self.baseline_titles, self.baselines, strict=True)
                ),
                range_text(metric_of(name), intervals.get(name)),
                range_text(metric_of(name), cross_intervals.get(name)),
            )
            for name in names
        ]

    @property
    def per_class(self) -> Sequence[Mapping[str, Any]]:
        return self.report.get("per_class") or []

    @property
    def charts(self) -> list[Chart]:
        charts = [
            confusion_chart(self.report),
            *curve_charts(self.report),
            points_chart(self.report, self.version.signature.target),
            residuals_chart(self.report, self.version.signature.target),
        ]
        return [each for each in charts if each]

    @property
    def importance_chart(self) -> Chart | None:
        return importance_chart(self.report)

    @property
    def importance(self) -> dict[str, float]:
        return {each["column"]: each["mean"] for each in self.report.get("importance") or []}


def range_text(metric: Metric, interval: Sequence[float] | None) -> str:
    """A 95 % confidence interval as text, formatted as the metric."""
    if not interval:
        return ""
    return _("%(low)s to %(high)s") % {"low": metric.shown(interval[0]), "high": metric.shown(interval[1])}


def parity_sentence(version: ModelVersion) -> str:
    """The ONNX parity check in a sentence: the served file compared with the fitted pipeline."""
    parity = version.parity or {}
    rows = number(parity.get("n_rows"))
    difference, agree = parity.get("max_abs_difference"), parity.get("labels_agree")
    if not version.is_compiled:
        reason = str(parity.get("reason") or "").strip().rstrip(".")
        return (
            _("In-process: scikit-learn itself answers, because %(reason)s.")
            % {"reason": translated(lower_first(reason))}
            if reason
            else _("In-process: scikit-learn itself answers.")
        )
    if difference is None:
        return _("Compiled: ONNX Runtime answers.")
    gap = (
        _("the largest difference is %(difference)s") % {"difference": f"{float(difference):.1g}"}
        if difference
        else _("there is no difference")
    )
    words = {"gap": gap, "rows": rows, "share": share(agree) if agree is not None else ""}
    if agree is None:
        return _("Compiled: ONNX Runtime answers as scikit-learn does; %(gap)s on %(rows)s rows.") % words
    if agree == 1:
        sentence = _(
            "Compiled: ONNX Runtime answers as scikit-learn does; %(gap)s on %(rows)s rows, "
            "and all labels agree."
        )
    else:
        sentence = _(
            "Compiled: ONNX Runtime answers as scikit-learn does; %(gap)s on %(rows)s rows, "
            "and %(share)s of the labels agree."
        )
    return sentence % words


def lower_first(text: str) -> str:
    return text[:1].lower() + text[1:] if text[1:2].islower() else text
