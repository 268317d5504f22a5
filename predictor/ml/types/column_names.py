"""Column names in one form, for the header of a file and for the keys of a row."""

from __future__ import annotations

import re
import unicodedata

LINE_BREAKS = re.compile(r"[\t\r\n\v\f\u0085\u2028\u2029]+")


def clean_name(cell: str) -> str:
    """A header cell or a key as a column name: one line, trimmed, NFC."""
    if cell.isascii() and cell.isprintable():
        return cell.strip()
    return unicodedata.normalize("NFC", LINE_BREAKS.sub(" ", cell).strip())
