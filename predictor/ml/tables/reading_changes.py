"""What another reading would make of a stored column, and what else the column could be read as.

The stored table keeps the text of every cell, so a reading can be changed at any time: only the profile changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ...errors import InvalidInput, TooLarge, quoted, quoted_list
from ..types.reading import KINDS_OF_VALUES, Reading, ValueKind, find_reading
from ..types.reading_choice import ROLES, ReadingChoice
from ..types.reading_evidence import MAX_PROPOSED_LOSS, Example, ReadingEvidence, evidence_of
from ..types.schema import ColumnProfile, Level, Role, TableSchema
from ..types.spellings import IGNORED, tidied
from .category_spellings import MAX_CATEGORIES, joined, proposal_warnings, without_warnings
from .column_readings import MAX_DISTINCT, without_type_warnings
from .column_statistics import MAX_LEVEL_CHARACTERS, MIN_LEVELS
from .column_texts import counted_texts, statistics_of
from .profiling import text_role
from .stored_tables import names_in_sql, open_for_reading

# Proposals are judged by the most frequent texts.
N_PROPOSED_FROM = 20_000
N_RAW_EXAMPLES = 5


@dataclass(frozen=True)
class Proposal:
    """A reading that a text column could have, and how many cells it could not read."""

    reading: Reading
    n_unreadable: int


@dataclass(frozen=True)
class ColumnReading:
    """How a column is read now. `evidence` is None for text that is kept as it is, and for cells without text.

    `examples`: texts as they are stored. `proposals`: what else the column could be read as.
    """

    column: ColumnProfile
    examples: tuple[Example, ...] = ()
    proposals: tuple[Proposal, ...] = ()

    @property
    def evidence(self) -> ReadingEvidence | None:
        return self.column.evidence


def reading_of(parquet: Path, schema: TableSchema, name: str) -> ColumnReading:
    """How the column is read now, with examples, and what else it could be. Raises InvalidInput."""
    column = _column(schema, name)
    if column.storage != "VARCHAR":
        return ColumnReading(column)
    counts = _texts_of(parquet, schema, column)
    first = dict(list(counts.items())[:N_PROPOSED_FROM])
    if column.reading is not None and column.evidence is None:
        column = replace(column, evidence=evidence_of(column.reading, counts, schema.n_rows))
    examples = column.evidence.examples if column.evidence is not None and column.reading is not None else ()
    raw = tuple(Example(text[:100], n, text[:100]) for text, n in list(counts.items())[:N_RAW_EXAMPLES])
    return ColumnReading(column, examples or raw, _proposals(column, first))


def column_read_as(parquet: Path, schema: TableSchema, name: str, choice: ReadingChoice) -> ColumnProfile:
    """The profile of the column after the choice. Raises InvalidInput when no cell can be read so, and TooLarge."""
    column = _column(schema, name)
    if column.storage != "VARCHAR":
        raise InvalidInput(
            f"The cells of {quoted(name)} were all plain values when the file was imported and are stored as such, "
            "not as text. Only text has a reading; choose another role when you train.",
            field="column",
        )
    counts = _texts_of(parquet, schema, column)
    if not counts:
        raise InvalidInput(f"Every cell of {quoted(name)} is missing.", field="column")
    if column.reading is not None and column.reading.kind is ValueKind.TEXT:
        column = _apart(column, counts, schema.n_rows)
    if choice.kind is None:
        return _as_text(column, counts, schema.n_rows, choice)
    return _read_as(column, counts, schema, choice.kind, choice)


def _column(schema: TableSchema, name: str) -> ColumnProfile:
    if name not in schema:
        raise InvalidInput(f"The dataset has no column {quoted(name)}.", field="column")
    return schema[name]


def _texts_of(parquet: Path, schema: TableSchema, column: ColumnProfile) -> dict[str, int]:
    if column.n_distinct > MAX_DISTINCT:
        raise TooLarge(
            f"{quoted(column.name)} has {column.n_distinct:,} different texts; the reading of a column can be shown "
            f"and changed up to {MAX_DISTINCT:,}. Its role can be set when you train.",
            limit=MAX_DISTINCT,
        )
    with open_for_reading(parquet, 1) as connection:
        stored = names_in_sql(connection, parquet, schema.names)
        return counted_texts(connection, parquet, stored[column.name])


def _read_as(
    column: ColumnProfile,
    counts: Mapping[str, int],
    schema: TableSchema,
    kind: ValueKind,
    choice: ReadingChoice,
) -> ColumnProfile:
    n_rows = schema.n_rows
    others: tuple[Reading, ...] | None = None
    reading, is_found = choice.reading, choice.reading is None
    if reading is None:
        missing = choice.beside.get("missing", ())
        texts = {text: n for text, n in counts.items() if text.strip().lower() not in missing}
        finding = find_reading(texts, kind, decimal=schema.decimal, name=column.name, is_forced=True)
        readings = [finding.reading] if finding.reading else [*finding.doubts]
        reading, others = (readings or [Reading(kind)])[0], (*readings[1:], *finding.others)
        reading = replace(reading, **choice.beside)
    evidence = evidence_of(reading, counts, n_rows, others=others, is_chosen=not is_found or not others)
    if not evidence.n_read:
        shown = quoted_list(list(counts), 3)
        raise InvalidInput(
            f"No cell of {quoted(column.name)} can be read as {reading.words}: {shown}.", field="reading"
        )
    values = {text: (value, n) for text, n in counts.items() if (value := _value(reading, text)) is not None}
    return replace(
        column,
        role=ROLES[kind],
        reading=reading,
        evidence=evidence,
        n_missing=n_rows - evidence.n_read,
        warnings=(*_about_text(column), *_sentences(reading, evidence)),
        **{**_WITHOUT_NUMBERS, **(statistics_of(values) if kind is not ValueKind.BOOLEAN else {})},
    )


_WITHOUT_NUMBERS: dict[str, Any] = {
    "minimum": None,
    "maximum": None,
    "mean": None,
    "median": None,
    "histogram": (),
}


def _apart(column: ColumnProfile, counts: Mapping[str, int], n_rows: int) -> ColumnProfile:
    """A column of joined categories as it was before they were joined."""
    levels = list(counts.items())[: max(len(column.levels), MIN_LEVELS)]
    return replace(
        column,
        reading=None,
        evidence=None,
        n_missing=n_rows - sum(counts.values()),
        n_distinct=len(counts),
        levels=tuple(Level(text[:MAX_LEVEL_CHARACTERS], n) for text, n in levels),
    )


def _as_text(
    column: ColumnProfile, counts: Mapping[str, int], n_rows: int, choice: ReadingChoice
) -> ColumnProfile:
    n_filled = sum(counts.values())
    n_words = sum(n * len(text.split()) for text, n in counts.items()) / n_filled
    found = Role.CATEGORICAL if choice.reading else text_role(len(counts), n_filled, n_words)
    kept = _kept(column, n_rows - n_filled, choice.role or found)
    if choice.reading is not None:
        return _with_joined(kept, counts, n_rows, choice.reading)
    return joined(kept, counts) if kept.has_categories and len(counts) <= MAX_CATEGORIES else kept


def _with_joined(
    column: ColumnProfile, counts: Mapping[str, int], n_rows: int, reading: Reading
) -> ColumnProfile:
    """The column with its categories joined, and words taken as missing, as a person chose."""
    if len(counts) > MAX_CATEGORIES:
        raise TooLarge(
            f"{quoted(column.name)} has {len(counts):,} different texts; spellings are joined up to "
            f"{MAX_CATEGORIES:,}.",
            limit=MAX_CATEGORIES,
        )
    column = column.with_categories(reading, counts)
    reading = column.reading or reading
    evidence = evidence_of(reading, counts, n_rows, others=(), is_chosen=True)
    if not evidence.n_read:
        raise InvalidInput(f"Every cell of {quoted(column.name)} would be missing.", field="missing")
    warnings = (*_about_text(column), f"Read as {reading.words}, as a person chose.")
    return replace(column, evidence=evidence, warnings=(*warnings, *proposal_warnings(column.proposal)))


def _kept(column: ColumnProfile, n_missing: int, role: Role) -> ColumnProfile:
    return replace(
        column,
        role=role,
        reading=None,
        evidence=None,
        n_missing=n_missing,
        warnings=(*_about_text(column), "Kept as text, as a person chose."),
        **_WITHOUT_NUMBERS,
    )


def _about_text(column: ColumnProfile) -> tuple[str, ...]:
    """The warnings of a column that do not depend on its reading."""
    beginnings = ("Read as ", "The cells can be read in two ways")
    about_type = without_type_warnings(column)
    kept = tuple(each for each in without_warnings(about_type) if not each.startswith(beginnings))
    return tuple(each for each in kept if " became missing" not in each and "cells are missing" not in each)


def _sentences(reading: Reading, evidence: ReadingEvidence) -> list[str]:
    sentences = [f"Read as {reading.words}, as a person chose."]
    if evidence.n_unreadable:
        shown = quoted_list([each.text for each in evidence.unreadable])
        sentences.append(
            f"{evidence.n_unreadable:,} of {evidence.n_filled:,} cells cannot be read so and became missing: {shown}."
        )
    return sentences


def _proposals(column: ColumnProfile, counts: Mapping[str, int]) -> tuple[Proposal, ...]:
    """Readings that fit most of the column's cells and that it does not have, those with the fewest losses first."""
    found: list[Proposal] = []
    n_filled = sum(counts.values())
    for kind in KINDS_OF_VALUES:
        if column.reading is not None and kind is column.reading.kind:
            continue
        finding = find_reading(counts, kind, is_forced=True)
        readings = (finding.reading,) if finding.reading else finding.doubts
        found += [Proposal(each, finding.n_unreadable) for each in readings if each is not None]
    kept = [each for each in found if each.n_unreadable <= MAX_PROPOSED_LOSS * n_filled]
    return (*sorted(kept, key=lambda each: each.n_unreadable), *_of_categories(column))


def _of_categories(column: ColumnProfile) -> Iterator[Proposal]:
    """Readings that join more of its categories than now, and that take words as missing."""
    now, proposal = Reading(ValueKind.TEXT).joined_with(column.reading), column.proposal
    if proposal.ignores:
        ignores = tuple(each for each in IGNORED if each in (*now.ignores, *proposal.ignores))
        yield Proposal(replace(now, ignores=ignores), 0)
    if proposal.missing:
        words = (tidied(each).lower() for each in proposal.missing)
        yield Proposal(replace(now, missing=tuple(dict.fromkeys((*now.missing, *words)))), 0)


def _value(reading: Reading, text: str) -> object:
    try:
        return reading.read(text)
    except ValueError:
        return None
