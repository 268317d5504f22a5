"""Pages of registered models: the list, and one model with its versions, aliases and alias history."""

from __future__ import annotations

from typing import Any

from django.db.models import OuterRef, Prefetch, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views import View

from ...models import (
    CHAMPION,
    AliasChange,
    ModelAlias,
    ModelVersion,
    RegisteredModel,
)
from ...services import registry
from ..pages.access import WorkspaceMixin
from ..pages.labels import TAG, with_tags
from ..pages.metric_words import headline_metric
from ..pages.tables import Column, ListTable
from .versions_table import LISTED

MODELS = ListTable(
    caption=gettext_lazy("Models"),
    columns=(
        Column(gettext_lazy("Model"), "name", ("slug",)),
        Column(gettext_lazy("Champion")),
        Column(gettext_lazy("How good")),
        Column(gettext_lazy("Versions"), "versions", ("last_version_number", "id"), is_number=True),
        Column(gettext_lazy("Last trained"), "trained", ("last_trained_at", "id")),
        Column(gettext_lazy("Predict"), is_hidden=True),
    ),
    default="name",
    search_label=gettext_lazy("Find a model"),
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


def latest_changes(model: RegisteredModel) -> QuerySet[AliasChange]:
    changes = registry.history(model)
    return changes.defer("previous_version__evaluation", "model_version__evaluation")[:10]


def change_words(change: AliasChange) -> str:
    """What happened to an alias: removed, rolled back, moved or pointed at its first version."""
    new, previous = change.model_version, change.previous_version
    if new is None:
        return _("removed from version %(number)s") % {"number": previous.number}
    if change.is_roll_back:
        return _("rolled back from version %(old)s to %(new)s") % {"old": previous.number, "new": new.number}
    if previous:
        return _("moved from version %(old)s to %(new)s") % {"old": previous.number, "new": new.number}
    return _("pointed at version %(number)s") % {"number": new.number}


def roll_back_names(model: RegisteredModel, aliases: list[ModelAlias]) -> set[str]:
    """The aliases that have moved at least once."""
    moved = model.alias_changes.exclude(previous_version=None).order_by().values_list("alias", flat=True)
    return set(moved.distinct()) & {each.alias for each in aliases}
