from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy

from ..models import BatchPrediction
from .base import ONLY_VISIBLE, ReadOnlyAdmin, choice, pretty


@admin.register(BatchPrediction)
class BatchPredictionAdmin(ReadOnlyAdmin):
    list_display = (
        "id",
        "registered_model",
        "filename",
        "workspace",
        choice("status"),
        "n_rows_done",
        "n_errors",
        "attempts",
        "created_at",
        "created_by",
    )
    list_filter = ("status", ("workspace", ONLY_VISIBLE), "format")
    list_select_related = ("registered_model", "workspace", "created_by")
    search_fields = ("filename", "registered_model__name", "request_id")
    fields = (
        "workspace",
        "registered_model",
        "model_version",
        "dataset",
        "filename",
        "format",
        "n_bytes",
        "is_strict",
        "coverage",
        "request_id",
        "status",
        "progress_message",
        "error",
        "traceback",
        "n_rows_total",
        "n_rows_done",
        "n_errors",
        "n_warnings",
        "result_bytes",
        "result_removed_at",
        "attempts",
        "queued_at",
        "started_at",
        "finished_at",
        "created_by",
        "attempt_log_json",
        "row_errors_json",
    )

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """The traceback is shown only to the creator of the batch, as for runs."""
        is_owner = obj is not None and obj.created_by_id == request.user.pk
        hidden = () if is_owner or request.user.is_superuser else ("traceback",)
        return [name for name in self.fields or () if name not in hidden]

    @admin.display(description=gettext_lazy("attempt log"))
    def attempt_log_json(self, batch: BatchPrediction) -> str:
        return pretty(batch.attempt_log)

    @admin.display(description=gettext_lazy("row errors"))
    def row_errors_json(self, batch: BatchPrediction) -> str:
        return pretty(batch.row_errors)
