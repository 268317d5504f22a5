"""Limits of an evaluation: the split that it used, the slices with the highest loss, the learning curve."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...errors import InvalidTrainingRequest
from ...ml.types.split import SplitBy
from ...templatetags.mlweb import number, share
from ..charts.chart import Chart
from ..pages.charts import LOSS_TITLES

SLICE_SCORES = {"log_loss": "Log-loss", "mae": "Average error"}


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
        return SplitBy.from_json(split).words if split else ""
    except InvalidTrainingRequest:
        return ""


def slice_rows(report: Mapping[str, Any]) -> list[SliceRow]:
    return [_slice_row(each) for each in report.get("slices") or []]


def slice_score_title(report: Mapping[str, Any]) -> str:
    first = (report.get("slices") or [{}])[0]
    return SLICE_SCORES.get(first.get("metric", ""), "Loss")


def _slice_row(each: Mapping[str, Any]) -> SliceRow:
    rate, elsewhere = each.get("rate"), each.get("rate_elsewhere")
    score, score_elsewhere = each["score"], each["score_elsewhere"]
    wrong = "" if rate is None or elsewhere is None else f"{share(rate)} against {share(elsewhere)}"
    excess = "" if score_elsewhere <= 0 else _more(score / score_elsewhere)
    return SliceRow(each["words"], each["n_rows"], score, score_elsewhere, wrong, excess)


def _more(ratio: float) -> str:
    return f"{number(ratio, 2)} times" if ratio >= 2 else f"+ {round((ratio - 1) * 100)} %"


def learning_sentence(report: Mapping[str, Any]) -> str:
    return str((report.get("learning_curve") or {}).get("sentence") or "")


def learning_chart(report: Mapping[str, Any]) -> Chart | None:
    curve = report.get("learning_curve") or {}
    points = curve.get("points") or []
    if len(points) < 2:
        return None
    loss = LOSS_TITLES.get(curve.get("metric", ""), "error")
    series = [{"name": loss, "points": [[each["n_rows"], each["score"]] for each in points]}]
    folds = curve.get("n_folds")
    return Chart(
        "learning-curve",
        "line",
        {"series": series, "x": "rows learnt from", "y": loss, "xLog": True},
        "Would more rows help?",
        f"The {loss} after learning from more and more rows",
        f"{curve.get('candidate', 'The best candidate')} alone, fitted on parts of the rows and scored on the same "
        f"others each time, {'in one fold' if folds == 1 else f'the mean of {folds} folds'}. A line that still "
        "falls at its right end asks for more rows; a flat one for better columns.",
    )
