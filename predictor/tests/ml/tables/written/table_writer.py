"""Writes random tables in random dialects, for tests that read them back. Uses no code of the project.

A table is drawn by hypothesis in its structure (columns, styles, dialect); the cells come from a seed, so that a
counterexample shrinks to few columns and a plain dialect.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

# Decimal mark, thousands mark: how numbers are written in English, German, Swiss, French and programs.
LOCALES = ((".", ","), (",", "."), (".", "'"), (",", " "), (",", "\u202f"), (".", ""), (",", ""))
MISSING = (
    "", "NA", "n/a", "null", "NULL", "-", "NaN", "?", "#N/A", "#DIV/0!", "None", "k.A.", "unknown",
)  # fmt: skip
BOOLEANS = (
    ("true", "false"),
    ("TRUE", "FALSE"),
    ("True", "False"),
    ("yes", "no"),
    ("ja", "nein"),
    ("1", "0"),
)
WORDS = (
    "red", "blue", "Köln", "São Paulo", "a,b", "x;y", "one two", 'say "hi"', "it's", "tab\there", "two\nlines",
    "pipe|bar", "-", "+", "NA", "true story", "=1+1", "Ünï", "10 % off", "yes", "7up", "a\\b", "#1", "1-2", "3/4",
)  # fmt: skip
CODES: Sequence[Callable[[random.Random], str]] = (
    lambda draw: f"{draw.randrange(100_000):05}",
    lambda draw: f"{draw.randrange(1, 10)}E{draw.randrange(1, 10):02}",
    lambda draw: f"+49{draw.randrange(10**8, 10**9)}",
    lambda draw: f"{draw.choice('ABC')}-{draw.randrange(100)}",
    lambda draw: f"{draw.randrange(10**19, 10**20)}",
    lambda draw: f"DE{draw.randrange(10**18, 10**19)}",
    lambda draw: f"{draw.randrange(1, 10)}.{draw.randrange(10)}.{draw.randrange(10)}",
    lambda draw: f"{draw.randrange(100, 1000)}-{draw.randrange(1000, 10000)}",
)
ENGLISH = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
GERMAN = (
    "Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November",
    "Dezember",
)  # fmt: skip
DATES: dict[str, Callable[[datetime], str]] = {
    "iso": lambda day: f"{day.year}-{day.month:02}-{day.day:02}",
    "slashes": lambda day: f"{day.year}/{day.month:02}/{day.day:02}",
    "short iso": lambda day: f"{day.year}-{day.month}-{day.day}",
    "german": lambda day: f"{day.day:02}.{day.month:02}.{day.year}",
    "short german": lambda day: f"{day.day}.{day.month}.{day.year % 100:02}",
    "british": lambda day: f"{day.day:02}/{day.month:02}/{day.year}",
    "american": lambda day: f"{day.month}/{day.day}/{day.year}",
    "dutch": lambda day: f"{day.day:02}-{day.month:02}-{day.year}",
    "english words": lambda day: f"{day.day} {ENGLISH[day.month - 1]} {day.year}",
    "american words": lambda day: f"{ENGLISH[day.month - 1]} {day.day}, {day.year}",
    "german words": lambda day: f"{day.day}. {GERMAN[day.month - 1]} {day.year}",
    "chinese": lambda day: f"{day.year}年{day.month}月{day.day}日",
}
TIMES: Sequence[Callable[[datetime], str]] = (
    lambda day: "",
    lambda day: f" {day.hour:02}:{day.minute:02}",
    lambda day: f" {day.hour:02}:{day.minute:02}:{day.second:02}",
    lambda day: f"T{day.hour:02}:{day.minute:02}:{day.second:02}",
)
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "latin-1", "cp1252", "gb18030")


@dataclass(frozen=True)
class Column:
    """A column as it was meant: `values` are numbers, datetimes, truth values or texts; None for missing.

    `kind`: number, date, boolean, word or code. `cells`: the same as texts, before quoting.
    """

    name: str
    kind: str
    values: Sequence[Any]
    cells: Sequence[str]


@dataclass(frozen=True)
class Dialect:
    delimiter: str = ","
    quoting: str = "minimal"
    newline: str = "\n"
    encoding: str = "utf-8"
    has_trailing_delimiters: bool = False
    has_blanks: bool = False
    has_last_newline: bool = True
    n_blank_lines_above: int = 0
    n_blank_lines_below: int = 0
    has_separator_line: bool = False


@dataclass(frozen=True)
class Table:
    columns: Sequence[Column]
    dialect: Dialect

    @property
    def content(self) -> bytes:
        dialect, rows = self.dialect, zip(*(each.cells for each in self.columns), strict=True)
        lines = [self._line([each.name for each in self.columns]), *map(self._line, rows)]
        above = [""] * dialect.n_blank_lines_above
        if dialect.has_separator_line:
            above.append(f"sep={dialect.delimiter}")
        text = dialect.newline.join([*above, *lines, *[""] * dialect.n_blank_lines_below])
        text += dialect.newline if dialect.has_last_newline else ""
        return text.encode(dialect.encoding)

    def _line(self, cells: Sequence[str]) -> str:
        dialect = self.dialect
        between = f"{dialect.delimiter} " if dialect.has_blanks else dialect.delimiter
        line = between.join(map(self._quoted, cells))
        return line + dialect.delimiter if dialect.has_trailing_delimiters else line

    def _quoted(self, cell: str) -> str:
        marks = (self.dialect.delimiter, '"', "\n", "\r")
        must = any(mark in cell for mark in marks)
        wants = self.dialect.quoting == "all" or (
            self.dialect.quoting == "words" and any(letter.isalpha() for letter in cell)
        )
        return '"' + cell.replace('"', '""') + '"' if must or wants else cell


def grouped(digits: str, mark: str) -> str:
    """The digits in groups of three, from the right."""
    first = len(digits) % 3 or 3
    return mark.join([digits[:first], *(digits[at : at + 3] for at in range(first, len(digits), 3))])


@dataclass(frozen=True)
class NumberStyle:
    decimal: str
    thousands: str
    places: int
    size: int
    sign: str
    before: str
    after: str
    has_plain_zeros: bool

    def write(self, value: Decimal) -> str:
        text = f"{abs(value):.{self.places}f}"
        whole, _, fraction = text.partition(".")
        if not self.has_plain_zeros:
            fraction = fraction.rstrip("0")
        if self.thousands:
            whole = grouped(whole, self.thousands)
        core = self.before + whole + (self.decimal + fraction if fraction else "") + self.after
        if value >= 0:
            return core
        return f"({core})" if self.sign == "()" else self.sign + core


@st.composite
def number_columns(draw: Any, name: str, n_rows: int, locale: tuple[str, str]) -> Column:
    decimal, thousands = locale
    before, after = draw(
        st.sampled_from(
            [
                ("", ""),
                ("", ""),
                ("", ""),
                ("$", ""),
                ("€ ", ""),
                ("", " €"),
                ("", "%"),
                ("", " %"),
                ("USD ", ""),
            ]
        )
    )
    style = NumberStyle(
        decimal,
        draw(st.sampled_from(["", thousands])),
        draw(st.integers(0, 4)),
        draw(st.integers(1, 8)),
        draw(st.sampled_from(["-", "-", "()", "−"])),
        before,
        after,
        draw(st.booleans()),
    )
    random_ = random.Random(draw(st.integers(0, 2**32)))
    is_signed = draw(st.booleans())
    numbers = [
        Decimal(
            random_.randrange(10 ** (style.size + style.places))
            * (random_.choice((1, -1)) if is_signed else 1)
        ).scaleb(-style.places)
        for _ in range(n_rows)
    ]
    values: list[Any] = [float(number) for number in numbers]
    return with_missing(draw, Column(name, "number", values, [style.write(number) for number in numbers]))


@st.composite
def date_columns(draw: Any, name: str, n_rows: int) -> Column:
    form = DATES[draw(st.sampled_from(sorted(DATES)))]
    time = TIMES[draw(st.integers(0, len(TIMES) - 1))]
    random_ = random.Random(draw(st.integers(0, 2**32)))
    start, span = datetime(1970, 1, 1), draw(st.sampled_from([20, 400, 20_000]))
    moments = [
        start + timedelta(days=random_.randrange(span), seconds=random_.randrange(86_400))
        for _ in range(n_rows)
    ]
    texts = [time(moment) for moment in moments]
    values = [_cut(moment, text) for moment, text in zip(moments, texts, strict=True)]
    cells = [form(moment) + text for moment, text in zip(moments, texts, strict=True)]
    return with_missing(draw, Column(name, "date", values, cells))


def _cut(moment: datetime, time: str) -> datetime:
    """The moment as far as it is written."""
    n_colons = time.count(":")
    kept = {0: (0, 0, 0), 1: (moment.hour, moment.minute, 0), 2: (moment.hour, moment.minute, moment.second)}
    return datetime(moment.year, moment.month, moment.day, *kept[n_colons])


@st.composite
def boolean_columns(draw: Any, name: str, n_rows: int) -> Column:
    words = draw(st.sampled_from(BOOLEANS))
    random_ = random.Random(draw(st.integers(0, 2**32)))
    values = [random_.random() < 0.5 for _ in range(n_rows)]
    return with_missing(draw, Column(name, "boolean", values, [words[not value] for value in values]))


@st.composite
def word_columns(draw: Any, name: str, n_rows: int) -> Column:
    words = draw(st.lists(st.sampled_from(WORDS), min_size=1, max_size=8, unique=True))
    random_ = random.Random(draw(st.integers(0, 2**32)))
    cells = [random_.choice(words) for _ in range(n_rows)]
    return Column(name, "word", cells, cells)


@st.composite
def code_columns(draw: Any, name: str, n_rows: int) -> Column:
    code = CODES[draw(st.integers(0, len(CODES) - 1))]
    random_ = random.Random(draw(st.integers(0, 2**32)))
    cells = [code(random_) for _ in range(n_rows)]
    return Column(name, "code", cells, cells)


def with_missing(draw: Any, column: Column) -> Column:
    """The column with some cells missing, each written as one of at most two words."""
    words = draw(st.lists(st.sampled_from(MISSING), max_size=2, unique=True))
    if not words:
        return column
    random_ = random.Random(draw(st.integers(0, 2**32)))
    gone = [random_.random() < 0.15 for _ in column.cells]
    return Column(
        column.name,
        column.kind,
        [None if is_gone else value for value, is_gone in zip(column.values, gone, strict=True)],
        [
            random_.choice(words) if is_gone else cell
            for cell, is_gone in zip(column.cells, gone, strict=True)
        ],
    )


NAMES = ("a", "Größe", "unit price", "x.y", "2024", "naïve", "select", "名字", "b;c", "d,e", 'h"i', "N°")


@st.composite
def tables(draw: Any, min_rows: int = 25, max_rows: int = 40) -> Table:
    n_rows = draw(st.integers(min_rows, max_rows))
    locale = draw(st.sampled_from(LOCALES))
    names = draw(st.lists(st.sampled_from(NAMES), min_size=2, max_size=6, unique=True))
    kinds = {
        "number": lambda name: number_columns(name, n_rows, locale),
        "date": lambda name: date_columns(name, n_rows),
        "boolean": lambda name: boolean_columns(name, n_rows),
        "word": lambda name: word_columns(name, n_rows),
        "code": lambda name: code_columns(name, n_rows),
    }
    shares = ["number"] * 4 + ["date"] * 2 + ["boolean", "word", "code"]
    columns = [draw(kinds[draw(st.sampled_from(shares))](name)) for name in names]
    return Table(columns, draw(dialects(columns)))


@st.composite
def dialects(draw: Any, columns: Sequence[Column]) -> Dialect:
    delimiter = draw(st.sampled_from([",", ";", "\t", "|"]))
    texts = [text for column in columns for text in (column.name, *column.cells)]
    is_possible = [encoding for encoding in ENCODINGS if _can_hold(encoding, texts)]
    has_separator_line = draw(st.booleans()) and draw(st.booleans()) and delimiter != "\t"
    return Dialect(
        delimiter,
        draw(st.sampled_from(["minimal", "all", "words"])),
        draw(st.sampled_from(["\n", "\r\n", "\r"])),
        draw(st.sampled_from(is_possible)),
        draw(st.booleans()) and draw(st.booleans()),
        draw(st.booleans()) and draw(st.booleans()) and delimiter != "\t",
        draw(st.booleans()),
        draw(st.sampled_from([0, 0, 1, 2])),
        draw(st.sampled_from([0, 0, 1])),
        has_separator_line,
    )


def _can_hold(encoding: str, texts: Sequence[str]) -> bool:
    try:
        "".join(texts).encode(encoding)
    except UnicodeEncodeError:
        return False
    return True
