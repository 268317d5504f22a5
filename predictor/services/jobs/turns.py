"""Whose turn it is: workspaces share the slots, and within a workspace its people do."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Any

from django.db.models import Max

from .kinds import JobKind

NEVER = datetime.min.replace(tzinfo=UTC)


def next_job(kind: JobKind) -> int | None:
    """The job to begin: of the workspace with the fewest running, then of the one that waits longest for a turn."""
    return _next(kind, are_only_idle=False)


def next_job_of_idle_workspace(kind: JobKind) -> int | None:
    """As `next_job`, among the workspaces that have none running."""
    return _next(kind, are_only_idle=True)


def _next(kind: JobKind, *, are_only_idle: bool) -> int | None:
    if not kind.may_begin():
        return None
    waiting = kind.rows.queued().filter(is_cancel_requested=False)
    workspaces = set(waiting.order_by().values_list("workspace_id", flat=True).distinct())
    running = Counter(kind.rows.running().values_list("workspace_id", flat=True))
    if are_only_idle:
        workspaces -= set(running)
    if not workspaces:
        return None
    workspace = _first("workspace_id", workspaces, running, kind) if len(workspaces) > 1 else workspaces.pop()
    mine = waiting.filter(workspace_id=workspace)
    people = set(mine.order_by().values_list("created_by_id", flat=True).distinct())
    if len(people) > 1:
        at_work = Counter(
            kind.rows.running().filter(workspace_id=workspace).values_list("created_by_id", flat=True)
        )
        mine = mine.filter(created_by_id=_first("created_by_id", people, at_work, kind))
    pk: int | None = mine.order_by("queued_at", "pk").values_list("pk", flat=True).first()
    return pk


def _first(field: str, waiting: set[Any], running: Counter[Any], kind: JobKind) -> Any:
    """Of the workspaces or people with the fewest jobs running, the one whose last job began longest ago."""
    fewest = min(running[each] for each in waiting)
    candidates = [each for each in waiting if running[each] == fewest]
    begun = kind.rows.filter(**{f"{field}__in": candidates}).order_by().values(field)
    last = {row[field]: row["last"] for row in begun.annotate(last=Max("started_at"))}
    first = kind.rows.queued().filter(**{f"{field}__in": candidates}).order_by("queued_at", "pk")
    order = {each: place for place, each in reversed(list(enumerate(first.values_list(field, flat=True))))}
    return min(candidates, key=lambda each: (last.get(each) or NEVER, order.get(each, len(order))))
