"""CSV input of predictions, read in chunks of rows for validation.

Text cells become the values that a JSON caller would send: numbers for numeric fields, None for empty cells.
What is not a number stays text, so that RowChecker refuses it with row and column.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain, count, islice, repeat
from pathlib import Path
from typing import Any

from ...errors import InvalidTable, Problem, RaggedRows, TooLarge, quoted
from ..csv_files.csv_blanks import without_blanks_at_quotes
from ..csv_files.csv_dialect import Dialect, find_dialect, trimmed
from ..csv_files.csv_encoding import open_text
from ..csv_files.csv_records import open_records
from ..csv_files.csv_writing import escaped_places, exported
from ..csv_files.surrounding_lines import LineOptions, open_table
from ..types.reading import Unreadable, ValueKind
from ..types.schema import FeatureField, Role, Signature
from ..types.zones import FIXED
from .column_checker import CellColumn
from .number_columns import with_point
from .row_chunks import CHUNK_ROWS, BulkChunk, check_columns, chunk_of_columns, require_columns
from .value_readers import MISSING_TEXTS, level_reader

CHUNK_CHARACTERS = 8 << 20
NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
INTEGER = re.compile(r"[+-]?[0-9]{1,18}")


@dataclass(frozen=True)
class CsvOptions:
    """CSV options of the caller; an empty option is detected from the file."""

    encoding: str = ""
    delimiter: str = ""
    decimal: str = ""
    skip_bad_rows: bool = False
    skip_lines: int | None = None
    comment: str = ""
    units_lines: int | None = None
    footer_lines: int | None = None

    @property
    def lines(self) -> LineOptions:
        return LineOptions(self.skip_lines, self.comment, self.units_lines, self.footer_lines)


@dataclass(frozen=True)
class CsvLimits:
    max_bytes: int
    max_rows: int
    max_columns: int = 1_000
    max_cell_bytes: int = 64 << 10
    max_name_characters: int = 128


CellReaders = Sequence[tuple[int, str, Callable[[str], Any]]]


@dataclass(frozen=True)
class CsvChunk:
    """One chunk of rows: the cells as text, and the errors of invalid rows by index."""

    first_row: int
    cells: list[list[str]]
    readers: CellReaders
    errors: Mapping[int, str]

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The rows {column: value} for RowChecker."""
        return [{name: read(record[place]) for place, name, read in self.readers} for record in self.cells]


class CsvRows:
    """Reader of one CSV file. `unused`: the columns that are not in the signature.

    `is_lenient`: a row that cannot be read does not stop the reading; it stays in its chunk, with an error.
    """

    n_rows_total: int | None = None

    def __init__(
        self,
        source: Path,
        signature: Signature,
        options: CsvOptions,
        limits: CsvLimits,
        *,
        scratch: Path,
        is_lenient: bool = False,
    ):
        self._is_lenient = is_lenient
        self._options, self._limits = options, limits
        opened = open_table(
            open_text(source, scratch, encoding=options.encoding, max_bytes=limits.max_bytes),
            scratch,
            options.lines,
            delimiter=options.delimiter,
            names=signature.names,
            required=[each.name for each in signature.fields if not each.has_missing],
        )
        self.lines = opened.lines
        self._dialect: Dialect = find_dialect(
            opened.text.path,
            delimiter=opened.delimiter,
            decimal=options.decimal,
            max_columns=limits.max_columns,
            max_name_characters=limits.max_name_characters,
        )
        self.names = self._dialect.names
        self._path = without_blanks_at_quotes(opened.text, self._dialect, scratch).path
        fields = {each.name: each for each in signature.fields}
        self.unused = tuple(name for name in self.names if name not in fields)
        require_columns(self.names, [name for name, each in fields.items() if not each.has_missing])
        self._readers = [
            (place, name, _reader(fields[name], self._dialect.decimal))
            for place, name in enumerate(self.names)
            if name in fields
        ]
        self._columns = [
            CellColumn(fields[name], read, are_texts=True, decimal=_mark(fields[name], self._dialect.decimal))
            for _, name, read in self._readers
        ]
        self._keys = {each.feature.name: each.key for each in self._columns}
        self._columns += [CellColumn(each, str) for name, each in fields.items() if name not in self.names]
        self.n_rows = 0
        self.n_left_out = 0
        self.share_read = 0.0
        # The cells of the chunk that `bulk_chunks` returned last, as they stand in the file.
        self.last_chunk: CsvChunk | None = None

    def chunks(self, *, skip: int = 0) -> Iterator[CsvChunk]:
        """Chunks of the rows after the first `skip` rows.

        Raises RaggedRows, InvalidTable and TooLarge, naming rows; rows count records, from 1.
        """
        cells: list[list[str]] = []
        errors: dict[int, str] = {}
        n_characters, first_row = 0, skip + 1
        for record, error, length in islice(self._records(), skip, None):
            if error:
                errors[len(cells)] = error
            cells.append(record)
            n_characters += length
            if len(cells) == CHUNK_ROWS or n_characters > CHUNK_CHARACTERS:
                yield CsvChunk(first_row, cells, self._readers, errors)
                first_row += len(cells)
                cells, errors, n_characters = [], {}, 0
        if cells:
            yield CsvChunk(first_row, cells, self._readers, errors)

    def bulk_chunks(self, *, skip: int = 0) -> Iterator[BulkChunk]:
        """As `chunks`; `lines` are lines of CSV without line ends, their cells as `exported` gives them."""
        for chunk in self.chunks(skip=skip):
            self.last_chunk = chunk
            yield self.bulk_chunk(chunk)

    def bulk_chunk(self, chunk: CsvChunk) -> BulkChunk:
        by_place = list(zip(*chunk.cells, strict=True))
        cells = {name: by_place[place] for place, name, _ in self._readers}
        checked = check_columns(cells, self._columns, len(chunk.cells))
        odd = {place: checked[name].odd for place, name, _ in self._readers}
        exported_columns = [exported(each, odd.get(place)) for place, each in enumerate(by_place)]
        lines = list(map(",".join, zip(*exported_columns, strict=True)))
        escaped: dict[int, list[str]] = {}
        for name, own, written in zip(self.names, by_place, exported_columns, strict=True):
            for place in escaped_places(own, written):
                escaped.setdefault(place, []).append(name)
        made = chunk_of_columns(chunk.first_row, lines, checked, self._keys, chunk.errors)
        return replace(made, escaped=escaped) if escaped else made

    def _records(self) -> Iterator[tuple[list[str], str, int]]:
        """Each row, its error or an empty text, and its number of characters."""
        width, ragged = len(self.names), list[tuple[int, int]]()
        for first, block, fault in self._blocks():
            lengths = list(map(len, map("".join, block)))
            if not (ragged or fault) and self._is_even(block, lengths):
                self.n_rows += len(block)
                yield from zip(block, repeat(""), lengths, strict=False)
                continue
            # An unreadable record is the last of its block.
            faults = chain(repeat("", len(block) - 1), [fault])
            for number, record, error in zip(count(first), block, faults, strict=False):
                if len(record) != width and self._options.skip_bad_rows:
                    self.n_left_out += 1
                elif len(record) != width and not self._is_lenient:
                    ragged.append((number, len(record)))
                    if len(ragged) > 1_000:
                        raise self._ragged(ragged)
                else:
                    checked = self._checked_record(number, record, error)
                    self._count_one()
                    # After a ragged row no rows are returned; the rest is read only to count the ragged ones.
                    if not ragged:
                        yield checked
        if ragged:
            raise self._ragged(ragged)
        if not self.n_rows:
            raise InvalidTable("The file has a header but no rows to predict.")

    def _is_even(self, block: Sequence[list[str]], lengths: Sequence[int]) -> bool:
        """Whether all rows are valid by a cheap check: their widths, sizes of cells and number."""
        # A character has at most four bytes in UTF-8, so no cell is larger than four times its row.
        return (
            set(map(len, block)) == {len(self.names)}
            and max(lengths) * 4 <= self._limits.max_cell_bytes
            and self.n_rows + len(block) <= self._limits.max_rows
        )

    def _checked_record(self, number: int, cells: list[str], fault: str) -> tuple[list[str], str, int]:
        record, error, width = cells, fault, len(self.names)
        if len(record) != width:
            error = error or f"Row {number:,} has {len(record)} cells instead of {width}."
            record = [*record[:width], *[""] * (width - len(record))]
        length = sum(map(len, record))
        if length * 4 > self._limits.max_cell_bytes:
            error = self._fault_of_cells(number, record) or error
            if error and not self._is_lenient:
                raise InvalidTable(error, limit=self._limits.max_cell_bytes)
        return record, error, length

    def _count_one(self) -> None:
        self.n_rows, limit = self.n_rows + 1, self._limits.max_rows
        if self.n_rows > limit:
            raise TooLarge(
                f"A file that is predicted at once may hold {limit:,} rows. Predict it as a batch."
                if not self._is_lenient
                else f"A batch may hold {limit:,} rows; cut the file into several.",
                limit=limit,
            )

    def _blocks(self) -> Iterator[tuple[int, list[list[str]], str]]:
        """Blocks of records that are not blank: the number of the first, the records, and an error.

        What is not CSV raises InvalidTable. When lenient, it ends its block as an empty record with an error.
        """
        number, width, n_bytes = 1, len(self.names), max(self._path.stat().st_size, 1)
        with open_records(self._path, self._dialect) as records:
            while True:
                block, error = records.take(CHUNK_ROWS, CHUNK_CHARACTERS)
                if max(map(len, block), default=0) > width:
                    block = [trimmed(record, width) for record in block]
                fault = f"Row {number + len(block):,} cannot be read as CSV: {error}." if error else ""
                if fault and self._is_lenient:
                    block.append([])
                if not block and not fault:
                    return
                self.share_read = records.n_bytes_read / n_bytes
                if block:
                    yield number, block, fault if self._is_lenient else ""
                if fault and not self._is_lenient:
                    raise InvalidTable(fault)
                number += len(block)

    def _fault_of_cells(self, number: int, record: list[str]) -> str:
        limit = self._limits.max_cell_bytes
        for place, cell in enumerate(record):
            if len(cell) * 4 > limit and len(cell.encode()) > limit:
                where = f"row {number:,}, column {quoted(self.names[place])}"
                return f"The cell in {where}, holds more than {limit:,} bytes."
        return ""

    def _ragged(self, ragged: list[tuple[int, int]]) -> RaggedRows:
        width, first = len(self.names), ", ".join(f"{number:,}" for number, _ in ragged[:5])
        more = f" and {len(ragged) - 5:,} more" if len(ragged) > 5 else ""
        are_most = len(ragged) >= 0.5 * (self.n_rows + len(ragged))
        advice = (
            "Check the delimiter and the header: most rows do not fit it."
            if are_most
            else "Correct them, or ask for them to be left out."
        )
        return RaggedRows(
            f"Rows {first}{more} do not have the header's {width} cells. {advice}",
            option="" if are_most else "skip_bad_rows",
            problems=[
                Problem(f"Row {number:,} has {n} cells instead of {width}.") for number, n in ragged[:5]
            ],
        )


def _mark(field: FeatureField, decimal: str) -> str:
    """The decimal mark with which whole columns of plain numbers are parsed; empty where each cell is looked up."""
    reading = field.reading
    if reading is None:
        return decimal
    has_number_for_missing = any(letter.isdigit() for word in reading.missing for letter in word)
    return "" if reading.kind is not ValueKind.NUMBER or has_number_for_missing else reading.decimal


def _reader(field: FeatureField, decimal: str) -> Callable[[str], Any]:
    """A function from a cell to what a JSON caller would send: by the column's reading, else by the file's marks."""
    plain = _plain_reader(field, decimal)
    reading = field.reading
    if reading is not None and reading.kind is ValueKind.TEXT:
        levels = frozenset(field.levels)

        def read_category(cell: str) -> Any:
            if cell in levels:
                return cell
            value = reading.read(cell)
            return None if value is None else plain(str(value))

        return read_category
    if reading is None or field.role in (Role.CATEGORICAL, Role.TEXT):
        return plain
    has_one_offset = FIXED.fullmatch(reading.zone) is not None

    def read(cell: str) -> Any:
        try:
            value = reading.read(cell)
        except Unreadable:
            return plain(cell)
        if isinstance(value, datetime):
            # The check of the row tells of an offset that training did not have.
            return cell.strip() if has_one_offset else reading.written(value)
        return value

    return read


def _plain_reader(field: FeatureField, decimal: str) -> Callable[[str], Any]:
    if field.role is Role.NUMERIC:
        return _numbers(decimal)
    if field.role is Role.BOOLEAN:
        return _boolean
    if field.role is Role.CATEGORICAL:
        return _categories(field)
    return _date if field.role is Role.DATETIME else lambda cell: cell or None


def _date(cell: str) -> Any:
    text = cell.strip()
    return None if text.lower() in MISSING_TEXTS else text


def _numbers(decimal: str) -> Callable[[str], Any]:
    def read(cell: str) -> Any:
        text = cell.strip()
        if text.lower() in MISSING_TEXTS:
            return None
        if decimal == ",":
            text = with_point(text)
        if INTEGER.fullmatch(text):
            return int(text)
        if NUMBER.fullmatch(text) and math.isfinite(number := float(text)):
            return number
        return cell

    return read


BOOLEANS: Mapping[str, bool] = {"true": True, "false": False, "1": True, "0": False}


def _boolean(cell: str) -> Any:
    text = cell.strip().lower()
    return None if text in MISSING_TEXTS else BOOLEANS.get(text, cell)


def _categories(field: FeatureField) -> Callable[[str], Any]:
    """Normalize cells to the categories of training: 3.0 becomes 3, TRUE becomes true."""
    levels, as_level = frozenset(field.levels), level_reader(field)

    def read(cell: str) -> Any:
        if cell in levels or not cell:
            return cell or None
        level = as_level(cell)
        return cell if level is None else level or None

    return read
