"""Can this training run be done? Refusals with their reason, before and after the values are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InvalidThreshold, InvalidTrainingRequest, listed, shown
from .request import AUTO, TrainingRequest
from .schema import FEATURE_ROLES, Role, TableSchema, Task
from .split_columns import check_split
from .target import MIN_ROWS, Target, TargetFacts, check_target, make_target, missing


@dataclass(frozen=True)
class TrainingWarning:
    """Something doubtful that the run goes on with. `column` names the place, if there is one."""

    message: str
    column: str | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class TrainingTable:
    """Rows with a known target: canonical feature columns, their roles, and the target.

    `split_by`: the times or the groups of the rows, when they are not split at random.
    """

    columns: Mapping[str, NDArray[Any]]
    roles: Mapping[str, Role]
    target: Target
    split_by: NDArray[Any] | None = None

    def __len__(self) -> int:
        return len(self.target.y)

    @property
    def task(self) -> Task:
        return self.target.task

    def rows(self, index: NDArray[np.intp]) -> TrainingTable:
        """These rows, in this order."""
        columns = {name: values[index] for name, values in self.columns.items()}
        split_by = None if self.split_by is None else self.split_by[index]
        return TrainingTable(columns, self.roles, self.target.rows(index), split_by)


def check_request(request: TrainingRequest) -> Task:
    """The task that would be trained, from the schema alone: cheap enough before queueing.

    Raises InvalidTrainingRequest (or InvalidHyperparameters) with the reason.
    """
    table = request.table
    _check_task(request)
    _check_names(request, table)
    task = request.task
    if task is Task.FORECASTING:
        from .forecast_checking import check_forecast

        check_forecast(request)
        _check_estimator(request, task.fitted_as)
        return task
    if request.forecast is not None:
        raise InvalidTrainingRequest(
            "Dates and a horizon are for forecasting; choose that task, or leave them out."
        )
    if task is not None and not task.has_target and table.n_rows < MIN_ROWS:
        raise InvalidTrainingRequest(
            f"This table has {table.n_rows} rows; at least {MIN_ROWS} are needed.", limit=MIN_ROWS
        )
    if task is None or task.has_target:
        task = check_target(TargetFacts.from_profile(table[request.target], table.n_rows), task)
    if not feature_roles(table, request.target):
        purpose = f"predict {shown(request.target)} from" if task.has_target else "describe the rows by"
        raise InvalidTrainingRequest(
            f"No feature is left to {purpose}: every other column is an "
            "identifier or constant. Change a column's role or choose another table."
        )
    if not task.has_target and request.split.column is not None:
        raise InvalidTrainingRequest(
            f"The split cannot be chosen for {task.label}, which is not tested on kept rows."
        )
    check_split(request.split, table, request.target)
    _check_estimator(request, task)
    if request.threshold is not None and task is not Task.BINARY:
        raise InvalidThreshold(
            f"A threshold decides between two classes; {shown(request.target)} is predicted as {task.value}. "
            "Leave the threshold out."
        )
    return task


def _check_task(request: TrainingRequest) -> None:
    task = request.task
    if task is not None and not task.has_target:
        if request.target:
            raise InvalidTrainingRequest(
                f"A run for {task.label} has no target; leave {shown(request.target)} out, or choose a task "
                "that predicts it."
            )
    elif not request.target:
        raise InvalidTrainingRequest("Say which column to predict: the target.")


def feature_roles(table: TableSchema, target: str) -> dict[str, Role]:
    """The columns that a model may use, in file order."""
    return {name: role for name, role in table.roles.items() if name != target and role in FEATURE_ROLES}


def left_out_columns(table: TableSchema, target: str) -> dict[str, str]:
    """The columns that no model uses, each with the reason."""
    reasons = {
        Role.IDENTIFIER: "identifier: its values name rows and do not come again",
        Role.CONSTANT: "constant: it has one value or none",
    }
    return {name: reasons[role] for name, role in table.roles.items() if name != target and role in reasons}


def _check_names(request: TrainingRequest, table: TableSchema) -> None:
    if request.target and request.target not in table:
        raise InvalidTrainingRequest(
            f"There is no column {shown(request.target)} in this table. "
            f"Its columns are {listed(table.names)}."
        )
    unknown = [name for name in request.roles if name not in table]
    if unknown:
        raise InvalidTrainingRequest(
            f"Roles are given for columns that this table does not have: {listed(unknown)}."
        )
    if not request.budget_seconds > 0:
        raise InvalidTrainingRequest("The time budget must be more than 0 seconds.")


def _check_estimator(request: TrainingRequest, task: Task) -> None:
    from .estimators import CATALOGUE, estimators_for, validate_params

    if request.estimator == AUTO:
        fitting = estimators_for(task)
        # Where there is one estimator, Auto has nothing to choose: its hyperparameters may be given.
        if len(fitting) == 1:
            validate_params(fitting[0].key, task, request.params)
        elif request.params:
            raise InvalidTrainingRequest(
                "Auto chooses the hyperparameters itself; leave them out or name an estimator."
            )
        return
    if request.estimator not in CATALOGUE:
        raise InvalidTrainingRequest(
            f"There is no estimator {shown(request.estimator)}. "
            f"Choose {AUTO} or one of {listed(CATALOGUE, 30)}."
        )
    if task not in CATALOGUE[request.estimator].tasks:
        raise InvalidTrainingRequest(
            f"{CATALOGUE[request.estimator].title} cannot be trained for a {task.value} task. "
            "Choose another estimator."
        )
    validate_params(request.estimator, task, request.params)


def make_table(
    request: TrainingRequest, columns: Mapping[str, NDArray[Any]]
) -> tuple[TrainingTable, list[TrainingWarning]]:
    """The rows to learn from, after the exact checks on the values; raises InvalidTrainingRequest."""
    schema = request.table
    profile = schema[request.target]
    values = columns[request.target]
    task = check_target(TargetFacts.from_values(profile.name, profile.role, values), request.task)
    is_missing = missing(values)
    target = make_target(
        profile.name, task, values[~is_missing], is_boolean=profile.storage.upper() == "BOOLEAN"
    )
    roles = feature_roles(schema, request.target)
    features = {name: columns[name][~is_missing] for name in roles}
    roles = {name: role for name, role in roles.items() if not missing(features[name]).all()}
    if not roles:
        raise InvalidTrainingRequest(
            f"No feature is left to predict {shown(profile.name)} from: all have no values."
        )
    split_by = None if request.split.column is None else columns[request.split.column][~is_missing]
    table = TrainingTable({name: features[name] for name in roles}, roles, target, split_by)
    return table, _missing_warnings(profile.name, int(is_missing.sum()), len(values))


def _missing_warnings(name: str, n_missing: int, n_rows: int) -> list[TrainingWarning]:
    if not n_missing:
        return []
    message = f"{n_missing} of {n_rows} rows have no value in the target {shown(name)} and were left out."
    return [TrainingWarning(message, name)]
