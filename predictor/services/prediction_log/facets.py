"""How many predictions of a workspace each filter of the log would show, from the hourly summary."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from django.db.models import TextField
from django.db.models.functions import Cast
from django.utils import timezone

from ...ml.types.schema import label_text
from ...models import PredictionHour, PredictionTotal, Workspace

DAYS = 30
# Versions with predictions in that time, the last ones first, and hours of them that are read: about 20 ms.
MAX_VERSIONS = 100
MAX_HOURS = 2_000


@dataclass
class Facets:
    """Predictions in some days. `since`: where the counts begin. `outcomes`: by the text of the predicted class.

    Sources, warnings and outcomes are of the chosen model and version; models are of the whole workspace.
    """

    since: datetime
    n_rows: int = 0
    n_with_warnings: int = 0
    models: Counter[str] = field(default_factory=Counter)
    versions: Counter[int] = field(default_factory=Counter)
    sources: Counter[str] = field(default_factory=Counter)
    warnings: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)


def facets_of(
    workspace: Workspace,
    *,
    model: str = "",
    version: int | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Facets:
    """The counts from `since` to `until`, without them of the last DAYS days; at most MAX_HOURS hours of versions."""
    since = since or (until or timezone.now()) - timedelta(days=DAYS)
    found = Facets(since)
    totals = PredictionTotal.objects.filter(
        model_version__registered_model__workspace=workspace, last_at__gte=since
    )
    columns = ("pk", "model_version__registered_model__slug", "model_version__number")
    versions = {
        pk: (slug, number)
        for pk, slug, number in totals.order_by("-last_at").values_list(*columns)[:MAX_VERSIONS]
    }
    # The classes of one model only: they are documents.
    chosen = [pk for pk, (slug, _) in versions.items() if slug == model]
    labels = (
        dict(PredictionTotal.objects.filter(pk__in=chosen).values_list("pk", "classes")) if chosen else {}
    )
    hours = PredictionHour.objects.filter(model_version__in=list(versions), hour__gte=since)
    if until is not None:
        hours = hours.filter(hour__lt=until)
    texts = {f"{name}_text": Cast(name, TextField()) for name in ("sources", "warnings", "classes")}
    rows = (
        hours.order_by("-hour")
        .values_list("model_version_id", "hour", "n_rows", "n_with_warnings")
        .annotate(**texts)[:MAX_HOURS]
    )
    read = list(rows)
    if len(read) == MAX_HOURS:
        found.since = read[-1][1]
    parsed = cache(json.loads)
    for pk, _, n_rows, n_with_warnings, sources, warnings, classes in read:
        slug, number = versions[pk]
        found.models[slug] += n_rows
        if model and slug != model:
            continue
        if model:
            found.versions[number] += n_rows
        if version is not None and number != version:
            continue
        found.n_rows += n_rows
        found.n_with_warnings += n_with_warnings
        _add(found.sources, parsed(sources))
        _add(found.warnings, parsed(warnings))
        if model:
            for label, n in zip(labels[pk], parsed(classes), strict=False):
                found.outcomes[label_text(label)] += n
    return found


def _add(known: Counter[str], more: Mapping[str, Any]) -> None:
    for name, n in more.items():
        known[name] += n
