"""Limits of an evaluation: the split that it used, the slices with the highest loss, the learning curve."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ...errors import InvalidTrainingRequest
from ...i18n.translation import translated
from ...ml.types.split import SplitBy
from ...templatetags.mlweb import number, share
from ..charts.chart import Chart
from ..pages.charts import LOSS_TITLES

SLICE_SCORES = {"log_loss": gettext_lazy("Log-loss"), "mae": gettext_lazy("Average error")}


@dataclass(frozen=True)
class SliceRow:
    """A slice of the held-out rows with a higher loss than the rest, as a row of the table."""

    words: str
    n_rows: int
    score: float
    score_elsewhere: float
    wrong: str
    excess: str


def tested_on(report: Mapping[str, Any]) -> str:
    """The split in words, as in "Tested on …"; empty for a report without it."""
    split = (report.get("conditions") or {}).get("split")
    try:
        return str(translated(SplitBy.from_json(split).words)) if split else ""
    except InvalidTrainingRequest:
        return ""


def slice_rows(report: Mapping[str, Any]) -> list[SliceRow]:
    return [_slice_row(each) for each in report.get("slices") or []]


def slice_score_title(report: Mapping[str, Any]) -> str:
    first = (report.get("slices") or [{}])[0]
    return str(SLICE_SCORES.get(first.get("metric", ""), _("Loss")))


def _slice_row(each: Mapping[str, Any]) -> SliceRow:
    rate, elsewhere = each.get("rate"), each.get("rate_elsewhere")
    score, score_elsewhere = each["score"], each["score_elsewhere"]
    wrong = (
        ""
        if rate is None or elsewhere is None
        else _("%(share)s against %(share_2)s") % {"share": share(rate), "share_2": share(elsewhere)}
    )
    excess = "" if score_elsewhere <= 0 else _more(score / score_elsewhere)
    return SliceRow(each["words"], each["n_rows"], score, score_elsewhere, wrong, excess)


def _more(ratio: float) -> str:
    return (
        _("%(ratio)s times") % {"ratio": number(ratio, 2)}
        if ratio >= 2
        else f"+ {round((ratio - 1) * 100)} %"
    )


def learning_sentence(report: Mapping[str, Any]) -> str:
    return str((report.get("learning_curve") or {}).get("sentence") or "")


def learning_chart(report: Mapping[str, Any]) -> Chart | None:
    curve = report.get("learning_curve") or {}
    points = curve.get("points") or []
    if len(points) < 2:
        return None
    loss = str(LOSS_TITLES.get(curve.get("metric", "")) or _("error"))
    series = [{"name": loss, "points": [[each["n_rows"], each["score"]] for each in points]}]
    return Chart(
        "learning-curve",
        "line",
        {"series": series, "x": _("rows learnt from"), "y": loss, "xLog": True},
        _("Would more rows help?"),
        _("The %(loss)s after learning from more and more rows") % {"loss": loss},
        f"{_how_scored(curve)} "
        + _(
            "A line that still falls at its right end means that more rows would help; "
            "a flat one, that better columns would."
        ),
    )


def _how_scored(curve: Mapping[str, Any]) -> str:
    folds = curve.get("n_folds")
    sentence = (
        _("%(candidate)s alone, fitted on parts of the rows and scored on the same others, in one fold.")
        if folds == 1
        else _(
            "%(candidate)s alone, fitted on parts of the rows and scored on the same others, "
            "the mean of %(folds)s folds."
        )
    )
    candidate = translated(curve["candidate"]) if curve.get("candidate") else _("The best candidate")
    return sentence % {"candidate": candidate, "folds": folds}
