from __future__ import annotations

import os
import random
import time
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models

from .model_version import ModelVersion
from .workspace import Workspace

if TYPE_CHECKING:
    from .user import User


def uuid7() -> uuid.UUID:
    """A UUID that sorts by time of creation (RFC 9562, version 7), so that inserts go to the index's end.

    The 12 bits after the milliseconds count 1/4,096 ms (section 6.2, method 3). Two calls take longer than that, so
    the rows of one request sort in the order of creation.
    """
    millis, nanos = divmod(time.time_ns(), 1_000_000)
    value = (millis & 0xFFFFFFFFFFFF) << 80 | 0x7 << 76 | (nanos * 4096 // 1_000_000) << 64
    return uuid.UUID(int=value | 0b10 << 62 | _random.getrandbits(62))


# An id is no secret. os.urandom for each id would release the GIL, which costs more than making the id.
_random = random.Random(os.urandom(32))  # noqa: S311
os.register_at_fork(after_in_child=lambda: _random.seed(os.urandom(32)))


def row_ids(base: uuid.UUID, numbers: Iterable[int]) -> list[str]:
    """Deterministic ids of numbered rows (below 2^32) of one job: the same each time, in the order of the rows.

    The number replaces the last 32 bits of `base`, a `uuid7`. The ids are hexadecimal text, because creating a UUID
    object takes longer than writing the row.
    """
    start = base.hex[:24]
    return [f"{start}{number:08x}" for number in numbers]


def moment_of(key: uuid.UUID) -> datetime:
    """When a row was written: the first 48 bits of its id are milliseconds."""
    return datetime.fromtimestamp((key.int >> 80) / 1000, tz=UTC)


def first_id_at(moment: datetime) -> uuid.UUID:
    """The smallest id of that millisecond: the primary key serves as the index over time."""
    millis = min(max(int(moment.timestamp() * 1000), 0), 2**48 - 1)
    return uuid.UUID(int=millis << 80)


class PredictionSource(models.TextChoices):
    """The interface through which a prediction was requested."""

    FORM = "form", "Form"
    CSV = "csv", "CSV upload"
    API = "api", "REST API"
    ARTICLE = "article", "/predict"
    V2 = "v2", "Open Inference Protocol V2"
    KSERVE = "kserve", "KServe V1"
    MLFLOW = "mlflow", "MLflow scoring"
    COMMAND = "command", "Command line"
    BATCH = "batch", "Batch"
    LINK = "link", "Published form"


class PredictionLogQuerySet(models.QuerySet["PredictionLog"]):
    def visible_to(self, user: User) -> PredictionLogQuerySet:
        return self.filter(workspace__in=Workspace.objects.visible_to(user))


class PredictionLog(models.Model):
    """One predicted row: inputs, output, version, caller and latency. Append-only."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="prediction_logs", db_index=False)
    model_version = models.ForeignKey(
        ModelVersion, models.PROTECT, related_name="prediction_logs", db_index=False
    )
    request_id = models.CharField(max_length=64)
    row_number = models.PositiveIntegerField(default=1, help_text="Its place in the request, from 1.")
    source = models.CharField(max_length=10, choices=PredictionSource.choices)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", db_index=False
    )
    api_token = models.ForeignKey(
        "predictor.ApiToken", models.SET_NULL, null=True, related_name="+", db_index=False
    )
    inputs = models.JSONField()
    output = models.JSONField(help_text="{prediction, probabilities?} as answered.")
    warnings = models.JSONField(default=list)
    latency_ms = models.FloatField(help_text="Of the whole request.")
    created_at = models.DateTimeField()

    objects = PredictionLogQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        # Ascending, though read in descending order: new rows go to the end and split no page of the B-tree.
        indexes = [
            models.Index(fields=["workspace", "id"], name="prediction_log_workspace_id"),
            models.Index(fields=["model_version", "id"], name="prediction_log_version_id"),
            models.Index(fields=["workspace", "request_id", "id"], name="prediction_log_request_id"),
        ]

    def __str__(self) -> str:
        return f"prediction {self.id}"
