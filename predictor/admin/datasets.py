from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.urls import reverse
from django.utils.translation import gettext_lazy

from ..models import Dataset, ReadingChange
from .base import ONLY_VISIBLE, ReadOnlyAdmin, pretty, size


@admin.register(Dataset)
class DatasetAdmin(ReadOnlyAdmin):
    list_display = (
        "name",
        "workspace",
        "n_rows",
        "n_columns",
        "size",
        "has_data",
        "created_at",
        "created_by",
    )
    list_filter = (("workspace", ONLY_VISIBLE), "created_at")
    list_select_related = ("workspace", "created_by")
    search_fields = ("name", "filename", "sha256")
    fields = (
        "workspace",
        "name",
        "filename",
        "source",
        "licence",
        "sha256",
        "size",
        "parquet_digest",
        "n_rows",
        "n_columns",
        "columns",
        "options_json",
        "warning_list",
        "created_at",
        "created_by",
        "data_removed_at",
    )

    def view_on_site(self, dataset: Dataset) -> str:
        return reverse("dataset-detail", args=[dataset.workspace.slug, dataset.pk])

    @admin.display(description=gettext_lazy("size"), ordering="n_bytes")
    def size(self, dataset: Dataset) -> str:
        return size(dataset.n_bytes)

    @admin.display(boolean=True, description=gettext_lazy("data kept"))
    def has_data(self, dataset: Dataset) -> bool:
        return dataset.has_data

    @admin.display(description=gettext_lazy("columns and their roles"))
    def columns(self, dataset: Dataset) -> str:
        return pretty({column.name: column.role for column in dataset.schema.columns})

    @admin.display(description=gettext_lazy("options"))
    def options_json(self, dataset: Dataset) -> str:
        return pretty(dataset.options)

    @admin.display(description=gettext_lazy("warnings"))
    def warning_list(self, dataset: Dataset) -> str:
        return pretty(dataset.warnings)


@admin.register(ReadingChange)
class ReadingChangeAdmin(ReadOnlyAdmin):
    """The history of how columns are read. Append-only: changes are made and undone on the dataset's page."""

    list_display = (
        "dataset",
        "number",
        "column",
        "reading_before",
        "reading_after",
        "undoes",
        "created_at",
        "created_by",
    )
    list_filter = (("dataset__workspace", ONLY_VISIBLE), "created_at")
    list_select_related = ("dataset", "undoes", "created_by")
    list_documents = ("before_json", "after_json")
    search_fields = ("column", "dataset__name")
    fields = list_display

    @admin.display(description=gettext_lazy("before"))
    def reading_before(self, change: ReadingChange) -> str:
        return described(change.before_json)

    @admin.display(description=gettext_lazy("after"))
    def reading_after(self, change: ReadingChange) -> str:
        return described(change.after_json)


def described(column: Mapping[str, Any]) -> str:
    """A column's role and reading as JSON."""
    return json.dumps({"role": column["role"], "reading": column.get("reading")}, ensure_ascii=False)
