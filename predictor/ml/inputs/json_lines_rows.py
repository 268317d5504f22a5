"""JSON Lines input of predictions (one object per line), read in chunks."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from ...errors import InvalidTable, TooLarge, quoted
from ..types.column_names import repeated_names
from .column_checker import json_text
from .row_checker import RowChecker
from .row_chunks import CHUNK_ROWS, BulkChunk

CHUNK_BYTES = 8 << 20


class JsonLinesRows:
    """Reader of one JSON Lines file. A line that is not an object is a row with an error and does not stop it."""

    n_rows_total: int | None = None
    names: tuple[str, ...] = ()

    def __init__(self, source: Path, checker: RowChecker, *, max_rows: int, max_line_bytes: int):
        self._path, self._checker = source, checker
        self._max_rows, self._max_line_bytes = max_rows, max_line_bytes
        self.share_read = 0.0

    def bulk_chunks(self, *, skip: int = 0) -> Iterator[BulkChunk]:
        """Chunks; `lines` are the rows as JSON, or "null". Raises InvalidTable (no rows) and TooLarge."""
        n_rows = 0
        numbered_lines: list[tuple[int, bytes]] = []
        n_bytes, n_total = 0, max(self._path.stat().st_size, 1)
        with self._path.open("rb") as file:
            for number, line in self._numbered(file):
                n_rows += 1
                if n_rows > self._max_rows:
                    raise TooLarge(
                        f"A batch may hold {self._max_rows:,} rows; cut the file into several.",
                        limit=self._max_rows,
                    )
                if n_rows <= skip:
                    continue
                numbered_lines.append((number, line))
                n_bytes += len(line)
                if len(numbered_lines) == CHUNK_ROWS or n_bytes > CHUNK_BYTES:
                    self.share_read = file.tell() / n_total
                    yield self._chunk(n_rows - len(numbered_lines) + 1, numbered_lines)
                    numbered_lines, n_bytes = [], 0
        if not n_rows:
            raise InvalidTable("The file holds no rows.")
        self.share_read = 1.0
        if numbered_lines:
            yield self._chunk(n_rows - len(numbered_lines) + 1, numbered_lines)

    def _numbered(self, file: BinaryIO) -> Iterator[tuple[int, bytes]]:
        """Lines that are not blank, with their numbers; one that is too long is cut just past the limit."""
        number = 0
        while line := file.readline(self._max_line_bytes + 1):
            number += 1
            if len(line) > self._max_line_bytes:
                rest = line
                while rest and not rest.endswith(b"\n"):
                    rest = file.readline(1 << 16)
            if number == 1:
                line = line.removeprefix(b"\xef\xbb\xbf")
            if line.strip():
                yield number, line

    def _chunk(self, first_row: int, numbered_lines: list[tuple[int, bytes]]) -> BulkChunk:
        rows, lines = list[Any](), list[str]()
        broken: dict[int, str] = {}
        for place, (number, line) in enumerate(numbered_lines):
            row, text = None, "null"
            try:
                row = self._row(line)
                text = json_text(row)
            except RecursionError:
                row = None
                broken[place] = f"Line {number:,} is nested too deeply."
            except ValueError as error:
                broken[place] = f"Line {number:,} {error}."
            rows.append(row)
            lines.append(text)
        partly_valid = self._checker.check_leniently(rows, first_row=first_row)
        errors = {**partly_valid.errors, **broken}
        places = [place for place in range(len(rows)) if place not in errors]
        named = self._checker.named(rows)
        row_warnings = zip(places, partly_valid.checked.warnings, strict=True)
        return BulkChunk(
            first_row=first_row,
            lines=lines,
            places=places,
            columns=partly_valid.checked.columns,
            inputs=[
                lines[place] if named[place] is rows[place] else json_text(named[place]) for place in places
            ],
            warnings={place: warnings for place, warnings in row_warnings if warnings},
            errors=errors,
        )

    def _row(self, line: bytes) -> Any:
        """Parse one line. Raises ValueError; its text ends a sentence that begins with the line."""
        if len(line) > self._max_line_bytes:
            raise ValueError(f"is longer than {self._max_line_bytes:,} bytes")
        try:
            row = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise ValueError(f"is not valid JSON: {str(error).split(': line ')[0]}") from None
        if not isinstance(row, dict):
            raise ValueError("is not an object {column: value}")
        # As many colons as names: no name is repeated. A colon inside a text makes the counts differ, so then we check.
        if line.count(b":") != len(row):
            json.loads(line, object_pairs_hook=_refuse_repeated)
        return row


def _refuse_repeated(pairs: list[tuple[str, Any]]) -> None:
    if repeated := repeated_names(name for name, _ in pairs):
        raise ValueError(f"holds the name {quoted(repeated[0])} twice")


def looks_like_json_lines(head: bytes) -> bool:
    """Whether a file with these first bytes looks like JSON Lines."""
    return head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{")


def write_json_lines(rows: Iterator[Any], path: Path) -> None:
    """Rows as a file that `JsonLinesRows` reads."""
    with path.open("wb") as file:
        file.writelines(json_text(row).encode() + b"\n" for row in rows)
        file.flush()
        os.fsync(file.fileno())
