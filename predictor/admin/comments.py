"""Comments, read-only."""

from __future__ import annotations

from django.contrib import admin

from ..models import Comment
from .base import ONLY_VISIBLE, ReadOnlyAdmin


@admin.register(Comment)
class CommentAdmin(ReadOnlyAdmin):
    list_display = (
        "id",
        "workspace",
        "registered_model",
        "model_version_id",
        "training_run_id",
        "created_by",
        "created_at",
    )
    list_filter = (("workspace", ONLY_VISIBLE), "created_at")
    list_select_related = ("workspace", "registered_model", "created_by")
    search_fields = ("text", "created_by__email")
    fields = (
        "workspace",
        "registered_model",
        "model_version",
        "training_run",
        "text",
        "created_by",
        "created_at",
        "edited_at",
    )
