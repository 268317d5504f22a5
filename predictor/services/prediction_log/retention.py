"""Retention of the prediction log and of its hourly summary: delete old rows."""

from __future__ import annotations

import time
from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from ...errors import InvalidInput
from ...models import LateLogRow, PredictionHour, PredictionLog
from ...models.prediction_log import first_id_at
from . import summary
from .group_commit import turn

# Rows in one transaction: about 30 ms on SQLite, in which no other process can write.
ROWS_AT_ONCE = 1_000
LONGEST_DAYS = 36_500


def prune(*, days: int | None = None) -> int:
    """Delete log rows older than `days` (MLWEB_LOG_RETENTION_DAYS unless given); return how many.

    0 keeps everything. Rows that the hourly summary does not hold yet are counted first. Deletes the oldest first, in
    short transactions, and pauses after each as long as it took, so that predictions can be logged. It can be stopped
    at any time. Raises InvalidInput.
    """
    days = settings.LOG_RETENTION_DAYS if days is None else days
    if not 0 <= days <= LONGEST_DAYS:
        raise InvalidInput(f"The log is kept for 0 (for good) to {LONGEST_DAYS:,} days, not {days}.")
    if days == 0:
        return 0
    summary.run(seconds=None)
    # Ids begin with the time, so the primary key finds the oldest rows.
    old = PredictionLog.objects.filter(id__lt=first_id_at(timezone.now() - timedelta(days=days)))
    old = old.filter(id__lte=summary.mark()).exclude(pk__in=LateLogRow.objects.values("pk"))
    oldest = old.order_by("id").values_list("id", flat=True)
    n_deleted = 0
    while keys := list(oldest[:ROWS_AT_ONCE]):
        began = time.monotonic()
        with turn():
            n_deleted += old.filter(id__lte=keys[-1]).delete()[0]
        time.sleep(time.monotonic() - began)
    return n_deleted


def prune_summary() -> int:
    """Delete hours of the summary older than MLWEB_SUMMARY_RETENTION_DAYS (0 keeps all); return how many.

    The totals of the versions stay.
    """
    if settings.SUMMARY_RETENTION_DAYS == 0:
        return 0
    end = timezone.now() - timedelta(days=settings.SUMMARY_RETENTION_DAYS)
    oldest = PredictionHour.objects.filter(hour__lt=end).order_by("hour").values_list("pk", flat=True)
    n_deleted = 0
    while keys := list(oldest[:ROWS_AT_ONCE]):
        with turn():
            n_deleted += PredictionHour.objects.filter(pk__in=keys).delete()[0]
    return n_deleted
