"""Usage statistics of versions: the totals of the hourly summary, and the rows that it does not hold yet.

They only grow: rows that are past their retention time stay counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, F, Max, Q, QuerySet, Subquery, Sum, Value
from django.db.models.functions import Coalesce

from ...models import (
    LateLogRow,
    LogSummaryState,
    ModelVersion,
    PredictionLog,
    PredictionTotal,
    RegisteredModel,
)
from ...models.prediction_hour import BEFORE_ALL


@dataclass(frozen=True)
class VersionStatistics:
    """Usage of one version. `last_at_ms`: Unix time in ms, 0 for never; `total_ns`: time of all requests, in ns."""

    model: str
    version: int
    n_rows: int
    n_requests: int
    last_at_ms: int
    total_ns: int


@dataclass
class _Sums:
    n_rows: int = 0
    n_requests: int = 0
    last_at: datetime | None = None
    total_ms: float = 0.0

    def add(self, n_rows: int, n_requests: int, last_at: datetime | None, total_ms: float | None) -> None:
        self.n_rows += n_rows
        self.n_requests += n_requests
        self.last_at = max(filter(None, (self.last_at, last_at)), default=None)
        self.total_ms += total_ms or 0.0


def of_versions(
    models: Sequence[RegisteredModel], versions: Sequence[ModelVersion] | None = None
) -> list[VersionStatistics]:
    """Usage of these versions, or of all that are not archived, ordered by model slug and number."""
    if versions is None:
        versions = list(
            ModelVersion.objects.filter(registered_model__in=models, archived_at=None).only(
                "number", "registered_model"
            )
        )
    slugs = {model.pk: model.slug for model in models}
    sums = {version.pk: _Sums() for version in versions}
    for pk, n_rows, n_requests, last_at, total_ms in _counted(list(sums)) if sums else ():
        sums[pk].add(n_rows, n_requests, last_at, total_ms)
    return [
        VersionStatistics(
            model=slugs[version.registered_model_id],
            version=version.number,
            n_rows=sums[version.pk].n_rows,
            n_requests=sums[version.pk].n_requests,
            last_at_ms=_milliseconds(sums[version.pk].last_at),
            total_ns=int(sums[version.pk].total_ms * 1_000_000),
        )
        for version in sorted(versions, key=lambda each: (slugs[each.registered_model_id], each.number))
    ]


def _milliseconds(moment: datetime | None) -> int:
    return int(moment.timestamp() * 1000) if moment else 0


def _counted(versions: Sequence[int]) -> QuerySet[Any, Any]:
    """Numbers of each version, in up to three rows: counted ones, those above the mark, and late ones.

    One statement, because a pass of the summary may end between two.
    """
    mark = Coalesce(
        Subquery(LogSummaryState.objects.filter(pk=1).values("counted_to")),
        Value(BEFORE_ALL, output_field=LogSummaryState._meta.get_field("counted_to")),
    )
    totals = PredictionTotal.objects.filter(model_version__in=versions).values_list(
        "model_version", "n_rows", "n_requests", "last_at", F("latency_ms_sum")
    )
    log = PredictionLog.objects.filter(model_version__in=versions).order_by()
    late = log.filter(pk__in=LateLogRow.objects.values("pk"), pk__lte=mark)
    return totals.union(_summed(log.filter(pk__gt=mark)), _summed(late), all=True)


def _summed(rows: QuerySet[PredictionLog]) -> QuerySet[Any, Any]:
    return rows.values("model_version").annotate(
        rows_=Count("pk"),
        requests_=Count("pk", filter=Q(row_number=1)),
        last_=Max("created_at"),
        total_=Sum("latency_ms", filter=Q(row_number=1)),
    ).values_list("model_version", "rows_", "requests_", "last_", "total_")  # fmt: skip
