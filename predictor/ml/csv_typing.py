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


def kind_sql(cell: Cell) -> str:
    """What a cell is; each kind is looked for only among the cells that are none of those before it."""
    kinds = (
        (cell.is_blank, "blank"),
        (cell.is_integer, "integer"),
        (cell.is_number, "number"),
        (cell.is_word_for_missing, "word"),
        (cell.is_boolean, "boolean"),
        (cell.is_date, "date"),
        # What holds no digit is a word, except for the infinite ones; regular expressions are for the rest.
        (f"NOT regexp_matches({cell.raw}, '[0-9]') AND NOT {cell.is_infinite}", "other"),
        (cell.is_infinite, "infinite"),
        (cell.has_leading_zero, "zeros"),
        (cell.is_huge_integer, "huge"),
        (cell.is_zoned_moment, "zoned"),
        (cell.is_moment, "moment"),
        (cell.is_ambiguous_date, "ambiguous"),
        (cell.is_decorated_number, "decorated"),
    )
    return (
        "CASE "
        + " ".join(f"WHEN {condition} THEN '{kind}'" for condition, kind in kinds)
        + " ELSE 'other' END"
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


def reading_sql(plan: ColumnPlan, *, max_cell_bytes: int, is_proved: bool) -> str:
    """The expression that reads one cell as the plan says.

    Unless every cell was looked at before (`is_proved`), it raises when a cell is something else.
    """
    cell = Cell(plan.source, plan.decimal)
    name = quoted(plan.name)
    if plan.storage == "VARCHAR":
        return (
            f"CASE WHEN strlen({cell.raw}) > {max_cell_bytes} THEN error({literal(CELL_TOO_LONG + str(plan.index))}) "
            f"WHEN {cell.raw} < '!' AND {cell.is_blank} THEN NULL ELSE {cell.raw} END AS {name}"
        )
    if is_proved:
        return f"{cell.proved_reading(plan)} AS {name}"
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
        is_whole = self._matches("[+-]?[0-9]+")
        is_exact = f"(abs({value}) < {LARGEST_EXACT_INTEGER} OR NOT {is_whole} OR {self.is_integer})"
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
        return f"({self.text} LIKE '____-__-__' AND {self.text} >= '0' AND TRY_CAST({self.text} AS DATE) IS NOT NULL)"

    @property
    def is_moment(self) -> str:
        return f"({self._matches(MOMENT + OFFSET + '?')} AND TRY_CAST({self.text} AS TIMESTAMP) IS NOT NULL)"

    @property
    def is_zoned_moment(self) -> str:
        return f"({self._matches(MOMENT + OFFSET)} AND TRY_CAST({self.text} AS TIMESTAMPTZ) IS NOT NULL)"

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

    def proved_reading(self, plan: ColumnPlan) -> str:
        """The value of a cell that is known to be of the plan's type, or missing."""
        if plan.storage == "DOUBLE":
            value = f"TRY_CAST({self._number} AS DOUBLE)"
            has_others = plan.has_words_for_missing or plan.has_infinite_as_missing
            # "nan" and "inf" are doubles to DuckDB.
            return f"CASE WHEN isfinite({value}) THEN {value} END" if has_others else value
        if plan.storage == "TIMESTAMP" and plan.has_offsets:
            return f"CAST(TRY_CAST({self.text} AS TIMESTAMPTZ) AS TIMESTAMP)"
        return f"TRY_CAST({self.text} AS {plan.storage})"

    def reading(self, storage: str, has_offsets: bool) -> tuple[str, str]:
        """The condition under which a cell is of a type, and its value then."""
        date_or_moment = f"({self.is_date} OR {self.is_moment})"
        if has_offsets:
            moment = f"CAST(CAST({self.text} AS TIMESTAMPTZ) AS TIMESTAMP)"
        else:
            moment = f"CAST({self.text} AS TIMESTAMP)"
            value = f"TRY_CAST({self.text} AS TIMESTAMP)"
            # Writing the usual shape back costs a third of the regular expression that knows the others.
            date_or_moment = (
                f"(CAST({value} AS VARCHAR) = replace({self.raw}, 'T', ' ') OR {self.is_date} "
                f"OR ({self._matches(MOMENT)} AND {value} IS NOT NULL))"
            )
        return {
            "BIGINT": (self.is_integer, f"CAST({self.text} AS BIGINT)"),
            "DOUBLE": (self.is_number, f"CAST({self._number} AS DOUBLE)"),
            "BOOLEAN": (self.is_boolean, f"CAST({self.text} AS BOOLEAN)"),
            "DATE": (self.is_date, f"CAST({self.text} AS DATE)"),
            "TIMESTAMP": (date_or_moment, moment),
        }[storage]


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
