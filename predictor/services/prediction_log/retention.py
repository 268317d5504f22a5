"""Retention of the prediction log: delete old rows."""

from __future__ import annotations

import time
from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from ...errors import InvalidInput
from ...models import PredictionLog
from ...models.prediction_log import first_id_at
from .group_commit import turn

# Rows in one transaction: about 30 ms on SQLite, in which no other process can write.
ROWS_AT_ONCE = 1_000
LONGEST_DAYS = 36_500


def prune(*, days: int | None = None) -> int:
    """Delete log rows older than `days` (MLWEB_LOG_RETENTION_DAYS unless given); return how many.

    0 keeps everything. Deletes the oldest first, in short transactions, and pauses after each as long as it took, so
    that predictions can be logged. It can be stopped at any time. Raises InvalidInput.
    """
    days = settings.LOG_RETENTION_DAYS if days is None else days
    if not 0 <= days <= LONGEST_DAYS:
        raise InvalidInput(f"The log is kept for 0 (for good) to {LONGEST_DAYS:,} days, not {days}.")
    if days == 0:
        return 0
    # Ids begin with the time, so the primary key finds the oldest rows.
    end = first_id_at(timezone.now() - timedelta(days=days))
    oldest = PredictionLog.objects.filter(id__lt=end).order_by("id").values_list("id", flat=True)
    n_deleted = 0
    while keys := list(oldest[:ROWS_AT_ONCE]):
        began = time.monotonic()
        with turn():
            n_deleted += PredictionLog.objects.filter(id__lte=keys[-1]).delete()[0]
        time.sleep(time.monotonic() - began)
    return n_deleted
