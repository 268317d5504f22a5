"""Deciding cells: which cells of a column that holds numbers or dates are the reason that it stayed text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from ..types.date_forms import DATE_FORMS, parse_date
from ..types.reading import MISSING_WORDS, Reading, Unreadable, ValueKind
from ..types.schema import ColumnProfile, TableSchema
from ..types.spellings import in_numbers

# How the warnings begin that say why a column stayed text.
BEGINNINGS = ("Kept as text: ", "Mixed: ")


def with_deciding_cells(schema: TableSchema, *, decimal: str) -> TableSchema:
    """The schema with a warning that names the deciding cells, of those that the profile lists.

    `decimal`: the decimal mark of the file.
    """
    return replace(schema, columns=tuple(_told(column, decimal) for column in schema.columns))


def _told(column: ColumnProfile, decimal: str) -> ColumnProfile:
    why = next((each for each in column.warnings if each.startswith(BEGINNINGS)), "")
    # Where most cells are values, the others are named already.
    if column.storage != "VARCHAR" or column.reading is not None or not why or " The others are " in why:
        return column
    is_usual = _is_date if " date" in why else _is_number(decimal)
    deciding = {
        level.value: level.count
        for level in column.levels
        if level.value.strip().lower() not in MISSING_WORDS and not is_usual(level.value)
    }
    return _with_sentence(column, deciding) if 0 < len(deciding) < len(column.levels) else column


def _with_sentence(column: ColumnProfile, deciding: Mapping[str, int]) -> ColumnProfile:
    sentence = f"The cells that decided: {in_numbers(deciding)}."
    return replace(column, warnings=(*column.warnings, sentence))


def _is_number(decimal: str) -> Callable[[str], bool]:
    reading = Reading(ValueKind.NUMBER, decimal)

    def is_number(text: str) -> bool:
        try:
            return reading.read(text) is not None
        except Unreadable:
            return False

    return is_number


def _is_date(text: str) -> bool:
    return any(parse_date(text.strip(), name) is not None for name in DATE_FORMS)
