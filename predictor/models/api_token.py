from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from simple_history.models import HistoricalRecords

from .workspace import Membership, Workspace, WorkspaceRole

if TYPE_CHECKING:
    from .user import User


class Scope(models.TextChoices):
    READ = "read", "Read datasets, runs, models and the log"
    PREDICT = "predict", "Predict"
    WRITE = "write", "Upload, train, promote"


class ApiTokenQuerySet(models.QuerySet["ApiToken"]):
    def visible_to(self, user: User) -> ApiTokenQuerySet:
        """A user sees their own tokens; an admin sees all tokens of the workspace, to revoke them."""
        led = Workspace.objects.filter(memberships__user=user, memberships__role=WorkspaceRole.ADMIN)
        return self.filter(Q(user_id=user.pk) | Q(workspace__in=led))

    def owned_by(self, user: User) -> ApiTokenQuerySet:
        return self.filter(user_id=user.pk)

    def usable(self) -> ApiTokenQuerySet:
        now = timezone.now()
        return self.filter(Q(expires_at=None) | Q(expires_at__gt=now), revoked_at=None, user__is_active=True)


class ApiToken(models.Model):
    """An API token: it acts as its user, in one workspace, within its scopes, until it expires or is revoked."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="api_tokens")
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=80)
    prefix = models.CharField(max_length=12, help_text="The first characters, to tell tokens apart.")
    digest = models.CharField(max_length=64, unique=True, help_text="SHA-256 of the token; 256 random bits.")
    scopes = models.JSONField(default=list)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    requests_per_minute = models.PositiveIntegerField(
        null=True, blank=True, help_text="Empty: the installation's limit."
    )

    objects = ApiTokenQuerySet.as_manager()
    history = HistoricalRecords(excluded_fields=["digest", "last_used_at"])
    _history_user: User | None  # who does the change, for the history
    membership: Membership  # set where the token was presented: see services.accounts.tokens.authenticate

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    @property
    def is_usable(self) -> bool:
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > timezone.now())

    def has_scope(self, scope: Scope) -> bool:
        return scope.value in self.scopes

    def mark_revoked(self) -> None:
        self.revoked_at = timezone.now()
        self.save(update_fields=["revoked_at"])
