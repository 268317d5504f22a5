from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Q

from ..ml.types.reading import Reading
from ..ml.types.reading_choice import MAX_LOST_SHARE
from ..ml.types.schema import Task
from .dataset import Dataset
from .job import Job, JobQuerySet, JobStatus
from .labels import note_field
from .workspace import Workspace

if TYPE_CHECKING:
    from .user import User


WITHOUT_TARGET = [task.value for task in Task if not task.has_target]


def split_at_random() -> dict[str, str | None]:
    return {"kind": "random", "column": None}


class TrainingRunQuerySet(JobQuerySet):
    def visible_to(self, user: User) -> TrainingRunQuerySet:
        return self.filter(workspace__in=Workspace.objects.visible_to(user))


class TrainingRun(Job):
    """A training job on a dataset: its request, its progress and its result."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="training_runs")
    dataset = models.ForeignKey(Dataset, models.PROTECT, related_name="training_runs")
    registered_model = models.ForeignKey(
        "predictor.RegisteredModel", models.PROTECT, related_name="training_runs"
    )
    target = models.CharField(max_length=128, blank=True, help_text="Empty for a task without one.")
    task = models.CharField(max_length=20, help_text="regression, binary, multiclass, clustering, …")
    estimator = models.CharField(max_length=60, default="auto")
    params = models.JSONField(default=dict)
    roles = models.JSONField(default=dict, help_text="Column roles that the person set: {column: role}.")
    max_lost_share = models.FloatField(
        default=MAX_LOST_SHARE, help_text="The share of a column's cells that a role of these may empty."
    )
    n_reading_changes = models.PositiveIntegerField(
        default=0, help_text="How many changes of readings the dataset had: the run reads its columns so."
    )
    split = models.JSONField(
        default=split_at_random, help_text="Which rows judge: {kind: random, time or group, column}."
    )
    threshold = models.JSONField(
        default=dict,
        blank=True,
        help_text="What the decision threshold is chosen by; empty leaves it at 0.5.",
    )
    forecast = models.JSONField(
        default=dict,
        blank=True,
        help_text="For forecasting: {date_column, group_column, horizon, frequency, aggregation}.",
    )
    positive_class = models.CharField(
        max_length=200, blank=True, default="", help_text="Of two classes; empty: the proposed one."
    )
    readings = models.JSONField(
        default=dict,
        blank=True,
        help_text="How categories are read: {column: {kind, ignores, missing}}.",
    )
    monotone = models.JSONField(
        default=dict,
        blank=True,
        help_text="Columns that the prediction may follow in one direction only: {column: increasing or decreasing}.",
    )
    weight_column = models.CharField(
        max_length=200,
        blank=True,
        default="",
        help_text="Says how much each row counts; empty: all the same.",
    )
    budget_seconds = models.PositiveIntegerField()
    seed = models.PositiveBigIntegerField()
    leaderboard = models.JSONField(default=list)
    metrics = models.JSONField(default=dict)
    warnings = models.JSONField(default=list)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    note = note_field()

    objects = TrainingRunQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=JobStatus.values), name="training_run_status_known"
            ),
            models.CheckConstraint(
                condition=~Q(status=JobStatus.FAILED) | ~Q(error=""), name="training_run_failure_has_a_reason"
            ),
            models.CheckConstraint(
                condition=Q(task__in=WITHOUT_TARGET, target="")
                | (~Q(task__in=WITHOUT_TARGET) & ~Q(target="")),
                name="training_run_target_fits_its_task",
            ),
        ]
        indexes = [
            models.Index(fields=["workspace", "-id"], name="training_run_by_workspace"),
            models.Index(
                fields=["status", "lease_until"],
                condition=Q(status__in=["queued", "running"]),
                name="training_run_unfinished",
            ),
        ]

    def __str__(self) -> str:
        return f"run {self.pk}: {self.subject} of {self.dataset_id}"

    @property
    def reading_words(self) -> dict[str, str]:
        """How the categories of columns were asked to be read, in words."""
        readings = {name: Reading.from_json(data) for name, data in self.readings.items()}
        return {name: reading.words for name, reading in readings.items() if reading}

    @property
    def subject(self) -> str:
        """The target, or the label of the task when it has no target."""
        return self.target or Task(self.task).label
