"""Forms of a registered model: how its columns are shown in them, and forms that are published by link."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.utils import timezone
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


class Shows(models.TextChoices):
    """What a published page answers with."""

    ANSWER = "answer", "The answer alone"
    PROBABILITIES = "probabilities", "The answer, with probabilities or interval"
    EXPLANATION = "explanation", "The same, with why"


class PublishedFormQuerySet(models.QuerySet["PublishedForm"]):
    def visible_to(self, user: User) -> PublishedFormQuerySet:
        return self.filter(registered_model__workspace__in=Workspace.objects.visible_to(user))


class PublishedForm(models.Model):
    """A form to predict that everybody with its link can use, without an account. Only the link's digest is stored."""

    registered_model = models.ForeignKey(RegisteredModel, models.CASCADE, related_name="published_forms")
    prefix = models.CharField(
        max_length=8, help_text="The first characters of the link, to tell links apart."
    )
    digest = models.CharField(max_length=64, unique=True, help_text="SHA-256 of the link; 256 random bits.")
    version = models.CharField(max_length=40, help_text="The number or the alias that answers.")
    title = models.CharField(max_length=120)
    wording = models.TextField(
        blank=True, help_text="Plain text; **bold**, *emphasis* and lists are formatted."
    )
    columns = models.JSONField(
        default=list, blank=True, help_text="The columns that it asks for; empty: all."
    )
    shows = models.CharField(max_length=15, choices=Shows.choices, default=Shows.ANSWER)
    expires_at = models.DateTimeField(null=True, blank=True)
    requests_per_minute = models.PositiveIntegerField(help_text="Of all callers together.")
    requests_per_minute_of_address = models.PositiveIntegerField()
    frame_origins = models.JSONField(default=list, blank=True, help_text="Origins whose pages may embed it.")
    is_on = models.BooleanField(default=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    n_uses = models.PositiveBigIntegerField(default=0, help_text="Predictions through it.")
    last_used_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")

    objects = PublishedFormQuerySet.as_manager()
    history = HistoricalRecords(excluded_fields=["digest", "n_uses", "last_used_at"])
    _history_user: User | None  # who does the change, for the history

    class Meta:
        ordering = ["-created_at", "-id"]

    def __str__(self) -> str:
        return f"{self.title} ({self.prefix}…)"

    @property
    def is_expired(self) -> bool:
        return self.expires_at is not None and self.expires_at <= timezone.now()

    @property
    def is_open(self) -> bool:
        """Whether its link answers."""
        return self.is_on and self.revoked_at is None and not self.is_expired
