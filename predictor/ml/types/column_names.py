"""Column names in one form, for the header of a file and for the keys of a row."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable

LINE_BREAKS = re.compile(r"[\t\r\n\v\f\u0085\u2028\u2029]+")


def clean_name(cell: str) -> str:
    """A header cell or a key as a column name: one line, trimmed, NFC."""
    if cell.isascii() and cell.isprintable():
        return cell.strip()
    return unicodedata.normalize("NFC", LINE_BREAKS.sub(" ", cell).strip())


def repeated_names(names: Iterable[str]) -> list[str]:
    """The names that are given more than once, each once, in the order in which they first appear.

    Linear in the number of names: callers send as many as a body holds.
    """
    return [name for name, n in Counter(names).items() if n > 1]
