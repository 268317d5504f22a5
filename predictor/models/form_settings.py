from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from simple_history.models import HistoricalRecords

from ..ml.types.field_settings import FieldSettings
from .registered_model import RegisteredModel
from .workspace import Workspace

if TYPE_CHECKING:
    from .user import User


class FormSettingsQuerySet(models.QuerySet["FormSettings"]):
    def visible_to(self, user: User) -> FormSettingsQuerySet:
        return self.filter(registered_model__workspace__in=Workspace.objects.visible_to(user))


class FormSettings(models.Model):
    """How the columns of a model are shown and bounded in forms: `{column: settings}`, of all its versions."""

    registered_model = models.OneToOneField(RegisteredModel, models.CASCADE, related_name="form_settings")
    fields_json = models.JSONField(default=dict, blank=True, help_text="FieldSettings by column.")
    updated_at = models.DateTimeField(auto_now=True)
    updated_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")

    objects = FormSettingsQuerySet.as_manager()
    history = HistoricalRecords()
    _history_user: User | None  # who does the change, for the history

    class Meta:
        ordering = ["registered_model_id"]
        verbose_name = verbose_name_plural = "form settings"

    def __str__(self) -> str:
        return f"form of {self.registered_model}"

    @property
    def fields(self) -> FieldSettings:
        return FieldSettings.from_json(self.fields_json)
