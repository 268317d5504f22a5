"""From cells of text to typed columns, without loss.

A column gets a type only if every filled cell of it is of that type and would be written back as the same
value: "00501", "+4917212345", 20-digit numbers and 01/02/2024 stay text. The decisions rest on counts
(`Evidence`); the expressions that read a cell raise when a cell is not what the column's plan says, so a plan
made from the first rows of a large file is proved while the whole file is read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .csv_cell_sql import Cell, kind_sql
from .duckdb_connection import literal, quoted
from .long_cells import when_too_long

RECHECK = "column needs another look: "


@dataclass(frozen=True)
class Evidence:
    """How many cells of a column are what. `n_filled` counts all that are not blank, `n_numbers` the integers too."""

    n_filled: int = 0
    n_words_for_missing: int = 0
    n_integers: int = 0
    n_numbers: int = 0
    n_infinite: int = 0
    n_booleans: int = 0
    n_dates: int = 0
    n_moments: int = 0
    n_zoned_moments: int = 0
    n_leading_zeros: int = 0
    n_huge_integers: int = 0
    n_ambiguous_dates: int = 0
    n_decorated_numbers: int = 0

    @classmethod
    def of_kinds(cls, kinds: Mapping[str, int]) -> Evidence:
        """From how many cells there are of each kind (`kind_sql`)."""
        n = defaultdict(int, kinds)
        return cls(
            n_filled=sum(kinds.values()) - n["blank"],
            n_words_for_missing=n["word"],
            n_integers=n["integer"],
            n_numbers=n["integer"] + n["number"],
            n_infinite=n["infinite"],
            n_booleans=n["boolean"],
            n_dates=n["date"],
            n_moments=n["moment"] + n["zoned"],
            n_zoned_moments=n["zoned"],
            n_leading_zeros=n["zeros"],
            n_huge_integers=n["huge"],
            n_ambiguous_dates=n["ambiguous"],
            n_decorated_numbers=n["decorated"],
        )


@dataclass(frozen=True)
class ColumnPlan:
    """How one column is read. `index` is its place in the file, `storage` DuckDB's word for the type."""

    index: int
    name: str
    storage: str
    decimal: str = "."
    has_words_for_missing: bool = False
    has_infinite_as_missing: bool = False
    has_offsets: bool = False

    @property
    def source(self) -> str:
        return source_name(self.index)

    @property
    def value(self) -> str:
        """What the column's cells are called once they are of its type."""
        return f"v{self.index}"


def source_name(index: int) -> str:
    """What a column is called while it is read: names from the file do not get into that part of the SQL."""
    return f"c{index}"


def evidence_sql(indices: Sequence[int], decimal: str, relation: str) -> str:
    """A query that answers (index, kind, number of cells) for columns of `relation`.

    The columns are stacked into one first: a thousand columns with aggregates of their own take DuckDB
    minutes to plan, the stacked form takes the same milliseconds for any number of columns.
    """
    cells = ", ".join(source_name(index) for index in indices)
    return (
        f"WITH stacked AS (SELECT unnest([{cells}]) AS cell, unnest({list(indices)}) AS place FROM {relation}) "
        f"SELECT place, {kind_sql(Cell('cell', decimal))} AS kind, count(*) FROM stacked GROUP BY ALL"
    )


def plan_column(
    index: int, name: str, found: Evidence, *, decimal: str, takes_infinite_as_missing: bool
) -> ColumnPlan:
    """The narrowest type that holds every cell. Infinite numbers count as numbers: they are refused, or made
    missing, when the column is one of numbers."""
    n_values = found.n_filled - found.n_words_for_missing
    storage = "VARCHAR"
    if n_values > 0:
        if found.n_integers == n_values:
            storage = "BIGINT"
        elif found.n_numbers > 0 and found.n_numbers + found.n_infinite == n_values:
            storage = "BIGINT" if found.n_integers + found.n_infinite == n_values else "DOUBLE"
        elif found.n_booleans == n_values:
            storage = "BOOLEAN"
        elif found.n_dates == n_values:
            storage = "DATE"
        elif found.n_dates + found.n_moments == n_values:
            storage = "TIMESTAMP"
    return ColumnPlan(
        index=index,
        name=name,
        storage=storage,
        decimal=decimal,
        has_words_for_missing=storage != "VARCHAR" and found.n_words_for_missing > 0,
        has_infinite_as_missing=takes_infinite_as_missing and found.n_infinite > 0,
        has_offsets=found.n_zoned_moments > 0,
    )


def cast_sql(plan: ColumnPlan, *, is_proved: bool) -> str:
    """The cells of a column as values of its type, under `plan.value`: said once, used several times."""
    cell = Cell(plan.source, plan.decimal)
    if plan.storage == "TIMESTAMP" and plan.has_offsets:
        return f"CAST(TRY_CAST({cell.text} AS TIMESTAMPTZ) AS TIMESTAMP) AS {plan.value}"
    text = cell.number if plan.storage == "DOUBLE" else cell.raw
    # DuckDB lets its reader cast a cell that is needed for nothing else, and then what cannot be cast becomes a
    # rejected row; trim prevents that, for a tenth of the whole time.
    return f"TRY_CAST({f'trim({text})' if is_proved else text} AS {plan.storage}) AS {plan.value}"


def reading_sql(plan: ColumnPlan, *, max_cell_bytes: int, is_proved: bool) -> str:
    """The expression that reads one cell as the plan says.

    Unless every cell was looked at before (`is_proved`), it raises when a cell is something else.
    """
    cell = Cell(plan.source, plan.decimal, plan.value)
    name = quoted(plan.name)
    if plan.storage == "VARCHAR":
        too_long = when_too_long(f"strlen({cell.raw})", plan.index, limit=max_cell_bytes)
        return f"CASE {too_long} WHEN {cell.raw} < '!' AND {cell.is_blank} THEN NULL ELSE {cell.raw} END AS {name}"
    if is_proved:
        # "nan" and "inf" are doubles to DuckDB.
        has_others = plan.storage == "DOUBLE" and (plan.has_words_for_missing or plan.has_infinite_as_missing)
        value = f"CASE WHEN isfinite({plan.value}) THEN {plan.value} END" if has_others else plan.value
        return f"{value} AS {name}"
    missing = [cell.is_blank]
    if plan.has_words_for_missing:
        missing.append(cell.is_word_for_missing)
    if plan.has_infinite_as_missing:
        missing.append(cell.is_infinite)
    return (
        f"CASE WHEN {_condition(plan, cell)} THEN {plan.value} WHEN {' OR '.join(missing)} THEN NULL "
        f"ELSE error({literal(RECHECK + str(plan.index))}) END AS {name}"
    )


def _condition(plan: ColumnPlan, cell: Cell) -> str:
    """When a cell is of the plan's type."""
    if plan.storage == "TIMESTAMP":
        return f"({cell.is_date} OR {cell.is_moment})" if plan.has_offsets else cell.is_date_or_moment
    conditions = {
        "BIGINT": cell.is_integer,
        "DOUBLE": cell.is_number,
        "BOOLEAN": cell.is_boolean,
        "DATE": cell.is_date,
    }
    return conditions[plan.storage]


def typing_warnings(plan: ColumnPlan, found: Evidence, *, n_seen: int, is_exact: bool) -> tuple[str, ...]:
    """What to tell about how a column was read; `n_seen` rows were looked at for it."""
    among = "" if is_exact else f" among the first {n_seen:,} rows"
    if found.n_filled == 0:
        return ("Every cell is missing.",) if is_exact else ()
    warnings: list[str] = []
    if plan.has_words_for_missing:
        cells = counted(found.n_words_for_missing, "cell")
        warnings.append(f"{cells} with a word such as NA or null: taken as missing.")
    if plan.has_infinite_as_missing:
        warnings.append(f"{counted(found.n_infinite, 'infinite value')} taken as missing, as asked.")
    n_moments = found.n_moments + found.n_dates
    if plan.storage == "TIMESTAMP" and 0 < found.n_zoned_moments < n_moments:
        naive = counted(n_moments - found.n_zoned_moments, "time")
        warnings.append(f"{naive} without a UTC offset beside others with one{among}: read as UTC.")
    if plan.storage == "VARCHAR":
        warnings += _text_warnings(found, among)
    return tuple(warnings)


def _text_warnings(found: Evidence, among: str) -> list[str]:
    """Why a column that holds numbers or dates stayed text."""
    n_values = found.n_filled - found.n_words_for_missing
    n_dates = found.n_dates + found.n_moments
    n_decorated = found.n_decorated_numbers
    kept = []
    if found.n_leading_zeros:
        zeros = counted(found.n_leading_zeros, "number")
        kept.append(f"Kept as text: {zeros} with a leading zero, which a number would lose{among}.")
    if found.n_huge_integers:
        huge = counted(found.n_huge_integers, "whole number")
        kept.append(f"Kept as text: {huge} too large to be held exactly{among}.")
    if found.n_ambiguous_dates > 0.5 * n_values:
        dates = counted(found.n_ambiguous_dates, "cell")
        kept.append(
            f"{dates} that look like dates, but day and month cannot be told apart{among}: kept as text. "
            "Write dates as 2024-02-01."
        )
    elif 0 < n_dates < n_values:
        kept.append(_mixed(n_dates, "date", n_values, among))
    elif not kept and n_decorated > 0 and n_decorated + found.n_numbers >= 0.9 * n_values:
        numbers = counted(n_decorated, "number")
        kept.append(
            f"{numbers} written with a currency, a percent sign or thousands separators{among}: kept as text."
        )
    elif not kept and 0 < found.n_numbers < n_values:
        mixed = _mixed(found.n_numbers, "number", n_values, among)
        kept.append(f"{mixed} Choose the role numeric to take what is no number as missing.")
    elif not kept and 0 < found.n_booleans < n_values:
        kept.append(_mixed(found.n_booleans, "truth value", n_values, among))
    return kept


def _mixed(n: int, noun: str, n_values: int, among: str) -> str:
    return f"Mixed: {counted(n, noun)} and {counted(n_values - n, 'other cell')}{among}; kept as text."


def counted(n: int, noun: str) -> str:
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"
