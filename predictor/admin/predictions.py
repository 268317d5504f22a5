from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import F, Prefetch, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy

from ..models import ModelVersion, PredictionLog, Workspace, without_documents
from ..services.prediction_log.log_summaries import summarized, summary_of
from .base import CappedPaginator, ReadOnlyAdmin, choice, pretty


class WorkspaceFilter(admin.SimpleListFilter):
    """Filter by workspace, from the table of workspaces: Django's own filter would scan the whole log."""

    title = gettext_lazy("workspace")
    parameter_name = "workspace"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(each.pk), each.name) for each in Workspace.objects.visible_to(request.user)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        known = {value for value, _ in self.lookup_choices}
        if self.value() is None:
            return queryset
        return queryset.filter(workspace_id=self.value()) if self.value() in known else queryset.none()


@admin.register(PredictionLog)
class PredictionLogAdmin(ReadOnlyAdmin):
    """The prediction log, newest first. Lists at most 10,000 rows; a search by request id finds older ones."""

    paginator = CappedPaginator
    list_display = (
        "created_at",
        "workspace",
        "model_version",
        choice("source"),
        "actor",
        "answer",
        "warning_count",
        "latency",
        "request_id",
    )
    list_display_links = ("created_at",)
    list_filter = (WorkspaceFilter, "source")
    list_select_related = ()  # see get_queryset; False would join whatever the columns name
    search_fields = ("=request_id",)
    search_help_text = gettext_lazy("A request id, in full.")
    sortable_by = ()  # any other order would sort millions of rows
    fields = (
        "id",
        "workspace",
        "model_version",
        "request_id",
        "row_number",
        "source",
        "actor",
        "api_token",
        "inputs_json",
        "output_json",
        "warnings_json",
        "latency_ms",
        "created_at",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[PredictionLog]:
        # One workspace is read by the index (workspace, id). With several, SQLite would use it too and sort all
        # matching rows (1.1 s for 200,000). An expression instead of the column makes it scan the primary key
        # and stop at the end of the page (0.04 s). Joins would cause the same plan, so related rows are fetched
        # for each page.
        visible = list(Workspace.objects.visible_to(request.user).values_list("pk", flat=True))
        rows = admin.ModelAdmin.get_queryset(self, request)
        if len(visible) == 1:
            rows = rows.filter(workspace_id=visible[0])
        else:
            rows = rows.alias(wall=F("workspace_id") + 0).filter(wall__in=visible)
        versions = without_documents(
            ModelVersion.objects.select_related("registered_model"), "registered_model"
        )
        rows = rows.prefetch_related("workspace", Prefetch("model_version", versions), "actor")
        return summarized(rows) if self.is_list(request) else rows

    def view_on_site(self, row: PredictionLog) -> str:
        return reverse("prediction-detail", args=[row.workspace.slug, row.pk])

    @admin.display(description=gettext_lazy("answer"))
    def answer(self, row: PredictionLog) -> str:
        return str(summary_of(row, 0).output.get("prediction"))[:60]

    @admin.display(description=gettext_lazy("warnings"))
    def warning_count(self, row: Any) -> int:
        return int(row.n_warnings)

    @admin.display(description=gettext_lazy("latency"))
    def latency(self, row: PredictionLog) -> str:
        return f"{row.latency_ms:.1f} ms"

    @admin.display(description=gettext_lazy("inputs"))
    def inputs_json(self, row: PredictionLog) -> str:
        return pretty(row.inputs)

    @admin.display(description=gettext_lazy("output"))
    def output_json(self, row: PredictionLog) -> str:
        return pretty(row.output)

    @admin.display(description=gettext_lazy("warnings"))
    def warnings_json(self, row: PredictionLog) -> str:
        return pretty(row.warnings)
