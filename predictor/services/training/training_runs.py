"""Training runs: start, cancel, execute."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from django.db import transaction

from ...errors import InvalidTrainingRequest, NotFound, quoted
from ...ml.training.request_checks import check_request
from ...ml.types import positive_class
from ...ml.types.schema import Task
from ...ml.types.split import SplitBy
from ...ml.types.training_request import TrainingRequest
from ...ml.validation import split_suggestions
from ...models import Dataset, RegisteredModel, TrainingRun
from .. import artifacts, jobs, quotas, registry
from ..jobs.leases import OnChange
from .training_job import TRAINING
from .training_options import TrainingOptions

if TYPE_CHECKING:
    from ...models import User

# What is read of given roles while the person waits.
MAX_DISTINCT_AT_ONCE, MAX_COLUMNS_AT_ONCE = 50_000, 20

__all__ = ["TRAINING", "cancel", "execute", "find_task", "run_here", "splits_for", "start_run"]


def start_run(
    *,
    dataset: Dataset,
    options: TrainingOptions,
    registered_model: RegisteredModel | str,
    by: User | None,
    has_quota: bool = True,
) -> TrainingRun:
    """Queue a training run on the dataset, for a registered model (created if new).

    Checks that need only the dataset's profile are made here, and whether the given roles can read the cells; those
    that need all values, in the run itself.
    Raises InvalidTrainingRequest (or its subclasses InvalidHyperparameters and LosesCells), InvalidInput; OverQuota,
    unless the quotas do not count (`has_quota`).
    """
    if not dataset.has_data:
        raise _without_data(dataset)
    request = options.request(dataset)
    checked = request
    if request.weight_column:
        # With the file, an error names the rows that have no weight.
        with suppress(NotFound):
            checked = replace(request, parquet=str(artifacts.path_of(dataset.parquet_digest)))
    request = replace(request, task=check_request(checked))
    _check_roles(dataset, request)
    request = replace(request, positive_class=_label_in(request))
    with transaction.atomic():
        # Take the same lock as `datasets.delete`: it sees this run, or we see that the data is deleted.
        if not Dataset.objects.with_data().select_for_update().filter(pk=dataset.pk).values("pk"):
            raise _without_data(dataset)
        if has_quota:
            quotas.require_room_for_run(dataset.workspace, by)
        run = TrainingRun.objects.create(
            workspace_id=dataset.workspace_id,
            dataset=dataset,
            registered_model=_registered_model(registered_model, dataset, by),
            **request.to_row_fields(),
            n_reading_changes=dataset.reading_changes.count(),
            progress_message="Waiting for a worker",
            created_by=by,
        )
        jobs.notify_workers(TRAINING, run.pk)
    return run


def _check_roles(dataset: Dataset, request: TrainingRequest) -> None:
    """Refuse roles that empty too many cells before a worker is busy with them. Raises LosesCells.

    Columns of very many different texts are checked in the run.
    """
    table = request.table
    names = [
        name for name in request.roles if name in table and table[name].n_distinct <= MAX_DISTINCT_AT_ONCE
    ]
    if not names:
        return
    from ...ml.tables.role_readings import with_readings

    _, readings = with_readings(artifacts.path_of(dataset.parquet_digest), table, names[:MAX_COLUMNS_AT_ONCE])
    for each in readings:
        each.check(request.max_lost_share)


def find_task(*, dataset: Dataset, options: TrainingOptions) -> Task:
    """The task that a run with these options would have, found without a run. Raises InvalidTrainingRequest."""
    return check_request(options.request(dataset))


def splits_for(*, dataset: Dataset, options: TrainingOptions) -> tuple[list[SplitBy], str]:
    """The available splits, random first, and a sentence when another one suits the table better."""
    try:
        table = options.request(dataset).table
    except InvalidTrainingRequest:
        table = dataset.schema
    suggestion = split_suggestions.suggested(table, options.target)
    return split_suggestions.offered(table, options.target), split_suggestions.advice_on(
        suggestion
    ) if suggestion else ""


def cancel(*, run: TrainingRun, by: User | None) -> TrainingRun:
    """End a queued run at once, a running one within seconds. Raises Conflict when it has finished."""
    jobs.cancel(TRAINING, run)
    return run


def execute(run_id: int) -> bool:
    """Execute a queued run in this process, to its end. False when it could not be claimed."""
    return jobs.run(TRAINING, run_id)


def run_here(*, on_change: OnChange | None = None, **asked: Any) -> TrainingRun:
    """Start a run (arguments of `start_run`) and execute it in this process, without a worker."""
    with transaction.atomic():
        run = start_run(**asked, has_quota=False)
        # Claim it in the same transaction, before a worker can see it.
        held = jobs.claim(TRAINING, run.pk, on_change=on_change)
    if held is not None:
        jobs.perform(TRAINING, held)
    run.refresh_from_db()
    return run


def _label_in(request: TrainingRequest) -> str:
    """The positive class that was asked for, written as in the table."""
    asked = request.positive_class
    labels = list(positive_class.counts_in(request.table[request.target])) if asked else []
    return labels[positive_class.found_in(labels, asked)] if labels else asked


def _without_data(dataset: Dataset) -> InvalidTrainingRequest:
    return InvalidTrainingRequest(
        f"The data of {quoted(dataset.name)} was deleted; upload it again to train on it."
    )


def _registered_model(asked: RegisteredModel | str, dataset: Dataset, by: User | None) -> RegisteredModel:
    if isinstance(asked, str):
        return registry.get_or_create_model(workspace=dataset.workspace, name_or_slug=asked, by=by)
    if asked.workspace_id != dataset.workspace_id:
        raise InvalidTrainingRequest("The registered model and the dataset belong to different workspaces.")
    return asked
