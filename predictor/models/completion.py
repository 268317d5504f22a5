from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Q

from .job import Job, JobQuerySet, JobStatus
from .model_version import ModelVersion
from .workspace import Workspace

if TYPE_CHECKING:
    from .user import User


class CompletionQuerySet(JobQuerySet):
    def visible_to(self, user: User) -> CompletionQuerySet:
        return self.filter(workspace__in=Workspace.objects.visible_to(user))


class Completion(Job):
    """A job that computes what a training run left out of the evaluation report of its version, and the result.

    The version itself does not change: its report is read together with `supplement`.
    """

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="completions")
    model_version = models.OneToOneField(ModelVersion, models.CASCADE, related_name="completion")
    parts = models.JSONField(default=list, help_text="The parts of the report to compute.")
    computed = models.JSONField(default=dict, help_text="When which part was computed: {part: ISO 8601}.")
    refusals = models.JSONField(default=dict, help_text="Why a part cannot be computed: {part: sentence}.")
    supplement = models.JSONField(default=dict, help_text="Keys of the report, as computed later.")
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")

    objects = CompletionQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=Q(status__in=JobStatus.values), name="completion_status_known"),
            models.CheckConstraint(
                condition=~Q(status=JobStatus.FAILED) | ~Q(error=""), name="completion_failure_has_a_reason"
            ),
        ]
        indexes = [
            models.Index(
                fields=["status", "lease_until"],
                condition=Q(status__in=["queued", "running"]),
                name="completion_unfinished",
            ),
        ]

    def __str__(self) -> str:
        return f"completion {self.pk} of version {self.model_version_id}"
