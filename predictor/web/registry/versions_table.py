"""The versions of a model as a list: sorted, filtered, chosen for comparison, and as a file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.db.models import Q
from django.http import HttpRequest
from django.utils.translation import gettext as _

from ...models import ModelAlias, ModelVersion, RegisteredModel
from ..pages.metric_words import Metric, key_metrics
from ..pages.tables import Choice, Column, ListTable, ShownTable

# What lists need of a version: reports and signatures are long.
LISTED = (
    "number", "registered_model_id", "task", "estimator", "metrics", "is_compiled", "n_bytes", "archived_at",
    "created_at",
)  # fmt: skip


def versions_table(
    request: HttpRequest, model: RegisteredModel, *, champion: ModelVersion | None, can_write: bool
) -> ShownTable:
    """The list as the request asks for it; `?before=6` are the versions before number 6, as older links say."""
    versions = model.versions.only(*LISTED)
    # All versions of a model have one task.
    any_version = champion or versions.order_by("-number").first()
    metrics = key_metrics(any_version.task) if any_version else []
    before = request.GET.get("before", "")
    if before.isascii() and before.isdecimal() and len(before) < 10:
        versions = versions.filter(number__lt=int(before))
    return _table(model, metrics, can_write).shown(request, versions)


def query_names() -> tuple[str, ...]:
    """The names that the URL of a page with this list knows."""
    return ("q", "state", "engine", "sort", "size", "page", "format", "col", "before")


def _table(model: RegisteredModel, metrics: Sequence[Metric], can_write: bool) -> ListTable:
    columns = [
        Column(_("Version"), "number", ("number",), is_number=False),
        Column(_("Fitted"), "estimator", ("estimator", "number")),
        *(
            Column(metric.title, metric.name, (f"metrics__{metric.name}", "number"), is_number=True)
            for metric in metrics
        ),
        Column(_("Served"), "served", ("is_compiled", "number")),
        Column(_("Made"), "made", ("created_at", "number")),
    ]
    if can_write:
        columns.append(Column(_("Change"), is_hidden=True))
    return ListTable(
        caption=_("Versions of %(model)s") % {"model": model.name},
        columns=tuple(columns),
        default="-number",
        search_label=_("Find an estimator"),
        search=("estimator",),
        choices=(
            Choice(
                "state",
                _("State"),
                [
                    ("aliased", _("With an alias")),
                    ("active", _("Not archived")),
                    ("archived", _("Archived")),
                ],
                condition=_with_state,
            ),
            Choice(
                "engine",
                _("Served"),
                [("True", _("compiled")), ("False", _("in-process"))],
                lookup="is_compiled",
            ),
        ),
        csv_name=f"{model.slug}-versions",
        csv_heads=("version", "estimator", *(each.name for each in metrics), "compiled", "archived", "made"),
        csv_row=lambda version: (
            version.number,
            version.estimator,
            *(version.metrics.get(each.name) for each in metrics),
            version.is_compiled,
            version.is_archived,
            version.created_at.isoformat(),
        ),
    )


def _with_state(value: str) -> Q:
    if value == "aliased":
        # A version with two aliases is one row.
        return Q(pk__in=ModelAlias.objects.values("model_version_id"))
    return Q(archived_at__isnull=value == "active")


def version_rows(
    versions: Sequence[ModelVersion], aliases: Sequence[ModelAlias], metrics: Sequence[Metric]
) -> Iterator[dict[str, Any]]:
    for version in versions:
        yield {
            "version": version,
            "aliases": [each.alias for each in aliases if each.model_version_id == version.pk],
            "figures": [(metric, metric.shown(version.metrics.get(metric.name))) for metric in metrics],
        }


def versions_context(table: ShownTable, aliases: Sequence[ModelAlias]) -> dict[str, Any]:
    """What `_versions_table.html` needs beside the model and its champion."""
    versions = list(table.page)
    metrics = key_metrics(versions[0].task) if versions else []
    return {
        "table": table,
        "page": table.page,
        "metrics": metrics,
        "versions": list(version_rows(versions, aliases, metrics)),
    }
