"""Validation of a forecasting request against the dataset's profile, before a run is queued."""

from __future__ import annotations

from collections.abc import Sequence

from ...errors import InvalidTrainingRequest, quoted, quoted_list
from ..types.schema import ColumnProfile, Role, TableSchema
from ..types.training_request import AGGREGATIONS, FREQUENCIES, MAX_HORIZON, ForecastOptions, TrainingRequest
from .known_columns import ROLES
from .public_holidays import checked_place
from .series import MIN_PERIODS

# Known and static columns of a forecast; each known one has a window for each series in the stored version.
MAX_COLUMNS = 20


def check_forecast(request: TrainingRequest) -> None:
    """Check the columns and options of a forecasting request. Raises InvalidTrainingRequest with the reason."""
    table, options = request.table, request.forecast
    if options is None or not options.date_column:
        raise InvalidTrainingRequest(
            f"Say which column holds the dates.{_dates_there_are(table)}", field="date_column"
        )
    for name in (options.date_column, options.group_column, *options.known_columns, *options.static_columns):
        if name and name not in table:
            raise InvalidTrainingRequest(
                f"There is no column {quoted(name)} in this table. Its columns are {quoted_list(table.names)}."
            )
    named = [request.target, options.date_column, options.group_column]
    if len({name for name in named if name}) < sum(map(bool, named)):
        raise InvalidTrainingRequest("The target, the dates and the series have to be different columns.")
    _check_columns(options, table, named)
    _check_date(table[options.date_column], table)
    _check_target(table[request.target], table.n_rows)
    _check_options(options)
    if options.holidays:
        checked_place(options.holidays)
    if request.split.column is not None or request.threshold is not None or request.positive_class:
        raise InvalidTrainingRequest(
            "A forecast is tested on later periods, always, and has no threshold; leave both choices out."
        )


def _check_columns(options: ForecastOptions, table: TableSchema, named: Sequence[str]) -> None:
    """Columns that are known in advance, and static ones."""
    if options.static_columns and not options.group_column:
        raise InvalidTrainingRequest(
            "Static columns are facts of several series; choose the column that names the series, or leave them out.",
            field="static_columns",
        )
    taken = set(named)
    for field, names in (
        ("known_columns", options.known_columns),
        ("static_columns", options.static_columns),
    ):
        if repeated := [name for name in names if name in taken]:
            raise InvalidTrainingRequest(
                f"The column {quoted(repeated[0])} has two uses: it can be the target, the dates, the series, known in "
                "advance or static, and only one of them.",
                field=field,
            )
        taken |= set(names)
        for name in names:
            if (role := table[name].role) not in ROLES:
                raise InvalidTrainingRequest(
                    f"The column {quoted(name)} is {role.value}; only numbers, truth values and categories can be "
                    "known in advance or static. Give it another role, or leave it out.",
                    field=field,
                )
    if len(options.known_columns) + len(options.static_columns) > MAX_COLUMNS:
        raise InvalidTrainingRequest(
            f"A forecast takes {MAX_COLUMNS} known and static columns at most.",
            limit=MAX_COLUMNS,
            field="known_columns",
        )


def date_columns(table: TableSchema) -> tuple[str, ...]:
    """Names of the columns that hold dates."""
    return tuple(column.name for column in table.columns if column.role is Role.DATETIME)


def _dates_there_are(table: TableSchema) -> str:
    names = date_columns(table)
    if not names:
        return " This table has none: no column holds dates in one form, like 2024-05-31."
    return f" There {'is' if len(names) == 1 else 'are'} {quoted_list(names)}."


def _check_date(column: ColumnProfile, table: TableSchema) -> None:
    if column.role is not Role.DATETIME and not column.may_be_dates:
        is_text_alone = column.storage == "VARCHAR" and not date_columns(table)
        hint = " If its texts are dates, give it the role datetime." if is_text_alone else ""
        raise InvalidTrainingRequest(
            f"The column {quoted(column.name)} does not hold dates: it is {column.role.value}."
            f"{_dates_there_are(table)}{hint}",
            field="date_column",
        )
    if column.n_distinct < MIN_PERIODS:
        raise InvalidTrainingRequest(
            f"The column {quoted(column.name)} has {column.n_distinct} different dates; a forecast needs at least "
            f"{MIN_PERIODS}.",
            limit=MIN_PERIODS,
            field="date_column",
        )


def _check_target(column: ColumnProfile, n_rows: int) -> None:
    if column.role is not Role.NUMERIC and column.storage not in ("BIGINT", "DOUBLE"):
        raise InvalidTrainingRequest(
            f"The target {quoted(column.name)} does not hold numbers, so what comes next cannot be forecast."
        )
    if column.n_missing == n_rows:
        raise InvalidTrainingRequest(
            f"The target {quoted(column.name)} has no values. Choose another column as target."
        )
    if column.n_distinct == 1:
        raise InvalidTrainingRequest(
            f"The target {quoted(column.name)} has the same value in every row, so there is nothing to forecast."
        )


def _check_options(options: ForecastOptions) -> None:
    if not 0 <= options.horizon <= MAX_HORIZON:
        raise InvalidTrainingRequest(
            f"The horizon is {options.horizon:,}; it has to be between 1 and {MAX_HORIZON} periods.",
            limit=MAX_HORIZON,
            field="horizon",
        )
    if options.frequency and options.frequency not in FREQUENCIES:
        raise InvalidTrainingRequest(
            f"There is no frequency {quoted(options.frequency)}. "
            f"Choose from {quoted_list(FREQUENCIES, 10)}, or leave it out.",
            field="frequency",
        )
    if options.aggregation and options.aggregation not in AGGREGATIONS:
        raise InvalidTrainingRequest(
            f"There is no aggregation {quoted(options.aggregation)}. "
            f"Choose from {quoted_list(AGGREGATIONS)}, or leave it out.",
            field="aggregation",
        )
