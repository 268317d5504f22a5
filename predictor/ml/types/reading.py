"""Readings: how the text of a column's cells becomes values, declared once per column and used by every interface.

A reading is found when a table is imported or a role is chosen (`find_reading`), stored with the dataset and with the
model version, and carried out by one function (`Reading.read`): in import, training and prediction alike.
Standard library only.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property, lru_cache
from typing import Any

from ...errors import quoted_list
from .spellings import IGNORED, WHOLE_NUMBER, canonical_spellings, key_of, tidied


class ValueKind(StrEnum):
    """What the cells of a column hold."""

    NUMBER = "number"
    DATE = "date"
    BOOLEAN = "boolean"
    TEXT = "text"


# In lower case. Taken for missing in columns of numbers, dates and truth values, never in text.
MISSING_WORDS = ("na", "n/a", "#n/a", "nan", "null", "none", "-", ".", "?")
# The error values of spreadsheets (ECMA-376 part 1, 18.17.3).
ERROR_WORDS = ("#div/0!", "#n/a", "#name?", "#null!", "#num!", "#ref!", "#value!", "#getting_data")
TRUE_WORDS = frozenset({
    "true", "yes", "y", "t", "1", "on", "wahr", "ja", "j", "vrai", "oui", "verdadero", "sí", "si", "是", "真",
})  # fmt: skip
FALSE_WORDS = frozenset({
    "false", "no", "n", "f", "0", "off", "falsch", "nein", "faux", "non", "falso", "否", "假",
})  # fmt: skip
CURRENCIES = "$€£¥₹₩₽₺₴₪฿"
CODES = "USD|EUR|GBP|CHF|CNY|JPY|INR|AUD|CAD|SEK|NOK|DKK|PLN"
BLANKS = "\u00a0\u202f\u2009 "
# Two-digit years: 69 is 1969, 68 is 2068 (POSIX strptime, %y).
PIVOT = 69
MONTHS = (
    "jan january januar janvier enero ene", "feb february februar février fevrier fév fev febrero",
    "mar march märz mrz maerz mars marzo", "apr april avril avr abril abr", "may mai mayo",
    "jun june juni juin junio", "jul july juli juillet julio", "aug august août aout agosto ago",
    "sep sept september septembre septiembre", "oct october oktober okt octobre octubre",
    "nov november novembre noviembre", "dec december dezember dez décembre decembre déc diciembre dic",
)  # fmt: skip
MONTH_NUMBERS = {name: number for number, names in enumerate(MONTHS, start=1) for name in names.split()}
TIME = (
    r"(?:[T ]+(?P<h>[0-9]{1,2}):(?P<min>[0-9]{2})(?::(?P<s>[0-9]{2})(?:[.,](?P<us>[0-9]{1,9}))?)?"
    r"\s*(?P<z>Z|[+-][0-9]{2}:?(?:[0-9]{2})?)?)?"
)
YEAR, DAY, MONTH = r"(?P<y>[0-9]{4})", r"(?P<d>[0-9]{1,2})", r"(?P<m>[0-9]{1,2})"
ANY_YEAR, NAME = r"(?P<y>[0-9]{4}|[0-9]{2})", r"(?P<mon>[^\W\d_]{3,}\.?)"
# By name. Forms that one text can have at the same time (day or month first) are all tried.
DATE_FORMS: Mapping[str, str] = {
    "Y-M-D": rf"{YEAR}-{MONTH}-{DAY}{TIME}",
    "Y/M/D": rf"{YEAR}/{MONTH}/{DAY}{TIME}",
    "Y.M.D": rf"{YEAR}\.{MONTH}\.{DAY}\.?{TIME}",
    "Y年M月D日": rf"{YEAR}年{MONTH}月{DAY}[日号]{TIME}",
    "Y年M月": rf"{YEAR}年{MONTH}月",
    "Y-M": rf"{YEAR}-{MONTH}",
    "Y/M": rf"{YEAR}/{MONTH}",
    "D.M.Y": rf"{DAY}\.\s?{MONTH}\.\s?{ANY_YEAR}{TIME}",
    "D/M/Y": rf"{DAY}/{MONTH}/{ANY_YEAR}{TIME}",
    "M/D/Y": rf"{MONTH}/{DAY}/{ANY_YEAR}{TIME}",
    "D-M-Y": rf"{DAY}-{MONTH}-{ANY_YEAR}{TIME}",
    "M-D-Y": rf"{MONTH}-{DAY}-{ANY_YEAR}{TIME}",
    "D Mon Y": rf"{DAY}\.?[ -]{NAME}[ -]{ANY_YEAR}{TIME}",
    "Mon D Y": rf"{NAME} {DAY}(?:st|nd|rd|th)?,? {YEAR}{TIME}",
    "Mon Y": rf"{NAME}[ -]{YEAR}",
}
# An exponent needs a sign or a fraction before it: 1E05 and 10e4 are codes.
PLAIN = r"(?:\d+(?:{d}\d*)?|{d}\d+)(?:[eE][+-]\d+)?|\d+{d}\d+[eE]\d+"
GROUPED = r"\d{{1,3}}(?:{t}\d{{3}})+(?:{d}\d*)?"
# Decimal mark and thousands mark: the usual pair first.
CONVENTIONS = ((".", ","), (",", "."), (".", "'"), (",", "'"), (".", " "), (",", " "))


LISTS = ("dates", "missing", "true", "false", "ignores", "spellings")


class Unreadable(ValueError):
    """The text is no value of the reading."""


@dataclass(frozen=True)
class Reading:
    """How the cells of one column are read.

    `decimal`, `thousands`: the marks within numbers; "" for none. Currency signs and codes, percent signs and
    accounting negatives such as (4) are taken off a number. `dates`: names of DATE_FORMS. `missing`: words that mean
    missing, in lower case, beside the usual ones; in texts they are the only ones. `true`, `false`: words of a truth
    value, beside the usual ones. `ignores`: differences that make no other category, of `spellings.IGNORED`, beside
    blanks and the Unicode form. `spellings`: how categories are written whose texts are changed by that.
    """

    kind: ValueKind
    decimal: str = "."
    thousands: str = ""
    dates: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    true: tuple[str, ...] = ()
    false: tuple[str, ...] = ()
    ignores: tuple[str, ...] = ()
    spellings: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        known: dict[str, Any] = {"kind": self.kind.value}
        if self.kind is ValueKind.NUMBER:
            known |= {"decimal": self.decimal, "thousands": self.thousands}
        for name in LISTS:
            if values := getattr(self, name):
                known[name] = list(values)
        return known

    @classmethod
    def from_json(cls, data: Mapping[str, Any] | None) -> Reading | None:
        """None for nothing: a column that was stored without a reading."""
        if not data:
            return None
        tuples = {name: tuple(data.get(name, ())) for name in LISTS}
        return cls(ValueKind(data["kind"]), data.get("decimal", "."), data.get("thousands", ""), **tuples)

    @property
    def words(self) -> str:
        """As in "read as …"."""
        if self.kind is ValueKind.NUMBER:
            marks = f"decimal mark “{self.decimal}”"
            return f"numbers, {marks}" + (f", thousands mark “{self.thousands}”" if self.thousands else "")
        if self.kind is ValueKind.DATE:
            return "dates written " + " or ".join(self.dates)
        if self.kind is ValueKind.TEXT:
            ignored = ["blanks", *(each for each in IGNORED if each in self.ignores)]
            absent = f"; missing: {quoted_list(self.missing)}" if self.missing else ""
            return f"categories without regard to {' and '.join(ignored)}{absent}"
        return "true and false"

    def patterns(self) -> dict[str, Any]:
        """What a program without this module needs to read the same texts, as JSON.

        `missing`: words in lower case. Then one of: `number`, a regular expression with named groups, and the marks;
        `dates`, one for each form, and the names of months; `words` of a truth value in lower case, as 1 and 0;
        `spellings` of categories by their keys, with the differences that a key `ignores` and the form of a `whole`
        number (see spellings.py). The expressions are for a whole text without blanks at its ends; those of dates for
        upper and lower case alike.
        """
        known: dict[str, Any] = {"missing": sorted(self._missing)}
        if self.kind is ValueKind.NUMBER:
            number = _number_shape(self.decimal, self.thousands).pattern
            return known | {"number": number, "decimal": self.decimal, "gaps": _gaps(self.thousands)}
        if self.kind is ValueKind.DATE:
            dates = [_date_shape(name).pattern for name in self.dates]
            return known | {"dates": dates, "months": MONTH_NUMBERS, "pivot": PIVOT}
        if self.kind is ValueKind.TEXT:
            return known | {
                "spellings": dict(self._spellings),
                "ignores": list(self.ignores),
                "whole": WHOLE_NUMBER.pattern,
            }
        is_true, is_false = sorted({*TRUE_WORDS, *self.true}), sorted({*FALSE_WORDS, *self.false})
        return known | {"words": {**dict.fromkeys(is_false, 0), **dict.fromkeys(is_true, 1)}}

    def with_spellings(self, counts: Mapping[str, int]) -> Reading:
        """A reading of texts that writes each category as the column does. `counts`: its texts and their cells."""
        present = {text: n for text, n in counts.items() if tidied(text).lower() not in self._missing}
        return replace(self, spellings=canonical_spellings(present, self.ignores))

    def read(self, text: str) -> float | int | datetime | bool | str | None:
        """The value of a cell; None when it is missing. Raises Unreadable."""
        if self.kind is ValueKind.TEXT:
            return self._category(text)
        bare = text.strip().strip(BLANKS)
        if not bare or bare.lower() in self._missing:
            return None
        return self._parse(bare)  # type: ignore[no-any-return]

    @cached_property
    def _missing(self) -> frozenset[str]:
        usual = () if self.kind is ValueKind.TEXT else (*MISSING_WORDS, *ERROR_WORDS)
        return frozenset((*usual, *self.missing))

    @cached_property
    def _spellings(self) -> Mapping[str, str]:
        return {key_of(tidied(each), self.ignores): each for each in self.spellings}

    def _category(self, text: str) -> str | None:
        tidy = tidied(text)
        if not tidy or tidy.lower() in self._missing:
            return None
        return self._spellings.get(key_of(tidy, self.ignores), tidy)

    @cached_property
    def _parse(self) -> Callable[[str], Any]:
        if self.kind is ValueKind.NUMBER:
            return number_parser(self.decimal, self.thousands)
        return self._date if self.kind is ValueKind.DATE else self._boolean

    def _date(self, text: str) -> datetime:
        for name in self.dates:
            moment = parse_date(text, name)
            if moment is not None:
                return moment
        raise Unreadable(text)

    def _boolean(self, text: str) -> bool:
        word = text.lower()
        if word in TRUE_WORDS or word in self.true:
            return True
        if word in FALSE_WORDS or word in self.false:
            return False
        raise Unreadable(text)


def _gaps(thousands: str) -> str:
    """The characters that may stand between groups of three digits."""
    return BLANKS if thousands == " " else thousands


@lru_cache(maxsize=64)
def _number_shape(decimal: str, thousands: str) -> re.Pattern[str]:
    point = re.escape(decimal)
    gap = f"[{re.escape(_gaps(thousands))}]"
    core = (
        PLAIN.format(d=point)
        if not thousands
        else f"{GROUPED.format(t=gap, d=point)}|{PLAIN.format(d=point)}"
    )
    blank = f"[{BLANKS}]*"
    sign = f"(?:[{CURRENCIES}]|{CODES})?{blank}"
    return re.compile(
        rf"(?P<open>\()?{blank}(?P<sign>[+\-−])?{blank}{sign}(?P<inner>[+\-−])?(?P<core>{core}){blank}"
        rf"(?:%|[{CURRENCIES}]|{CODES})?{blank}(?P<close>\))?",
        re.ASCII,
    )


@lru_cache(maxsize=64)
def number_parser(decimal: str, thousands: str) -> Callable[[str], float | int]:
    """A function from text to a number; it raises Unreadable, also for codes such as 00501, 1E05 and +4917212345."""
    shape = _number_shape(decimal, thousands)
    remove = re.compile(f"[{re.escape(_gaps(thousands))}]") if thousands else None

    def parse(text: str) -> float | int:
        match = shape.fullmatch(text)
        if match is None or bool(match["open"]) != bool(match["close"]) or (match["sign"] and match["inner"]):
            raise Unreadable(text)
        digits = match["core"]
        if len(digits) > 1 and digits[0] == "0" and digits[1].isdigit():
            raise Unreadable(text)
        if remove is not None:
            digits = remove.sub("", digits)
        digits = digits.replace(decimal, ".")
        is_negative = bool(match["open"]) != ((match["sign"] or match["inner"]) in ("-", "−"))
        if (match["sign"] or match["inner"]) == "+" and len(digits) > 6 and digits.isdigit():
            raise Unreadable(text)
        if digits.isdigit():
            if len(digits) > 400 or int(digits) > 2**53:
                raise Unreadable(text)
            return -int(digits) if is_negative else int(digits)
        number = float(digits)
        if not math.isfinite(number):
            raise Unreadable(text)
        return -number if is_negative else number

    return parse


@lru_cache(maxsize=64)
def _date_shape(name: str) -> re.Pattern[str]:
    return re.compile(DATE_FORMS[name], re.IGNORECASE)


def parse_date(text: str, name: str) -> datetime | None:
    """A date of this form as a naive datetime (UTC where the text has an offset); None when it is none."""
    match = _date_shape(name).fullmatch(text)
    if match is None:
        return None
    parts = match.groupdict()
    month = (
        MONTH_NUMBERS.get((parts.get("mon") or "").lower().rstrip("."))
        if parts.get("mon")
        else int(parts["m"])
    )
    year = int(parts["y"])
    if len(parts["y"]) == 2:
        year += 1900 if year >= PIVOT else 2000
    try:
        moment = datetime(
            year, month or 0, int(parts.get("d") or 1), int(parts.get("h") or 0), int(parts.get("min") or 0),
            int(parts.get("s") or 0), int((parts.get("us") or "").ljust(6, "0")[:6] or 0),
        )  # fmt: skip
        return moment - _offset(parts.get("z"))
    except (ValueError, OverflowError):
        return None


def _offset(zone: str | None) -> timedelta:
    if not zone or zone in "Zz":
        return timedelta()
    digits = zone[1:].replace(":", "").ljust(4, "0")
    span = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return -span if zone[0] == "-" else span


@dataclass(frozen=True)
class Finding:
    """What was found about a column: its reading, or two readings that cannot be told apart.

    `unreadable`: texts that are no value of the reading, each with the number of its cells.
    """

    reading: Reading | None = None
    doubts: tuple[Reading, ...] = ()
    unreadable: Mapping[str, int] = field(default_factory=dict)

    @property
    def n_unreadable(self) -> int:
        return sum(self.unreadable.values())


def find_reading(
    counts: Mapping[str, int], kind: ValueKind, *, decimal: str = "", is_forced: bool = False
) -> Finding:
    """The reading of a column under which its cells are values of a kind.

    `counts`: the texts of the column, each with the number of its cells. `decimal`: the decimal mark of the file,
    where another column shows it; "" when it is not known. `is_forced`: a person chose the kind, so the reading
    with the fewest unreadable cells is taken. Otherwise every cell has to be readable. Two readings that give
    different values and fit equally well are returned as `doubts`, unless the file's decimal mark decides.
    """
    texts = [text for text in counts if text.strip()]
    tried = [(reading, unreadable(reading, counts)) for reading in _candidates(kind, texts)]
    if not tried:
        return Finding()
    fewest = min(sum(lost.values()) for _, lost in tried)
    if fewest and not is_forced:
        return Finding()
    n_values = sum(counts[text] for text in texts)
    if fewest == n_values:
        return Finding(unreadable={text: counts[text] for text in texts})
    best = [(reading, lost) for reading, lost in tried if sum(lost.values()) == fewest]
    different = _distinct(best, texts)
    by_mark = [each for each in different if each[0].decimal == decimal] if decimal else []
    if len(different) > 1 and len(by_mark) != 1:
        return Finding(doubts=tuple(reading for reading, _ in different))
    reading, lost = by_mark[0] if len(by_mark) == 1 else different[0]
    return Finding(reading, unreadable=lost)


def _candidates(kind: ValueKind, texts: Iterable[str]) -> list[Reading]:
    if kind is ValueKind.NUMBER:
        plain = [Reading(kind, mark) for mark in (".", ",")]
        return [*plain, *(Reading(kind, mark, group) for mark, group in CONVENTIONS)]
    if kind is ValueKind.BOOLEAN:
        return [Reading(kind)]
    usual = Reading(kind)
    bare = [text.strip() for text in texts]
    values = [text for text in bare if text.lower() not in usual._missing]
    forms = [name for name in DATE_FORMS if any(parse_date(text, name) for text in values[:200])]
    first_day = [name for name in forms if name not in ("M/D/Y", "M-D-Y")]
    first_month = [name for name in forms if name not in ("D/M/Y", "D-M-Y")]
    return [
        Reading(kind, dates=tuple(each))
        for each in dict.fromkeys(map(tuple, (first_day, first_month)))
        if each
    ]


def unreadable(reading: Reading, counts: Mapping[str, int]) -> dict[str, int]:
    """The texts that are no value of the reading and not missing, with the numbers of their cells."""
    lost = {}
    for text in counts:
        try:
            reading.read(text)
        except Unreadable:
            lost[text] = counts[text]
    return lost


def _distinct(
    best: list[tuple[Reading, dict[str, int]]], texts: Iterable[str]
) -> list[tuple[Reading, dict[str, int]]]:
    """The readings that give different values; of equal ones the first, which is the simplest."""
    seen: dict[tuple[Any, ...], tuple[Reading, dict[str, int]]] = {}
    readable = [text for text in texts if text not in best[0][1]]
    for reading, lost in best:
        if lost.keys() != best[0][1].keys():
            continue
        values = tuple(reading.read(text) for text in readable)
        seen.setdefault(values, (reading, lost))
    return list(seen.values())
