"""Writing CSV in which no cell is a formula."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

# Spreadsheets take a cell that begins with one of these for a formula (OWASP, "CSV injection").
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
QUOTED = (",", '"', "\r", "\n")


def csv_lines(rows: Iterable[Sequence[Any]]) -> bytes:
    """Lines of CSV in UTF-8, their cells neutralised."""
    return "".join(f"{','.join(map(exported_cell, row))}\r\n" for row in rows).encode("utf-8")


def neutralised(cell: Any) -> Any:
    """The cell, with an apostrophe before a text that a spreadsheet would run; numbers stay numbers."""
    if not isinstance(cell, str) or not cell.startswith(FORMULA_STARTS):
        return cell
    try:
        float(cell)
    except ValueError:
        return f"'{cell}"
    return cell


def exported_cell(cell: Any) -> str:
    """The cell as it stands in a line: neutralised, and quoted where it has to be (RFC 4180)."""
    return quoted_cell(neutralised(cell))


def quoted_cell(cell: Any) -> str:
    """The cell as it stands in a line that no spreadsheet reads."""
    text = "" if cell is None else str(cell)
    if any(mark in text for mark in QUOTED):
        return '"' + text.replace('"', '""') + '"'
    return text


def exported(cells: Sequence[str], odd: Sequence[int] | None = None) -> Sequence[str]:
    """Many cells, as `exported_cell`: a column that holds nothing to change costs a look at its first letters.

    `odd`: the places of those that are no plain numbers, where that is known; nothing else is looked at.
    """
    if odd is not None:
        return _exported_at(odd, cells) if odd else cells
    text = "".join(cells)
    is_plain = not any(mark in text for mark in QUOTED)
    if is_plain and {cell[:1] for cell in cells}.isdisjoint(FORMULA_STARTS):
        return cells
    return list(map(exported_cell, cells))


def _exported_at(places: Sequence[int], cells: Sequence[str]) -> Sequence[str]:
    found = list(cells)
    for place in places:
        found[place] = exported_cell(cells[place])
    return found
