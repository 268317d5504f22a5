from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from django.db import models

from .model_version import ModelVersion
from .workspace import Workspace

if TYPE_CHECKING:
    from .user import User

BEFORE_ALL = uuid.UUID(int=0)


class PredictionHourQuerySet(models.QuerySet["PredictionHour"]):
    def visible_to(self, user: User) -> PredictionHourQuerySet:
        workspaces = Workspace.objects.visible_to(user)
        return self.filter(model_version__registered_model__workspace__in=workspaces)


class PredictionHour(models.Model):
    """What one version predicted in one hour (UTC): counts that can be added up, never rows of the log.

    `score`: the predicted number, the probability of the positive class of two, of the predicted class of several, or
    the score of anomaly detection. `classes` and `bins` are counted in the order of the version's PredictionTotal.
    """

    model_version = models.ForeignKey(
        ModelVersion, models.CASCADE, related_name="prediction_hours", db_index=False
    )
    hour = models.DateTimeField(help_text="When it begins, in UTC.")
    day = models.PositiveIntegerField(help_text="Its day in UTC, counted from 1 January 1970, for GROUP BY.")
    n_rows = models.PositiveBigIntegerField(default=0)
    n_requests = models.PositiveBigIntegerField(default=0, help_text="A batch is one.")
    n_with_warnings = models.PositiveBigIntegerField(default=0, help_text="Rows with at least one warning.")
    n_errors = models.PositiveBigIntegerField(default=0, help_text="Rows without a finite answer.")
    latency_ms_sum = models.FloatField(default=0.0, help_text="Over the requests.")
    n_sure = models.PositiveBigIntegerField(default=0, help_text="Rows with probabilities.")
    sureness_sum = models.FloatField(default=0.0, help_text="Of the largest probability of each row.")
    n_scores = models.PositiveBigIntegerField(default=0)
    score_sum = models.FloatField(default=0.0)
    score_square_sum = models.FloatField(default=0.0)
    score_min = models.FloatField(null=True)
    score_max = models.FloatField(null=True)
    sources = models.JSONField(default=dict, help_text="{interface: rows}")
    warnings = models.JSONField(default=dict, help_text="{code: rows}")
    classes = models.JSONField(default=list, help_text="Rows of each predicted class, then of all others.")
    bins = models.JSONField(default=list, help_text="Rows in each bin of the score.")

    objects = PredictionHourQuerySet.as_manager()

    class Meta:
        ordering = ["model_version_id", "hour"]
        constraints = [
            models.UniqueConstraint(fields=["model_version", "hour"], name="prediction_hour_once_per_version")
        ]
        indexes = [models.Index(fields=["hour"], name="prediction_hour_by_time")]

    def __str__(self) -> str:
        return f"predictions of version {self.model_version_id} from {self.hour}"


class PredictionTotal(models.Model):
    """What one version predicted in all, and the classes and bins that its hours are counted in.

    Made when the first row of the version is counted, and unchanged since but for the totals: bins that moved could
    not be compared. It stays when the log's rows are past their retention time.
    """

    model_version = models.OneToOneField(
        ModelVersion, models.CASCADE, primary_key=True, related_name="prediction_total"
    )
    classes = models.JSONField(default=list, help_text="The labels that are counted one by one.")
    edges = models.JSONField(
        default=list, help_text="Inner edges of the score's bins; a bin holds its upper edge."
    )
    positive_class = models.CharField(max_length=200, blank=True, help_text="Whose probability is the score.")
    n_rows = models.PositiveBigIntegerField(default=0)
    n_requests = models.PositiveBigIntegerField(default=0)
    latency_ms_sum = models.FloatField(default=0.0)
    last_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"predictions of version {self.model_version_id}"


class LogSummaryState(models.Model):
    """How far the log is counted; one row. See services/prediction_log/summary.py."""

    counted_to = models.UUIDField(
        default=BEFORE_ALL, help_text="Rows up to this id are counted, but for late ones."
    )
    closed_to = models.UUIDField(
        default=BEFORE_ALL, help_text="A row up to this id that is inserted from now on is a LateLogRow too."
    )
    horizon = models.BigIntegerField(
        null=True, help_text="PostgreSQL: transactions before this one may not have seen `closed_to`."
    )

    def __str__(self) -> str:
        return f"counted to {self.counted_to}"


class LateLogRow(models.Model):
    """A row of the log that was committed after the count had closed its place. A trigger of the database adds it."""

    id = models.UUIDField(primary_key=True)

    def __str__(self) -> str:
        return f"late {self.id}"
