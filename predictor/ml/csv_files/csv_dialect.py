"""CSV dialect detection: delimiter, decimal mark and header, before any row is read.

DuckDB's own sniffer takes a ragged file for one with a single column. So the dialect is detected here, from the
first MiB, and passed to DuckDB.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ...errors import InvalidTable, Problem, TooLarge, quoted, quoted_list
from ..types.column_names import clean_name

HEAD = 1 << 20
N_SNIFFED = 500
# Characters in which blanks around quotes are looked for.
BLANKS_LOOK = 1 << 16
DELIMITERS = (",", ";", "\t", "|")
DELIMITER_NAMES = {"comma": ",", "semicolon": ";", "tab": "\t", "\\t": "\t", "pipe": "|"}
SEPARATOR_LINE = re.compile(r"sep=([^\r\n])(?:\r\n|\r|\n)", re.IGNORECASE)
COMMA_BETWEEN_DIGITS = re.compile(r"(?<=[0-9]),(?=[0-9])")
COMMA_NUMBER = re.compile(r"\s*[+-]?\d+,\d+\s*")
POINT_NUMBER = re.compile(r"\s*[+-]?\d*\.\d+\s*")
# 1.100 and 1,100: a thousand or a fraction.
ONE_GROUP = r"[1-9][0-9]{{0,2}}{m}[0-9]{{3}}"
# A number that shows which mark is the decimal one: 0,5 and 1.100,5 and 1.100.000 show a comma.
SHOWN = r"(?!{one}\Z)[0-9]*{d}[0-9]+|[1-9][0-9]{{0,2}}(?:(?:{t}[0-9]{{3}})+{d}[0-9]+|(?:{t}[0-9]{{3}}){{2,}})"
AROUND_NUMBERS = "+-−()%$€£¥ \u00a0\u202f"
# Blanks between a delimiter and a quote, on either side.
BLANKS_AT_QUOTES = (
    r'(?:^|{d})[ ]+"(?:[^"]|"")*"[ ]*(?={d}|\r|\n|\Z)|(?:^|{d})"(?:[^"]|"")*"[ ]+(?={d}|\r|\n|\Z)'
)
ROW_NAMES = "column 1"
# In fewer rows, cells beyond the header are a fault of the file.
MIN_NAMED_ROWS = 5
NUMBER = re.compile(r"\s*[+-]?\d+([.,]\d+)?\s*")


@dataclass(frozen=True)
class Dialect:
    """CSV dialect: how the file is written. `n_skipped_lines` lines come before the header (blank ones, or `sep=;`).

    `shown_decimal`: the decimal mark, where a number shows it or the caller named it; else empty, and `doubtful` are
    the indices of columns in which the first rows hold only numbers such as 1.100, or 1,100.
    `has_blanks`: cells in quotes have blanks around the quotes.
    `n_empty_columns`: columns at the end without a name and without a cell, which are left out.
    """

    delimiter: str
    decimal: str
    names: tuple[str, ...]
    n_skipped_lines: int = 0
    warnings: tuple[str, ...] = ()
    shown_decimal: str = field(default="", compare=False)
    doubtful: tuple[int, ...] = field(default=(), compare=False)
    has_blanks: bool = field(default=False, compare=False)
    n_empty_columns: int = 0


def find_dialect(
    path: Path, *, delimiter: str = "", decimal: str = "", max_columns: int, max_name_characters: int
) -> Dialect:
    """The dialect of a UTF-8 file; `delimiter` and `decimal` are not detected when they are given.

    Raises InvalidTable (no header, unusable column names, unusable option) and TooLarge (too many columns).
    """
    text = read_head(path)
    body, n_skipped, separator = _after_leading_lines(text)
    if not body.strip():
        raise InvalidTable("The file holds only blank lines. It needs a header line and rows below it.")
    delimiter = delimiter_option(delimiter) or separator or sniff_delimiter(body)
    blanks = has_blanks(body, delimiter)
    records = _records(body, delimiter, skips_blanks=blanks)
    header = _with_row_names(_without_empty_end(records), records[1:])
    names = checked_names(header, max_columns=max_columns, max_characters=max_name_characters)
    warnings = []
    if names[0] == ROW_NAMES and names[0] not in records[0]:
        warnings.append(f"The first column has no name; it is named {quoted(ROW_NAMES)}.")
    if decimal not in ("", ".", ","):
        raise InvalidTable(f"The decimal mark is “.” or “,”, not {quoted(decimal)}.")
    shown_decimal = decimal or _shown_decimal(records[1:])
    decimal = decimal or shown_decimal or _sniff_decimal(records[1:], delimiter)
    doubtful = () if shown_decimal else _doubtful(records[1:], decimal, len(names))
    if all(NUMBER.fullmatch(cell) for cell in header):
        warnings.append(
            "The first line holds only numbers, but it is taken as the header. If it is a row, add a header line."
        )
    if len(names) == 1 and (n_parts := _parts_between_blanks(records)):
        warnings.append(
            f"Each line has {n_parts} parts with blanks between them, and was read as one cell: a blank is no "
            "delimiter here. Write commas, semicolons or tabs between the cells."
        )
    n_empty = max(0, *(len(record) - len(names) for record in records if not any(record[len(names) :])))
    return Dialect(
        delimiter, decimal, names, n_skipped, tuple(warnings), shown_decimal, doubtful, blanks, n_empty
    )


def sniff_delimiter(text: str) -> str:
    """The delimiter that gives the most lines as many cells as the first one; a comma when none does."""
    best, best_score = ",", 0.0
    # Of two that fit equally well, the comma is the decimal mark: a;d,e above x;8,64.
    are_decimal = _are_decimal_commas(text)
    for candidate in (*DELIMITERS[1:], ",") if are_decimal else DELIMITERS:
        records = _records(text, candidate, skips_blanks=has_blanks(text, candidate))
        n_cells = len(records[0])
        if n_cells < 2:
            continue
        agreeing = sum(len(trimmed(record, n_cells)) == n_cells for record in records) / len(records)
        # The number of cells breaks ties: a single comma in a long header must not win over the real delimiter.
        score = agreeing + min(n_cells, 50) / 1_000
        if score > best_score:
            best, best_score = candidate, score
    return best


def _parts_between_blanks(records: Sequence[Sequence[str]]) -> int:
    """How many parts each line has, if the lines are columns of numbers with blanks between them; else 0."""
    parts = [" ".join(record).split() for record in records[1:]]
    if not parts or len(parts[0]) < 2 or any(len(each) != len(parts[0]) for each in parts):
        return 0
    if all(len(part) == 3 and part.isdigit() for each in parts for part in each[1:]):
        return 0  # 12 500 is one number
    return len(parts[0]) if all(NUMBER.fullmatch(part) for each in parts for part in each) else 0


def _are_decimal_commas(text: str) -> bool:
    """Whether each comma below the first line stands between digits."""
    body = text.partition("\n")[2]
    commas = body.count(",")
    return commas > 0 and len(COMMA_BETWEEN_DIGITS.findall(body)) == commas


def trimmed(record: list[str], width: int) -> list[str]:
    """The record without empty cells beyond the header's width, which a delimiter at the end of a line makes."""
    return record[:width] if len(record) > width and not any(record[width:]) else record


def _without_empty_end(records: Sequence[list[str]]) -> list[str]:
    """The header without empty cells at its end, if the cells below them are empty, too."""
    header = records[0]
    width = max((place for place, cell in enumerate(header, 1) if cell), default=0)
    is_empty = all(len(trimmed(each, width)) <= width for each in records)
    return header[:width] if width and is_empty else header


def _with_row_names(header: list[str], rows: Sequence[list[str]]) -> list[str]:
    """The header with a name for a first column that has none: numbers or names of the rows, by R or pandas.

    R also writes a header that is one cell shorter than each row.
    """
    first = [row[0] for row in rows if row]
    if ROW_NAMES in header or not any(first):
        return header
    if len(header) > 1 and not header[0].strip() and all(map(str.strip, header[1:])):
        return [ROW_NAMES, *header[1:]]
    is_shorter = (
        len(rows) >= MIN_NAMED_ROWS and len(header) > 1 and all(len(row) == len(header) + 1 for row in rows)
    )
    if is_shorter and any(row[-1] for row in rows) and len(set(first)) == len(first):
        return [ROW_NAMES, *header]
    return header


def checked_names(header: Sequence[str], *, max_columns: int, max_characters: int) -> tuple[str, ...]:
    """Validated column names: trimmed, in Unicode NFC. Raises InvalidTable or TooLarge, naming the columns."""
    if len(header) > max_columns:
        raise TooLarge(
            f"The table has {len(header):,} columns; the limit is {max_columns:,}.", limit=max_columns
        )
    names = [clean_name(cell) for cell in header]
    blank = [position for position, name in enumerate(names, 1) if not name]
    if blank:
        raise _bad_names(
            f"{_counted(blank)} without a name: column {', '.join(map(str, blank[:5]))}. Name every column, or remove "
            "an empty one (a delimiter at the end of each line makes one).",
            [f"column {position}" for position in blank],
        )
    if long := [name for name in names if len(name) > max_characters]:
        raise _bad_names(
            f"{_counted(long)} with a name of more than {max_characters} characters: {quoted_list(long)}. Shorten it.",
            long,
        )
    if invisible := [name for name in names if any(_is_invisible(character) for character in name)]:
        raise _bad_names(
            f"{_counted(invisible)} with invisible or direction-changing characters in the name: "
            f"{quoted_list(invisible)}. Type the name again.",
            invisible,
        )
    counts = Counter(names)
    equal = [name for name in names if counts[name] > 1]
    if equal:
        raise _bad_names(
            f"Columns of the same name: {quoted_list(equal)}. Blanks around a name do not make a difference; "
            "rename one.",
            equal,
        )
    return tuple(names)


def _bad_names(message: str, names: Sequence[str]) -> InvalidTable:
    return InvalidTable(
        message, problems=[Problem("Not usable as a column name.", name) for name in names[:5]]
    )


def _counted(names: Sequence[object]) -> str:
    return "A column" if len(names) == 1 else f"{len(names)} columns"


def _is_invisible(character: str) -> bool:
    # Cf: bidi controls, zero-width characters, soft hyphen; Cc: control characters; Cs, Co, Cn: not characters.
    return (
        unicodedata.category(character) in ("Cf", "Cc", "Cs") or character in "\u115f\u1160\u3164\uffa0\u2800"
    )


def read_head(path: Path) -> str:
    """The whole lines of the first MiB of a UTF-8 file. Raises TooLarge when there is none."""
    with path.open("rb") as file:
        data = file.read(HEAD + 1)
    is_cut = len(data) > HEAD
    text = data[:HEAD].decode("utf-8", errors="ignore" if is_cut else "replace").removeprefix("\ufeff")
    if not is_cut:
        return text
    if "\n" not in text and "\r" not in text:
        raise TooLarge(f"The first line is longer than {HEAD:,} bytes. Is this a CSV file?", limit=HEAD)
    return text[: max(text.rfind("\n"), text.rfind("\r")) + 1]


def _after_leading_lines(text: str) -> tuple[str, int, str]:
    """The text from the header on, how many lines were before it, and the delimiter that `sep=` named."""
    n_skipped, separator = 0, ""
    while True:
        blank = re.match(r"[^\S\r\n]*(\r\n|\r|\n)", text)
        named = SEPARATOR_LINE.match(text)
        if named and not separator:
            separator = named[1]
        elif not blank:
            return text, n_skipped, separator
        text = text[(named or blank).end() :]  # type: ignore[union-attr]
        n_skipped += 1


def delimiter_option(delimiter: str) -> str:
    """The sign that an option names. Raises InvalidTable when it cannot be a delimiter."""
    delimiter = DELIMITER_NAMES.get(delimiter.strip().lower() or delimiter, delimiter)
    if delimiter and (
        len(delimiter) > 1
        or delimiter.isalnum()
        or delimiter in "\"'\r\n .+-_"
        or (delimiter != "\t" and not 32 < ord(delimiter) < 127)
    ):
        raise InvalidTable(
            f"The delimiter {quoted(delimiter)} cannot be used. Take a comma, a semicolon, a tab or a pipe."
        )
    return delimiter


def has_blanks(text: str, delimiter: str) -> bool:
    """Whether blanks stand between delimiters and quotes: a; "b" ;c."""
    if ' "' not in text and '" ' not in text:
        return False
    sample = text[:BLANKS_LOOK]
    return re.search(BLANKS_AT_QUOTES.format(d=re.escape(delimiter)), sample, re.MULTILINE) is not None


def _records(text: str, delimiter: str, *, skips_blanks: bool = False) -> list[list[str]]:
    """The first records, up to one that the csv module cannot read: its error is raised when the whole file is read."""
    records: list[list[str]] = []
    csv.field_size_limit(max(csv.field_size_limit(), HEAD))
    try:
        for record in csv.reader(
            io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=skips_blanks
        ):
            if record:
                records.append(record)
            if len(records) >= N_SNIFFED:
                break
    except csv.Error:
        pass
    return records or [[text]]


def _sniff_decimal(rows: Sequence[Sequence[str]], delimiter: str) -> str:
    """The decimal mark: a comma where numbers have one and none has a point."""
    if delimiter == ",":
        return "."
    cells = [cell for row in rows for cell in row]
    has_commas = any(COMMA_NUMBER.fullmatch(cell) for cell in cells)
    return "," if has_commas and not any(POINT_NUMBER.fullmatch(cell) for cell in cells) else "."


def _shown_decimal(rows: Sequence[Sequence[str]]) -> str:
    """The mark that is the decimal one without doubt in some number; empty where none or both are."""
    marks = set[str]()
    for mark, other in ((".", ","), (",", ".")):
        is_shown = re.compile(
            SHOWN.format(one=ONE_GROUP.format(m=re.escape(mark)), d=re.escape(mark), t=re.escape(other))
        ).fullmatch
        if any(is_shown(cell.strip(AROUND_NUMBERS)) for row in rows for cell in row):
            marks.add(mark)
    return marks.pop() if len(marks) == 1 else ""


def _doubtful(rows: Sequence[Sequence[str]], decimal: str, n_columns: int) -> tuple[int, ...]:
    """Columns with numbers such as 1.100 in which no cell shows whether the mark groups thousands."""
    is_group = re.compile(ONE_GROUP.format(m=re.escape(decimal))).fullmatch
    found = []
    for place in range(n_columns):
        cells = [row[place].strip(AROUND_NUMBERS) for row in rows if place < len(row)]
        if any(map(is_group, cells)):
            found.append(place)
    return tuple(found)
