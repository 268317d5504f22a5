from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Q

from .model_version import ModelVersion
from .registered_model import RegisteredModel
from .training_run import TrainingRun
from .workspace import Workspace

if TYPE_CHECKING:
    from .user import User

MAX_COMMENT = 4_000
TARGETS = ("registered_model", "model_version", "training_run")


def exactly_one_target() -> Q:
    condition = Q()
    for target in TARGETS:
        condition |= Q(**{f"{each}__isnull": each != target for each in TARGETS})
    return condition


class CommentQuerySet(models.QuerySet["Comment"]):
    def visible_to(self, user: User) -> CommentQuerySet:
        return self.filter(workspace__in=Workspace.objects.visible_to(user))


class Comment(models.Model):
    """What a person says about a model, a version or a training run. Plain text."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+")
    registered_model = models.ForeignKey(RegisteredModel, models.CASCADE, null=True, related_name="comments")
    model_version = models.ForeignKey(ModelVersion, models.CASCADE, null=True, related_name="comments")
    training_run = models.ForeignKey(TrainingRun, models.CASCADE, null=True, related_name="comments")
    text = models.CharField(max_length=MAX_COMMENT)
    created_at = models.DateTimeField(auto_now_add=True)
    edited_at = models.DateTimeField(null=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")

    objects = CommentQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(condition=exactly_one_target(), name="comment_has_one_target"),
            models.CheckConstraint(condition=~Q(text=""), name="comment_has_a_text"),
        ]

    def __str__(self) -> str:
        return f"comment {self.pk}"

    @property
    def target(self) -> RegisteredModel | ModelVersion | TrainingRun:
        # The constraint holds that there is one.
        return self.registered_model or self.model_version or self.training_run  # type: ignore[return-value]
