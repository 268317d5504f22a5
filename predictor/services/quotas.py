"""Quotas: what one workspace and one person may have queued and stored, so that the others get their share.

A request above a quota is refused with 429 and the reason. Each limit is a setting; 0 is no limit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db.models import QuerySet, Sum

from ..errors import OverQuota
from ..models import BatchPrediction, Completion, Dataset, IdempotentRequest, TrainingRun
from .process import short_cache

if TYPE_CHECKING:
    from ..models import User, Workspace

# When a refused caller may try again, in seconds: a job may have ended by then; bytes are freed by people.
JOBS_RETRY_SECONDS, STORED_RETRY_SECONDS = 30, 3_600
MEGABYTE = 1_000_000


def require_room_for_run(workspace: Workspace, by: User | None) -> None:
    """Raises OverQuota when the workspace or the person has too many unfinished training runs."""
    rows = TrainingRun.objects.unfinished()
    _require_jobs(
        rows, workspace, by, "training runs", "MLWEB_MAX_RUNS_PER_WORKSPACE", "MLWEB_MAX_RUNS_PER_PERSON"
    )


def require_room_for_completion(workspace: Workspace, by: User | None) -> None:
    """Raises OverQuota when as many completions of reports are unfinished as training runs may be.

    Those that follow a training run by themselves are not refused: each run adds one at most.
    """
    rows = Completion.objects.unfinished()
    names = ("MLWEB_MAX_RUNS_PER_WORKSPACE", "MLWEB_MAX_RUNS_PER_PERSON")
    _require_jobs(rows, workspace, by, "completions of reports", *names)


def require_room_for_batch(workspace: Workspace, by: User | None, n_bytes: int) -> None:
    """Raises OverQuota when the workspace or the person has too many unfinished batches, or too much is stored."""
    rows = BatchPrediction.objects.unfinished()
    _require_jobs(
        rows, workspace, by, "batches", "MLWEB_MAX_BATCHES_PER_WORKSPACE", "MLWEB_MAX_BATCHES_PER_PERSON"
    )
    _require_bytes(workspace, n_bytes)


def require_room_for_dataset(workspace: Workspace, n_bytes: int) -> None:
    """Raises OverQuota when the workspace has too many datasets, or too much is stored with this one."""
    limit = settings.MAX_DATASETS_PER_WORKSPACE
    if limit and Dataset.with_trash.filter(workspace=workspace).count() >= limit:
        raise OverQuota(
            f"This workspace has {limit:,} datasets, the most that one may have, those in the trash included; "
            "delete some of them for good first.",
            retry_seconds=STORED_RETRY_SECONDS,
            limit=limit,
        )
    _require_bytes(workspace, n_bytes)


def require_room_for_answer(workspace_id: int) -> None:
    """Raises OverQuota when too many responses to requests with an `Idempotency-Key` are stored."""
    limit = settings.MAX_IDEMPOTENT_ANSWERS_PER_WORKSPACE
    if limit and _n_answers.get(str(workspace_id), lambda: _count_answers(workspace_id, limit)) >= limit:
        raise OverQuota(
            f"This workspace has {limit:,} stored responses, the most that are kept; send the request without "
            f"an Idempotency-Key. Responses are forgotten after {settings.IDEMPOTENCY_HOURS} hours.",
            retry_seconds=JOBS_RETRY_SECONDS,
            limit=limit,
        )


def stored_bytes(workspace: Workspace) -> int:
    """Bytes of the uploaded files that the workspace has stored: of datasets, those in the trash included, and of
    batches that have not ended."""
    datasets = Dataset.with_trash.with_data().filter(workspace=workspace)
    batches = BatchPrediction.objects.filter(workspace=workspace).exclude(source_digest="")
    return sum(rows.aggregate(total=Sum("n_bytes"))["total"] or 0 for rows in (datasets, batches))


# Counting takes milliseconds for 100,000 rows, so a count serves for a second.
_n_answers: short_cache.ShortCache[str, int] = short_cache.ShortCache()


def _count_answers(workspace_id: int, limit: int) -> int:
    return IdempotentRequest.objects.filter(workspace_id=workspace_id)[:limit].count()


def _require_jobs(
    rows: QuerySet[Any], workspace: Workspace, by: User | None, noun: str, of_workspace: str, of_person: str
) -> None:
    limit = getattr(settings, of_workspace.removeprefix("MLWEB_"))
    if limit and rows.filter(workspace=workspace).count() >= limit:
        raise OverQuota(
            f"This workspace has {limit:,} unfinished {noun}, the most that may wait and run; "
            "wait until one has ended, or cancel some.",
            retry_seconds=JOBS_RETRY_SECONDS,
            limit=limit,
        )
    limit = getattr(settings, of_person.removeprefix("MLWEB_"))
    if limit and by is not None and rows.filter(created_by=by).count() >= limit:
        raise OverQuota(
            f"You have {limit:,} unfinished {noun}, the most that one person may have waiting and running; "
            "wait until one has ended, or cancel some.",
            retry_seconds=JOBS_RETRY_SECONDS,
            limit=limit,
        )


def _require_bytes(workspace: Workspace, n_bytes: int) -> None:
    limit = settings.MAX_STORED_MB_PER_WORKSPACE
    if limit and stored_bytes(workspace) + n_bytes > limit * MEGABYTE:
        raise OverQuota(
            f"The files of this workspace may take {limit:,} MB, and with this one they would take more; "
            "delete datasets that are not needed, and empty the trash.",
            retry_seconds=STORED_RETRY_SECONDS,
            limit=limit,
        )
