"""Search of the prediction log."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from django.db.models import CharField, Q
from django.db.models.functions import Cast

from ...models import PredictionLog, RegisteredModel, User, Workspace
from ...models.prediction_log import PredictionLogQuerySet, first_id_at


@dataclass(frozen=True)
class LogSearch:
    """Filters of a search; an empty field matches everything.

    `warnings`: "yes", "no", or the code of one. `outcome`: the text of a predicted class.
    """

    model: str = ""
    version: int | None = None
    source: str = ""
    actor: str = ""
    request_id: str = ""
    text: str = ""
    warnings: str = ""
    outcome: str = ""
    since: datetime | None = None
    until: datetime | None = None


def search(workspace: Workspace, criteria: LogSearch = LogSearch()) -> PredictionLogQuerySet:
    """The workspace's log, newest first. Ids sort by time, so no other order is needed."""
    rows = PredictionLog.objects.filter(workspace=workspace)
    if criteria.model:
        models = RegisteredModel.objects.filter(workspace=workspace, slug=criteria.model)
        rows = rows.filter(model_version__registered_model__in=models)
    if criteria.version is not None:
        rows = rows.filter(model_version__number=criteria.version)
    if criteria.source:
        rows = rows.filter(source=criteria.source)
    if criteria.actor:
        rows = rows.filter(actor__in=User.objects.filter(email__icontains=criteria.actor))
    if criteria.request_id:
        rows = rows.filter(request_id=criteria.request_id)
    if criteria.since:
        rows = rows.filter(id__gte=first_id_at(criteria.since))
    if criteria.until:
        rows = rows.filter(id__lt=first_id_at(criteria.until))
    rows = _with_outcome(_with_warnings(rows, criteria.warnings), criteria.outcome)
    return _with_text(rows, criteria.text).order_by("-id")


def _with_warnings(rows: PredictionLogQuerySet, wanted: str) -> PredictionLogQuerySet:
    if not wanted:
        return rows
    rows = rows.alias(warnings_text=Cast("warnings", CharField()))
    if wanted == "no":
        return rows.filter(Q(warnings_text="[]"))
    if wanted == "yes":
        return rows.exclude(Q(warnings_text="[]"))
    # Rows of different writers differ in the blank after the colon.
    name, code = '"code":', json.dumps(wanted)
    return rows.filter(
        Q(warnings_text__contains=f"{name}{code}") | Q(warnings_text__contains=f"{name} {code}")
    )


def _with_outcome(rows: PredictionLogQuerySet, wanted: str) -> PredictionLogQuerySet:
    """A class is text, a number or a boolean; 1 and 1.0 are one number to both databases."""
    if not wanted:
        return rows
    condition = Q(output__prediction=wanted)
    try:
        value = json.loads(wanted)
    except ValueError:
        value = None
    if isinstance(value, int | float) and abs(value) < float("inf"):
        condition |= Q(output__prediction=value)
    return rows.filter(condition)


def _with_text(rows: PredictionLogQuerySet, text: str) -> PredictionLogQuerySet:
    if not text:
        return rows
    # Rows written by Django's JSONField are escaped as ASCII: 北京 as \u5317\u4eac.
    escaped = json.dumps(text)[1:-1]
    condition = Q()
    for column in ("inputs_text", "output_text"):
        condition |= Q(**{f"{column}__icontains": text}) | Q(**{f"{column}__icontains": escaped})
    return rows.annotate(
        inputs_text=Cast("inputs", CharField()), output_text=Cast("output", CharField())
    ).filter(condition)
