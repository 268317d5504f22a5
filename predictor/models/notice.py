from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Q

from .batch_prediction import BatchPrediction
from .model_version import ModelVersion
from .registered_model import RegisteredModel
from .training_run import TrainingRun
from .workspace import Workspace

if TYPE_CHECKING:
    from .user import User


class NoticeKind(models.TextChoices):
    RUN = "run", "Training run"
    BATCH = "batch", "Batch"
    COMPLETION = "completion", "Completed report"
    COMMENT = "comment", "Comment"


class NoticeQuerySet(models.QuerySet["Notice"]):
    def visible_to(self, user: User) -> NoticeQuerySet:
        """The person's own, of the workspaces that they are in."""
        return self.filter(user=user, workspace__in=Workspace.objects.visible_to(user))

    def unread(self) -> NoticeQuerySet:
        return self.filter(read_at=None)


class Notice(models.Model):
    """Something that a person should know: their job has ended, or somebody has answered them."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="notices")
    kind = models.CharField(max_length=12, choices=NoticeKind.choices)
    status = models.CharField(max_length=10, blank=True, help_text="How a job ended.")
    subject = models.CharField(max_length=200, help_text="The name of what it is about.")
    detail = models.CharField(max_length=300, blank=True, help_text="Why it failed, or how a comment begins.")
    training_run = models.ForeignKey(TrainingRun, models.CASCADE, null=True, related_name="+")
    batch_prediction = models.ForeignKey(BatchPrediction, models.CASCADE, null=True, related_name="+")
    model_version = models.ForeignKey(ModelVersion, models.CASCADE, null=True, related_name="+")
    registered_model = models.ForeignKey(RegisteredModel, models.CASCADE, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    read_at = models.DateTimeField(null=True)

    objects = NoticeQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=NoticeKind.values), name="notice_kind_known"),
        ]
        indexes = [
            models.Index(fields=["user", "-id"], name="notice_by_user"),
            models.Index(fields=["user"], condition=Q(read_at=None), name="notice_unread"),
            models.Index(fields=["created_at"], name="notice_by_age"),
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.subject}"

    @property
    def is_failure(self) -> bool:
        return self.status == "failed"
