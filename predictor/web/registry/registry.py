"""Pages of registered models: the list, and one model with its versions, aliases and alias history."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.models import OuterRef, Prefetch, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views import View

from ...models import (
    CHAMPION,
    AliasChange,
    ModelAlias,
    ModelVersion,
    PredictionLog,
    RegisteredModel,
    without_documents,
)
from ...services import registry
from ..pages.access import WorkspaceMixin
from ..pages.labels import TAG, with_tags
from ..pages.metric_words import headline_metric, key_metrics
from ..pages.model_page import ModelPage
from ..pages.tables import Column, ListTable
from .model_activity import activity_of
from .snippets import snippets

PAGE_SIZE = 25
# What lists need of a version: reports and signatures are long.
LISTED = (
    "number", "registered_model_id", "task", "estimator", "metrics", "is_compiled", "n_bytes", "archived_at",
    "created_at",
)  # fmt: skip


MODELS = ListTable(
    caption="Models",
    columns=(
        Column("Model", "name", ("slug",)),
        Column("Champion"),
        Column("How good"),
        Column("Versions", "versions", ("last_version_number", "id"), is_number=True),
        Column("Last trained", "trained", ("last_trained_at", "id")),
        Column("Predict", is_hidden=True),
    ),
    default="name",
    search_label="Find a model",
    search=("name",),
    choices=(TAG,),
    csv_name="models",
    csv_heads=("model", "name", "champion", "estimator", "versions", "last_trained"),
    csv_row=lambda model: (
        model.slug,
        model.name,
        *(
            (champion.number, champion.estimator)
            if (champion := model_row(model)["champion"])
            else (None, None)
        ),
        model.last_version_number,
        model.last_trained_at.isoformat() if model.last_trained_at else None,
    ),
)


class ModelList(WorkspaceMixin, View):
    query_names = (*MODELS.query_names, "after")

    def get(self, request: HttpRequest, workspace: str) -> HttpResponse:
        models = RegisteredModel.objects.filter(workspace=self.workspace)
        # Links to the page after a model, as the list had them before it had numbered pages.
        if after := request.GET.get("after", "").replace("\0", "")[:120]:
            models = models.filter(slug__gt=after)
        table = with_tags(MODELS, models).shown(request, with_champions(models))
        if table.wants_csv:
            return table.csv_response()
        context = {"table": table, "page": table.page, "models": [model_row(each) for each in table.page]}
        return render(request, "predictor/registry/model_list.html", context)


def with_champions(models: Any) -> Any:
    """Models with the version behind `champion` and when the last version was made, in two queries."""
    latest = ModelVersion.objects.filter(registered_model=OuterRef("pk")).order_by("-number")
    champions = (
        ModelAlias.objects.filter(alias=CHAMPION)
        .select_related("model_version")
        .only("alias", "registered_model_id", *(f"model_version__{name}" for name in LISTED))
    )
    return models.annotate(last_trained_at=Subquery(latest.values("created_at")[:1])).prefetch_related(
        Prefetch("aliases", champions, to_attr="champions")
    )


def model_row(model: RegisteredModel) -> dict[str, Any]:
    champion = model.champions[0].model_version if model.champions else None
    return {"model": model, "champion": champion, "headline": headline_metric(champion) if champion else None}


class ModelDetail(ModelPage):
    query_names = ("before", "range", "day")

    def get(self, request: HttpRequest, workspace: str, slug: str) -> HttpResponse:
        model = self.load_model(slug)
        kept = [f"model_version__{name}" for name in ("signature_json", "metrics", "artifacts")]
        aliases = list(
            without_documents(model.aliases.select_related("model_version"), "model_version", but=kept)
        )
        champion = next((each.model_version for each in aliases if each.alias == CHAMPION), None)
        versions = self.listed_versions(request.GET.get("before", ""))
        metrics = key_metrics(versions[0].task) if versions else []
        context = {
            "model": model,
            "aliases": aliases,
            "champion": champion,
            "headline": headline_metric(champion) if champion else None,
            "headline_label": headline_label(champion) if champion else "",
            "versions": list(version_rows(versions[:PAGE_SIZE], aliases, metrics)),
            "compared_with": next((each.number for each in versions if each != champion), None),
            "metrics": metrics,
            "before": versions[PAGE_SIZE - 1].number if len(versions) > PAGE_SIZE else None,
            "is_first_page": "before" not in request.GET,
            "changes": [(each, change_words(each)) for each in latest_changes(model)],
            "can_roll_back": roll_back_names(model, aliases),
            "last_prediction": last_prediction(champion),
            "activity": activity_of(request, model) if versions else None,
            "snippets": snippets(request, model, champion) if champion else [],
        }
        return render(request, "predictor/registry/model_detail.html", context)

    def listed_versions(self, before: str) -> list[ModelVersion]:
        versions = self.registered_model.versions.order_by("-number").only(*LISTED)
        if before.isascii() and before.isdecimal() and len(before) < 10:
            versions = versions.filter(number__lt=int(before))
        return list(versions[: PAGE_SIZE + 1])


def headline_label(version: ModelVersion) -> str:
    """The title of the version's best-known metric, with the rows that it was measured on."""
    headline = headline_metric(version)
    if headline is None:
        return ""
    return f"{headline.metric.title}{' on held-out rows' if version.signature.target else ''}"


def latest_changes(model: RegisteredModel) -> QuerySet[AliasChange]:
    changes = registry.history(model)
    return changes.defer("previous_version__evaluation", "model_version__evaluation")[:10]


def change_words(change: AliasChange) -> str:
    """What happened to an alias: removed, rolled back, moved or pointed at its first version."""
    new, previous = change.model_version, change.previous_version
    if new is None:
        return f"removed from version {previous.number}"
    if change.is_roll_back:
        return f"rolled back from version {previous.number} to {new.number}"
    if previous:
        return f"moved from version {previous.number} to {new.number}"
    return f"pointed at version {new.number}"


def version_rows(
    versions: list[ModelVersion], aliases: list[ModelAlias], metrics: list[Any]
) -> Iterator[dict[str, Any]]:
    for version in versions:
        yield {
            "version": version,
            "aliases": [each.alias for each in aliases if each.model_version_id == version.pk],
            "figures": [(metric, metric.shown(version.metrics.get(metric.name))) for metric in metrics],
        }


def roll_back_names(model: RegisteredModel, aliases: list[ModelAlias]) -> set[str]:
    """The aliases that have moved at least once."""
    moved = model.alias_changes.exclude(previous_version=None).order_by().values_list("alias", flat=True)
    return set(moved.distinct()) & {each.alias for each in aliases}


def last_prediction(champion: ModelVersion | None) -> PredictionLog | None:
    """The newest logged answer of the champion: one step in an index, however long the log."""
    if champion is None:
        return None
    return PredictionLog.objects.filter(model_version=champion).only("created_at").order_by("-id").first()
