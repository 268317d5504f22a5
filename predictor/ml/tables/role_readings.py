"""Readings of columns that a person gave the role of another kind of values, and the cells that are lost by it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ...errors import quoted, quoted_list
from ..types.reading import Reading, ValueKind, find_reading, unreadable
from ..types.reading_evidence import lost_cells
from ..types.schema import ColumnProfile, Role, TableSchema
from .column_texts import counted_texts
from .stored_tables import KINDS, NUMBERS, form_of, names_in_sql, open_for_reading

# Words for missing that one reading learns from cells that it cannot read.
MAX_MISSING_WORDS = 100


@dataclass(frozen=True)
class RoleReading:
    """How a text column is read for the role that it was given, and the cells that are lost by it.

    `n_values`: filled cells. `doubt`: another reading that fits as well and gives other values. `is_accepted`: the
    reading is the dataset's, and a person accepted what it loses.
    """

    column: str
    reading: Reading
    n_values: int
    lost: Mapping[str, int]
    doubt: Reading | None = None
    is_accepted: bool = False

    @property
    def n_lost(self) -> int:
        return sum(self.lost.values())

    def check(self, max_lost_share: float) -> None:
        """Raises LosesCells when more than this share of the filled cells would become missing."""
        if self.is_accepted or self.n_lost <= max_lost_share * self.n_values:
            return
        raise lost_cells(
            self.column,
            f"{self.reading.kind.value}s",
            sorted(self.lost, key=lambda text: -self.lost[text]),
            self.n_lost,
            self.n_values,
            max_lost_share=max_lost_share,
        )

    @property
    def sentences(self) -> Iterator[str]:
        """What a person has to know about it."""
        if self.lost:
            shown = sorted(self.lost, key=lambda text: -self.lost[text])
            yield (
                f"{self.n_lost:,} of {self.n_values:,} cells of {quoted(self.column)} are not read as "
                f"{self.reading.kind.value}s and became missing: {quoted_list(shown)}."
            )
        if self.doubt is not None:
            yield (
                f"The cells of {quoted(self.column)} can be read in two ways: as {self.reading.words}, or as "
                f"{self.doubt.words}. They were read as {self.reading.words}; choose the column's reading to be sure."
            )


def with_readings(
    parquet: Path | str, schema: TableSchema, names: Sequence[str]
) -> tuple[TableSchema, list[RoleReading]]:
    """The schema with a reading for each of the named text columns that has the role of numbers, dates or truth values,
    and for each of numbers that has the role of dates.

    A column that has a reading keeps it. Words that are no value become part of the reading, as words for missing, so
    that the same cells are missing when they are predicted.
    """
    waiting = [
        column
        for column in schema.columns
        if column.name in set(names) and (_kind_of(column) is not None or _loses_cells(column))
    ]
    if not waiting:
        return schema, []
    found: dict[str, RoleReading] = {}
    with open_for_reading(Path(parquet), 1) as connection:
        stored = names_in_sql(connection, parquet, schema.names)
        for column in waiting:
            counts = counted_texts(connection, Path(parquet), stored[column.name])
            found[column.name] = _role_reading(column, counts, schema.decimal)
    columns = tuple(
        replace(column, reading=found[column.name].reading) if column.name in found else column
        for column in schema.columns
    )
    return replace(schema, columns=columns), list(found.values())


def _loses_cells(column: ColumnProfile) -> bool:
    """Whether it has a reading that a person chose although it cannot read each cell."""
    return column.reading is not None and column.evidence is not None and column.evidence.n_unreadable > 0


def _kind_of(column: ColumnProfile) -> ValueKind | None:
    """The kind of values that a column without a reading is to be read as: one of text, or of numbers as dates."""
    if column.reading is not None:
        return None
    if column.storage in NUMBERS and form_of(column) is Role.DATETIME:
        return ValueKind.DATE
    if column.storage != "VARCHAR":
        return None
    return KINDS.get(form_of(column))


def _role_reading(column: ColumnProfile, counts: Mapping[str, int], decimal: str) -> RoleReading:
    kind = _kind_of(column) or ValueKind.NUMBER
    reading, doubt = column.reading, None
    if reading is None:
        finding = find_reading(counts, kind, name=column.name, is_forced=True)
        reading = finding.reading
        if finding.doubts:
            reading, doubt, *_ = sorted(finding.doubts, key=lambda each: each.decimal != decimal)
    reading = reading or Reading(kind)
    lost = unreadable(reading, counts)
    words = [text.strip().lower() for text in list(lost)[:MAX_MISSING_WORDS]]
    return RoleReading(
        column.name,
        replace(reading, missing=tuple(dict.fromkeys([*reading.missing, *words]))),
        sum(counts.values()),
        lost,
        doubt,
        is_accepted=column.reading is not None,
    )
