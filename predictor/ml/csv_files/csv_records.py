"""Reads the records of a CSV file in blocks, with Python's csv module."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from ...errors import InvalidTable
from .csv_dialect import Dialect


class CsvRecords:
    """Reader of the records after the header. Raises InvalidTable for a header that cannot be read."""

    def __init__(self, raw: IO[bytes], text: IO[str], dialect: Dialect):
        self._raw = raw
        for _ in range(dialect.n_skipped_lines):
            text.readline()
        self._n_characters = 0
        self._reader = csv.reader(self._counted(text), delimiter=dialect.delimiter)
        try:
            next(self._reader, None)
        except csv.Error as error:
            raise InvalidTable(f"Row 1 cannot be read as CSV: {error}.") from None

    @property
    def n_bytes_read(self) -> int:
        return self._raw.tell()

    def take(self, n_rows: int, n_characters: int) -> tuple[list[list[str]], str]:
        """The next block of records that are not blank, and the error of a record after them, which is left out.

        The block ends at `n_rows` records, or after `n_characters` characters; it is empty at the end of the file.
        """
        records: list[list[str]] = []
        end = self._n_characters + n_characters
        try:
            for record in self._reader:
                if record:
                    records.append(record)
                    if len(records) == n_rows or self._n_characters > end:
                        break
        except csv.Error as error:
            return records, str(error)
        return records, ""

    def _counted(self, lines: IO[str]) -> Iterator[str]:
        for line in lines:
            self._n_characters += len(line)
            yield line


@contextmanager
def open_records(path: Path, dialect: Dialect) -> Iterator[CsvRecords]:
    with path.open("rb") as raw, io.TextIOWrapper(raw, encoding="utf-8-sig", newline="") as text:
        yield CsvRecords(raw, text, dialect)
