"""The pages of one registered model: Summary, Versions, Monitor, Rules, API. Predicting has pages of its own."""

from __future__ import annotations

from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse, HttpResponsePermanentRedirect
from django.shortcuts import render
from django.urls import reverse

from ..models import (
    CHAMPION,
    ApiToken,
    ModelAlias,
    ModelVersion,
    RegisteredModel,
    Scope,
    TrainingRun,
    without_documents,
)
from .evaluation.evaluation import feature_row, lead_of
from .evaluation.report_parts import ReportParts
from .evaluation.version_pages import OF_REPORT, SUMMARY, versions_with
from .evaluation.version_summary import VersionSummary
from .monitoring.live_quality import live_quality_of
from .pages.model_page import ModelPage
from .registry import versions_table
from .registry.model_activity import activity_of, spark_of
from .registry.registry import change_words, latest_changes, roll_back_names
from .registry.snippets import predictions_url, snippets

RUN_COLUMNS = ("status", "queued_at", "started_at", "finished_at", "target", "task", "workspace_id")
N_RUNS = 3
# Of the version that serves; its report only where it is shown.
SERVING = ("signature_json", "artifacts", "metrics")


class ModelTab(ModelPage):
    """Base class of the tabs. `tab`: its name in `includes/_tabs.html`."""

    tab: ClassVar[str]
    template: ClassVar[str]
    # Parts of the champion that the tab shows.
    documents: ClassVar[tuple[str, ...]] = SERVING

    def get(self, request: HttpRequest, workspace: str, slug: str) -> HttpResponse:
        model = self.load_model(slug)
        aliases = self.aliases(model)
        champion = next((each.model_version for each in aliases if each.alias == CHAMPION), None)
        if champion is not None:
            champion.registered_model = model
        file = self.file(model, champion)
        if file is not None:
            return file
        context = {
            "model": model,
            "tab": self.tab,
            "aliases": aliases,
            "champion": champion,
            **self.context_of(model, champion, aliases),
        }
        return render(request, self.template, context)

    def file(self, model: RegisteredModel, champion: ModelVersion | None) -> HttpResponse | None:
        """The list of the tab as a file, if the request asks for it."""
        return None

    def aliases(self, model: RegisteredModel) -> list[ModelAlias]:
        kept = [f"model_version__{name}" for name in self.documents]
        rows = model.aliases.select_related("model_version")
        return list(without_documents(rows, "model_version", but=kept))

    def context_of(
        self, model: RegisteredModel, champion: ModelVersion | None, aliases: list[ModelAlias]
    ) -> dict[str, Any]:
        raise NotImplementedError


class ModelDetail(ModelTab):
    """The Summary: that of the version that serves, who serves what, the last runs and a small chart."""

    # Before there were tabs, this page listed the versions, and drew predictions over time.
    query_names = ("before", "range", "day")
    tab = "detail"
    template = "predictor/registry/model_detail.html"
    documents = ()

    def get(self, request: HttpRequest, workspace: str, slug: str) -> HttpResponse:
        known = set(self.query_names) & set(request.GET)
        if known:
            name = "model-versions" if "before" in known else "model-monitor"
            address = reverse(name, args=[workspace, slug])
            return HttpResponsePermanentRedirect(f"{address}?{request.GET.urlencode()}")
        return super().get(request, workspace, slug)

    def context_of(
        self, model: RegisteredModel, champion: ModelVersion | None, aliases: list[ModelAlias]
    ) -> dict[str, Any]:
        runs = TrainingRun.objects.filter(registered_model=model).select_related("model_version")
        names = (*RUN_COLUMNS, "model_version__number", "model_version__training_run_id")
        shown = self.serving(champion)
        return {
            "version": shown,
            "lead": lead_of(shown) if shown else "",
            "summary": VersionSummary(shown, can_write=self.can_write) if shown else None,
            "runs": list(runs.only(*names).order_by("-queued_at")[:N_RUNS]),
            "spark": spark_of(model) if model.last_version_number else None,
        }

    def serving(self, champion: ModelVersion | None) -> ModelVersion | None:
        """The champion with its report."""
        if champion is None:
            return None
        version = versions_with(OF_REPORT, SUMMARY).get(pk=champion.pk)
        version.registered_model = self.registered_model
        return version


class ModelVersions(ModelTab):
    """All versions, who serves what, and the history of the aliases."""

    query_names = versions_table.query_names()
    tab = "versions"
    template = "predictor/registry/model_versions.html"
    documents = ()

    def file(self, model: RegisteredModel, champion: ModelVersion | None) -> HttpResponse | None:
        self.table = versions_table.versions_table(
            self.request, model, champion=champion, can_write=self.can_write
        )
        return self.table.csv_response() if self.table.wants_csv else None

    def context_of(
        self, model: RegisteredModel, champion: ModelVersion | None, aliases: list[ModelAlias]
    ) -> dict[str, Any]:
        return {
            **versions_table.versions_context(self.table, aliases),
            "changes": [(each, change_words(each)) for each in latest_changes(model)],
            "can_roll_back": roll_back_names(model, aliases),
        }


class ModelMonitor(ModelTab):
    """Predictions over time: how many, the share with warnings, which warnings, and rows without an answer."""

    query_names = ("range", "day")
    tab = "monitor"
    template = "predictor/registry/model_monitor.html"
    documents = ()

    def context_of(
        self, model: RegisteredModel, champion: ModelVersion | None, aliases: list[ModelAlias]
    ) -> dict[str, Any]:
        activity = activity_of(self.request, model)
        return {"activity": activity, "live": live_quality_of(model, activity["range"])}


class ModelRules(ModelTab):
    """How the champion decides between two classes, and which inputs it knows."""

    tab = "rules"
    template = "predictor/registry/model_rules.html"
    documents = (*SERVING, "evaluation")

    def context_of(
        self, model: RegisteredModel, champion: ModelVersion | None, aliases: list[ModelAlias]
    ) -> dict[str, Any]:
        if champion is None:
            return {}
        return {
            "version": champion,
            "parts": ReportParts(champion),
            "fields": [feature_row(field, {}) for field in champion.signature.fields],
        }


class ModelApi(ModelTab):
    """Calls to copy, the addresses of each protocol, files to take along, and the tokens that may predict."""

    tab = "api"
    template = "predictor/registry/model_api.html"

    def context_of(
        self, model: RegisteredModel, champion: ModelVersion | None, aliases: list[ModelAlias]
    ) -> dict[str, Any]:
        if champion is None:
            return {}
        tokens = ApiToken.objects.filter(workspace=self.workspace).owned_by(self.membership.user).usable()
        return {
            "version": champion,
            "snippets": snippets(self.request, model, champion),
            "addresses": addresses(self.request, model),
            "tokens": [each for each in tokens.order_by("name") if each.has_scope(Scope.PREDICT)],
            "has_onnx": "model.onnx" in champion.artifacts,
        }


def addresses(request: HttpRequest, model: RegisteredModel) -> list[tuple[str, str]]:
    """(protocol, address) of each way to ask the model."""
    server = request.build_absolute_uri("/").rstrip("/")
    base = f"{server}/serve/{model.workspace.slug}"
    return [
        ("REST", predictions_url(request, model)),
        ("Open Inference Protocol", f"{base}/v2/models/{model.slug}/infer"),
        ("KServe V1", f"{base}/v1/models/{model.slug}:predict"),
        ("MLflow", f"{base}/models/{model.slug}/invocations"),
    ]
