"""Keys of rows from callers, matched with the columns of a signature by the rule for the header of a file."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from ...errors import InvalidRows, Problem, quoted
from ..types.column_names import clean_name


class SameColumn(Exception):
    """Two keys of one row name the same column."""

    def __init__(self, name: str):
        super().__init__(name)
        self.name = name

    def __str__(self) -> str:
        return (
            f"column {quoted(self.name)}: the column is there twice, under names that differ only in blanks "
            "or in the form of their characters; send it once."
        )


def with_known_names(row: Mapping[str, Any], known: Collection[str]) -> Mapping[str, Any]:
    """The row, with each unknown key cleaned where that gives a known name. Raises SameColumn.

    Rows of known keys alone are returned as they are, for the price of one look-up a key.
    """
    cleaned = {
        key: name
        for key in row
        if key not in known and isinstance(key, str) and (name := clean_name(key)) in known
    }
    if not cleaned:
        return row
    renamed: dict[str, Any] = {}
    for key, value in row.items():
        name = cleaned.get(key, key)
        if name in renamed:
            raise SameColumn(name)
        renamed[name] = value
    return renamed


def file_columns(names: Sequence[str], known: Collection[str]) -> dict[str, str]:
    """The columns of a file, each with its name in the file, which may have to be cleaned. Raises InvalidRows."""
    try:
        return dict(with_known_names(dict(zip(names, names, strict=True)), known))
    except SameColumn as twice:
        raise InvalidRows(
            f"In the file, {twice}", problems=[Problem("The column is there twice.", f"/{twice.name}")]
        ) from None
