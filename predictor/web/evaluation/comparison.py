"""The comparison of two to ten versions of a model, as a page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ...errors import MlwebError, NotFound
from ...ml.types.schema import Task
from ...models import CHAMPION, RegisteredModel
from ...services.registry import version_table
from ...services.registry.comparison import Comparison
from ...services.registry.paired_comparison import Disagreement
from ...services.registry.version_table import FEWEST, MOST, ComparedRow, MetricRow, VersionTable, standing_of
from ...templatetags.mlweb import duration, moment, number
from ...templatetags.registry import cell, filesize_si
from ..pages.metric_words import metric_of
from ..pages.model_page import ModelPage
from ..pages.refusals import refused
from .comparison_charts import overlaid_charts
from .flat_params import flat

MAX_LISTED = 100
TITLES = {
    "estimator": gettext_lazy("Fitted"),
    "task": gettext_lazy("Task"),
    "target": gettext_lazy("Target"),
    "threshold": gettext_lazy("Threshold"),
    "positive_class": gettext_lazy("Positive class"),
    "served": gettext_lazy("Served"),
    "n_bytes": gettext_lazy("Size of all files"),
    "training_seconds": gettext_lazy("Time of training"),
    "mean_latency_ms": gettext_lazy("Mean time of a request"),
    "name": gettext_lazy("Dataset"),
    "n_rows": gettext_lazy("Rows"),
    "n_columns": gettext_lazy("Columns"),
    "sha256": gettext_lazy("SHA-256"),
    "split": gettext_lazy("Split"),
    "split_column": gettext_lazy("Split by"),
    "n_held_out": gettext_lazy("Held-out rows"),
    "created_at": gettext_lazy("Made"),
}
SHOWN: Mapping[str, Callable[[Any], Any]] = {
    "n_bytes": filesize_si,
    "n_rows": number,
    "n_columns": number,
    "n_held_out": number,
    "threshold": lambda value: number(value, 4),
    "training_seconds": duration,
    "mean_latency_ms": lambda value: f"{number(value, 3)} ms",
    "created_at": moment,
    "sha256": lambda value: f"{value[:16]}…",
}
STANDINGS = {
    "base": gettext_lazy("base"),
    "better": gettext_lazy("better"),
    "worse": gettext_lazy("worse"),
    "no clear difference": gettext_lazy("no clear difference"),
    "not tested": gettext_lazy("not tested"),
}
TAGS = {"better": "tag-good", "worse": "tag-bad"}


class VersionCompare(ModelPage):
    # Links of before more than two could be compared have `a` and `b`.
    query_names = ("version", "base", "a", "b")

    def get(self, request: HttpRequest, workspace: str, slug: str) -> HttpResponse:
        model = self.load_model(slug)
        old = [request.GET[name] for name in ("a", "b") if name in request.GET]
        given = list(dict.fromkeys([*old, *request.GET.getlist("version")]))
        if "a" in request.GET and request.GET.get("a") == request.GET.get("b"):
            given = old[:1]
        numbers = [self._number(each) for each in given]
        base = self._number(request.GET["base"]) if request.GET.get("base") else None
        context: dict[str, Any] = {"model": model, "fewest": FEWEST, "most": MOST}
        error: MlwebError | None = None
        if len(numbers) >= FEWEST:
            try:
                versions = version_table.load(model, numbers)
                # The base is offered among all versions: one that is not chosen leaves the first.
                table = version_table.table_of(versions, base=base if base in numbers else None)
                context |= shown(table, model)
            except NotFound as problem:
                raise Http404(problem.message) from None
            except MlwebError as problem:
                error = problem
        context |= {"error": error, "listed": self._listed(numbers), "chosen": numbers, "base_number": base}
        response = render(request, "predictor/evaluation/version_compare.html", context)
        return refused(response, error)

    def _number(self, text: str) -> int:
        if not (text.isascii() and text.isdecimal() and len(text) < 10):
            raise Http404(_("There is no such version."))
        return int(text)

    def _listed(self, numbers: Sequence[int]) -> list[Mapping[str, Any]]:
        """The newest versions, and the chosen ones, to choose from."""
        versions = self.registered_model.versions.order_by("-number").values(
            "number", "estimator", "threshold"
        )
        newest = list(versions[:MAX_LISTED])
        shown_numbers = {each["number"] for each in newest}
        return [
            *newest,
            *versions.filter(number__in=[each for each in numbers if each not in shown_numbers][:MOST]),
        ]


def shown(table: VersionTable, model: RegisteredModel) -> dict[str, Any]:
    """What the page shows of a comparison."""
    champion = model.aliases.filter(alias=CHAMPION).values_list("model_version__number", flat=True).first()
    params = _flat_rows(table)
    features = table.features
    return {
        "found": table,
        "base": table.base,
        "versions": table.versions,
        "champion_number": champion,
        "verdicts": [_verdict(pair) for pair in table.pairs],
        "metrics": [_metric_row(row) for row in table.metrics],
        "facts": [_fact_row(row) for row in (*table.facts, *table.dataset) if _is_known(row)],
        "is_classification": Task(table.base.task).is_classification,
        "params": params,
        "n_different_params": sum(not row["is_same"] for row in params),
        "different_features": [row for row in features if not row.is_same],
        "n_same_features": sum(row.is_same for row in features),
        "charts": overlaid_charts(table.versions),
        "disagreements": [
            _disagreement(pair, pair.disagreement) for pair in table.pairs if pair.disagreement
        ],
    }


def _metric_row(row: MetricRow) -> dict[str, Any]:
    metric = metric_of(row.name)
    cells = []
    for each in row.cells:
        tested = each.tested if each.tested is not None and each.tested.is_tested else None
        cells.append(
            {
                "number": each.number,
                "value": metric.shown(each.value),
                "interval": f"{metric.shown(each.low)} – {metric.shown(each.high)}"
                if each.low is not None
                else "",
                "standing": each.standing,
                "words": STANDINGS[each.standing],
                "tag": TAGS.get(each.standing, ""),
                "is_tested": tested is not None,
                "difference": f"{tested.difference:+.3g}" if tested and tested.difference else "",
                "p": _p_words(each.p) if tested else "",
            }
        )
    return {"metric": metric, "cells": cells}


def _p_words(p: float | None) -> str:
    if p is None:
        return ""
    return "p < 0.001" if p < 0.001 else f"p = {p:.2g}"


def _is_known(row: ComparedRow) -> bool:
    return any(value is not None for value in row.values)


def _fact_row(row: ComparedRow) -> dict[str, Any]:
    show = SHOWN.get(row.name, cell)
    values = ["–" if value is None else show(value) for value in row.values]
    is_mono = row.name == "sha256"
    return {
        "title": TITLES.get(row.name, row.name),
        "values": values,
        "is_same": row.is_same,
        "is_mono": is_mono,
    }


def _flat_rows(table: VersionTable) -> list[dict[str, Any]]:
    """Hyperparameters of all versions by their path, those that differ first."""
    found = [dict(flat(version.params)) for version in table.versions]
    names = dict.fromkeys(name for each in found for name in each)
    rows = [ComparedRow(name, tuple(each.get(name) for each in found)) for name in names]
    return [
        {
            "title": row.name,
            "values": [cell(value) for value in row.values],
            "is_same": row.is_same,
            "is_mono": True,
        }
        for row in sorted(rows, key=lambda row: row.is_same)
    ]


def _verdict(pair: Comparison) -> dict[str, Any]:
    standing = standing_of(pair)
    return {"pair": pair, "words": STANDINGS[standing], "tag": TAGS.get(standing, "")}


def _disagreement(pair: Comparison, found: Disagreement) -> dict[str, Any]:
    is_class = bool(pair.a.signature.classes)
    texts = [
        {name: str(value) if is_class else number(value) for name, value in vars(each).items()}
        for each in found.examples
    ]
    share_different = found.n_different / found.n_rows if found.n_rows else None
    return {
        "pair": pair,
        "found": found,
        "share": share_different,
        "is_class": is_class,
        "examples": texts,
    }
