from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import models

if TYPE_CHECKING:
    from .user import User


class PersonalSettingsQuerySet(models.QuerySet["PersonalSettings"]):
    def visible_to(self, user: User) -> PersonalSettingsQuerySet:
        return self.filter(user=user)


class PersonalSettings(models.Model):
    """What a person has chosen for the pages. People without a row have the defaults."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, related_name="personal_settings")
    has_keys = models.BooleanField(default=True, help_text="Keys of one letter work on pages.")
    shows_first_steps = models.BooleanField(default=True, help_text="The overview shows the first steps.")
    mails_runs = models.BooleanField(default=False, help_text="By mail when a training run ends.")
    mails_batches = models.BooleanField(default=False, help_text="By mail when a batch ends.")
    mails_completions = models.BooleanField(default=False, help_text="By mail when a report is completed.")
    mails_comments = models.BooleanField(default=False, help_text="By mail for comments of others.")

    objects = PersonalSettingsQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "personal settings"

    def __str__(self) -> str:
        return f"settings of {self.user_id}"

    @classmethod
    def of(cls, user: Any) -> PersonalSettings:
        """The person's settings; a new row with the defaults, which is not stored, where there is none."""
        return cls.objects.filter(user=user).first() or cls(user=user)
