"""Initial values of the training form: from a link or an earlier run, with defaults for the rest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings

from ...ml.types.reading_choice import MAX_LOST_SHARE
from ...ml.types.schema import Task
from ...ml.types.training_request import EFFORTS
from ...models import Dataset, TrainingRun
from ...services.training.estimator_catalogue import AUTO
from .form_directions import shown_from_directions
from .form_readings import shown_from_readings
from .form_threshold import shown_from_rule
from .likely_target import proposed_target
from .words import OWN

MAX_NAME = 60
DEFAULT_SEED = 0


def initial_values(dataset: Dataset, shown: Mapping[str, Any], *, is_sent: bool) -> dict[str, Any]:
    """The initial value of each field. Sent values are kept; a target that is no column is replaced otherwise."""
    target = shown.get("target", "")
    if not is_sent and target not in dataset.schema and not ("target" in shown and target == ""):
        target = proposed_target(dataset).target
    return {
        "effort": _effort(shown),
        "budget_seconds": settings.TRAINING_BUDGET_SECONDS,
        "seed": DEFAULT_SEED,
        "max_lost_share": MAX_LOST_SHARE,
        "estimator": AUTO,
        **dict(shown.items()),
        "target": target,
        "registered_model": _name(dataset, shown.get("registered_model"), target, shown.get("task", "")),
    }


def _effort(shown: Mapping[str, Any]) -> str:
    """The name of the budget, or OWN for seconds that have none."""
    names = {seconds: name for name, seconds in EFFORTS.items()}
    seconds = shown.get("budget_seconds", settings.TRAINING_BUDGET_SECONDS)
    return names.get(int(seconds), OWN) if str(seconds).isdecimal() else OWN


def _name(dataset: Dataset, given: str | None, target: str, task: str) -> str:
    """The given name of the model; a name that the form suggested itself changes with the target or the task."""
    subjects = {each.value: each.label for each in Task if not each.has_target}
    made_up = {_suggested_name(dataset, name) for name in ("", *dataset.schema.names, *subjects.values())}
    if given and given not in made_up:
        return given
    return _suggested_name(dataset, subjects.get(task, target))


def _suggested_name(dataset: Dataset, subject: str) -> str:
    return f"{dataset.name} {subject}"[:MAX_NAME].strip()


def shown_from_run(run: TrainingRun) -> dict[str, Any]:
    """Initial values that repeat a run."""
    positions = {column.name: index for index, column in enumerate(run.dataset.schema.columns)}
    roles = {f"role-{positions[name]}": role for name, role in run.roles.items() if name in positions}
    params = {f"param-{run.estimator}-{name}": value for name, value in run.params.items()}
    return {
        "target": run.target,
        "task": run.task,
        "estimator": run.estimator,
        "registered_model": run.registered_model.name,
        "budget_seconds": run.budget_seconds,
        "seed": run.seed,
        "max_lost_share": run.max_lost_share,
        **run.forecast,
        "split": ":".join(filter(None, [run.split.get("kind"), run.split.get("column")])),
        **roles,
        **shown_from_readings(run.readings, positions),
        **shown_from_directions(run.monotone, positions),
        **params,
        **shown_from_rule(run.threshold),
        "positive_class": run.positive_class,
        "weight_column": run.weight_column,
    }
