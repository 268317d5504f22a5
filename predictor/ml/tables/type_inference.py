"""Lossless type inference for the columns of a CSV file.

A column gets a type only if every filled cell of it is of that type and would be written back as the same
value: "00501", "+4917212345", 20-digit numbers and 01/02/2024 stay text. The decisions rest on counts
(`Evidence`). The expressions that read a cell raise an error when it does not fit the column's plan, so a plan
made from the first rows of a large file is checked while the whole file is read.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ...errors import quoted
from .csv_cell_sql import TITLE_BOOLEANS, UPPER_BOOLEANS, Cell, kind_sql
from .duckdb_connection import identifier, literal
from .long_cells import when_too_long

# Marks an error of our own in DuckDB's message.
RECHECK = "column needs another look: "


@dataclass(frozen=True)
class Evidence:
    """Counts of a column's cells by kind. `n_filled`: all that are not blank; `n_numbers` includes the integers.

    Cells such as 1E05 are codes, unless another cell has a fraction or a signed exponent: then they are numbers.
    """

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
    n_codes: int = 0
    n_title_booleans: int = 0
    n_upper_booleans: int = 0

    @property
    def boolean_spelling(self) -> tuple[str, ...]:
        """How most truth values are written, false first; empty for false and true."""
        if 2 * self.n_title_booleans > self.n_booleans:
            return TITLE_BOOLEANS
        return UPPER_BOOLEANS if 2 * self.n_upper_booleans > self.n_booleans else ()

    @classmethod
    def of_kinds(cls, kinds: Mapping[str, int]) -> Evidence:
        """From the number of cells of each kind (`kind_sql`)."""
        n = defaultdict(int, kinds)
        n_codes = 0 if n["number"] else n["code"]
        return cls(
            n_filled=sum(kinds.values()) - n["blank"],
            n_words_for_missing=n["word"],
            n_integers=n["integer"],
            n_numbers=n["integer"] + n["number"] + n["code"] - n_codes,
            n_infinite=n["infinite"],
            n_booleans=n["boolean"] + n["boolean in title case"] + n["boolean in upper case"],
            n_title_booleans=n["boolean in title case"],
            n_upper_booleans=n["boolean in upper case"],
            n_dates=n["date"],
            n_moments=n["moment"] + n["zoned"],
            n_zoned_moments=n["zoned"],
            n_leading_zeros=n["zeros"],
            n_huge_integers=n["huge"],
            n_ambiguous_dates=n["ambiguous"],
            n_decorated_numbers=n["decorated"],
            n_codes=n_codes,
        )


@dataclass(frozen=True)
class ColumnPlan:
    """Inferred type of one column and how it is read. `index` is its place in the file, `storage` the DuckDB type."""

    index: int
    name: str
    storage: str
    decimal: str = "."
    has_words_for_missing: bool = False
    has_infinite_as_missing: bool = False
    has_offsets: bool = False
    stored_name: str = ""

    @property
    def source(self) -> str:
        return source_name(self.index)

    @property
    def value(self) -> str:
        """SQL name of the column's cells after the cast to its type."""
        return f"v{self.index}"


def source_name(index: int) -> str:
    """SQL name of a column while it is read, so that names from the file do not get into these statements."""
    return f"c{index}"


def evidence_sql(indices: Sequence[int], decimal: str, relation: str) -> str:
    """A query that returns (index, kind, number of cells) for columns of `relation`.

    The columns are stacked into one first: a thousand columns with aggregates of their own take DuckDB
    minutes to plan, the stacked form takes the same milliseconds for any number of columns.
    """
    cells = ", ".join(source_name(index) for index in indices)
    return (
        f"WITH stacked AS (SELECT unnest([{cells}]) AS cell, unnest({list(indices)}) AS place FROM {relation}) "
        f"SELECT place, {kind_sql(Cell('cell', decimal))} AS kind, count(*) FROM stacked GROUP BY ALL"
    )


def plan_column(
    index: int, name: str, evidence: Evidence, *, decimal: str, takes_infinite_as_missing: bool
) -> ColumnPlan:
    """The narrowest type that holds every cell. Infinite numbers count as numbers: they are refused, or made
    missing, when the column is numeric."""
    n_values = evidence.n_filled - evidence.n_words_for_missing
    storage = "VARCHAR"
    if n_values > 0:
        if evidence.n_integers == n_values:
            storage = "BIGINT"
        elif evidence.n_numbers > 0 and evidence.n_numbers + evidence.n_infinite == n_values:
            storage = "BIGINT" if evidence.n_integers + evidence.n_infinite == n_values else "DOUBLE"
        elif evidence.n_booleans == n_values:
            storage = "BOOLEAN"
        elif evidence.n_dates == n_values:
            storage = "DATE"
        elif evidence.n_dates + evidence.n_moments == n_values:
            storage = "TIMESTAMP"
    return ColumnPlan(
        index=index,
        name=name,
        storage=storage,
        decimal=decimal,
        has_words_for_missing=storage != "VARCHAR" and evidence.n_words_for_missing > 0,
        has_infinite_as_missing=takes_infinite_as_missing and evidence.n_infinite > 0,
        has_offsets=evidence.n_zoned_moments > 0,
    )


def cast_sql(plan: ColumnPlan, *, is_proved: bool) -> str:
    """SQL that casts the cells of a column to its type, as `plan.value`: cast once, used several times."""
    cell = Cell(plan.source, plan.decimal)
    if plan.storage == "TIMESTAMP" and plan.has_offsets:
        return f"CAST(TRY_CAST({cell.text} AS TIMESTAMPTZ) AS TIMESTAMP) AS {plan.value}"
    text = cell.number if plan.storage == "DOUBLE" else cell.raw
    # When the text of a cell is not needed elsewhere, DuckDB's CSV reader does the cast, and a failed cast becomes
    # a rejected row; trim prevents that, for a tenth of the whole time.
    return f"TRY_CAST({f'trim({text})' if is_proved else text} AS {plan.storage}) AS {plan.value}"


def reading_sql(plan: ColumnPlan, *, max_cell_bytes: int, is_proved: bool) -> str:
    """SQL expression that reads one cell as planned.

    It raises an error for a cell that does not fit, unless all cells were checked before (`is_proved`).
    """
    cell = Cell(plan.source, plan.decimal, plan.value)
    name = identifier(plan.stored_name or plan.name)
    if plan.storage == "VARCHAR":
        too_long = when_too_long(f"strlen({cell.raw})", plan.index, limit=max_cell_bytes)
        return f"CASE {too_long} WHEN {cell.raw} < '!' AND {cell.is_blank} THEN NULL ELSE {cell.raw} END AS {name}"
    if is_proved:
        # DuckDB casts "nan" and "inf" to doubles.
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
    """SQL condition: the cell is of the planned type."""
    if plan.storage == "TIMESTAMP":
        zoned = f"({cell.is_date} OR {cell.is_moment} OR {cell.is_zoned_moment})"
        return zoned if plan.has_offsets else cell.is_date_or_moment
    conditions = {
        "BIGINT": cell.is_integer,
        "DOUBLE": cell.is_number,
        "BOOLEAN": cell.is_boolean,
        "DATE": cell.is_date,
    }
    return conditions[plan.storage]


def doubt_sql(plan: ColumnPlan, relation: str) -> str:
    """A query for the number of cells that show what the decimal mark is, and for a cell such as 1.100."""
    text, mark = f"trim({plan.source})", re.escape(plan.decimal)
    one_group = literal(rf"[+-]?[1-9][0-9]{{0,2}}{mark}[0-9]{{3}}")
    neutral = literal(rf"[+-]?[1-9][0-9]{{0,2}}{mark}[0-9]{{3}}|[+-]?[0-9]{{1,3}}|[^0-9]*")
    return (
        f"SELECT count(*) FILTER (NOT regexp_full_match({text}, {neutral})), "
        f"min({text}) FILTER (regexp_full_match({text}, {one_group})) FROM {relation}"
    )


def doubt_warning(example: str, decimal: str) -> str:
    as_fraction = float(example.replace(",", "."))
    as_thousands = float(example.replace(decimal, ""))
    other = "." if decimal == "," else ","
    return (
        f"The cells can be read in two ways: with the decimal mark “{decimal}”, {quoted(example)} is {as_fraction:g}; "
        f"with the thousands mark “{decimal}”, it is {as_thousands:.0f}. They were read with the decimal mark. If it "
        f"marks thousands, choose the decimal mark “{other}”."
    )


def typing_warnings(plan: ColumnPlan, evidence: Evidence, *, n_seen: int, is_exact: bool) -> tuple[str, ...]:
    """Warnings about how a column was read. `n_seen`: the number of rows that decided it."""
    among = "" if is_exact else f" among the first {n_seen:,} rows"
    if evidence.n_filled == 0:
        return ("Every cell is missing.",) if is_exact else ()
    warnings: list[str] = []
    if plan.has_words_for_missing:
        cells = counted(evidence.n_words_for_missing, "cell")
        warnings.append(f"{cells} with a word such as NA or null: taken as missing.")
    if plan.has_infinite_as_missing:
        warnings.append(f"{counted(evidence.n_infinite, 'infinite value')} taken as missing, as asked.")
    n_moments = evidence.n_moments + evidence.n_dates
    if plan.storage == "TIMESTAMP" and 0 < evidence.n_zoned_moments < n_moments:
        naive = counted(n_moments - evidence.n_zoned_moments, "time")
        warnings.append(f"{naive} without a UTC offset beside others with one{among}: read as UTC.")
    if plan.storage == "VARCHAR":
        warnings += _text_warnings(evidence, among)
    return tuple(warnings)


def _text_warnings(evidence: Evidence, among: str) -> list[str]:
    """Why a column that holds numbers or dates stayed text."""
    n_values = evidence.n_filled - evidence.n_words_for_missing
    n_dates = evidence.n_dates + evidence.n_moments
    n_decorated = evidence.n_decorated_numbers
    kept = []
    if evidence.n_leading_zeros:
        zeros = counted(evidence.n_leading_zeros, "number")
        kept.append(f"Kept as text: {zeros} with a leading zero, which a number would lose{among}.")
    if evidence.n_huge_integers:
        huge = counted(evidence.n_huge_integers, "whole number")
        kept.append(f"Kept as text: {huge} too large to be held exactly{among}.")
    if evidence.n_codes and evidence.n_codes + evidence.n_numbers + evidence.n_infinite == n_values:
        codes = counted(evidence.n_codes, "cell")
        kept.append(
            f"Kept as text: {codes} such as 1E05, which may be codes with the letter E{among}. "
            "Choose the role numeric if they are numbers."
        )
    if evidence.n_ambiguous_dates > 0.5 * n_values:
        dates = counted(evidence.n_ambiguous_dates, "cell")
        kept.append(
            f"{dates} that look like dates, but day and month cannot be told apart{among}: kept as text. "
            "Write dates as 2024-02-01."
        )
    elif 0 < n_dates < n_values:
        kept.append(_mixed(n_dates, "date", n_values, among))
    elif not kept and n_decorated > 0 and n_decorated + evidence.n_numbers >= 0.9 * n_values:
        numbers = counted(n_decorated, "number")
        kept.append(
            f"{numbers} written with a currency, a percent sign or thousands separators{among}: kept as text."
        )
    elif not kept and 0 < evidence.n_numbers < n_values:
        mixed = _mixed(evidence.n_numbers, "number", n_values, among)
        kept.append(f"{mixed} Choose the role numeric to take what is no number as missing.")
    elif not kept and 0 < evidence.n_booleans < n_values:
        kept.append(_mixed(evidence.n_booleans, "truth value", n_values, among))
    return kept


def _mixed(n: int, noun: str, n_values: int, among: str) -> str:
    return f"Mixed: {counted(n, noun)} and {counted(n_values - n, 'other cell')}{among}; kept as text."


def counted(n: int, noun: str) -> str:
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"
