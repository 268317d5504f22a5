"""Removes the blanks between delimiters and quotes: a; "b" ;c becomes a;"b";c."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from .csv_dialect import Dialect
from .csv_encoding import BLOCK, TextFile


def without_blanks_at_quotes(text: TextFile, dialect: Dialect, scratch: Path) -> TextFile:
    """The file, or a copy in `scratch` without blanks after delimiters, and between a quote and a delimiter."""
    if not dialect.has_blanks:
        return text
    blanks, destination, is_quoted = _Blanks(dialect.delimiter), scratch / "blanks.csv", False
    with text.path.open("rb") as source, destination.open("wb") as out:
        rest = b""
        while block := source.read(BLOCK):
            block = rest + block
            # A block ends where a line does, so that no run of blanks is cut.
            cut = max(block.rfind(b"\n"), block.rfind(b"\r")) + 1 or len(block)
            cleaned, is_quoted = blanks.removed(block[:cut], is_quoted)
            out.write(cleaned)
            rest = block[cut:]
        out.write(blanks.removed(rest, is_quoted)[0])
    return replace(text, path=destination, is_copy=True)


class _Blanks:
    def __init__(self, delimiter: str):
        mark = re.escape(delimiter.encode())
        self._leading = re.compile(rb"(?:(?<=[\r\n])|(?<=" + mark + rb")) +")
        self._trailing = re.compile(rb"\A +(?=" + mark + rb"|[\r\n]|\Z)")

    def removed(self, lines: bytes, is_quoted: bool) -> tuple[bytes, bool]:
        """The lines without these blanks, and whether they end within quotes, as they begin where `is_quoted`."""
        parts = lines.split(b'"')
        for index, part in enumerate(parts):
            is_quoted ^= index > 0
            if not is_quoted and b" " in part:
                bare = self._trailing.sub(b"", part, count=1) if index else part
                parts[index] = self._leading.sub(b"", bare if index else bare.lstrip(b" "))
        return b'"'.join(parts), is_quoted
