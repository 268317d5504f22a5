"""From cells of text to typed columns, without loss.

A column gets a type only if every filled cell of it is of that type and would be written back as the same
value: "00501", "+4917212345", 20-digit numbers and 01/02/2024 stay text. The decisions rest on counts
(`Evidence`); the expressions that read a cell raise when a cell is not what the column's plan says, so a plan
made from the first rows of a large file is proved while the whole file is read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .engine import literal, quoted

# Beyond it float64, the form in which models see numbers, no longer holds every integer.
LARGEST_EXACT_INTEGER = 2**53
MISSING_WORDS = ("na", "n/a", "#n/a", "nan", "null", "none", "-", ".", "?")
INFINITE_WORDS = ("inf", "+inf", "-inf", "infinity", "+infinity", "-infinity")
RECHECK = "column needs another look: "
CELL_TOO_LONG = "cell too long: "

INTEGER = r"-?(?:0|[1-9][0-9]*)|\+(?:0|[1-9][0-9]{0,5})"
FRACTION = r"[+-]?(?:0|[1-9][0-9]*)?\.[0-9]*"
DECIMAL_NUMBER = rf"(?:{INTEGER}|{FRACTION})(?:[eE][+-]?[0-9]+)?"
MOMENT = r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?"
OFFSET = r"(?:Z|[+-][0-9]{2}(?::?[0-9]{2})?)"
DAY_OR_MONTH_FIRST = r"[0-9]{1,2}[/.-][0-9]{1,2}[/.-](?:[0-9]{4}|[0-9]{2})(?:[ T].*)?"
DECORATED_NUMBER = r"[+-]?[$€£¥]?\s*[+-]?[0-9][0-9,.' ]*\s*(?:%|[$€£¥]|USD|EUR|GBP|CHF|CNY)?"


@dataclass(frozen=True)
class Evidence:
    """How many cells of a column are what. `n_filled` counts all that are not blank."""

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


def source_name(index: int) -> str:
    """What a column is called while it is read: names from the file do not get into that part of the SQL."""
    return f"c{index}"


def evidence_sql(indices: Sequence[int], decimal: str, relation: str) -> str:
    """A query that answers (index, *Evidence) for columns of `relation`.

    The columns are stacked into one first: a thousand columns with thirteen aggregates each take DuckDB
    minutes to plan, the stacked form takes the same milliseconds for any number of columns.
    """
    cell = Cell("cell", decimal)
    conditions = (
        cell.is_filled, cell.is_word_for_missing, cell.is_integer, cell.is_number, cell.is_infinite, cell.is_boolean,
        cell.is_date, cell.is_moment, cell.is_zoned_moment, cell.has_leading_zero, cell.is_huge_integer,
        cell.is_ambiguous_date, cell.is_decorated_number,
    )  # fmt: skip
    counts = ", ".join(f"coalesce(sum(n) FILTER (WHERE {condition}), 0)::BIGINT" for condition in conditions)
    cells = ", ".join(source_name(index) for index in indices)
    return (
        f"WITH stacked AS (SELECT unnest([{cells}]) AS cell, unnest({list(indices)}) AS place FROM {relation}), "
        "counted AS (SELECT place, cell, count(*) AS n FROM stacked GROUP BY ALL) "
        f"SELECT place, {counts} FROM counted GROUP BY place"
    )


def plan_column(index: int, name: str, found: Evidence, *, decimal: str, takes_infinite_as_missing: bool) -> ColumnPlan:
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


def reading_sql(plan: ColumnPlan, *, max_cell_bytes: int) -> str:
    """The expression that reads one cell as the plan says, and raises when it is something else."""
    cell = Cell(plan.source, plan.decimal)
    name = quoted(plan.name)
    if plan.storage == "VARCHAR":
        return (
            f"CASE WHEN strlen({cell.raw}) > {max_cell_bytes} THEN error({literal(CELL_TOO_LONG + str(plan.index))}) "
            f"WHEN {cell.raw} < '!' AND {cell.is_blank} THEN NULL ELSE {cell.raw} END AS {name}"
        )
    missing = [cell.is_blank]
    if plan.has_words_for_missing:
        missing.append(cell.is_word_for_missing)
    if plan.has_infinite_as_missing:
        missing.append(cell.is_infinite)
    condition, value = cell.reading(plan.storage, plan.has_offsets)
    return (
        f"CASE WHEN {condition} THEN {value} WHEN {' OR '.join(missing)} THEN NULL "
        f"ELSE error({literal(RECHECK + str(plan.index))}) END AS {name}"
    )


class Cell:
    """Conditions on one cell, as SQL. A missing cell makes each of them NULL or false."""

    def __init__(self, column: str, decimal: str):
        self.raw = column
        self.text = f"trim({column})"
        self.is_blank = f"({column} IS NULL OR trim({column}) = '')"
        self.is_filled = f"trim({column}) <> ''"
        self.is_comma = decimal == ","

    def _matches(self, pattern: str) -> str:
        return f"regexp_full_match({self.text}, {literal(pattern)})"

    @property
    def _number(self) -> str:
        """The cell with a decimal point, for casting. A point in a comma file makes it NULL: "1.234" is doubtful."""
        if not self.is_comma:
            return self.raw
        return f"CASE WHEN contains({self.raw}, '.') THEN NULL ELSE replace({self.raw}, ',', '.') END"

    @property
    def is_integer(self) -> str:
        value = f"TRY_CAST({self.raw} AS BIGINT)"
        return (
            f"(abs({value}) <= {LARGEST_EXACT_INTEGER} AND "
            f"(CAST({value} AS VARCHAR) = {self.raw} OR {self._matches(INTEGER)}))"
        )

    @property
    def is_number(self) -> str:
        """Cheap comparisons settle the common shapes; the regular expression is for the rest."""
        text, value = self._number, f"TRY_CAST({self._number} AS DOUBLE)"
        is_plain = (
            f"((({text} >= '1' AND {text} < ':') OR ({text} >= '0.' AND {text} < '0/') OR {text} = '0' "
            f"OR ({text} >= '-1' AND {text} < '-:') OR ({text} >= '-0.' AND {text} < '-0/')) "
            f"AND NOT contains({text}, '_'))"
        )
        is_shaped = f"regexp_full_match(trim({text}), {literal(DECIMAL_NUMBER)})"
        is_exact = (
            f"(abs({value}) < {LARGEST_EXACT_INTEGER} OR NOT {self._matches('[+-]?[0-9]+')} OR {self.is_integer})"
        )
        return f"(isfinite({value}) AND ({is_plain} OR {is_shaped}) AND {is_exact})"

    @property
    def is_infinite(self) -> str:
        words = ", ".join(map(literal, INFINITE_WORDS))
        value = f"TRY_CAST({self._number} AS DOUBLE)"
        return (
            f"(lower({self.text}) IN ({words}) OR "
            f"(isinf({value}) AND regexp_full_match(trim({self._number}), {literal(DECIMAL_NUMBER)})))"
        )

    @property
    def is_word_for_missing(self) -> str:
        return f"lower({self.text}) IN ({', '.join(map(literal, MISSING_WORDS))})"

    @property
    def is_boolean(self) -> str:
        return f"lower({self.text}) IN ('true', 'false')"

    @property
    def is_date(self) -> str:
        return f"(strlen({self.text}) = 10 AND CAST(TRY_CAST({self.text} AS DATE) AS VARCHAR) = {self.text})"

    @property
    def is_moment(self) -> str:
        return f"({self._matches(MOMENT + OFFSET + '?')} AND TRY_CAST({self.text} AS TIMESTAMP) IS NOT NULL)"

    @property
    def is_zoned_moment(self) -> str:
        return self._matches(MOMENT + OFFSET)

    @property
    def has_leading_zero(self) -> str:
        return self._matches("[+-]?0[0-9]+")

    @property
    def is_huge_integer(self) -> str:
        return (
            f"({self._matches('[+-]?[1-9][0-9]{15,}')} AND "
            f"coalesce(abs(TRY_CAST({self.text} AS HUGEINT)) > {LARGEST_EXACT_INTEGER}, true))"
        )

    @property
    def is_ambiguous_date(self) -> str:
        return self._matches(DAY_OR_MONTH_FIRST)

    @property
    def is_decorated_number(self) -> str:
        return f"({self._matches(DECORATED_NUMBER)} AND NOT {self._matches('[+-]?[0-9]+')})"

    def reading(self, storage: str, has_offsets: bool) -> tuple[str, str]:
        """The condition under which a cell is of a type, and its value then."""
        date_or_moment = f"({self.is_date} OR {self.is_moment})"
        if has_offsets:
            moment = f"CAST(CAST({self.text} AS TIMESTAMPTZ) AS TIMESTAMP)"
        else:
            moment = f"CAST({self.text} AS TIMESTAMP)"
            date_or_moment = f"({self.is_date} OR ({self._matches(MOMENT)} AND TRY_CAST({self.text} AS TIMESTAMP) IS NOT NULL))"
        return {
            "BIGINT": (self.is_integer, f"CAST({self.text} AS BIGINT)"),
            "DOUBLE": (self.is_number, f"CAST({self._number} AS DOUBLE)"),
            "BOOLEAN": (self.is_boolean, f"CAST({self.text} AS BOOLEAN)"),
            "DATE": (self.is_date, f"CAST({self.text} AS DATE)"),
            "TIMESTAMP": (date_or_moment, moment),
        }[storage]


def typing_warnings(plan: ColumnPlan, found: Evidence, *, n_seen: int, is_exact: bool) -> tuple[str, ...]:
    """What to tell about how a column was read; `n_seen` rows were looked at for it."""
    among = "" if is_exact else f" (among the first {n_seen:,} rows)"
    if found.n_filled == 0:
        return ("Every cell is missing.",) if is_exact else ()
    warnings: list[str] = []
    if plan.has_words_for_missing:
        warnings.append(
            f"{found.n_words_for_missing:,} {_cells(found.n_words_for_missing)} with a word such as NA or null were "
            f"taken as missing{among}."
        )
    if plan.has_infinite_as_missing:
        warnings.append(f"{found.n_infinite:,} infinite {_values(found.n_infinite)} taken as missing, as asked.")
    if plan.storage == "TIMESTAMP" and 0 < found.n_zoned_moments < found.n_moments + found.n_dates:
        n_naive = found.n_moments + found.n_dates - found.n_zoned_moments
        warnings.append(f"{n_naive:,} times without a UTC offset stand beside others with one; they were read as UTC.")
    if plan.storage == "VARCHAR":
        warnings += _text_warnings(found, among)
    return tuple(warnings)


def _text_warnings(found: Evidence, among: str) -> list[str]:
    n_values = found.n_filled - found.n_words_for_missing
    warnings = []
    if found.n_leading_zeros:
        warnings.append(f"Kept as text: {found.n_leading_zeros:,} numbers begin with a zero, which a number would lose{among}.")
    if found.n_huge_integers:
        warnings.append(f"Kept as text: {found.n_huge_integers:,} whole numbers are too large to be held exactly{among}.")
    if found.n_ambiguous_dates > 0.5 * n_values:
        warnings.append(
            f"{found.n_ambiguous_dates:,} cells look like dates whose day and month cannot be told apart{among}; "
            "the column stays text. Write dates as 2024-02-01."
        )
    elif 0 < found.n_dates + found.n_moments < n_values:
        n_dates = found.n_dates + found.n_moments
        warnings.append(f"Mixed: {n_dates:,} dates and {n_values - n_dates:,} other cells{among}; the column stays text.")
    elif 0 < found.n_numbers < n_values and not found.n_leading_zeros and not found.n_huge_integers:
        n_other = n_values - found.n_numbers
        if found.n_decorated_numbers + found.n_integers < 0.9 * n_values:
            warnings.append(f"Mixed: {found.n_numbers:,} numbers and {n_other:,} other cells{among}; the column stays text.")
    if found.n_decorated_numbers - found.n_ambiguous_dates > 0 and (
        found.n_decorated_numbers - found.n_ambiguous_dates + found.n_integers >= 0.9 * n_values
        and found.n_numbers < n_values
        and not found.n_leading_zeros
        and not found.n_huge_integers
    ):
        warnings.append(
            f"{found.n_decorated_numbers:,} numbers are written as text, with a currency, a percent sign or thousands "
            f"separators{among}; the column stays text."
        )
    return warnings


def _cells(n: int) -> str:
    return "cell" if n == 1 else "cells"


def _values(n: int) -> str:
    return "value was" if n == 1 else "values were"

