"""CSV output that is safe from formula injection."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from ...errors import quoted_list

# Spreadsheets take a cell that begins with one of these for a formula (OWASP, "CSV injection").
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
# Signs alone, and a number with its sign (-1,5, -10 %, +49 30 123, -$5): no spreadsheet can run these.
HARMLESS = re.compile(
    r"[\t\r]*(?:[+-]+|[+-]? ?[$€£¥]? ?[.,]?[0-9][0-9.,' \u00a0\u202f]*[%$€£¥]?)[\t\r ]*", re.ASCII
)
QUOTED = (",", '"', "\r", "\n")


def csv_lines(rows: Iterable[Sequence[Any]]) -> bytes:
    """Lines of CSV in UTF-8, their cells neutralised."""
    return "".join(f"{','.join(map(exported_cell, row))}\r\n" for row in rows).encode("utf-8")


def neutralised(cell: Any) -> Any:
    """Escape a formula: an apostrophe before a text that a spreadsheet would run; signs and numbers stay."""
    if not isinstance(cell, str) or not cell.startswith(FORMULA_STARTS) or HARMLESS.fullmatch(cell):
        return cell
    try:
        float(cell)
    except ValueError:
        return f"'{cell}"
    return cell


def exported_cell(cell: Any) -> str:
    """The cell as CSV: neutralised, and quoted where needed (RFC 4180)."""
    return quoted_cell(neutralised(cell))


def quoted_cell(cell: Any) -> str:
    """The cell as CSV for programs: quoted where needed, but not neutralised for spreadsheets."""
    # As the import reads truth values, and as JSON writes them.
    text = "" if cell is None else str(cell).lower() if isinstance(cell, bool) else str(cell)
    if any(mark in text for mark in QUOTED):
        return '"' + text.replace('"', '""') + '"'
    return text


def exported(cells: Sequence[str], odd: Sequence[int] | None = None) -> Sequence[str]:
    """A column of cells, each as `exported_cell`. A fast check returns a column without special characters as it is.

    `odd`: the indices of the cells that are not plain numbers, where known; only these are checked.
    """
    if odd is not None:
        return _exported_at(odd, cells) if odd else cells
    text = "".join(cells)
    is_plain = not any(mark in text for mark in QUOTED)
    if is_plain and {cell[:1] for cell in cells}.isdisjoint(FORMULA_STARTS):
        return cells
    return list(map(exported_cell, cells))


def escaped_places(cells: Sequence[str], written: Sequence[str]) -> list[int]:
    """The indices of the cells of a column that `exported` wrote with an apostrophe."""
    if written is cells:
        return []
    return [
        place
        for place, cell in enumerate(cells)
        if cell.startswith(FORMULA_STARTS) and neutralised(cell) is not cell
    ]


def escape_sentence(names: Sequence[str]) -> str:
    """What is said on a row of which these columns were escaped."""
    return f"Written with an apostrophe, so that no spreadsheet runs it as a formula: {quoted_list(names)}."


def _exported_at(places: Sequence[int], cells: Sequence[str]) -> Sequence[str]:
    exported_cells = list(cells)
    for place in places:
        exported_cells[place] = exported_cell(cells[place])
    return exported_cells
