"""Search over a workspace: datasets, models, versions, runs and batches by name or number. Every query is bounded."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db.models import Case, IntegerField, Q, QuerySet, Value, When

from ..models import BatchPrediction, Dataset, ModelVersion, RegisteredModel, TrainingRun

if TYPE_CHECKING:
    from ..models import Workspace

MAX_TEXT = 100
MAX_HITS = 20
# A dataset or a model is found among so many of the newest; a run or a batch among fewer, since there are more.
NEWEST, NEWEST_JOBS = 10_000, 2_000
NAME_AND_NUMBER = re.compile(r"(.*?)[\s,:]*(?:version|v|#)?\s*([0-9]{1,9})", re.IGNORECASE)


@dataclass(frozen=True)
class Hit:
    """A row that was found. `kind`: dataset, model, version, run or batch; `slug`: of its model."""

    kind: str
    pk: int
    title: str
    detail: str = ""
    slug: str = ""
    number: int = 0


def search(workspace: Workspace, text: str, limit: int = MAX_HITS) -> list[Hit]:
    """Rows whose name contains the text: those whose name begins with it first, kinds in the order of the data flow.

    A number alone is also that of a run or batch; "churn 3" is version 3 of models with “churn” in their name.
    """
    wanted = " ".join(text.replace("\0", "").split())[:MAX_TEXT]
    if not wanted:
        return []
    found = [
        list(_versions(workspace, wanted, limit)),
        list(_models(workspace, wanted, limit)),
        list(_datasets(workspace, wanted, limit)),
        list(_runs(workspace, wanted, limit)),
        list(_batches(workspace, wanted, limit)),
    ]
    return _shared(found, limit)


def _shared(found: Sequence[list[Hit]], limit: int) -> list[Hit]:
    """At most `limit` of all kinds; a kind with many hits leaves room for the others."""
    kept: list[list[Hit]] = [[] for _ in found]
    left = limit
    depth = 0
    while left and any(len(hits) > depth for hits in found):
        for place, hits in enumerate(found):
            if left and len(hits) > depth:
                kept[place].append(hits[depth])
                left -= 1
        depth += 1
    return [hit for hits in kept for hit in hits]


def _newest(rows: QuerySet[Any], n: int) -> QuerySet[Any]:
    """The newest rows, as a queryset that can be filtered."""
    return rows.filter(pk__in=rows.order_by("-pk").values("pk")[:n])


def _best_first(rows: QuerySet[Any], name: str, wanted: str, *more: str) -> QuerySet[Any]:
    condition = Q()
    for field in (name, *more):
        condition |= Q(**{f"{field}__icontains": wanted})
    begins = When(**{f"{name}__istartswith": wanted}, then=Value(0))
    rank = Case(begins, default=Value(1), output_field=IntegerField())
    ranked: QuerySet[Any] = rows.filter(condition).annotate(rank=rank).order_by("rank", "-pk")
    return ranked


def _datasets(workspace: Workspace, wanted: str, limit: int) -> Iterator[Hit]:
    rows = _newest(Dataset.objects.filter(workspace=workspace), NEWEST)
    rows = _best_first(rows, "name", wanted, "filename").only("name", "filename")
    for each in rows[:limit]:
        yield Hit("dataset", each.pk, each.name, each.filename if each.filename != each.name else "")


def _models(workspace: Workspace, wanted: str, limit: int) -> Iterator[Hit]:
    rows = _newest(RegisteredModel.objects.filter(workspace=workspace), NEWEST)
    for each in _best_first(rows, "name", wanted, "slug").only("name", "slug")[:limit]:
        yield Hit("model", each.pk, each.name, each.slug if each.slug != each.name else "", each.slug)


def _versions(workspace: Workspace, wanted: str, limit: int) -> Iterator[Hit]:
    match = NAME_AND_NUMBER.fullmatch(wanted)
    if match is None or not match[1].strip():
        return
    models = _newest(RegisteredModel.objects.filter(workspace=workspace), NEWEST)
    models = models.filter(Q(name__icontains=match[1].strip()) | Q(slug__icontains=match[1].strip()))
    rows = ModelVersion.objects.filter(registered_model__in=models, number=int(match[2]))
    shown = ("number", "estimator", "registered_model__name", "registered_model__slug")
    for each in rows.select_related("registered_model").only(*shown).order_by("-pk")[:limit]:
        model = each.registered_model
        yield Hit("version", each.pk, model.name, each.estimator, model.slug, each.number)


def _runs(workspace: Workspace, wanted: str, limit: int) -> Iterator[Hit]:
    rows = TrainingRun.objects.filter(workspace=workspace)
    shown = ("target", "task", "status", "registered_model__name", "dataset__name")
    rows_shown = rows.select_related("registered_model", "dataset").only(*shown)
    if _is_number(wanted):
        for each in rows_shown.filter(pk=int(wanted)):
            yield _run_hit(each)
    newest = rows.order_by("-pk").values("pk")[:NEWEST_JOBS]
    named = Q(target__icontains=wanted) | Q(registered_model__name__icontains=wanted)
    for each in rows_shown.filter(named | Q(dataset__name__icontains=wanted), pk__in=newest).order_by("-pk")[
        :limit
    ]:
        if not (_is_number(wanted) and each.pk == int(wanted)):
            yield _run_hit(each)


def _run_hit(run: TrainingRun) -> Hit:
    return Hit("run", run.pk, f"{run.registered_model.name}: {run.subject}", run.dataset.name, number=run.pk)


def _batches(workspace: Workspace, wanted: str, limit: int) -> Iterator[Hit]:
    rows = _newest(BatchPrediction.objects.filter(workspace=workspace), NEWEST_JOBS)
    rows = rows.select_related("registered_model").only(
        "filename", "registered_model__name", "registered_model__slug"
    )
    condition = Q(filename__icontains=wanted)
    if _is_number(wanted):
        condition |= Q(pk=int(wanted))
    for each in rows.filter(condition).order_by("-pk")[:limit]:
        model = each.registered_model
        yield Hit("batch", each.pk, each.filename, model.name, model.slug, each.pk)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 18
