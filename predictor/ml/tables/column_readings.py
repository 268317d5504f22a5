"""Readings of text columns that are found when a table is imported; those of chosen roles are in role_readings.py.

The stored table keeps the text of every cell. A reading says how it becomes a value, and is carried out by
`stored_tables.read_columns` in training and by `ml.inputs` in prediction.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb

from ...errors import quoted, quoted_list
from ..types.date_forms import SPREADSHEET_EPOCH, is_date_name
from ..types.reading import Finding, Reading, ValueKind, find_reading, unreadable
from ..types.reading_evidence import ReadingEvidence, evidence_of
from ..types.schema import ColumnProfile, Role, TableSchema
from .column_texts import counted_texts, shown, statistics_of
from .offsets import ColumnZone
from .stored_tables import NUMBERS, names_in_sql, open_for_reading
from .type_inference import counted
from .zoned_moments import iso_text

# Columns with more distinct texts are not read as numbers or dates at import.
MAX_DISTINCT = 500_000
# Before all texts are counted, the most frequent ones have to be readable.
N_FIRST_LOOK = 300
# A few words beside so many different values mean missing.
MAX_ODD_WORDS = 3
MIN_VALUES_BESIDE_WORDS = 20
N_GLANCED = 20
# With more distinct texts, a role is not proposed for a column of which some cells are no values: 00501 among numbers.
MAX_PROPOSED_FROM = 5_000
DAY_OF_SPREADSHEET = re.compile(r"[1-5][0-9]{4}(?:\.[0-9]+)?", re.ASCII)
# From 1936 to 2064, in days since 1899-12-30.
SPREADSHEET_DAYS = (13_150, 60_000)
ROLES = {ValueKind.NUMBER: Role.NUMERIC, ValueKind.DATE: Role.DATETIME}


def with_typed_readings(schema: TableSchema, *, decimal: str) -> TableSchema:
    """The schema with the decimal comma as the reading of the numbers that were read with it."""
    if decimal != ",":
        return schema
    columns = (
        replace(each, reading=Reading(ValueKind.NUMBER, ",")) if each.storage == "DOUBLE" else each
        for each in schema.columns
    )
    return replace(schema, columns=tuple(columns))


def with_found_readings(
    parquet: Path,
    schema: TableSchema,
    *,
    shown_decimal: str = "",
    connection: duckdb.DuckDBPyConnection | None = None,
) -> TableSchema:
    """The schema after a second look at its text columns: those that hold numbers or dates get a reading and a role.

    A column is read so when each of its cells can be, or when only a few words cannot: these become missing.
    `shown_decimal`: the decimal mark, where numbers of the file show it. Otherwise `schema.decimal` is a guess, and
    numbers that depend on it get a warning.
    """
    columns = list(map(_with_doubt_of_days, schema.columns))
    kinds = {place: kind for place, column in enumerate(columns) if (kind := _kind_to_look_for(column))}
    if not kinds:
        return replace(schema, columns=tuple(columns), decimal=shown_decimal or schema.decimal)
    opened = open_for_reading(parquet, 1) if connection is None else nullcontext(connection)
    with opened as database:
        stored = names_in_sql(database, parquet, schema.names)
        found = {
            place: Found(columns[place], counted_texts(database, parquet, stored[columns[place].name]), kind)
            for place, kind in kinds.items()
        }
    shown_decimal = shown_decimal or _shown_decimal(found.values())
    for place, each in found.items():
        columns[place] = _with_doubt_of_written_days(each.profile(shown_decimal, schema))
    return replace(schema, columns=tuple(columns), decimal=shown_decimal or schema.decimal)


def _kind_to_look_for(column: ColumnProfile) -> ValueKind | None:
    """The kind of values that most of the frequent cells of a column are."""
    if _may_be_written_dates(column):
        return ValueKind.DATE
    if not _may_have_reading(column):
        return None
    looked = {level.value: level.count for level in column.levels[:N_FIRST_LOOK]}
    # A glance at the first cells is enough for most text columns.
    glanced = dict(list(looked.items())[:N_GLANCED])
    kind = _kind_that_fits(glanced, column.name) and _kind_that_fits(looked, column.name)
    return kind if kind and _is_worth_counting(column, looked, kind) else None


def _is_worth_counting(column: ColumnProfile, looked: Mapping[str, int], kind: ValueKind) -> bool:
    """Whether all texts of a column are read: not where very many differ and the frequent ones are no values."""
    if column.n_distinct <= MAX_PROPOSED_FROM:
        return True
    lost = find_reading(looked, kind, name=column.name, may_lose=True).unreadable
    return len(lost) <= MAX_ODD_WORDS and not any(any(map(str.isdigit, text)) for text in lost)


def with_zones(schema: TableSchema, zones: Mapping[str, ColumnZone]) -> TableSchema:
    """The schema in which times that are stored in UTC belong to the zone of their column (by name)."""
    columns = (_in_zone(each, zones[each.name]) if each.name in zones else each for each in schema.columns)
    return replace(schema, columns=tuple(columns))


def _in_zone(column: ColumnProfile, found: ColumnZone) -> ColumnProfile:
    if found.sentence:
        column = replace(column, warnings=(*column.warnings, found.sentence))
    if column.role is not Role.DATETIME or not found.zone:
        return column
    ends = (column.minimum, column.maximum, column.median)
    low, high, middle = (iso_text(end, found.zone) if isinstance(end, str) else end for end in ends)
    reading = Reading(ValueKind.DATE, dates=("Y-M-D",), zone=found.zone)
    return replace(column, reading=reading, minimum=low, maximum=high, median=middle)


def _may_have_reading(column: ColumnProfile) -> bool:
    return (
        column.storage == "VARCHAR"
        and column.role is not Role.CONSTANT
        and column.n_distinct <= MAX_DISTINCT
        and bool(column.levels)
    )


def _is_number_in(column: ColumnProfile, low: int, high: int) -> bool:
    """Whether the column has a name for dates, and numbers from `low` to `high`."""
    least, most = column.minimum, column.maximum
    return (
        column.storage in NUMBERS
        and column.role in (Role.NUMERIC, Role.IDENTIFIER)
        and is_date_name(column.name)
        and isinstance(least, int | float)
        and isinstance(most, int | float)
        and low <= least <= most <= high
    )


def _may_be_written_dates(column: ColumnProfile) -> bool:
    """Whether the numbers may be dates such as 20240131."""
    is_whole = column.storage == "BIGINT" and column.n_distinct <= MAX_DISTINCT
    return is_whole and _is_number_in(column, 19_000_101, 21_001_231)


def _with_doubt_of_days(column: ColumnProfile) -> ColumnProfile:
    """The column with a warning where its numbers may be the days of a spreadsheet."""
    if not _is_number_in(column, *SPREADSHEET_DAYS):
        return column
    day = (SPREADSHEET_EPOCH + timedelta(days=float(column.maximum or 0))).date()
    doubt = (
        f"These numbers may be dates as spreadsheets count them, in days since 1899-12-30: {column.maximum:.15g} is "
        f"{day}. Choose the role datetime to read them so."
    )
    return replace(column, warnings=(*column.warnings, doubt))


def _kind_that_fits(counts: Mapping[str, int], name: str) -> ValueKind | None:
    """The kind of which most cells are values, if at least half of them are."""
    fitting = []
    for kind in ROLES:
        finding = find_reading(counts, kind, name=name, may_lose=True)
        has_values = finding.reading is not None or bool(finding.doubts)
        if has_values and 2 * finding.n_unreadable <= sum(counts.values()):
            fitting.append((finding.n_unreadable, kind))
    return min(fitting, key=lambda each: each[0])[1] if fitting else None


def _days_among_dates(counts: Mapping[str, int]) -> str:
    """What to say about dates of which some are written as days of a spreadsheet; "" where there are none."""
    days = [text for text in counts if DAY_OF_SPREADSHEET.fullmatch(text)]
    if not days or len(days) == len(counts):
        return ""
    reading = find_reading(counts, ValueKind.DATE, is_forced=True).reading
    if reading is None or len(reading.dates) < 2 or unreadable(reading, counts):
        return ""
    return (
        f"{days[0]} and other numbers beside dates may be days as spreadsheets count them, since 1899-12-30: "
        f"{days[0]} is {shown(reading.read(days[0]))}. Choose the role datetime to read them so."
    )


def _with_doubt_of_written_days(column: ColumnProfile) -> ColumnProfile:
    """The column with a warning where it stayed text and some of its cells may be days of a spreadsheet."""
    if column.reading is not None:
        return column
    days = _days_among_dates({level.value: level.count for level in column.levels[:N_FIRST_LOOK]})
    return replace(column, warnings=(*column.warnings, days)) if days else column


@dataclass(frozen=True)
class Found:
    """A text column of which at least half of the cells may be values of a kind. `counts`: its cells by text."""

    column: ColumnProfile
    counts: Mapping[str, int]
    kind: ValueKind

    @cached_property
    def finding(self) -> Finding:
        return find_reading(self.counts, self.kind, name=self.column.name, may_lose=True)

    def profile(self, shown_decimal: str, schema: TableSchema) -> ColumnProfile:
        finding = self.finding
        decimal = shown_decimal or (schema.decimal if self.kind is ValueKind.NUMBER else "")
        if finding.doubts and decimal:
            finding = find_reading(
                self.counts, self.kind, decimal=decimal, name=self.column.name, may_lose=True
            )
        if finding.doubts:
            return self._doubted(finding.doubts[0], finding.doubts[1])
        if finding.reading is None:
            return self.column
        lost = finding.unreadable
        if lost and not self._are_odd_words(finding.reading, lost):
            return self._proposed(finding.reading, lost)
        words = tuple(dict.fromkeys(text.strip().lower() for text in lost))
        return self._read(
            replace(finding.reading, missing=words), finding.others, bool(shown_decimal), schema.n_rows
        )

    def _doubted(self, first: Reading, second: Reading) -> ColumnProfile:
        doubt = (
            f"The cells can be read in two ways: as {first.words}, or as {second.words}; kept as text. "
            f"Choose the reading of the column, or give it the role {ROLES[self.kind].value} to take the first."
        )
        unread = ReadingEvidence(0, self.column.n_missing, others=(first, second))
        return replace(self.column, warnings=(*without_type_warnings(self.column), doubt), evidence=unread)

    def _proposed(self, reading: Reading, lost: Mapping[str, int]) -> ColumnProfile:
        """The column as text, with a warning that says which cells keep it from being read as values."""
        n_lost = sum(lost.values())
        n_values = sum(
            n for text, n in self.counts.items() if text not in lost and reading.read(text) is not None
        )
        has_other_reason = any(
            "ept as text" in each and not each.startswith("Mixed") for each in self.column.warnings
        )
        if n_values < n_lost or has_other_reason:
            return self.column
        noun = "number" if self.kind is ValueKind.NUMBER else "date"
        shown = quoted_list(sorted(lost, key=lambda text: -lost[text]))
        mixed = (
            f"Mixed: {counted(n_values, noun)} and {counted(n_lost, 'other cell')}; kept as text. "
            f"The others are {shown}. Choose the role {ROLES[self.kind].value} to take them as missing, and the rest "
            f"as {reading.words}."
        )
        return replace(self.column, warnings=(*without_type_warnings(self.column), mixed))

    def _are_odd_words(self, reading: Reading, lost: Mapping[str, int]) -> bool:
        """Whether the cells that are no values are a few words beside measured values, such as “k.A.”."""
        if len(lost) > MAX_ODD_WORDS or any(
            any(map(str.isdigit, text)) or len(text.strip()) < 2 for text in lost
        ):
            return False
        values: set[Any] = {reading.read(text) for text in self.counts if text not in lost} - {None}
        are_whole = self.kind is ValueKind.NUMBER and all(value == int(value) for value in values)
        share = sum(lost.values()) / sum(self.counts.values())
        return len(values) >= MIN_VALUES_BESIDE_WORDS and share <= (0.1 if are_whole else 0.3)

    def _read(
        self, reading: Reading, others: Sequence[Reading], is_shown: bool, n_rows: int
    ) -> ColumnProfile:
        column, counts = self.column, self.counts
        values = {text: reading.read(text) for text in counts}
        present = {text: value for text, value in values.items() if value is not None}
        if not present:
            return column
        n_missing = n_rows - sum(counts[text] for text in present)
        example = next(iter(present))
        sentence = f"Read as {reading.words}: {quoted(example)} is {shown(present[example])}."
        if others:
            text, other = _told_apart(reading, others[0], present)
            sentence += (
                f" The cells can be read in two ways: as {others[0].words}, {quoted(text)} is {shown(other)} and not "
                f"{shown(present[text])}. "
            )
            sentence += (
                "Numbers of other columns show the decimal mark."
                if is_shown
                else "Nothing in the file tells; choose the decimal mark to be sure."
            )
        words = [text for text, value in values.items() if value is None and text.strip()]
        if n_words := sum(counts[text] for text in words):
            sentence += self._told_missing(words, n_words, sum(map(counts.__getitem__, present)), reading)
        return replace(
            column,
            role=ROLES[self.kind],
            reading=reading,
            n_missing=n_missing,
            warnings=(*without_type_warnings(column), sentence),
            evidence=evidence_of(reading, counts, n_rows, others=others),
            **statistics_of({text: (present[text], counts[text]) for text in present}),
        )

    def _told_missing(self, words: Sequence[str], n_words: int, n_values: int, reading: Reading) -> str:
        if not reading.missing:
            return f" {counted(n_words, 'cell')} with a word for missing became missing."
        noun = "number" if self.kind is ValueKind.NUMBER else "date"
        shown = quoted_list(sorted(words, key=lambda text: -self.counts[text]))
        return (
            f" {counted(n_values, noun)} and {counted(n_words, 'other cell')}, which became missing: {shown}. "
            "Choose the role categorical to keep the words."
        )


def _shown_decimal(columns: Iterable[Found]) -> str:
    """The decimal mark of the columns that can be read in one way only, if they have one in common."""
    marks = {
        each.finding.reading.decimal
        for each in columns
        if each.kind is ValueKind.NUMBER
        and each.finding.reading is not None
        and not each.finding.unreadable
        and _has_mark(each.counts, each.finding.reading)
    }
    return marks.pop() if len(marks) == 1 else ""


def _has_mark(counts: Iterable[str], reading: Reading) -> bool:
    marks = reading.decimal + reading.thousands
    return any(mark in text for text in counts for mark in marks)


def _told_apart(reading: Reading, other: Reading, texts: Iterable[str]) -> tuple[str, Any]:
    """A text that two readings read differently, and its value by the other."""
    return next((text, other.read(text)) for text in texts if other.read(text) != reading.read(text))


def without_type_warnings(column: ColumnProfile) -> tuple[str, ...]:
    """The warnings of a column without those that say why it stayed text."""
    beginnings = ("Kept as text", "Mixed: ", "Every value is different", "The cells that decided: ")
    return tuple(
        each for each in column.warnings if not each.startswith(beginnings) and "kept as text" not in each
    )
