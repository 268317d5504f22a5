"""Where the header of a table stands in the first lines of a file, and whether a line of units stands below it.

Lines above a header are taken for a title or comment only with evidence: they have fewer cells than the rows, the
header holds no number, and a blank line, a comment mark, the types of the columns or the width of the rows agree.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from ..types.column_names import clean_name
from .csv_dialect import N_SNIFFED, has_blanks, sniff_delimiter, trimmed

# A header further down is not searched for.
MAX_LINES_ABOVE = 50
COMMENT_MARKS = ("#", "%", "//")
# Shares of the rows below: of the header's width; of one type.
MIN_EVEN = 0.9
MIN_TYPED = 0.8
# Numbers, dates and times: digits without other letters than those of exponents, moments and units of money.
# Possessive: where a run of blanks could be divided among several parts, 99 of them took 43 ms.
VALUE = re.compile(
    r"\s*+[^A-Za-z\d\s]{0,3}\s*+\d[\d\s.,:/'+-]*+(?:[eE][+-]?\d++)?(?:T[\d:.]++)?(?:Z|[+-][\d:]++)?"
    r"(?:\s*+[%€$£])?(?:\s*+\))?\s*+"
)
YEAR = re.compile(r"(?:19|20)\d\d")
BRACKETED = re.compile(r"\[[^\]]{0,30}\]|\([^)]{0,30}\)|<[^>]{0,30}>")
SYMBOLS = (
    "% ‰ ° °C °F C F K m cm mm km dm µm μm um nm in ft yd mi g kg mg µg μg ug t lb lbs oz s sec ms µs "
    "ns min h hr hrs d day days week weeks month months yr yrs year years Hz kHz MHz GHz V mV kV A mA "
    "W kW MW GW Wh kWh MWh GWh J kJ MJ cal kcal N kN Nm Pa hPa kPa MPa GPa bar mbar psi atm mmHg mol "
    "mmol l ml dl L mL dL m2 m² m^2 km2 km² m3 m³ m^3 cm2 cm² cm3 cm³ ha mph kph kt kn deg rad ppm "
    "ppb pH dB dBm lx lux ohm Ω EUR USD GBP CHF € $ £ ¥ count counts - – unit units none n/a degC "
    "degF Celsius pcs px bit B kB MB GB rpm bpm"
)
SIMPLE_UNITS = frozenset(SYMBOLS.split())
# Signs and words that stand for no unit beside units, and for missing cells elsewhere.
NO_UNITS = ("-", "–", "n/a", "none", "unit", "units")
# No unit is longer; a longer text is not searched for the parts of one.
MAX_UNIT_CHARACTERS = 60
COMPOUND = re.compile(r"[/*·. ]")
EXPONENT = re.compile(r"\^?[-−]?[0-9⁰¹²³⁻]+$")


@dataclass(frozen=True)
class Record:
    """A record of the first lines: the index of its first line, the index after its last, and its cells."""

    line: int
    end: int
    cells: list[str]

    @property
    def n_filled(self) -> int:
        return sum(bool(cell.strip()) for cell in self.cells)

    @property
    def width(self) -> int:
        """The number of cells without empty ones at the end."""
        return max((place for place, cell in enumerate(self.cells, 1) if cell.strip()), default=0)

    @property
    def comment_mark(self) -> str:
        return comment_mark(self.cells[0]) if self.cells else ""


@dataclass(frozen=True)
class Header:
    """Where the header is: the index of its line, the delimiter (empty: not known), and how many cells rows have.

    `doubt`: the index of another line that may be the header, where there is not enough evidence for it; else 0.
    """

    line: int
    delimiter: str
    doubt: int = 0


def comment_mark(text: str) -> str:
    # A tab may be the delimiter after an empty cell.
    start = text.lstrip(" ")[:2]
    return next((mark for mark in COMMENT_MARKS if start.startswith(mark)), "")


def records(lines: Sequence[str], delimiter: str) -> Iterator[Record]:
    """The records of the lines that are not blank, up to one that the csv module cannot read."""
    skips_blanks = has_blanks("".join(islice(lines, N_SNIFFED)), delimiter)
    reader = csv.reader(iter(lines), delimiter=delimiter, skipinitialspace=skips_blanks)
    while True:
        before = reader.line_num
        try:
            cells = next(reader)
        except (StopIteration, csv.Error):
            return
        if len(cells) > 1 or (cells and cells[0].strip()):
            yield Record(before, reader.line_num, cells)


def find_header(
    lines: Sequence[str],
    delimiters: Sequence[str],
    *,
    names: Collection[str] = (),
    required: Collection[str] = (),
) -> Header:
    """The header among the lines. `delimiters`: those that may be; `names`: the columns that are known, if any."""
    if names and (header := _by_names(lines, delimiters, set(names), set(required))):
        return header
    delimiter = delimiters[0] if len(delimiters) == 1 else sniff_delimiter("".join(lines))
    head = _first(lines, delimiter)
    if not head:
        return Header(0, delimiter)
    if _is_plain(head):
        return Header(head[0].line, delimiter)
    found = [(each, _first(lines, each)) for each in delimiters]
    scored = [(score, line, each) for each, head in found for score, line in _below_title(head)]
    if scored:
        _, line, delimiter = max(scored, key=lambda one: one[0])
        return Header(line, delimiter)
    return Header(head[0].line, delimiter, _doubt(found))


def _first(lines: Sequence[str], delimiter: str) -> list[Record]:
    head: list[Record] = []
    for record in records(lines, delimiter):
        head.append(record)
        if len(head) >= N_SNIFFED:
            break
    return head


def _by_names(
    lines: Sequence[str], delimiters: Sequence[str], names: set[str], required: set[str]
) -> Header | None:
    """The first record that holds all required names and at least two known ones; else the first with one."""
    for n_needed in sorted({min(2, len(names)), 1}, reverse=True):
        found = [
            (record.line, -len(record.cells), delimiter)
            for delimiter in delimiters
            if (record := _with_names(lines, delimiter, names, required, n_needed)) is not None
        ]
        if found:
            line, n_cells, delimiter = min(found)
            if n_cells == -1 and len(delimiters) > 1:
                delimiter = sniff_delimiter("".join(lines[line:]))
            return Header(line, delimiter)
    return None


def _with_names(
    lines: Sequence[str], delimiter: str, names: set[str], required: set[str], n_needed: int
) -> Record | None:
    for record in islice(records(lines, delimiter), MAX_LINES_ABOVE):
        cells = {clean_name(cell) for cell in record.cells}
        if required <= cells and len(cells & names) >= n_needed:
            return record
    return None


def _is_plain(head: Sequence[Record]) -> bool:
    """Whether the first record is the header beyond doubt: the rows have as many cells, and none of it is empty."""
    first = head[0]
    if first.comment_mark or first.n_filled < first.width or (first.width < 2 and len(first.cells) > 1):
        return False
    n = len(first.cells)
    if n == 1 and any(each.width > 1 for each in head):
        return False
    even = sum(len(trimmed(each.cells, n)) == n for each in head[1:])
    return len(head) == 1 or even >= 0.8 * (len(head) - 1)


def _below_title(head: Sequence[Record]) -> Iterator[tuple[float, int]]:
    """The line of the header below a title, with a score, if there is evidence for it."""
    width = row_width(head)
    if width < 2:
        return
    above: list[Record] = []
    for place, record in enumerate(head[:MAX_LINES_ABOVE]):
        below = head[place + 1 :]
        is_header = _is_header(record, width) and not _is_comment_above(record, below, width)
        if is_header and not above:
            yield _share_even(head, width) + min(width, 50) / 1_000, record.line
            return
        if is_header:
            if _has_evidence(above, record, below, width):
                yield _share_even(below, width) + min(width, 50) / 1_000, record.line
            return
        if not _may_be_above(record, width):
            return
        above.append(record)


def row_width(head: Sequence[Record]) -> int:
    """How many cells most records of several cells have, without cells that are empty in all of them."""
    counts = Counter(len(each.cells) for each in head if not each.comment_mark and len(each.cells) > 1)
    if not counts:
        return 0
    most = max(counts.items(), key=lambda item: (item[1], item[0]))[0]
    return max(each.width for each in head if len(each.cells) == most)


def _is_header(record: Record, width: int) -> bool:
    """Whether the record names all columns, each differently and none by a number other than a year."""
    cells = [cell.strip() for cell in record.cells[:width]]
    if record.width != width or not all(cells) or len(set(cells)) < width:
        return False
    return not any(is_value(cell) and not YEAR.fullmatch(cell) for cell in cells) and not all(
        map(YEAR.fullmatch, cells)
    )


def _is_comment_above(record: Record, below: Sequence[Record], width: int) -> bool:
    """Whether a comment of the header's width stands above the header, which alone agrees with the types below."""
    if not record.comment_mark:
        return False
    place = next((place for place, each in enumerate(below) if not each.comment_mark), None)
    if place is None or not _is_header(below[place], width):
        return False
    return place > 0 or _has_typed_column(below[place], below[place + 1 :], width)


def _may_be_above(record: Record, width: int) -> bool:
    if record.comment_mark or not record.n_filled:
        return True
    if not record.cells[0].strip():
        return False
    return record.n_filled == 1 or (record.n_filled == 2 and width >= 4)


def _has_evidence(above: Sequence[Record], header: Record, below: Sequence[Record], width: int) -> bool:
    if not below or _share_even(below, width) < MIN_EVEN:
        return False
    has_blank = not above[-1].n_filled or header.line > above[-1].end
    titles = [each for each in above if not each.comment_mark and each.n_filled]
    return has_blank or not titles or width >= 3 or _has_typed_column(header, below, width)


def _share_even(body: Sequence[Record], width: int) -> float:
    rows = [each for each in body if not each.comment_mark]
    # Up to ten lines at the end may be a footer.
    while rows and len(body) - len(rows) < 10 and not _is_even(rows[-1], width):
        rows.pop()
    return sum(_is_even(each, width) for each in rows) / len(rows) if rows else 0.0


def _is_even(record: Record, width: int) -> bool:
    return len(trimmed(record.cells, width)) == width


def _has_typed_column(header: Record, below: Sequence[Record], width: int) -> bool:
    """Whether a column holds values below a name that is none."""
    rows = [each for each in below if _is_even(each, width)]
    return any(not is_value(header.cells[place]) and _is_typed(rows, place) for place in range(width))


def _is_typed(rows: Sequence[Record], place: int, share: float = MIN_TYPED) -> bool:
    cells = [each.cells[place] for each in rows if each.cells[place].strip()]
    return bool(cells) and sum(map(is_value, cells)) >= share * len(cells)


def is_value(cell: str) -> bool:
    """Whether the cell looks like a number, a date or a time."""
    return VALUE.fullmatch(cell[:100]) is not None


def _doubt(found: Sequence[tuple[str, Sequence[Record]]]) -> int:
    """The first line as wide as most others, if the first line of all is not; else 0."""
    best = (0.5, 0)
    for _, head in found:
        width = row_width(head)
        if width < 2 or _is_even(head[0], width):
            continue
        share = sum(_is_even(each, width) for each in head) / len(head)
        first = next(each for each in head if _is_even(each, width))
        if _is_header(first, width):
            best = max(best, (share, first.line))
    return best[1]


@dataclass(frozen=True)
class Units:
    """The record below the header: its lines are units, or may be (`is_doubtful`)."""

    record: Record
    is_doubtful: bool


def find_units(lines: Sequence[str], delimiter: str) -> Units | None:
    """Units below the header, which is the first record of the lines; None when the first row holds values."""
    head = [each for each in _first(lines, delimiter) if not each.comment_mark or each.line == 0]
    if len(head) < 3:
        return None
    header, second, rows = head[0], head[1], head[2:]
    width = header.width
    rows = [each for each in rows if _is_even(each, width)]
    filled = [place for place, cell in enumerate(second.cells[:width]) if cell.strip()]
    if not rows or not filled or not _is_even(second, width) or second.end - second.line > 1:
        return None
    above_values = [
        place for place in filled if not is_value(second.cells[place]) and _is_typed(rows, place, 0.95)
    ]
    if not above_values:
        return None
    if all(is_unit(second.cells[place]) for place in filled):
        is_clear = any(BRACKETED.fullmatch(second.cells[place].strip()) for place in filled) or (
            width > 1 and any(second.cells[place].strip().lower() not in NO_UNITS for place in filled)
        )
        return Units(second, is_doubtful=False) if is_clear else None
    is_all_text = not any(is_value(second.cells[place]) for place in filled)
    return (
        Units(second, is_doubtful=True) if is_all_text and len(above_values) >= 2 and len(rows) >= 3 else None
    )


def is_unit(cell: str) -> bool:
    """Whether the cell names a unit: in brackets, or one of the usual symbols, or a product or quotient of them."""
    text = cell.strip()
    if len(text) > MAX_UNIT_CHARACTERS:
        return False
    if BRACKETED.fullmatch(text) or text in SIMPLE_UNITS:
        return True
    parts = [part for part in COMPOUND.split(text) if part]
    return 1 <= len(parts) <= 5 and all(
        part in SIMPLE_UNITS or EXPONENT.sub("", part) in SIMPLE_UNITS for part in parts
    )
