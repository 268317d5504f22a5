from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Q

from ..model_version import ModelVersion
from ..workspace import Workspace

if TYPE_CHECKING:
    from ..user import User


class ActualSource(models.TextChoices):
    """The interface through which an actual value came."""

    FORM = "form", "Form"
    FILE = "file", "File upload"
    API = "api", "REST API"
    COMMAND = "command", "Command line"


class ActualQuerySet(models.QuerySet["Actual"]):
    def visible_to(self, user: User) -> ActualQuerySet:
        return self.filter(workspace__in=Workspace.objects.visible_to(user))

    def waiting(self) -> ActualQuerySet:
        """Those whose prediction is not known yet."""
        return self.filter(model_version=None)


class Actual(models.Model):
    """The actual value of one prediction: what really happened. Append-only: a correction is another row.

    `prediction` is the id of the row in the prediction log, which may be past its retention time; so what was
    predicted is kept here. Without a version the row waits for its prediction.
    """

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+", db_index=False)
    model_version = models.ForeignKey(
        ModelVersion, models.CASCADE, null=True, related_name="actuals", db_index=False
    )
    prediction = models.UUIDField(null=True, help_text="The id of the predicted row in the log.")
    request_id = models.CharField(
        max_length=64, blank=True, help_text="Instead of the id, with a row number."
    )
    row_number = models.PositiveIntegerField(default=1, help_text="Its place in the request, from 1.")
    value = models.JSONField(help_text="A number, or one of the classes.")
    known_at = models.DateTimeField(help_text="When the value became known.")
    is_current = models.BooleanField(default=False, help_text="Whether it is the last one of its prediction.")
    predicted_at = models.DateTimeField(null=True)
    output = models.JSONField(default=dict, help_text="What was answered: {prediction, probabilities?}.")
    source = models.CharField(max_length=10, choices=ActualSource.choices)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", db_index=False
    )
    api_token = models.ForeignKey(
        "predictor.ApiToken", models.SET_NULL, null=True, related_name="+", db_index=False
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ActualQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["prediction"], condition=Q(is_current=True), name="actual_current_once"
            ),
            models.CheckConstraint(
                condition=Q(prediction__isnull=False) | ~Q(request_id=""), name="actual_names_a_prediction"
            ),
        ]
        indexes = [
            models.Index(fields=["workspace", "id"], name="actual_by_workspace"),
            models.Index(fields=["prediction", "id"], name="actual_by_prediction"),
            models.Index(
                fields=["model_version", "predicted_at"],
                condition=Q(is_current=True),
                name="actual_current_by_time",
            ),
            models.Index(
                fields=["workspace", "id"], condition=Q(model_version__isnull=True), name="actual_waiting"
            ),
        ]

    def __str__(self) -> str:
        return f"actual {self.pk}"
