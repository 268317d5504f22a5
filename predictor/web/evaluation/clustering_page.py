"""Evaluation page of a clustering version: verdict, clusters in words, charts.

Reads the JSON of `ml/unsupervised/cluster_report.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ...i18n.translation import translated
from ...models import ModelVersion
from ..charts.chart import Chart
from ..charts.palette import slot_of_place
from .unsupervised_page import DescribedPage


class ClusteringPage(DescribedPage):
    template = "predictor/evaluation/_clusters.html"
    figure_names = ("silhouette", "stability", "n_clusters", "largest_share")

    @property
    def clusters(self) -> Sequence[Mapping[str, Any]]:
        return self.report.get("clusters") or []

    @property
    def number_sentence(self) -> str:
        n = len(self.clusters)
        if self.report.get("is_proposed"):
            return ngettext(
                "%(n)s cluster was proposed, since that number divides the rows best.",
                "%(n)s clusters were proposed, since that number divides the rows best.",
                n,
            ) % {"n": n}
        return ngettext("%(n)s cluster was asked for.", "%(n)s clusters were asked for.", n) % {"n": n}

    @property
    def charts(self) -> list[Chart]:
        charts = [map_chart(self.report, self.clusters), sizes_chart(self.clusters)]
        charts += [scores_chart(each) for each in self.report.get("scores") or []]
        return [each for each in charts if each]


def cluster_sentence(version: ModelVersion, label: str) -> str:
    """The description of a cluster: "Cluster 2: 31 % of rows; age far above average (61 vs 39)." """
    clusters = ClusteringPage(version).clusters
    return next((str(each.get("sentence", "")) for each in clusters if each.get("name") == label), "")


def map_chart(report: Mapping[str, Any], clusters: Sequence[Mapping[str, Any]] = ()) -> Chart | None:
    drawn = report.get("map") or {}
    if not drawn.get("series"):
        return None
    return Chart(
        "map",
        "scatter",
        {
            "series": coloured(drawn["series"], clusters),
            "x": translated(drawn["x"]),
            "y": translated(drawn["y"]),
        },
        _("Map of the rows"),
        _("Rows along the two directions in which the table varies most, coloured by cluster"),
        _(
            "Each dot is a row; similar rows are close together. Two directions do not show "
            "everything: clusters that overlap here may be separate in a third."
        ),
        "square",
    )


def coloured(
    series: Sequence[Mapping[str, Any]], clusters: Sequence[Mapping[str, Any]]
) -> list[Mapping[str, Any]]:
    """The series, each with the colour of its cluster's place."""
    names = [each["name"] for each in clusters]
    return [
        {
            **each,
            "name": translated(each.get("name")),
            "slot": slot_of_place(names.index(each["name"]) if each.get("name") in names else place),
        }
        for place, each in enumerate(series)
    ]


def sizes_chart(clusters: Sequence[Mapping[str, Any]]) -> Chart | None:
    if not clusters:
        return None
    return Chart(
        "sizes",
        "bar",
        {
            "labels": [translated(each["name"]) for each in clusters],
            "slots": [slot_of_place(place) for place in range(len(clusters))],
            "series": [{"name": _("share of rows"), "values": [each["share"] for each in clusters]}],
            "horizontal": True,
            "percent": True,
            "y": "",
        },
        _("How large they are"),
        _("The share of the rows in each cluster"),
        _(
            "One cluster with almost all rows, or several with very few rows, mean that the rest "
            "are outliers."
        ),
    )


def scores_chart(scores: Mapping[str, Any]) -> Chart | None:
    points = scores.get("points") or []
    if len(points) < 2:
        return None
    is_bic = scores.get("metric") == "bic"
    series: list[dict[str, Any]] = [{"name": _("this table"), "points": points}]
    if scores.get("chance"):
        series.append({"name": _("columns shuffled"), "points": scores["chance"], "dashed": True})
    score = _("BIC for each row") if is_bic else _("silhouette")
    is_kept = bool(scores.get("chosen"))
    selection_text = (
        _("Chosen: %(chosen)s.") % {"chosen": scores["chosen"]} if is_kept else _("This method was not kept.")
    )
    meaning = (
        _(
            "The Bayesian information criterion: how badly the clusters describe the rows, with a "
            "penalty for each cluster. The lowest point is proposed."
        )
        if is_bic
        else _(
            "How much closer rows are to their own cluster than to the next. The dashed line is "
            "for the same table with shuffled columns; the larger the gap, the clearer the "
            "clusters."
        )
    )
    return Chart(
        f"scores-{scores['method'].replace('_', '-')}",
        "line",
        {"series": series, "x": _("number of clusters"), "y": score, "xRange": [points[0][0], points[-1][0]]},
        _("How many clusters: %(title)s") % {"title": translated(scores["title"])},
        _("The %(score)s of each number of clusters, by %(title)s")
        % {"score": score, "title": translated(scores["title"])},
        f"{meaning} {selection_text}",
    )
