from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from simple_history.models import HistoricalRecords

from .labels import read_tags, tags_field
from .workspace import Workspace

if TYPE_CHECKING:
    from .user import User


class RegisteredModelQuerySet(models.QuerySet["RegisteredModel"]):
    def visible_to(self, user: User) -> RegisteredModelQuerySet:
        return self.filter(workspace__in=Workspace.objects.visible_to(user))


class RegisteredModel(models.Model):
    """A named model with numbered versions, and aliases that say which version serves."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="registered_models")
    slug = models.SlugField(max_length=60)
    name = models.CharField(max_length=120)
    description = models.TextField(blank=True)
    last_version_number = models.PositiveIntegerField(
        default=0, help_text="Raised under the row's lock, so that numbers have no gap and no repeat."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    tags = tags_field()

    objects = RegisteredModelQuerySet.as_manager()
    history = HistoricalRecords(excluded_fields=["last_version_number"])

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "slug"], name="registered_model_slug_once_per_workspace"
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def tag_list(self) -> list[str]:
        return read_tags(self.tags)
