"""Actual values, read-only."""

from __future__ import annotations

from django.contrib import admin

from ..models import Actual
from .base import ONLY_VISIBLE, CappedPaginator, ReadOnlyAdmin, choice


@admin.register(Actual)
class ActualAdmin(ReadOnlyAdmin):
    """Actual values, newest first; corrections are rows of their own."""

    paginator = CappedPaginator
    list_display = (
        "id",
        "workspace",
        "model_version_id",
        "prediction",
        "value",
        "known_at",
        "is_current",
        choice("source"),
        "created_at",
    )
    list_filter = (("workspace", ONLY_VISIBLE), "is_current", "source")
    list_select_related = ("workspace",)
    list_documents = ("value",)
    search_fields = ("=prediction", "=request_id")
    sortable_by = ()
    fields = (
        "workspace",
        "model_version",
        "prediction",
        "request_id",
        "row_number",
        "value",
        "known_at",
        "is_current",
        "predicted_at",
        "output",
        "source",
        "actor",
        "api_token",
        "created_at",
    )
