"""Evaluation page of an anomaly detection version: a verdict, the most unusual rows with their reasons, charts.

Reads the JSON of `ml/unsupervised/anomaly_report.py`; an old or incomplete report leaves parts out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _

from ...ml.types.row_query import MAX_ROWS
from ...templatetags.mlweb import number
from ..charts.chart import Chart
from ..pages.charts import MAX_IMPORTANT, bins_of
from ..pages.coverage_words import less_usual_than
from .unsupervised_page import DescribedPage


class AnomalyPage(DescribedPage):
    template = "predictor/evaluation/_anomalies.html"
    figure_names = ("contamination", "n_clear", "stability")

    @property
    def rows(self) -> Sequence[Mapping[str, Any]]:
        return [
            {**each, "less_usual_than": less_usual_than(each["score"])}
            for each in self.report.get("rows") or []
        ]

    @property
    def row_numbers(self) -> str:
        """The numbers of the rows in the dataset, for the page of its rows; "" where they are not known."""
        return ",".join(str(each["row"]) for each in self.rows[:MAX_ROWS] if each.get("row"))

    @property
    def has_table(self) -> bool:
        """Whether the rows can be shown: the dataset is there and has its data."""
        return self.version.dataset is not None and self.version.dataset.has_data

    @property
    def n_rows(self) -> int | None:
        return self.report.get("n_rows")

    @property
    def charts(self) -> list[Chart]:
        return [each for each in (scores_chart(self.report), columns_chart(self.report)) if each]


def scores_chart(report: Mapping[str, Any]) -> Chart | None:
    histogram, threshold = report.get("histogram"), report.get("threshold")
    if not histogram or not histogram.get("counts"):
        return None
    meaning = _(
        "An unusual row has a score near 1, an ordinary row about 0.5 or less. Clearly unusual "
        "rows are separate from the others, on the right."
    )
    if threshold is not None:
        called = _("From %(threshold)s on, a row is called unusual.")
        meaning += " " + called % {"threshold": number(float(threshold), 3)}
    return Chart(
        "isolation",
        "histogram",
        {"bins": bins_of(histogram), "x": _("isolation score"), "y": _("rows")},
        _("How unusual the rows are"),
        _("How many rows have which isolation score"),
        meaning,
    )


def columns_chart(report: Mapping[str, Any]) -> Chart | None:
    columns = [each for each in report.get("columns") or [] if each.get("mean") is not None]
    if not columns:
        return None
    top = columns[:MAX_IMPORTANT]
    return Chart(
        "columns",
        "bar",
        {
            "labels": [each["column"] for each in top],
            "series": [{"name": _("added to the score"), "values": [each["mean"] for each in top]}],
            "horizontal": True,
            "x": _("added to the score"),
            "y": "",
        },
        _("What makes rows unusual"),
        _("How much each column added to the scores of the most unusual rows"),
        _(
            "The mean over the rows in the table above. The columns at the top make these rows "
            "unusual; those near 0 do not."
        ),
        "tall" if len(top) > 8 else "",
    )
