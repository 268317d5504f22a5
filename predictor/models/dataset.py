from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Q

from ..ml.types.schema import TableSchema
from .labels import note_field, read_tags, tags_field
from .workspace import Workspace

if TYPE_CHECKING:
    from .user import User


class DatasetQuerySet(models.QuerySet["Dataset"]):
    def visible_to(self, user: User) -> DatasetQuerySet:
        return self.filter(workspace__in=Workspace.objects.visible_to(user))

    def with_data(self) -> DatasetQuerySet:
        return self.exclude(data_removed_at__isnull=False)


class OutOfTrash(models.Manager["Dataset"]):
    """Datasets that are not in the trash."""

    def get_queryset(self) -> DatasetQuerySet:
        return DatasetQuerySet(self.model, using=self._db).filter(deleted_at=None)


DatasetManager = OutOfTrash.from_queryset(DatasetQuerySet)


class Dataset(models.Model):
    """An uploaded table: its original bytes, the same rows as Parquet, and its schema.

    Bytes and rows are immutable. How a column is read can be changed; each change is a ReadingChange.
    """

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="datasets")
    name = models.CharField(max_length=200)
    filename = models.CharField(max_length=200, help_text="A cleaned label; never used as a path.")
    source = models.CharField(max_length=400, blank=True, help_text="Where a bundled sample comes from.")
    licence = models.CharField(max_length=200, blank=True)
    sha256 = models.CharField(max_length=64, help_text="Of the original bytes.")
    n_bytes = models.BigIntegerField()
    parquet_digest = models.CharField(max_length=64)
    n_rows = models.BigIntegerField()
    n_columns = models.IntegerField()
    schema_json = models.JSONField(help_text="A TableSchema.")
    options = models.JSONField(default=dict, help_text="Encoding, delimiter and the rest, as found or asked.")
    options_digest = models.CharField(max_length=64, help_text="SHA-256 of the options that were asked for.")
    warnings = models.JSONField(default=list)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    data_removed_at = models.DateTimeField(
        null=True, blank=True, help_text="When the bytes were dropped and only this row was kept."
    )

    note = note_field()
    tags = tags_field()
    deleted_at = models.DateTimeField(null=True, blank=True, help_text="When it was put into the trash.")
    deleted_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")

    objects = DatasetManager()
    with_trash = DatasetQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "sha256", "options_digest"],
                condition=Q(data_removed_at=None, deleted_at=None),
                name="dataset_once_per_workspace",
            ),
            models.CheckConstraint(
                condition=Q(n_rows__gte=0, n_columns__gte=1, n_bytes__gte=0), name="dataset_counts"
            ),
        ]
        indexes = [
            models.Index(fields=["workspace", "-created_at"], name="dataset_by_workspace"),
            models.Index(
                fields=["deleted_at"], condition=Q(deleted_at__isnull=False), name="dataset_in_trash"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @cached_property
    def schema(self) -> TableSchema:
        return TableSchema.from_json(self.schema_json)

    def set_schema(self, schema: TableSchema) -> None:
        self.schema_json = schema.to_json()
        self.__dict__.pop("schema", None)

    def schema_at(self, n_changes: int) -> TableSchema:
        """The schema as it was after so many changes of readings."""
        later = self.reading_changes.filter(number__gt=n_changes).order_by("-number")
        columns = {column.name: column for column in self.schema.columns}
        for change in later:
            columns[change.column] = change.before
        return replace(self.schema, columns=tuple(columns[name] for name in self.schema.names))

    @property
    def tag_list(self) -> list[str]:
        return read_tags(self.tags)

    @property
    def is_in_trash(self) -> bool:
        return self.deleted_at is not None

    @property
    def has_data(self) -> bool:
        return self.data_removed_at is None
