"""Usage statistics of versions, counted from the prediction log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Max, Q, Sum

from ...models import ModelVersion, PredictionLog, RegisteredModel


@dataclass(frozen=True)
class VersionStatistics:
    """Usage of one version. `last_at_ms`: Unix time in ms, 0 for never; `total_ns`: time of all requests, in ns."""

    model: str
    version: int
    n_rows: int
    n_requests: int
    last_at_ms: int
    total_ns: int


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
    counted = {
        each["model_version"]: each
        for each in PredictionLog.objects.filter(model_version__in=[each.pk for each in versions])
        .order_by()
        .values("model_version")
        .annotate(
            n_rows=Count("pk"),
            n_requests=Count("pk", filter=Q(row_number=1)),
            last_at=Max("created_at"),
            total_ms=Sum("latency_ms", filter=Q(row_number=1)),
        )
    }
    statistics = []
    for version in sorted(versions, key=lambda each: (slugs[each.registered_model_id], each.number)):
        numbers: Mapping[str, Any] = counted.get(version.pk, {})
        last_at = numbers.get("last_at")
        statistics.append(
            VersionStatistics(
                model=slugs[version.registered_model_id],
                version=version.number,
                n_rows=numbers.get("n_rows", 0),
                n_requests=numbers.get("n_requests", 0),
                last_at_ms=int(last_at.timestamp() * 1000) if last_at else 0,
                total_ns=int((numbers.get("total_ms") or 0) * 1_000_000),
            )
        )
    return statistics
