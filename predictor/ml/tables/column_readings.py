"""Readings of text columns: found when a table is imported, or when a column gets the role of another kind of values.

The stored table keeps the text of every cell. A reading says how it becomes a value, and is carried out by
`stored_tables.read_columns` in training and by `ml.inputs` in prediction.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from ...errors import quoted, quoted_list
from ..types.reading import Reading, ValueKind, find_reading, unreadable
from ..types.schema import Bin, ColumnProfile, Role, TableSchema
from .duckdb_connection import identifier, literal
from .stored_tables import KINDS, form_of, open_for_reading

# Words for missing that one reading learns from cells that it cannot read.
MAX_MISSING_WORDS = 100
# Columns with more distinct texts are not read as numbers or dates at import.
MAX_DISTINCT = 500_000
# Before all texts are counted, the most frequent ones have to be readable.
N_FIRST_LOOK = 300
N_BINS = 20
ROLES = {ValueKind.NUMBER: Role.NUMERIC, ValueKind.DATE: Role.DATETIME}


def with_found_readings(parquet: Path, schema: TableSchema, *, decimal: str) -> TableSchema:
    """The schema after a second look at its text columns: those that hold numbers or dates get a reading and a role.

    `decimal`: the decimal mark of the file. A column is only read so when each of its cells can be.
    """
    columns = list(schema.columns)
    waiting = [(place, each) for place, each in enumerate(columns) if _may_have_reading(each)]
    if not waiting:
        return schema
    with open_for_reading(parquet, 1) as connection:
        for place, column in waiting:
            looked = {level.value: level.count for level in column.levels[:N_FIRST_LOOK]}
            kinds = [kind for kind in ROLES if _fits(looked, kind, decimal)]
            if kinds:
                counts = counted_texts(connection, parquet, column.name)
                columns[place] = _read_column(column, counts, kinds[0], decimal, schema.n_rows)
    return replace(schema, columns=tuple(columns))


def _may_have_reading(column: ColumnProfile) -> bool:
    return (
        column.storage == "VARCHAR"
        and column.role is not Role.CONSTANT
        and column.n_distinct <= MAX_DISTINCT
        and bool(column.levels)
    )


def _fits(counts: Mapping[str, int], kind: ValueKind, decimal: str) -> bool:
    finding = find_reading(counts, kind, decimal=decimal)
    return finding.reading is not None or bool(finding.doubts)


def _read_column(
    column: ColumnProfile, counts: Mapping[str, int], kind: ValueKind, decimal: str, n_rows: int
) -> ColumnProfile:
    finding = find_reading(counts, kind, decimal=decimal)
    if finding.reading is None:
        if len(finding.doubts) < 2:
            return column
        first, second, *_ = finding.doubts
        doubt = (
            f"The cells can be read in two ways: as {first.words}, or as {second.words}; kept as text. "
            f"Give the column the role {ROLES[kind].value} to choose the first, or write them without doubt."
        )
        return replace(column, warnings=(*_without_type_warnings(column), doubt))
    values = {text: finding.reading.read(text) for text in counts}
    present = {text: value for text, value in values.items() if value is not None}
    if not present:
        return column
    n_missing = n_rows - sum(counts[text] for text in present)
    example = next(iter(present))
    sentence = f"Read as {finding.reading.words}: {quoted(example)} is {_shown(present[example])}."
    if n_words := sum(counts[text] for text, value in values.items() if value is None and text.strip()):
        sentence += f" {n_words:,} cells with a word for missing became missing."
    return replace(
        column,
        role=ROLES[kind],
        reading=finding.reading,
        n_missing=n_missing,
        warnings=(*_without_type_warnings(column), sentence),
        **_statistics({text: (present[text], counts[text]) for text in present}),
    )


def _without_type_warnings(column: ColumnProfile) -> tuple[str, ...]:
    """The warnings of a column without those that say why it stayed text."""
    beginnings = ("Kept as text", "Mixed: ", "Every value is different")
    return tuple(
        each for each in column.warnings if not each.startswith(beginnings) and "kept as text" not in each
    )


def _shown(value: Any) -> str:
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == datetime.min.time() else value.isoformat()
    return f"{value:.15g}"


def _statistics(values: Mapping[str, tuple[Any, int]]) -> dict[str, Any]:
    """Range, mean, median and histogram of values with the numbers of their cells, as `profile` gives them."""
    pairs = sorted((value, n) for value, n in values.values())
    ordered, weights = [value for value, _ in pairs], np.array([n for _, n in pairs])
    if isinstance(ordered[0], datetime):
        middle = ordered[int(np.searchsorted(np.cumsum(weights), weights.sum() / 2))]
        return {
            "minimum": _shown(ordered[0]),
            "maximum": _shown(ordered[-1]),
            "median": _shown(middle),
            "mean": None,
        }
    numbers = np.array(ordered, np.float64)
    edges = np.linspace(numbers[0], numbers[-1], N_BINS + 1) if numbers[0] < numbers[-1] else None
    bins: tuple[Bin, ...] = (Bin(float(numbers[0]), float(numbers[0]), int(weights.sum())),)
    if edges is not None and np.isfinite(edges).all():
        heights, _ = np.histogram(numbers, bins=edges, weights=weights)
        bins = tuple(
            Bin(float(low), float(high), int(n))
            for low, high, n in zip(edges[:-1], edges[1:], heights, strict=True)
        )
    return {
        "minimum": float(numbers[0]),
        "maximum": float(numbers[-1]),
        "mean": float(np.average(numbers, weights=weights)),
        "median": float(numbers[int(np.searchsorted(np.cumsum(weights), weights.sum() / 2))]),
        "histogram": bins,
    }


@dataclass(frozen=True)
class RoleReading:
    """How a text column is read for the role that it was given, and the cells that are lost by it.

    `n_values`: filled cells. `doubt`: another reading that fits as well and gives other values.
    """

    column: str
    reading: Reading
    n_values: int
    lost: Mapping[str, int]
    doubt: Reading | None = None

    @property
    def n_lost(self) -> int:
        return sum(self.lost.values())

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
                f"{self.doubt.words}. They were read as {self.reading.words}; write them without doubt to be sure."
            )


def with_readings(
    parquet: Path | str, schema: TableSchema, names: Sequence[str]
) -> tuple[TableSchema, list[RoleReading]]:
    """The schema with a reading for each of the named text columns that has the role of numbers, dates or truth values.

    A column that has a reading keeps it. Words that are no value become part of the reading, as words for missing, so
    that the same cells are missing when they are predicted.
    """
    waiting = [
        column for column in schema.columns if column.name in set(names) and _kind_of(column) is not None
    ]
    if not waiting:
        return schema, []
    found: dict[str, RoleReading] = {}
    with open_for_reading(Path(parquet), 1) as connection:
        for column in waiting:
            counts = counted_texts(connection, Path(parquet), column.name)
            found[column.name] = _role_reading(column, counts)
    columns = tuple(
        replace(column, reading=found[column.name].reading) if column.name in found else column
        for column in schema.columns
    )
    return replace(schema, columns=columns), list(found.values())


def _kind_of(column: ColumnProfile) -> ValueKind | None:
    """The kind of values that a text column without a reading is to be read as."""
    if column.storage != "VARCHAR" or column.reading is not None:
        return None
    return KINDS.get(form_of(column))


def counted_texts(connection: duckdb.DuckDBPyConnection, parquet: Path, name: str) -> dict[str, int]:
    column = identifier(name)
    return dict(
        connection.execute(
            f"SELECT {column}, count(*) FROM read_parquet({literal(str(parquet))}) WHERE {column} IS NOT NULL "
            "GROUP BY 1 ORDER BY 2 DESC, 1"
        ).fetchall()
    )


def _role_reading(column: ColumnProfile, counts: Mapping[str, int]) -> RoleReading:
    kind = _kind_of(column) or ValueKind.NUMBER
    finding = find_reading(counts, kind, is_forced=True)
    reading, doubt = finding.reading, None
    if finding.doubts:
        reading, doubt = finding.doubts[0], finding.doubts[1]
    reading = reading or Reading(kind)
    lost = unreadable(reading, counts)
    words = tuple(text.strip().lower() for text in list(lost)[:MAX_MISSING_WORDS])
    return RoleReading(
        column.name, replace(reading, missing=tuple(dict.fromkeys(words))), sum(counts.values()), lost, doubt
    )
