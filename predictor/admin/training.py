from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy, pgettext_lazy

from ..i18n.names import CONTEXT
from ..models import TrainingRun
from .base import ONLY_VISIBLE, ReadOnlyAdmin, choice, pretty

JSON_FIELDS = ("params", "roles", "monotone", "forecast", "leaderboard", "metrics", "warnings", "attempt_log")


@admin.register(TrainingRun)
class TrainingRunAdmin(ReadOnlyAdmin):
    list_display = (
        "id",
        "registered_model",
        "target",
        "dataset",
        "workspace",
        "estimator",
        choice("status"),
        "attempts",
        "created_at",
        "duration",
        "created_by",
    )
    list_filter = ("status", ("workspace", ONLY_VISIBLE), "task")
    list_select_related = ("registered_model", "dataset", "workspace", "created_by")
    search_fields = ("target", "registered_model__name", "dataset__name")
    fields = (
        "workspace",
        "dataset",
        "registered_model",
        "target",
        "task",
        "estimator",
        "budget_seconds",
        "seed",
        "status",
        "progress_message",
        "error",
        "traceback",
        "attempts",
        "queued_at",
        "started_at",
        "finished_at",
        "duration",
        "created_by",
        *(f"{name}_json" for name in JSON_FIELDS),
    )

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """The traceback is shown only to the creator of the run, as on its page."""
        is_owner = obj is not None and obj.created_by_id == request.user.pk
        hidden = () if is_owner or request.user.is_superuser else ("traceback",)
        return [name for name in self.fields or () if name not in hidden]

    def view_on_site(self, run: TrainingRun) -> str:
        return reverse("training-run-detail", args=[run.workspace.slug, run.pk])

    @admin.display(description=gettext_lazy("duration"))
    def duration(self, run: TrainingRun) -> str:
        return f"{run.elapsed.total_seconds():.1f} s" if run.elapsed is not None else "–"


def show_json(name: str) -> Any:
    @admin.display(description=pgettext_lazy(CONTEXT, name.replace("_", " ")))
    def shown(self: TrainingRunAdmin, run: TrainingRun) -> str:
        return pretty(getattr(run, name))

    return shown


for each in JSON_FIELDS:
    setattr(TrainingRunAdmin, f"{each}_json", show_json(each))
