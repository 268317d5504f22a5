from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from .api_token import ApiToken
from .dataset import Dataset
from .job import Job, JobQuerySet, JobStatus
from .model_version import ModelVersion
from .prediction_log import uuid7
from .registered_model import RegisteredModel
from .workspace import Workspace

if TYPE_CHECKING:
    from .user import User


class BatchFormat(models.TextChoices):
    """The file format of the rows; the result has the same format."""

    CSV = "csv", "CSV"
    PARQUET = "parquet", "Parquet"
    JSONL = "jsonl", "JSON lines"


class BatchPredictionQuerySet(JobQuerySet):
    def visible_to(self, user: User) -> BatchPredictionQuerySet:
        return self.filter(workspace__in=Workspace.objects.visible_to(user))

    def finished(self) -> BatchPredictionQuerySet:
        return self.exclude(status__in=[JobStatus.QUEUED, JobStatus.RUNNING])


class BatchPrediction(Job):
    """A batch prediction job: a file of rows that a worker predicts with one model version, progress, result."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="batch_predictions")
    registered_model = models.ForeignKey(RegisteredModel, models.PROTECT, related_name="batch_predictions")
    model_version = models.ForeignKey(
        ModelVersion, models.PROTECT, related_name="batch_predictions", help_text="As it was at the start."
    )
    dataset = models.ForeignKey(
        Dataset, models.SET_NULL, null=True, related_name="+", help_text="Whose rows these are, if any's."
    )
    filename = models.CharField(max_length=200)
    format = models.CharField(max_length=10, choices=BatchFormat.choices)
    n_bytes = models.PositiveBigIntegerField()
    options = models.JSONField(default=dict, help_text="How a CSV file is written.")
    is_strict = models.BooleanField(default=False, help_text="One doubtful row refuses the whole file.")
    coverage = models.FloatField(null=True, help_text="Of the intervals and sets.")
    source_digest = models.CharField(max_length=64, blank=True, help_text="Empty when it was dropped.")
    request_id = models.CharField(max_length=64)
    log_base = models.UUIDField(default=uuid7, help_text="From which the ids of its log rows follow.")
    n_rows_total = models.PositiveBigIntegerField(null=True, help_text="Unknown until the file was read.")
    n_rows_done = models.PositiveBigIntegerField(default=0)
    n_errors = models.PositiveBigIntegerField(default=0)
    n_warnings = models.PositiveBigIntegerField(default=0, help_text="Rows with warnings.")
    n_bytes_done = models.PositiveBigIntegerField(default=0, help_text="Of the unfinished result.")
    row_errors = models.JSONField(default=list, help_text="The first ones: {row, message}.")
    warnings = models.JSONField(default=list, help_text="Sentences about the whole file.")
    result_digest = models.CharField(max_length=64, blank=True)
    result_bytes = models.PositiveBigIntegerField(null=True)
    result_removed_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    api_token = models.ForeignKey(ApiToken, models.SET_NULL, null=True, related_name="+")

    objects = BatchPredictionQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=JobStatus.values), name="batch_prediction_status_known"
            ),
            models.CheckConstraint(
                condition=Q(format__in=BatchFormat.values), name="batch_prediction_format_known"
            ),
            models.CheckConstraint(
                condition=~Q(status=JobStatus.FAILED) | ~Q(error=""),
                name="batch_prediction_failure_has_a_reason",
            ),
            models.CheckConstraint(
                condition=~Q(status=JobStatus.SUCCEEDED)
                | ~Q(result_digest="")
                | Q(result_removed_at__isnull=False),
                name="batch_prediction_success_has_a_result",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["succeeded", "failed", "cancelled"]) | ~Q(source_digest=""),
                name="batch_prediction_work_has_a_source",
            ),
            models.CheckConstraint(
                condition=Q(n_errors__lte=F("n_rows_done")) & Q(n_warnings__lte=F("n_rows_done")),
                name="batch_prediction_counts_fit",
            ),
            models.CheckConstraint(
                condition=Q(n_rows_total__isnull=True) | Q(n_rows_done__lte=F("n_rows_total")),
                name="batch_prediction_done_within_total",
            ),
        ]
        indexes = [
            models.Index(fields=["workspace", "-id"], name="batch_by_workspace"),
            models.Index(
                fields=["status", "lease_until"],
                condition=Q(status__in=["queued", "running"]),
                name="batch_unfinished",
            ),
        ]

    def __str__(self) -> str:
        return f"batch {self.pk}: {self.filename}"

    @property
    def has_result(self) -> bool:
        return bool(self.result_digest)
