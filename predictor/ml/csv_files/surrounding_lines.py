"""Lines around a table: titles and comments above its header, units below it, totals and notes at its end.

`open_table` finds them by the first MiB and the last 64 KiB of a file, or leaves out those that the caller names. What
is left out is counted and shown; what only may be no row stays a row, with a proposal.
"""

from __future__ import annotations

import csv
import io
import os
import re
import tempfile
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO, Any

from ...errors import InvalidTable, quoted
from .csv_dialect import DELIMITERS, SEPARATOR_LINE, delimiter_option, has_blanks, read_head, trimmed
from .csv_encoding import TextFile
from .header_search import COMMENT_MARKS, Units, comment_mark, find_header, find_units, is_value, records

BLOCK = 1 << 20
TAIL = 1 << 16
MAX_OPTION = 100_000
MAX_SHOWN = 20
MAX_TEXT = 200
MAX_FOOTER_LINES = 10
NO_COMMENT = "none"
BEGINS_WITH_MARK = re.compile(rf"(?:\A|[\r\n]) *(?:{'|'.join(COMMENT_MARKS)})")
TOTALS = (
    r"(?:grand|sub|over)?[ -]?totals?|sums?|summen?|gesamt\w*|insgesamt|zwischensumme|averages?|mittelwert|"
    r"durchschnitt|somme|suma|totale|итого|всего|合计|总计|小计|合計|総計"
)
NOTES = (
    r"mean|count|anzahl|rows?|zeilen|sources?|quellen?|notes?|anmerkung\w*|fußnoten?|footnotes?|generated|erstellt|"
    r"exported|exportiert|end of|eof"
)
TOTAL_WORDS = re.compile(rf"\W*(?:{TOTALS})\W*", re.IGNORECASE)
FOOTER_WORDS = re.compile(rf"\W*(?:{TOTALS}|{NOTES})(?![^\W\d_])", re.IGNORECASE)
ROW_COUNT = re.compile(
    r"\s*+(?:\(\s*+)?\d[\d.,' ]*+(?:rows?|records?|lines?|entries|results?|zeilen?|einträge|datensätze|"
    r"lignes?|filas?|行)\b.*",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class LineOptions:
    """Lines that are no rows, as the caller names them; None or an empty text: found in the file.

    `skip_lines` counts all lines above the header, `units_lines` those between it and the rows, `footer_lines` the
    last lines that are not blank. `comment` begins a line that is left out; “none”: there are no such lines.
    """

    skip_lines: int | None = None
    comment: str = ""
    units_lines: int | None = None
    footer_lines: int | None = None

    def check(self) -> None:
        """Raises InvalidTable for an option that cannot be used."""
        for name in ("skip_lines", "units_lines", "footer_lines"):
            value = getattr(self, name)
            if value is not None and not 0 <= value <= MAX_OPTION:
                raise InvalidTable(f"“{name}” has to be a whole number from 0 to {MAX_OPTION:,}.", field=name)
        mark = self.comment
        if mark != NO_COMMENT and (
            len(mark) > 3 or any(each.isalnum() or each.isspace() or each in "\"'" for each in mark)
        ):
            raise InvalidTable(
                f"The comment mark {quoted(mark)} cannot be used. Take one to three signs such as # or //, or “none”.",
                field="comment",
            )


@dataclass(frozen=True)
class SkippedLine:
    """A line that is no row. `place`: above, comment, units or footer; `line` counts from 1."""

    line: int
    place: str
    text: str


@dataclass(frozen=True)
class Proposal:
    """An option that would leave out lines that may be no rows, and the sentence that says why."""

    option: str
    value: int
    reason: str


@dataclass(frozen=True)
class SurroundingLines:
    """The lines that were left out, the first of them with their texts, and what may be left out besides."""

    skip_lines: int = 0
    comment: str = ""
    units_lines: int = 0
    footer_lines: int = 0
    n_skipped: int = 0
    skipped: tuple[SkippedLine, ...] = ()
    proposals: tuple[Proposal, ...] = ()
    # The number of lines above another line that may be the header; 0: there is none.
    doubtful_header: int = 0

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> SurroundingLines:
        return cls(
            **{
                **data,
                "skipped": tuple(SkippedLine(**each) for each in data.get("skipped", ())),
                "proposals": tuple(Proposal(**each) for each in data.get("proposals", ())),
            }
        )

    @property
    def sentence(self) -> str:
        """What was left out, in words; empty when nothing was."""
        if not self.n_skipped:
            return ""
        n_comments = self.n_skipped - self.skip_lines - self.units_lines - self.footer_lines
        parts = [
            f"{_counted(n)} {where}"
            for n, where in (
                (self.skip_lines, "above the header"),
                (n_comments, "of comments"),
                (self.units_lines, "of units below the header"),
                (self.footer_lines, "below the table"),
            )
            if n > 0
        ]
        texts = ", ".join(quoted(each.text) for each in self.skipped[:3] if each.text)
        more = f" and {self.n_skipped - 3:,} more" if self.n_skipped > 3 and texts else ""
        return f"Not read as rows: {_and(parts)}{f': {texts}{more}' if texts else ''}."


NO_LINES = SurroundingLines()


@dataclass(frozen=True)
class OpenedTable:
    """A text file that begins with the header, what was left out for that, and the delimiter (empty: not known)."""

    text: TextFile
    lines: SurroundingLines
    delimiter: str


def open_table(
    text: TextFile,
    scratch: Path,
    options: LineOptions = LineOptions(),
    *,
    delimiter: str = "",
    names: Collection[str] = (),
    required: Collection[str] = (),
) -> OpenedTable:
    """The file without the lines around its table: copied into `scratch` only when there are any.

    `names`, `required`: the columns that a file for predictions may and must have; they tell where the header is.
    Raises InvalidTable for options that cannot be used.
    """
    options.check()
    finder = _Finder(text.path, options, delimiter_option(delimiter), names, required)
    plan = finder.plan()
    lines = NO_LINES
    path = text.path
    if plan.above or plan.units_lines or plan.footer_lines or plan.comment:
        # The file itself may be in this folder, under any name.
        descriptor, name = tempfile.mkstemp(".csv", dir=scratch)
        os.close(descriptor)
        path = Path(name)
        lines = plan.write(text.path, path)
        if not lines.n_skipped:
            path.unlink()
            path = text.path
    lines = replace(lines, proposals=tuple(finder.proposals), doubtful_header=finder.doubt)
    opened = text if path == text.path else replace(text, path=path, is_copy=True)
    is_known = opened.is_copy or finder.delimiter in DELIMITERS
    return OpenedTable(opened, lines, finder.delimiter if is_known else delimiter)


class _Finder:
    """Finds the lines around a table by the beginning and the end of its file."""

    def __init__(
        self,
        path: Path,
        options: LineOptions,
        delimiter: str,
        names: Collection[str],
        required: Collection[str],
    ):
        self.path, self.options, self.delimiter = path, options, delimiter
        self.names, self.required = names, required
        self.doubt = 0
        self.proposals: list[Proposal] = []

    def plan(self) -> _Plan:
        """Which lines to leave out. Sets `delimiter`, `proposals` and `doubt`."""
        lines = list(io.StringIO(read_head(self.path), newline=""))
        candidates, given = lines, self.options.comment
        if given not in ("", NO_COMMENT):
            candidates = ["\n" if line.lstrip(" ").startswith(given) else line for line in lines]
        start, separator = _after_leading_lines(candidates)
        if self.options.skip_lines is not None:
            start = max(start, min(self.options.skip_lines, len(lines)))
            start += _after_leading_lines(candidates[start:])[0]
            if start == len(lines) and self.options.skip_lines:
                raise InvalidTable(
                    f"No line is left below the {self.options.skip_lines:,} lines of “skip_lines”.",
                    field="skip_lines",
                )
        delimiters = [self.delimiter or separator] if self.delimiter or separator else list(DELIMITERS)
        is_given = self.options.skip_lines is not None
        found = find_header(
            candidates[start:], delimiters, names=() if is_given else self.names, required=self.required
        )
        self.delimiter = found.delimiter
        header = start if is_given else start + found.line
        self.doubt = start + found.doubt if found.doubt and not is_given else 0
        width, n_header = _header_of(candidates[header:], self.delimiter)
        units = self._units(candidates[header:], n_header)
        return _Plan(
            lines=lines,
            header=header,
            header_lines=n_header,
            above=[n for n in range(header) if lines[n].strip() and not SEPARATOR_LINE.fullmatch(lines[n])],
            units_lines=units,
            footer_lines=self._footer(lines, header + n_header + units, width),
            comment=self._comment(lines[:header], lines[header + n_header :], width),
            is_comment_given=given not in ("", NO_COMMENT),
            delimiter=self.delimiter,
            width=width,
        )

    def _units(self, body: Sequence[str], n_header: int) -> int:
        if self.options.units_lines is not None:
            return self.options.units_lines
        units = find_units(body, self.delimiter)
        if units is None:
            return 0
        if units.is_doubtful:
            self.proposals.append(Proposal("units_lines", 1, _units_reason(units)))
            return 0
        return 1

    def _comment(self, above: Sequence[str], body: Sequence[str], width: int) -> str:
        if self.options.comment:
            return "" if self.options.comment == NO_COMMENT else self.options.comment
        marks = [mark for line in above if (mark := comment_mark(line))]
        if not BEGINS_WITH_MARK.search("".join(body)):
            return marks[0] if marks else ""
        for line in body:
            if (mark := comment_mark(line)) and (mark in marks or not _fits(line, self.delimiter, width)):
                return mark
        return marks[0] if marks else ""

    def _footer(self, lines: Sequence[str], first_row: int, width: int) -> int:
        if self.options.footer_lines is not None:
            return self.options.footer_lines
        # The first row is never a footer.
        start = _offset(self.path, lines[: first_row + 1])
        n_lines, proposals = _find_footer(_tail(self.path, start), self.delimiter, width)
        self.proposals += proposals
        return n_lines


def _units_reason(units: Units) -> str:
    texts = " ".join(cell.strip() for cell in units.record.cells if cell.strip())
    return (
        f"The line below the header ({quoted(texts)}) holds only texts, the rows below it numbers; "
        "it was read as a row."
    )


def _after_leading_lines(lines: Sequence[str]) -> tuple[int, str]:
    """How many lines are blank or name the delimiter before the first other one, and the delimiter."""
    separator = ""
    for number, line in enumerate(lines):
        if (named := SEPARATOR_LINE.fullmatch(line)) and not separator:
            separator = named[1]
        elif line.strip():
            return number, separator
    return len(lines), separator


def _header_of(body: Sequence[str], delimiter: str) -> tuple[int, int]:
    """The width of the header, and the index of the line after it."""
    header = next(records(body, delimiter), None)
    return (header.width, header.end) if header else (0, 1)


def _fits(line: str, delimiter: str, width: int) -> bool:
    """Whether the line is a row, or the first line of one: a cell in quotes may hold the end of a line."""
    opens_cell = line.count('"') % 2 == 1 and f'{delimiter}"' in line
    return opens_cell or len(trimmed(_cells(line, delimiter), width)) == width


def _cells(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=delimiter, skipinitialspace=has_blanks(line, delimiter)), [])
    except csv.Error:
        return [line]


def _bom(path: Path) -> int:
    with path.open("rb") as file:
        return 3 if file.read(3) == b"\xef\xbb\xbf" else 0


def _offset(path: Path, lines: Sequence[str]) -> int:
    """The place in the file after these first lines, in bytes."""
    return _bom(path) + sum(len(line.encode("utf-8", "replace")) for line in lines)


def _tail(path: Path, start: int) -> list[str]:
    """The last whole lines of the file, none before `start`."""
    n_bytes = path.stat().st_size
    first = max(start, n_bytes - TAIL)
    if first >= n_bytes:
        return []
    with path.open("rb") as file:
        file.seek(max(start, first - 1))
        data = file.read(TAIL + 1)
    lines = list(io.StringIO(data.decode("utf-8", "replace"), newline=""))
    return lines if first == start else lines[1:]


def _find_footer(lines: Sequence[str], delimiter: str, width: int) -> tuple[int, list[Proposal]]:
    """How many of the last lines are a footer, and a proposal for those that only may be one.

    A line of another width is one when it begins with a word such as “Total” or stands below a blank line. A line
    of the same width stays a row.
    """
    n_footer = n_pending = 0
    doubtful: tuple[int, str] | None = None
    is_closed = True
    for line in reversed(lines):
        is_closed ^= line.count('"') % 2 == 1
        if not is_closed or n_footer + n_pending >= MAX_FOOTER_LINES:
            # The line begins within a quoted cell.
            break
        cells = _cells(line, delimiter)
        filled = [cell.strip() for cell in cells if cell.strip()]
        if not filled:
            n_footer, n_pending = n_footer + n_pending, 0
        elif len(trimmed(cells, width)) == width and width > 0:
            if n_pending == 0 and _is_total(filled, width):
                doubtful = (n_footer + 1, line)
            break
        elif FOOTER_WORDS.match(filled[0]) or ROW_COUNT.match(filled[0]) or comment_mark(line):
            n_footer, n_pending = n_footer + n_pending + 1, 0
        elif len(filled) > 2 or is_value(filled[0]):
            # A row that was cut off, or a row of another table.
            break
        else:
            n_pending += 1
    if doubtful is None:
        return n_footer, []
    reason = (
        f"The last row ({quoted(' '.join(doubtful[1].split()))}) looks like a total; it was read as a row."
    )
    return n_footer, [Proposal("footer_lines", doubtful[0], reason)]


def _is_total(filled: Sequence[str], width: int) -> bool:
    is_note = (
        len(filled) == 1 and width >= 3 and bool(FOOTER_WORDS.match(filled[0]) or ROW_COUNT.match(filled[0]))
    )
    return is_note or (width > 1 and TOTAL_WORDS.fullmatch(filled[0]) is not None)


@dataclass(frozen=True)
class _Plan:
    """Which lines of a file are left out. `lines`: its first ones; `header`: the index of the header's line."""

    lines: Sequence[str]
    header: int
    header_lines: int
    above: Sequence[int]
    units_lines: int
    footer_lines: int
    comment: str
    is_comment_given: bool
    delimiter: str
    width: int

    def write(self, source: Path, destination: Path) -> SurroundingLines:
        """Copy all other lines; return what was left out."""
        rows = self.header + self.header_lines
        n_above = self.header if self.above else 0
        start = _offset(source, self.lines[:rows])
        end, n_footer = _footer_place(source, start, self.footer_lines)
        dropped = [
            SkippedLine(each + 1, "above", _shown(self.lines[each])) for each in self.above[:MAX_SHOWN]
        ]
        below, n_rows_from = self._units(rows)
        n_units = sum(each.place == "units" for each in below)
        comments = _Comments(self, n_rows_from, sum(each.place == "comment" for each in below))
        with source.open("rb") as file, destination.open("wb") as out:
            out.write("".join(self.lines[n_above:rows]).encode())
            file.seek(_offset(source, self.lines[:n_rows_from]))
            for chunk in _chunks(file, end):
                out.write(comments.without(chunk) if self.comment else chunk)
        footer = _footer_lines(source, start, end, rows) if n_footer else []
        shown = [*dropped, *below, *comments.shown]
        return SurroundingLines(
            skip_lines=n_above,
            comment=self.comment if comments.n_lines or self.is_comment_given else "",
            units_lines=n_units,
            footer_lines=n_footer,
            n_skipped=n_above + n_units + comments.n_lines + n_footer,
            skipped=(*shown[: MAX_SHOWN - min(len(footer), MAX_SHOWN // 2)], *footer[: MAX_SHOWN // 2]),
        )

    def _units(self, rows: int) -> tuple[list[SkippedLine], int]:
        """The lines of units and the comments between them, and the index of the line after them."""
        below: list[SkippedLine] = []
        n_units, number = 0, rows
        while n_units < self.units_lines and number < len(self.lines):
            line = self.lines[number]
            number += 1
            if not line.strip():
                continue
            place = "comment" if self.comment and self.is_comment(line) else "units"
            n_units += place == "units"
            below.append(SkippedLine(number, place, _shown(line)))
        return below, number

    def is_comment(self, line: str) -> bool:
        if not line.lstrip(" ").startswith(self.comment):
            return False
        return self.is_comment_given or not _fits(line, self.delimiter, self.width)


class _Comments:
    """Leaves out the comments of chunks of whole lines; counts them and keeps the first."""

    def __init__(self, plan: _Plan, first_line: int, n_lines: int):
        self._plan, self._number, self._is_quoted = plan, first_line, False
        self._mark = plan.comment.encode()
        self.n_lines = n_lines
        self.shown: list[SkippedLine] = []

    def without(self, chunk: bytes) -> bytes:
        if self._mark not in chunk:
            self._number += chunk.count(b"\n") or chunk.count(b"\r")
            self._is_quoted ^= chunk.count(b'"') % 2 == 1
            return chunk
        return b"".join(line for line in _split(chunk) if not self._is_left_out(line))

    def _is_left_out(self, line: bytes) -> bool:
        self._number += 1
        may_be = not self._is_quoted and line.lstrip(b" ").startswith(self._mark)
        if may_be and self._plan.is_comment(text := line.decode("utf-8", "replace")):
            self.n_lines += 1
            if len(self.shown) < MAX_SHOWN:
                self.shown.append(SkippedLine(self._number, "comment", _shown(text)))
            return True
        self._is_quoted ^= line.count(b'"') % 2 == 1
        return False


def _footer_place(path: Path, start: int, n_lines: int) -> tuple[int, int]:
    """Where the last `n_lines` lines begin that are not blank, and how many there are from `start` on."""
    n_bytes = path.stat().st_size
    if not n_lines:
        return n_bytes, 0
    size = TAIL
    while True:
        first = max(start, n_bytes - size)
        with path.open("rb") as file:
            file.seek(first)
            lines = _split(file.read())
        place = first
        if first > start:
            place += len(lines.pop(0))
        filled = []
        for line in lines:
            if line.strip():
                filled.append(place)
            place += len(line)
        if len(filled) >= n_lines or first == start:
            return (filled[-n_lines:] or [n_bytes])[0], min(len(filled), n_lines)
        size *= 2


def _footer_lines(path: Path, start: int, end: int, number: int) -> list[SkippedLine]:
    """The first lines of the footer from `end` on. `number`: how many lines stand before `start`."""
    with path.open("rb") as file:
        file.seek(start)
        for chunk in _chunks(file, end):
            number += chunk.count(b"\n") or chunk.count(b"\r")
        text = file.read(MAX_SHOWN * MAX_TEXT * 4).decode("utf-8", "replace")
    lines = enumerate(io.StringIO(text, newline=""), number + 1)
    return [SkippedLine(place, "footer", _shown(line)) for place, line in lines if line.strip()]


def _chunks(file: IO[bytes], end: int) -> Iterator[bytes]:
    """Chunks of whole lines up to the place `end`; a line of more than two blocks is cut."""
    position, rest = file.tell(), b""
    while position < end and (block := file.read(min(BLOCK, end - position))):
        position += len(block)
        cut = max(block.rfind(b"\n"), -1) + 1 or block.rfind(b"\r") + 1
        if position >= end or (not cut and len(rest) > BLOCK):
            cut = len(block)
        if cut:
            yield rest + block[:cut]
            rest = block[cut:]
        else:
            rest += block
    if rest:
        yield rest


def _split(data: bytes) -> list[bytes]:
    if b"\n" not in data:
        return data.splitlines(keepends=True)
    parts = data.split(b"\n")
    lines = [part + b"\n" for part in parts[:-1]]
    return [*lines, parts[-1]] if parts[-1] else lines


def _shown(line: str) -> str:
    text = " ".join(line.split())
    return text[: MAX_TEXT - 1] + "…" if len(text) > MAX_TEXT else text


def _counted(n: int) -> str:
    return f"{n:,} line" if n == 1 else f"{n:,} lines"


def _and(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
