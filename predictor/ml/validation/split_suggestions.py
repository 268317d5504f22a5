"""Columns for a time split (test on later rows) or a group split (test on whole groups).

A random split is right when new rows look like old ones. It is too optimistic where new rows come later, or from
people and places that training never saw: the model has seen the future, or the same customer.
Standard library only: forms and the check before queueing import this.
"""

from __future__ import annotations

import re

from ...errors import InvalidTrainingRequest, quoted, quoted_list
from ..types.schema import ColumnProfile, Role, TableSchema
from ..types.split import SplitBy, SplitKind

# Fewer moments or groups than this leave nothing to compare candidates on.
MIN_TIMES, MIN_GROUPS = 3, 5
# Columns that are offered as suggestions have at least this many.
OFFERED_TIMES, OFFERED_GROUPS = 10, 10
MAX_OFFERED = 20
MAX_MISSING_SHARE = 0.05
ENTITY_NAME = re.compile(
    r"(^|[\s_.-])(id|ids|uuid|guid|key|code|user|customer|client|patient|person|subject|account|member|employee|"
    r"student|household|family|company|store|shop|station|device|machine|site|host|author|session|编号)$",
    re.IGNORECASE,
)
YEAR_NAME = re.compile(r"year|jahr|年", re.IGNORECASE)
CAMEL_ENTITY_NAME = re.compile(r"[a-z](Id|ID|Key|Uuid|UUID|Code)$")


def check_split(split: SplitBy, table: TableSchema, target: str) -> None:
    """Raises InvalidTrainingRequest when the profile shows that the column cannot divide the rows."""
    if split.column is None:
        return
    name = quoted(split.column)
    if split.column not in table:
        raise InvalidTrainingRequest(
            f"The split needs a column {name}, which this table does not have. "
            f"Its columns are {quoted_list(table.names)}.",
            field="split",
        )
    if split.column == target:
        raise InvalidTrainingRequest(
            f"The split cannot be by {name}, which is the target. Choose another column.", field="split"
        )
    column = table[split.column]
    reason = _why_not_time(column) if split.kind is SplitKind.TIME else _why_not_group(column, table.n_rows)
    if reason:
        raise InvalidTrainingRequest(f"The split cannot be by {name}: {reason}", field="split")


def time_columns(table: TableSchema, target: str) -> list[str]:
    """Columns to offer for a time split: dates first, then years."""
    columns = [each for each in table.columns if each.name != target and _has_times(each, table.n_rows)]
    return [each.name for each in sorted(columns, key=lambda each: each.role is not Role.DATETIME)]


def group_columns(table: TableSchema, target: str) -> list[str]:
    """Columns to offer for a group split: those that identify people or things come first."""
    columns = [
        each
        for each in table.columns
        if each.name != target
        and each.n_distinct >= OFFERED_GROUPS
        and not _why_not_group(each, table.n_rows)
        and (each.role in (Role.CATEGORICAL, Role.TEXT, Role.IDENTIFIER) or is_entity(each, table.n_rows))
    ]
    return [each.name for each in sorted(columns, key=lambda each: not is_entity(each, table.n_rows))]


def offered(table: TableSchema, target: str) -> list[SplitBy]:
    """The splits to offer: at random, then by each column that qualifies, at most MAX_OFFERED of a kind."""
    times = [SplitBy(SplitKind.TIME, name) for name in time_columns(table, target)]
    groups = [SplitBy(SplitKind.GROUP, name) for name in group_columns(table, target)]
    return [SplitBy(), *times[:MAX_OFFERED], *groups[:MAX_OFFERED]]


def suggested(table: TableSchema, target: str) -> SplitBy | None:
    """The stricter split that suits this table: by its date, or by the entity that several rows share."""
    groups = [name for name in group_columns(table, target) if is_entity(table[name], table.n_rows)]
    times = time_columns(table, target)
    if times:
        return SplitBy(SplitKind.TIME, times[0])
    return SplitBy(SplitKind.GROUP, groups[0]) if groups else None


def advice_on(split: SplitBy) -> str:
    """Advice to split by this column, for users who have not chosen yet."""
    name = quoted(split.column)
    if split.kind is SplitKind.TIME:
        return (
            f"The rows have times in {name}. If the model will predict rows that come later, test it on later "
            "rows: in a random split the test rows lie between the training rows, and the scores look too good."
        )
    return (
        f"Several rows share a value of {name}. If the model will predict rows with new values, test it on whole "
        "groups: in a random split the training rows hold other rows of the same groups, and the scores look too good."
    )


def is_entity(column: ColumnProfile, n_rows: int) -> bool:
    """Whether the column identifies entities (customers, devices, …) that have several rows each."""
    is_named = bool(ENTITY_NAME.search(column.name) or CAMEL_ENTITY_NAME.search(column.name))
    is_label = column.role in (Role.CATEGORICAL, Role.TEXT, Role.IDENTIFIER) or column.storage == "BIGINT"
    n_present = n_rows - column.n_missing
    return (
        is_named
        and is_label
        and OFFERED_GROUPS <= column.n_distinct <= n_present / 2
        and column.n_missing <= MAX_MISSING_SHARE * n_rows
    )


def _has_times(column: ColumnProfile, n_rows: int) -> bool:
    if column.n_missing > MAX_MISSING_SHARE * n_rows:
        return False
    if column.role is Role.DATETIME:
        return column.n_distinct >= OFFERED_TIMES
    low, high = column.minimum, column.maximum
    is_named = bool(YEAR_NAME.search(column.name)) and column.storage == "BIGINT"
    if not (is_named and isinstance(low, (int, float)) and isinstance(high, (int, float))):
        return False
    return low >= 1900 and high <= 2100 and column.n_distinct >= MIN_TIMES


def _why_not_time(column: ColumnProfile) -> str:
    if column.role not in (Role.DATETIME, Role.NUMERIC):
        return "it holds no dates and no numbers, so no row is later than another. Choose a date column."
    if column.n_distinct < MIN_TIMES:
        return f"it has {column.n_distinct} different values; at least {MIN_TIMES} are needed to separate later rows."
    return ""


def _why_not_group(column: ColumnProfile, n_rows: int) -> str:
    if column.n_distinct < MIN_GROUPS:
        return f"it has {column.n_distinct} different values; at least {MIN_GROUPS} groups are needed."
    if column.n_distinct > 0.95 * (n_rows - column.n_missing):
        return "nearly every row has a value of its own, so there are no groups. Split at random instead."
    return ""
