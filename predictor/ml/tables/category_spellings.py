"""Spellings of categories at import: what differs only in blanks or the Unicode form is joined; the rest is told."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import duckdb

from ..types.reading import Reading, ValueKind
from ..types.schema import ColumnProfile, TableSchema
from ..types.spellings import MAX_CHARACTERS, Proposal, in_numbers, variants
from .column_texts import counted_texts
from .stored_tables import names_in_sql, open_for_reading

# Columns with more categories are not compared: nobody means them by their spelling.
MAX_CATEGORIES = 20_000
# Columns whose texts are counted anew, because the profile does not list them all: a query each. In a wider table the
# listed ones are compared, and their reading holds for the others too.
MAX_COUNTED_COLUMNS = 100


def with_joined_spellings(
    parquet: Path, schema: TableSchema, *, connection: duckdb.DuckDBPyConnection | None = None
) -> TableSchema:
    """The schema with a reading for each text column that has one category in several spellings, and with warnings.

    Columns whose cells are values in doubt are left as they are.
    """
    columns = list(schema.columns)
    places = [
        place
        for place, each in enumerate(columns)
        if each.has_categories and each.evidence is None and each.n_distinct <= MAX_CATEGORIES
    ]
    counted: dict[int, Mapping[str, int]] = {}
    if partly := [place for place in places if not _is_listed(columns[place])][:MAX_COUNTED_COLUMNS]:
        opened = open_for_reading(parquet, 1) if connection is None else nullcontext(connection)
        with opened as database:
            stored = names_in_sql(database, parquet, schema.names)
            counted = {
                place: counted_texts(database, parquet, stored[columns[place].name]) for place in partly
            }
    for place in places:
        columns[place] = joined(columns[place], counted.get(place) or _listed(columns[place]))
    return replace(schema, columns=tuple(columns))


def _is_listed(column: ColumnProfile) -> bool:
    """Whether the levels of the profile are all texts of the column, none of them cut."""
    longest = max((len(level.value) for level in column.levels), default=0)
    return len(column.levels) == column.n_distinct and longest <= MAX_CHARACTERS


def _listed(column: ColumnProfile) -> dict[str, int]:
    return {level.value: level.count for level in column.levels}


def joined(column: ColumnProfile, counts: Mapping[str, int]) -> ColumnProfile:
    """The column with the spellings joined that differ only in blanks or the Unicode form, and with warnings."""
    groups = variants(counts, ())
    if groups:
        column = column.with_categories(Reading(ValueKind.TEXT), counts)
        n_texts = sum(map(len, groups))
        same = Proposal(groups)
        sentence = (
            f"{n_texts:,} spellings differ only in blanks or the Unicode form and are read as "
            f"{'one category' if len(groups) == 1 else f'{len(groups):,} categories'}: {same.groups}."
        )
        column = replace(column, warnings=(*column.warnings, sentence))
    return replace(column, warnings=(*column.warnings, *proposal_warnings(column.proposal)))


def without_warnings(warnings: Iterable[str]) -> tuple[str, ...]:
    """The warnings without those about spellings and words that may mean missing."""
    beginnings = ("Categories differ only ", "Words that may mean missing: ")
    return tuple(
        each for each in warnings if not each.startswith(beginnings) and " spellings differ only " not in each
    )


def proposal_warnings(proposal: Proposal) -> Iterator[str]:
    """What a person may decide about the categories of a column."""
    if proposal.joined:
        yield (
            f"Categories differ only {proposal.differences}: {proposal.groups}. They stay apart, unless a person "
            "joins their spellings."
        )
    if proposal.missing:
        yield (
            f"Words that may mean missing: {in_numbers(proposal.missing)}. They are categories, unless a person "
            "takes them as missing."
        )
