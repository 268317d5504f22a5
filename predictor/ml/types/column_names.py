"""Column names in one form, for the header of a file and for the keys of a row."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

# DuckDB's name for the number of a row in a Parquet file.
ROW_NUMBER = "file_row_number"
LINE_BREAKS = re.compile(r"[\t\r\n\v\f\u0085\u2028\u2029]+")


def clean_name(cell: str) -> str:
    """A header cell or a key as a column name: one line, trimmed, NFC."""
    if cell.isascii() and cell.isprintable():
        return cell.strip()
    return unicodedata.normalize("NFC", LINE_BREAKS.sub(" ", cell).strip())


def stored_names(names: Sequence[str]) -> list[str]:
    """The names of columns in a Parquet file of ours: their own, unless DuckDB would take two for one.

    It does not tell upper from lower case, and numbers rows by a column of its own. Then all columns have neutral
    names; stored columns are read by their place.
    """
    folded = {unicodedata.normalize("NFC", name.casefold()) for name in names}
    if len(folded) == len(names) and ROW_NUMBER not in folded:
        return list(names)
    return [f"column_{place}" for place in range(1, len(names) + 1)]


def repeated_names(names: Iterable[str]) -> list[str]:
    """The names that are given more than once, each once, in the order in which they first appear.

    Linear in the number of names: callers send as many as a body holds.
    """
    return [name for name, n in Counter(names).items() if n > 1]


def free_names(wanted: Sequence[str], taken: Sequence[str]) -> Iterator[str]:
    """The names, with a number added where the file already has a column of that name."""
    used = {name.casefold() for name in taken}
    for name in wanted:
        free, number = name, 2
        while free.casefold() in used:
            free, number = f"{name}_{number}", number + 1
        used.add(free.casefold())
        yield free
