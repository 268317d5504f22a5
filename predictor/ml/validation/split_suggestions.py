"""How a model can be tested: on rows drawn at random, on later rows, or on groups that it never saw.

Rows at random are right when new rows look like old ones. Where they come later, or from people and places that
training never saw, such a test flatters: it lets the model look at the future, or at the same customer.
Standard library only: the form and the check before queueing ask here.
"""

from __future__ import annotations

import re

from ...errors import InvalidTrainingRequest, listed, shown
from ..types.schema import ColumnProfile, Role, TableSchema
from ..types.split import SplitBy, SplitKind

# Fewer moments or groups than this leave nothing to compare candidates on.
MIN_TIMES, MIN_GROUPS = 3, 5
# What is offered by itself has more of them.
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
    name = shown(split.column)
    if split.column not in table:
        raise InvalidTrainingRequest(
            f"The split needs a column {name}, which this table does not have. "
            f"Its columns are {listed(table.names)}."
        )
    if split.column == target:
        raise InvalidTrainingRequest(
            f"The split cannot be by {name}, which is the target. Choose another column."
        )
    column = table[split.column]
    reason = _against_time(column) if split.kind is SplitKind.TIME else _against_group(column, table.n_rows)
    if reason:
        raise InvalidTrainingRequest(f"The split cannot be by {name}: {reason}")


def time_columns(table: TableSchema, target: str) -> list[str]:
    """Columns worth offering for a test on later rows, the dates first, then years."""
    found = [each for each in table.columns if each.name != target and _is_moment(each, table.n_rows)]
    return [each.name for each in sorted(found, key=lambda each: each.role is not Role.DATETIME)]


def group_columns(table: TableSchema, target: str) -> list[str]:
    """Columns worth offering for a test on whole groups: those that name people or things come first."""
    found = [
        each
        for each in table.columns
        if each.name != target
        and each.n_distinct >= OFFERED_GROUPS
        and not _against_group(each, table.n_rows)
        and (each.role in (Role.CATEGORICAL, Role.TEXT, Role.IDENTIFIER) or is_entity(each, table.n_rows))
    ]
    return [each.name for each in sorted(found, key=lambda each: not is_entity(each, table.n_rows))]


def offered(table: TableSchema, target: str) -> list[SplitBy]:
    """At random, then by each column that qualifies; so many that a list of them can be read."""
    times = [SplitBy(SplitKind.TIME, name) for name in time_columns(table, target)]
    groups = [SplitBy(SplitKind.GROUP, name) for name in group_columns(table, target)]
    return [SplitBy(), *times[:MAX_OFFERED], *groups[:MAX_OFFERED]]


def suggested(table: TableSchema, target: str) -> SplitBy | None:
    """The stricter test that this table calls for: by the thing that its rows are about, or by its date."""
    groups = [name for name in group_columns(table, target) if is_entity(table[name], table.n_rows)]
    times = time_columns(table, target)
    if times:
        return SplitBy(SplitKind.TIME, times[0])
    return SplitBy(SplitKind.GROUP, groups[0]) if groups else None


def advice_on(split: SplitBy) -> str:
    """Why the rows should be split by this column, for who has not decided yet."""
    name = shown(split.column)
    if split.kind is SplitKind.TIME:
        return (
            f"The rows have times in {name}. If the model will answer for rows that come later, test it on later "
            "rows: drawn at random, the rows that judge lie between those it learnt from, and it looks too good."
        )
    return (
        f"Several rows share a value of {name}. If the model will answer for values that are new, test it on whole "
        "groups: drawn at random, the rows that judge have siblings among those it learnt from, and it looks too good."
    )


def is_entity(column: ColumnProfile, n_rows: int) -> bool:
    """Whether the column names the things that its rows are about, several rows each."""
    is_named = bool(ENTITY_NAME.search(column.name) or CAMEL_ENTITY_NAME.search(column.name))
    is_label = column.role in (Role.CATEGORICAL, Role.TEXT, Role.IDENTIFIER) or column.storage == "BIGINT"
    n_present = n_rows - column.n_missing
    return (
        is_named
        and is_label
        and OFFERED_GROUPS <= column.n_distinct <= n_present / 2
        and column.n_missing <= MAX_MISSING_SHARE * n_rows
    )


def _is_moment(column: ColumnProfile, n_rows: int) -> bool:
    if column.n_missing > MAX_MISSING_SHARE * n_rows:
        return False
    if column.role is Role.DATETIME:
        return column.n_distinct >= OFFERED_TIMES
    low, high = column.minimum, column.maximum
    is_named = bool(YEAR_NAME.search(column.name)) and column.storage == "BIGINT"
    if not (is_named and isinstance(low, (int, float)) and isinstance(high, (int, float))):
        return False
    return low >= 1900 and high <= 2100 and column.n_distinct >= MIN_TIMES


def _against_time(column: ColumnProfile) -> str:
    if column.role not in (Role.DATETIME, Role.NUMERIC):
        return "it holds no dates and no numbers, so no row is later than another. Choose a date column."
    if column.n_distinct < MIN_TIMES:
        return f"it has {column.n_distinct} different values; at least {MIN_TIMES} are needed to tell later rows."
    return ""


def _against_group(column: ColumnProfile, n_rows: int) -> str:
    if column.n_distinct < MIN_GROUPS:
        return f"it has {column.n_distinct} different values; at least {MIN_GROUPS} groups are needed."
    if column.n_distinct > 0.95 * (n_rows - column.n_missing):
        return "nearly every row has a value of its own, so there are no groups. Split at random instead."
    return ""
