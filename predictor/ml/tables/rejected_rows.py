"""Rejected CSV rows: which ones, why, and whether they may be skipped."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import duckdb

from ...errors import InvalidTable, Problem, RaggedRows, TooLarge
from ..csv_files.csv_dialect import Dialect
from ..csv_files.surrounding_lines import MAX_OPTION

UNCLOSED = "a quote that is never closed, or text after a closing quote"
N_NAMED = 5
LEAVE_OUT = ("Correct the file, or choose to leave these rows out.", "skip_bad_rows", "true")


@dataclass(frozen=True)
class BadRow:
    """One rejected row. `n_cells` is 0 when its cells could not be separated."""

    number: int
    kind: str
    n_cells: int
    n_lines: int
    line: int = 0


@dataclass(frozen=True)
class BadRows:
    """The number of rejected rows, and the first of them."""

    n_rows: int
    first: tuple[BadRow, ...]
    has_other_encoding: bool = False

    def refuse(
        self,
        *,
        skips: bool,
        n_columns: int,
        max_line_bytes: int,
        is_cut: bool,
        path: Path | None = None,
        doubtful_header: int = 0,
    ) -> None:
        """Raises RaggedRows, InvalidTable or TooLarge, unless no row was rejected or they may be skipped.

        An unclosed quote over several lines is never skipped: the number of lost rows is not known.
        `is_cut`: there are more rejected rows than DuckDB stored. `doubtful_header`: how many lines stand above
        another line that may be the header.
        """
        if not self.first:
            return
        if any(row.kind == "LINE SIZE OVER MAXIMUM" for row in self.first):
            rows = ", ".join(f"{row.number:,}" for row in self.first if row.kind == "LINE SIZE OVER MAXIMUM")
            raise TooLarge(
                f"Row {rows} is longer than can be read, or holds a quote that is never closed. "
                "Shorten its cells, or close the quote.",
                limit=max_line_bytes,
            )
        for row in self.first:
            if row.kind == "UNQUOTED VALUE" and row.n_lines > 1:
                raise InvalidTable(
                    f"Row {row.number:,} opens a quote that is not closed, so the rows after it cannot be told apart. "
                    "Close it, or double a quote that belongs to the text."
                )
        if is_cut and skips:
            raise InvalidTable(
                f"More than {self.n_rows:,} rows do not fit the header; too many to leave out. "
                "Check the delimiter and the header."
            )
        if not skips:
            raise self._ragged(n_columns, is_cut, path, doubtful_header)

    def _ragged(self, n_columns: int, is_cut: bool, path: Path | None, doubtful_header: int) -> RaggedRows:
        named = "; ".join(f"row {row.number:,} {_reason(row)}" for row in self.first[:N_NAMED])
        more = f"; and {self.n_rows - N_NAMED:,} more rows" if self.n_rows > N_NAMED else ""
        rows = "1 row does" if self.n_rows == 1 else f"{self.n_rows:,} rows do"
        rows = f"More than {rows}" if is_cut else rows
        columns = "1 column" if n_columns == 1 else f"{n_columns} columns"
        advice, option, value = self._advice(path, doubtful_header)
        return RaggedRows(
            f"{rows} not fit the header, which has {columns}: {named}{more}. {advice}",
            option=option,
            value=value,
            problems=[
                Problem(f"Row {row.number} {_reason(row)}.", f"row {row.number}")
                for row in self.first[:N_NAMED]
            ],
        )

    def _advice(self, path: Path | None, doubtful_header: int) -> tuple[str, str, str]:
        """What to do, and the import option for it: rows are left out only if most rows stay."""
        if doubtful_header:
            line = f"line {doubtful_header + 1:,}"
            return (
                f"The header may be {line}: choose to skip the {_lines(doubtful_header)} above it, "
                "or correct the file.",
                "skip_lines",
                str(doubtful_header),
            )
        if path is None:
            return LEAVE_OUT
        blank, n_below, n_above = _lines_from(path, self.first[0].line)
        if blank and self.n_rows >= 0.5 * n_below and n_above > 2 and n_below <= MAX_OPTION:
            return (
                f"Another table or a note may begin in row {self.first[0].number:,}, below a blank line: choose to "
                f"leave out the last {_lines(n_below)}, or correct the file.",
                "footer_lines",
                str(n_below),
            )
        if self.n_rows >= 0.5 * (n_below + n_above - 1):
            return "Check the delimiter and the header: most rows do not fit it.", "", ""
        return LEAVE_OUT


def _lines(n: int) -> str:
    return "line" if n == 1 else f"{n:,} lines"


def _lines_from(path: Path, line: int) -> tuple[bool, int, int]:
    """Whether the line before this one is blank, and how many lines that are not blank follow, and stand before it."""
    is_blank = False
    n_below = n_above = 0
    with path.open("rb") as file:
        for number, text in enumerate(iter(lambda: file.readline(1 << 20), b""), 1):
            is_filled = bool(text.strip(b" \t\r\n"))
            if number == line - 1:
                is_blank = not is_filled
            n_below, n_above = (
                n_below + (is_filled and number >= line),
                n_above + (is_filled and number < line),
            )
    return is_blank, n_below, n_above


def bad_rows(connection: duckdb.DuckDBPyConnection, path: Path, dialect: Dialect) -> BadRows:
    """The rows that `connection` rejected when it last read the file."""
    n_rows = _one(connection, "SELECT count(DISTINCT line) FROM reject_errors")
    if not n_rows:
        return BadRows(0, ())
    rejects = connection.execute(
        "SELECT line, min(error_type::VARCHAR), "
        "max(regexp_extract(error_message, 'Found: ([0-9]+)', 1)), "
        "max(len(string_split(rtrim(csv_line, chr(10) || chr(13)), chr(10)))) "
        "FROM reject_errors GROUP BY line "
        "ORDER BY (min(error_type::VARCHAR) IN ('LINE SIZE OVER MAXIMUM')) DESC, line LIMIT 100"
    ).fetchall()
    rejects.sort()
    has_blank_lines = _has_blank_lines(path)
    numbers = {
        line: _record_number(path, dialect, line) if has_blank_lines else line - dialect.n_skipped_lines - 1
        for line, *_ in rejects[: N_NAMED + 1]
    }
    first = tuple(
        BadRow(
            numbers.get(line, line - dialect.n_skipped_lines - 1),
            kind,
            int(n_cells or 0),
            int(n_lines or 1),
            line,
        )
        for line, kind, n_cells, n_lines in rejects
    )
    n_undecoded = _one(connection, "SELECT count(*) FROM reject_errors WHERE error_type = 'INVALID ENCODING'")
    return BadRows(n_rows, first, has_other_encoding=n_undecoded > 0)


def _one(connection: duckdb.DuckDBPyConnection, sql: str) -> int:
    try:
        row = connection.execute(sql).fetchone()
    except duckdb.CatalogException:  # nothing was read yet
        return 0
    return int(row[0]) if row else 0


def _reason(row: BadRow) -> str:
    if row.kind in ("TOO MANY COLUMNS", "MISSING COLUMNS") and row.n_cells:
        return f"has {row.n_cells} {'cell' if row.n_cells == 1 else 'cells'}"
    if row.kind == "UNQUOTED VALUE":
        return f"has {UNCLOSED}"
    if row.kind == "INVALID ENCODING":
        return "holds bytes that are not UTF-8"
    return "cannot be read"


def _has_blank_lines(path: Path) -> bool:
    end = b""
    with path.open("rb") as file:
        while block := file.read(1 << 22):
            joined = end + block
            if b"\n\n" in joined or b"\n\r\n" in joined or b"\r\r" in joined:
                return True
            end = block[-2:]
    return False


def _record_number(path: Path, dialect: Dialect, line: int) -> int:
    """The record number of a line. DuckDB counts blank lines, which are not records, so records are counted here."""
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        for _ in range(dialect.n_skipped_lines):
            file.readline()
        records = _quiet(csv.reader(file, delimiter=dialect.delimiter))
        return sum(1 for record in islice(records, line - dialect.n_skipped_lines) if record) - 1


def _quiet(records: Iterable[list[str]]) -> Iterable[list[str]]:
    """The records; one that the csv module cannot read counts as one record."""
    iterator = iter(records)
    while True:
        try:
            yield next(iterator)
        except StopIteration:
            return
        except csv.Error:
            yield [""]
