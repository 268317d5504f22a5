"""Completions of reports: start one, cancel it, carry it out here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...errors import NotFound
from ...models import Completion, ModelVersion
from .. import jobs, quotas
from ..registry.absent_parts import completion_of
from . import completion_requests
from .completion_job import COMPLETIONS

if TYPE_CHECKING:
    from ...models import User

__all__ = ["COMPLETIONS", "cancel", "cancel_of", "execute", "start"]


def start(*, model_version: ModelVersion, by: User | None) -> Completion:
    """Queue the computing of what was left out of the version's report; one that waits or runs stays as it is.

    Raises Conflict, with the reasons, when there is nothing to compute or one is being stopped, and OverQuota.
    """
    known = completion_of(model_version)
    if known is None or known.is_final:
        quotas.require_room_for_completion(model_version.registered_model.workspace, by)
    completion = completion_requests.queue(model_version, by)
    jobs.notify_workers(COMPLETIONS, completion.pk)
    return completion


def cancel(*, completion: Completion, by: User | None) -> Completion:
    """End a queued completion at once, a running one within seconds. Raises Conflict when it has finished."""
    jobs.cancel(COMPLETIONS, completion)
    return completion


def cancel_of(*, model_version: ModelVersion, by: User | None) -> Completion:
    """As `cancel`, for a version. Raises NotFound for one without a completion."""
    completion = completion_of(model_version)
    if completion is None:
        raise NotFound(f"Nothing is being computed for version {model_version.number}.")
    return cancel(completion=completion, by=by)


def execute(completion_id: int) -> bool:
    """Execute a queued completion in this process, to its end. False when it could not be claimed."""
    return jobs.run(COMPLETIONS, completion_id)
