from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Q
from django.utils import timezone

from .workspace import Workspace

if TYPE_CHECKING:
    from .user import User


class IdempotentRequestQuerySet(models.QuerySet["IdempotentRequest"]):
    def visible_to(self, user: User) -> Self:
        return self.filter(workspace__in=Workspace.objects.visible_to(user))

    def held_by(self, owner: str) -> Self:
        """The unfinished request of this owner, unless another process took it over."""
        return self.filter(owner=owner, status__isnull=True)

    def older_than(self, moment: datetime) -> Self:
        """Requests from before `moment`, except those still being answered."""
        answered = Q(status__isnull=False) | Q(lease_until__lt=timezone.now())
        return self.filter(answered, created_at__lt=moment)


class IdempotentRequest(models.Model):
    """A request with an `Idempotency-Key`: the lease of its owner while it runs, then the stored response."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+", db_index=False)
    caller = models.CharField(max_length=40, help_text="The token or the person.")
    route = models.CharField(max_length=250, help_text="Method and path.")
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64, help_text="SHA-256 of what was sent.")
    owner = models.CharField(max_length=32, help_text="Who answers it.")
    lease_until = models.DateTimeField(help_text="Until then its owner counts as alive.")
    status = models.PositiveSmallIntegerField(null=True, help_text="Of the answer; null while it is made.")
    headers = models.JSONField(default=dict)
    body = models.BinaryField(default=bytes, help_text="The answer, if it is small.")
    body_digest = models.CharField(
        max_length=64, blank=True, help_text="Of the stored answer, if it is large."
    )
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    objects = IdempotentRequestQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "caller", "key", "route"], name="idempotent_request_once"
            ),
            models.CheckConstraint(
                condition=Q(status__isnull=True) | Q(status__range=(200, 499)),
                name="idempotent_request_keeps_no_fault_of_ours",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.route} {self.key}"
