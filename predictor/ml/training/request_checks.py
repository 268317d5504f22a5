"""Validation of a training request against the schema of its table, before any value is read."""

from __future__ import annotations

from ...errors import InvalidThreshold, InvalidTrainingRequest, quoted, quoted_list
from ..estimators.catalogue import CATALOGUE, MONOTONE, estimators_for, validate_params
from ..forecasting.request_checks import check_forecast
from ..types import positive_class
from ..types.schema import Role, TableSchema, Task
from ..types.training_request import AUTO, TrainingRequest
from ..validation.split_suggestions import check_split
from ..validation.target import MIN_ROWS, TargetFacts, check_target
from ..validation.training_table import feature_roles
from ..validation.weight_column import check_weight_column


def check_request(request: TrainingRequest) -> Task:
    """The task that would be trained, from the schema alone: cheap enough before queueing.

    Raises InvalidTrainingRequest (or InvalidHyperparameters) with the reason.
    """
    table = request.table
    _check_task(request)
    _check_names(request, table)
    task = request.task
    _check_weights(request, task)
    if task is Task.FORECASTING:
        _check_monotone(request, table, task)
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
        purpose = f"predict {quoted(request.target)} from" if task.has_target else "describe the rows by"
        raise InvalidTrainingRequest(
            f"No feature is left to {purpose}: every other column is an "
            "identifier or constant. Change a column's role or choose another table."
        )
    if not task.has_target and request.split.column is not None:
        raise InvalidTrainingRequest(
            f"The split cannot be chosen for {task.label}, which is not tested on kept rows.", field="split"
        )
    check_split(request.split, table, request.target)
    _check_estimator(request, task)
    if request.threshold is not None and task is not Task.BINARY:
        raise InvalidThreshold(
            f"A threshold decides between two classes; {quoted(request.target)} is predicted as {task.value}. "
            "Leave the threshold out."
        )
    _check_positive_class(request, table, task)
    _check_monotone(request, table, task)
    return task


def _check_weights(request: TrainingRequest, task: Task | None) -> None:
    name = request.weight_column
    if not name:
        return
    if task is not None and not task.is_supervised:
        raise InvalidTrainingRequest(
            f"Rows can be weighted where a number or a class is predicted; the task is {task.label}. Leave the "
            "weight column out.",
            field="weight_column",
        )
    check_weight_column(name, request.schema, request.target, request.parquet)
    if name == request.split.column:
        raise InvalidTrainingRequest(
            f"{quoted(name)} cannot both weight the rows and split them. Choose another column for one of them.",
            field="weight_column",
        )
    if request.estimator in CATALOGUE and not CATALOGUE[request.estimator].can_be_weighted:
        raise InvalidTrainingRequest(
            f"{CATALOGUE[request.estimator].title} cannot be fitted on weighted rows. Choose {AUTO} or another "
            "estimator, or leave the weight column out.",
            field="weight_column",
        )


def _check_monotone(request: TrainingRequest, table: TableSchema, task: Task) -> None:
    if not request.monotone:
        return
    if task not in (Task.REGRESSION, Task.BINARY):
        raise InvalidTrainingRequest(
            f"Monotone columns are for numbers and for two classes; the task is {task.label}. Leave them out.",
            field="monotone",
        )
    roles = feature_roles(table, request.target)
    wrong = [name for name in request.monotone if roles.get(name) is not Role.NUMERIC]
    if wrong:
        raise InvalidTrainingRequest(
            f"Only columns of numbers that the model may use can be monotone; {quoted_list(wrong)} cannot.",
            field="monotone",
        )
    if request.estimator != AUTO and not CATALOGUE[request.estimator].can_be_monotone:
        able = [CATALOGUE[key].title for key in MONOTONE]
        raise InvalidTrainingRequest(
            f"{CATALOGUE[request.estimator].title} cannot be held to monotone columns. Choose {AUTO} or one of "
            f"{quoted_list(able)}.",
            field="monotone",
        )


def _check_positive_class(request: TrainingRequest, table: TableSchema, task: Task) -> None:
    if not request.positive_class:
        return
    if task is not Task.BINARY:
        raise InvalidTrainingRequest(
            f"A positive class is one of two classes; the task is {task.label}. Leave the positive class out.",
            field="positive_class",
        )
    if counts := positive_class.counts_in(table[request.target]):
        positive_class.found_in(list(counts), request.positive_class)


def _check_task(request: TrainingRequest) -> None:
    task = request.task
    if task is not None and not task.has_target:
        if request.target:
            raise InvalidTrainingRequest(
                f"A run for {task.label} has no target; leave {quoted(request.target)} out, or choose a task "
                "that predicts it."
            )
    elif not request.target:
        raise InvalidTrainingRequest("Say which column to predict: the target.")


def _check_names(request: TrainingRequest, table: TableSchema) -> None:
    if request.target and request.target not in table:
        raise InvalidTrainingRequest(
            f"There is no column {quoted(request.target)} in this table. "
            f"Its columns are {quoted_list(table.names)}."
        )
    unknown = [name for name in request.roles if name not in table]
    if unknown:
        raise InvalidTrainingRequest(
            f"Roles are given for columns that this table does not have: {quoted_list(unknown)}."
        )
    unread = [name for name in request.readings if name not in table or not table[name].has_categories]
    if unread:
        raise InvalidTrainingRequest(
            f"Readings are given for columns that hold no categories written as text: {quoted_list(unread)}.",
            field="readings",
        )
    if not request.budget_seconds > 0:
        raise InvalidTrainingRequest("The time budget must be more than 0 seconds.", field="budget_seconds")


def _check_estimator(request: TrainingRequest, task: Task) -> None:
    if request.estimator == AUTO:
        fitting = estimators_for(task)
        # Where there is one estimator, Auto has nothing to choose: its hyperparameters may be given.
        if len(fitting) == 1:
            validate_params(fitting[0].key, task, request.params)
        elif request.params:
            raise InvalidTrainingRequest(
                "Auto chooses the hyperparameters itself; leave them out or name an estimator.",
                field="estimator",
            )
        return
    if request.estimator not in CATALOGUE:
        raise InvalidTrainingRequest(
            f"There is no estimator {quoted(request.estimator)}. "
            f"Choose {AUTO} or one of {quoted_list(CATALOGUE, 30)}.",
            field="estimator",
        )
    if task not in CATALOGUE[request.estimator].tasks:
        raise InvalidTrainingRequest(
            f"{CATALOGUE[request.estimator].title} cannot be trained for a {task.value} task. "
            "Choose another estimator.",
            field="estimator",
        )
    validate_params(request.estimator, task, request.params)
