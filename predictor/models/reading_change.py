from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models

from ..ml.types.schema import ColumnProfile
from .dataset import Dataset
from .workspace import Workspace

if TYPE_CHECKING:
    from .user import User


class ReadingChangeQuerySet(models.QuerySet["ReadingChange"]):
    def visible_to(self, user: User) -> ReadingChangeQuerySet:
        return self.filter(dataset__workspace__in=Workspace.objects.visible_to(user))

    def in_force(self) -> ReadingChangeQuerySet:
        """Changes that were not undone and that undo none."""
        return self.filter(undoes=None, undone_by=None)


class ReadingChange(models.Model):
    """One change of how a dataset's column is read: the column before and after it, by whom, when. Append-only.

    Undoing a change is a change of its own, with `undoes`.
    """

    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="reading_changes")
    number = models.PositiveIntegerField(help_text="Counted from 1 for each dataset.")
    column = models.CharField(max_length=200)
    before_json = models.JSONField(help_text="The column before the change: a ColumnProfile.")
    after_json = models.JSONField(help_text="The column after the change: a ColumnProfile.")
    undoes = models.OneToOneField(
        "self",
        models.CASCADE,
        null=True,
        blank=True,
        related_name="undone_by",
        help_text="The change it undoes.",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")

    objects = ReadingChangeQuerySet.as_manager()

    class Meta:
        ordering = ["dataset", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["dataset", "number"], name="reading_change_number"),
        ]

    def __str__(self) -> str:
        return f"change {self.number} of {self.column} in dataset {self.dataset_id}"

    @property
    def before(self) -> ColumnProfile:
        return ColumnProfile.from_json(self.before_json)

    @property
    def after(self) -> ColumnProfile:
        return ColumnProfile.from_json(self.after_json)

    @property
    def undone_at(self) -> datetime | None:
        """When it was undone; None when it was not."""
        undo = getattr(self, "undone_by", None)
        return undo.created_at if undo is not None else None
