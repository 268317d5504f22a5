"""The pages of one version: Summary, Charts, Explain, Data, Details. Each loads what it shows."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponsePermanentRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from ...ml.types.monotone import monotone_sentences
from ...ml.types.run_options.row_weighting import weighting_sentences
from ...models import ModelVersion, without_documents
from ..charts.chart import Chart
from ..pages.model_page import ModelPage
from .completion import AbsentPartsView
from .evaluation import (
    PAGES,
    feature_row,
    lead_of,
    leaderboard,
    score_title,
    sorted_warnings,
    task_words,
)
from .flat_params import flat
from .partial_dependence import DependenceView
from .report import ReportView, parity_sentence
from .report_parts import ReportParts
from .slice_links import rows_url
from .version_summary import VersionSummary

OF_REPORT = ("dataset", "completion", "made_from__completion")
# Documents of the report with what was computed later.
REPORT = (
    "evaluation",
    "signature_json",
    *(
        f"{path}__{name}"
        for path in ("completion", "made_from__completion")
        for name in ("supplement", "computed", "parts", "refusals")
    ),
)
SUMMARY = (*REPORT, "warnings", "artifacts")


def versions_with(related: Iterable[str], documents: Collection[str]) -> QuerySet[ModelVersion]:
    """Versions with these related rows and documents; others are loaded when they are used."""
    return without_documents(ModelVersion.objects.select_related(*related), *related, but=documents)


class VersionPage(ModelPage):
    """Base class of the tabs. `tab`: its name in `includes/_tabs.html`; `related`: the rows that it
    shows, `documents`: the long columns of the version and of these rows."""

    tab: ClassVar[str]
    template: ClassVar[str]
    related: ClassVar[tuple[str, ...]] = OF_REPORT
    documents: ClassVar[tuple[str, ...]] = REPORT

    def get(self, request: HttpRequest, workspace: str, slug: str, number: int) -> HttpResponse:
        version = self.load_version(slug, number)
        context = {
            "model": self.registered_model,
            "version": version,
            "tab": self.tab,
            "aliases": list(version.aliases.values_list("alias", flat=True)),
            "lead": lead_of(version),
            **self.context_of(version),
        }
        return render(request, self.template, context)

    def load_version(self, slug: str, number: int) -> ModelVersion:
        model = self.load_model(slug)
        version = (
            versions_with(self.related, self.documents).filter(registered_model=model, number=number).first()
        )
        if version is None:
            raise Http404(_("%(name)s has no version %(number)s.") % {"name": model.name, "number": number})
        version.registered_model = model
        return version

    def context_of(self, version: ModelVersion) -> dict[str, Any]:
        raise NotImplementedError


class VersionDetail(VersionPage):
    """The Summary, on one screen."""

    # Before there were tabs, this page had the curves of columns.
    query_names = ("column", "class")
    tab = "detail"
    documents = SUMMARY
    template = "predictor/evaluation/version_detail.html"

    def get(self, request: HttpRequest, workspace: str, slug: str, number: int) -> HttpResponse:
        if not set(self.query_names).isdisjoint(request.GET):
            address = reverse("version-explain", args=[workspace, slug, number])
            return HttpResponsePermanentRedirect(f"{address}?{request.GET.urlencode()}")
        return super().get(request, workspace, slug, number)

    def context_of(self, version: ModelVersion) -> dict[str, Any]:
        return {"summary": VersionSummary(version, can_write=self.can_write)}


class VersionCharts(VersionPage):
    tab = "charts"
    documents = (*REPORT, "artifacts")
    template = "predictor/evaluation/version_charts.html"

    def context_of(self, version: ModelVersion) -> dict[str, Any]:
        return {
            "report": ReportView(version),
            "parts": ReportParts(version),
            "described": PAGES[version.task](version) if version.task in PAGES else None,
        }


class VersionExplain(VersionPage):
    query_names = ("column", "class")
    tab = "explain"
    template = "predictor/evaluation/version_explain.html"

    def get(self, request: HttpRequest, workspace: str, slug: str, number: int) -> HttpResponse:
        if not getattr(request, "htmx", False):
            return super().get(request, workspace, slug, number)
        version = self.load_version(slug, number)
        context = {"dependence": self.dependence_of(version)}
        return render(request, "predictor/evaluation/_partial_dependence_chart.html", context)

    def dependence_of(self, version: ModelVersion) -> DependenceView:
        return DependenceView(version.report, version.signature.target, self.request.GET)

    def context_of(self, version: ModelVersion) -> dict[str, Any]:
        report = ReportView(version)
        return {
            "report": report,
            "slices": [
                (row, rows_url(version, each))
                for row, each in zip(report.slices, report.report.get("slices") or [], strict=True)
            ],
            "importance": self.importance_of(report),
            "dependence": self.dependence_of(version),
            "described": PAGES[version.task](version) if version.task in PAGES else None,
        }

    def importance_of(self, report: ReportView) -> Chart | None:
        """Without a target nothing gets worse by shuffling, so the chart says only how far columns move answers."""
        chart = report.importance_chart
        if chart is None or report.version.signature.target:
            return chart
        meaning = _("How far each column moved the answers, as the mean absolute Shapley value of some rows.")
        return replace(chart, meaning=meaning)


class VersionData(VersionPage):
    tab = "data"
    template = "predictor/evaluation/version_data.html"
    documents = (*REPORT, "warnings", "dataset__schema_json")

    def context_of(self, version: ModelVersion) -> dict[str, Any]:
        report = ReportView(version)
        leaks, warnings = sorted_warnings(version)
        dataset = version.dataset
        names = dataset.schema.names if dataset is not None and dataset.has_data else ()
        places = {name: place for place, name in enumerate(names, start=1)}
        return {
            "report": report,
            "leaks": leaks,
            "warnings": warnings,
            "monotone": monotone_sentences(report.report, version.signature.positive_name),
            "weighting": weighting_sentences(report.report),
            "fields": [
                {**feature_row(field, report.importance), "place": places.get(field.name)}
                for field in version.signature.fields
            ],
        }


class VersionDetails(VersionPage):
    tab = "details"
    template = "predictor/evaluation/version_details.html"
    documents = (
        *REPORT,
        "artifacts",
        "params",
        "parity",
        "libraries",
        "training_run__leaderboard",
        "made_from__training_run__leaderboard",
    )
    related = (*OF_REPORT, "training_run", "made_from__training_run", "created_by")

    def context_of(self, version: ModelVersion) -> dict[str, Any]:
        candidates = leaderboard(version)
        return {
            "absent": AbsentPartsView(version),
            "task_words": task_words(version),
            "parity": parity_sentence(version),
            "leaderboard": candidates,
            "score_title": score_title(candidates, version),
            "params": list(flat(version.params)),
            "has_onnx": "model.onnx" in version.artifacts,
        }
