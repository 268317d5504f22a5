"""Training runs: start, cancel, execute."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import transaction

from ...errors import InvalidTrainingRequest, quoted, quoted_list
from ...ml.training.request_checks import check_request
from ...ml.types.schema import Role, Task
from ...ml.types.split import SplitBy
from ...ml.types.threshold_rule import ThresholdRule
from ...ml.types.training_request import AUTO, EFFORTS, ForecastOptions, TrainingRequest
from ...ml.validation import split_suggestions
from ...models import Dataset, RegisteredModel, TrainingRun
from .. import jobs, registry
from ..jobs.leases import OnChange
from .training_job import TRAINING

if TYPE_CHECKING:
    from ...models import User

__all__ = [
    "TRAINING", "cancel", "execute", "find_task", "run_here", "split_of", "splits_for", "start_run",
    "threshold_rule",
]  # fmt: skip

MAX_SEED = 2**32 - 1


def start_run(
    *,
    dataset: Dataset,
    target: str = "",
    registered_model: RegisteredModel | str,
    task: Task | str | None = None,
    estimator: str = AUTO,
    params: Mapping[str, Any] | None = None,
    budget_seconds: float | None = None,
    effort: str | None = None,
    seed: int | None = None,
    roles: Mapping[str, Role | str] | None = None,
    split: SplitBy | Mapping[str, Any] | None = None,
    threshold: ThresholdRule | Mapping[str, Any] | None = None,
    forecast: Mapping[str, Any] | None = None,
    by: User | None,
) -> TrainingRun:
    """Queue a training run that learns `target` from the dataset, for a registered model (created if new).

    Clustering and anomaly detection have no target; every other task needs one.
    `effort` names a budget: quick, standard or thorough. `split` chooses the held-out rows (default: random).
    `threshold` is the rule for the decision threshold of two classes (see `ml.threshold_rules`).
    `forecast`, for forecasting: {date_column, group_column, horizon, frequency, aggregation}; the first is required.
    Checks that need only the dataset's profile are made here; those that need the values, in the run itself.
    Raises InvalidTrainingRequest (or its subclass InvalidHyperparameters), InvalidInput.
    """
    if not dataset.has_data:
        raise _without_data(dataset)
    request = TrainingRequest(
        parquet="",
        schema=dataset.schema,
        target=target,
        task=_task(task),
        estimator=estimator or AUTO,
        params=dict(params or {}),
        roles=_roles(roles or {}),
        budget_seconds=_budget(budget_seconds, effort),
        seed=_seed(seed),
        split=split if isinstance(split, SplitBy) else SplitBy.from_json(split),
        threshold=threshold_rule(threshold),
        forecast=ForecastOptions.from_json(forecast),
    )
    return _queue(request, dataset, registered_model, by)


def _queue(
    request: TrainingRequest, dataset: Dataset, registered_model: RegisteredModel | str, by: User | None
) -> TrainingRun:
    request = replace(request, task=check_request(request))
    with transaction.atomic():
        # Take the same lock as `datasets.delete`: it sees this run, or we see that the data is deleted.
        if not Dataset.objects.with_data().select_for_update().filter(pk=dataset.pk).values("pk"):
            raise _without_data(dataset)
        run = TrainingRun.objects.create(
            workspace_id=dataset.workspace_id,
            dataset=dataset,
            registered_model=_registered_model(registered_model, dataset, by),
            **request.to_row_fields(),
            progress_message="Waiting for a worker",
            created_by=by,
        )
        jobs.notify_workers(TRAINING, run.pk)
    return run


def find_task(
    *,
    dataset: Dataset,
    target: str = "",
    task: Task | str | None = None,
    roles: Mapping[str, Role | str] | None = None,
    forecast: Mapping[str, Any] | None = None,
) -> Task:
    """The task that a run on this target would have, detected without a run. Raises InvalidTrainingRequest."""
    return check_request(
        TrainingRequest(
            parquet="",
            schema=dataset.schema,
            target=target,
            task=_task(task),
            roles=_roles(roles or {}),
            forecast=ForecastOptions.from_json(forecast),
        )
    )


def threshold_rule(asked: ThresholdRule | Mapping[str, Any] | str | None) -> ThresholdRule | None:
    """Parse a threshold rule, from JSON or the short form of the command line. Raises InvalidThreshold."""
    if asked is None or isinstance(asked, ThresholdRule):
        return asked
    if not asked:
        return None
    return ThresholdRule.parse(asked) if isinstance(asked, str) else ThresholdRule.from_json(asked)


def split_of(text: str) -> SplitBy:
    """Parse a split as forms and the command line write it (`KIND[:COLUMN]`). Raises InvalidTrainingRequest."""
    return SplitBy.parse(text)


def splits_for(
    *, dataset: Dataset, target: str, roles: Mapping[str, Role | str] | None = None
) -> tuple[list[SplitBy], str]:
    """The available splits, random first, and a sentence when another one suits the table better."""
    try:
        table = TrainingRequest("", dataset.schema, target, roles=_roles(roles or {})).table
    except InvalidTrainingRequest:
        table = dataset.schema
    suggestion = split_suggestions.suggested(table, target)
    return split_suggestions.offered(table, target), split_suggestions.advice_on(
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
        run = start_run(**asked)
        # Claim it in the same transaction, before a worker can see it.
        held = jobs.claim(TRAINING, run.pk, on_change=on_change)
    if held is not None:
        jobs.perform(TRAINING, held)
    run.refresh_from_db()
    return run


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


def _task(task: Task | str | None) -> Task | None:
    if not task:
        return None
    try:
        return Task(task)
    except ValueError:
        raise InvalidTrainingRequest(
            f"There is no task {quoted(task)}. Choose one of {quoted_list(Task)}."
        ) from None


def _roles(roles: Mapping[str, Role | str]) -> dict[str, Role]:
    unknown = sorted({str(role) for role in roles.values() if str(role) not in set(Role)})
    if unknown:
        raise InvalidTrainingRequest(
            f"There is no column role {quoted_list(unknown)}. Choose from {quoted_list(Role, 10)}."
        )
    return {name: Role(role) for name, role in roles.items()}


def _budget(seconds: float | None, effort: str | None) -> int:
    if effort and effort not in EFFORTS:
        raise InvalidTrainingRequest(
            f"There is no effort {quoted(effort)}. Choose one of {quoted_list(EFFORTS)}."
        )
    if effort and seconds is not None:
        raise InvalidTrainingRequest("Give either an effort or a time budget in seconds, not both.")
    if effort:
        seconds = EFFORTS[effort]
    if seconds is None:
        return settings.TRAINING_BUDGET_SECONDS
    longest = settings.TRAINING_MAX_BUDGET_SECONDS
    is_number = isinstance(seconds, (int, float)) and not isinstance(seconds, bool) and math.isfinite(seconds)
    if not is_number or not 1 <= seconds <= longest:
        raise InvalidTrainingRequest(
            f"The time budget is {quoted(seconds)}; it has to be between 1 and {longest} seconds.",
            limit=longest,
        )
    return math.ceil(seconds)


def _seed(seed: int | None) -> int:
    if seed is None:
        return 0
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed <= MAX_SEED:
        raise InvalidTrainingRequest(
            f"The seed is {quoted(seed)}; it has to be a whole number between 0 and {MAX_SEED}.",
            limit=MAX_SEED,
        )
    return seed
