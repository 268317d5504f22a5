"""Requests to compute what a training run left out of the report of its version."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from ...errors import Conflict
from ...ml.types.left_out import Part
from ...models import Completion, JobStatus, ModelVersion
from ..registry.absent_parts import PartState, absent_parts, completion_of, parts_to_compute

if TYPE_CHECKING:
    from ...models import User

WAITING = "Waiting until no other work is to be done"
FINAL = [status for status in JobStatus if status.is_final]


def queue_after(version: ModelVersion) -> None:
    """Queue the completion of a version that was just published, if its run left something out.

    In the caller's transaction, so that no version is without it. The next sweep notifies the workers.
    """
    parts = parts_to_compute(version) if settings.COMPLETE_REPORTS else []
    if parts:
        Completion.objects.create(
            workspace_id=version.registered_model.workspace_id,
            model_version=version,
            parts=[part.value for part in parts],
            progress_message=WAITING,
            created_by=version.created_by,
        )


def queue(version: ModelVersion, by: User | None) -> Completion:
    """Queue the completion of a version for the parts that are not computed; one that waits or runs stays as it is.

    Raises Conflict, with the reasons, when there is nothing to compute, and while one is being stopped.
    """
    trained = version.trained
    parts = parts_to_compute(trained)
    if not parts:
        raise Conflict(_nothing_to_do(trained))
    completion = completion_of(trained) or _created(trained, by)
    restarted = Completion.objects.filter(pk=completion.pk, status__in=FINAL).update(
        **_fresh(parts), created_by=by
    )
    completion.refresh_from_db()
    if not restarted and completion.is_cancel_requested:
        raise Conflict("It is being stopped; start it again when it has stopped.")
    return completion


def _created(version: ModelVersion, by: User | None) -> Completion:
    """A new row that has ended already: `queue` starts it. Another request may have made one at the same time."""
    try:
        with transaction.atomic():
            return Completion.objects.create(
                workspace_id=version.registered_model.workspace_id,
                model_version=version,
                status=JobStatus.CANCELLED,
                created_by=by,
            )
    except IntegrityError:
        return Completion.objects.get(model_version=version)


def _fresh(parts: list[Part]) -> dict[str, object]:
    """The fields of a job that begins anew; what was computed before stays."""
    return {
        "status": JobStatus.QUEUED,
        "parts": [part.value for part in parts],
        "attempts": 0,
        "attempt_log": [],
        "queued_at": timezone.now(),
        "rung_at": None,
        "started_at": None,
        "finished_at": None,
        "is_cancel_requested": False,
        "progress": 0.0,
        "progress_message": WAITING,
        "error": "",
        "traceback": "",
    }


def _nothing_to_do(version: ModelVersion) -> str:
    parts = absent_parts(version)
    refused = [f"{each.part.label}: {each.sentence}" for each in parts if each.state is PartState.IMPOSSIBLE]
    if refused:
        return " ".join(refused)
    if parts:
        return f"Everything that was left out of the report of version {version.number} is computed already."
    return f"As far as its report tells, nothing was left out of it for version {version.number}."
