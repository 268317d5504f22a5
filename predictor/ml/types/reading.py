"""Readings: how the text of a column's cells becomes values, declared once per column and used by every interface.

A reading is found when a table is imported or a role is chosen (`find_reading`), stored with the dataset and with the
model version, and carried out by one function (`Reading.read`): in import, training and prediction alike.
Standard library only.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import cached_property, lru_cache
from typing import Any

from ...errors import quoted_list
from .date_forms import (
    MAX_MISSES,
    MONTH_NUMBERS,
    NUMBER_FORMS,
    PIVOT,
    QUARTERS,
    date_shape,
    has_short_year,
    is_date_name,
    parse_date,
    possible_orders,
)
from .spellings import IGNORED, WHOLE_NUMBER, canonical_spellings, key_of, tidied
from .zones import find_zone, offset_text, to_local, to_utc, zone_table


class ValueKind(StrEnum):
    """What the cells of a column hold."""

    NUMBER = "number"
    DATE = "date"
    BOOLEAN = "boolean"
    TEXT = "text"


# The kinds of values that texts can be read as; the cells of the other kind stay texts.
KINDS_OF_VALUES = (ValueKind.NUMBER, ValueKind.DATE, ValueKind.BOOLEAN)

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
# An exponent needs a sign or a fraction before it: 1E05 and 10e4 are codes.
PLAIN = r"(?:\d+(?:{d}\d*)?|{d}\d+)(?:[eE][+-]\d+)?|\d+{d}\d+[eE]\d+"
# Where a person said that such codes are numbers.
WITH_CODES = r"(?:\d+(?:{d}\d*)?|{d}\d+)(?:[eE][+-]?\d+)?"
# No zero before a group: 0,083 has a decimal comma.
GROUPED = r"[1-9]\d{{0,2}}(?:{t}\d{{3}})+(?:{d}\d*)?"
# Decimal mark and thousands mark: the usual pair first.
CONVENTIONS = ((".", ","), (",", "."), (".", "'"), (",", "'"), (".", " "), (",", " "))


# Texts that are looked at for years of two digits.
N_LOOKED_AT = 1_000
N_SAMPLED = 500
# Characters of a number, a date or a truth value. It bounds the time of the regular expressions.
LONGEST = 100
LISTS = ("dates", "missing", "true", "false", "ignores", "spellings")


class Unreadable(ValueError):
    """The text is no value of the reading."""


@dataclass(frozen=True)
class Reading:
    """How the cells of one column are read.

    `decimal`, `thousands`: the marks within numbers; "" for none. Currency signs and codes, percent signs and
    accounting negatives such as (4) are taken off a number. `codes`: texts that may be codes, such as 007, 1E05 and
    +4917212345, are numbers. `dates`: names of DATE_FORMS. `missing`: words that mean missing, in lower case, beside
    the usual ones; in texts they are the only ones. `true`, `false`: words of a truth value, beside the usual ones.
    `ignores`: differences that make no other category, of `spellings.IGNORED`, beside blanks and the Unicode form.
    `spellings`: how categories are written whose texts are changed by that.
    """

    kind: ValueKind
    decimal: str = "."
    thousands: str = ""
    codes: bool = False
    dates: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    true: tuple[str, ...] = ()
    false: tuple[str, ...] = ()
    zone: str = ""
    is_utc: bool = False
    has_short_years: bool = False
    ignores: tuple[str, ...] = ()
    spellings: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        known: dict[str, Any] = {"kind": self.kind.value}
        if self.kind is ValueKind.NUMBER:
            known |= {"decimal": self.decimal, "thousands": self.thousands}
        if self.codes:
            known["codes"] = True
        for name in LISTS:
            if values := getattr(self, name):
                known[name] = list(values)
        for name in ("zone", "is_utc", "has_short_years"):
            if value := getattr(self, name):
                known[name] = value
        return known

    @classmethod
    def from_json(cls, data: Mapping[str, Any] | None) -> Reading | None:
        """None for nothing: a column that was stored without a reading."""
        if not data:
            return None
        names = ("decimal", "thousands", "codes", "zone", "is_utc", "has_short_years")
        known: dict[str, Any] = {name: data[name] for name in names if name in data}
        known |= {name: tuple(data.get(name, ())) for name in LISTS}
        return cls(ValueKind(data["kind"]), **known)

    @property
    def words(self) -> str:
        """As in "read as …"."""
        if self.kind is ValueKind.NUMBER:
            marks = f"decimal mark “{self.decimal}”"
            marks += f", thousands mark “{self.thousands}”" if self.thousands else ""
            return f"numbers, {marks}" + (", codes such as 007 and 1E05 too" if self.codes else "")
        if self.kind is ValueKind.DATE:
            years = (
                f", years of two digits from {1900 + PIVOT} to {1999 + PIVOT}" if self.has_short_years else ""
            )
            zone = f", local times of {self.zone}" if self.zone else ""
            return f"dates written {' or '.join(self.dates)}{years}{zone}"
        if self.kind is ValueKind.TEXT:
            ignored = ["blanks", *(each for each in IGNORED if each in self.ignores)]
            absent = f"; missing: {quoted_list(self.missing)}" if self.missing else ""
            return f"categories without regard to {' and '.join(ignored)}{absent}"
        return "true and false"

    def patterns(self) -> dict[str, Any]:
        """What a program without this module needs to read the same texts, as JSON.

        `missing`: words in lower case. `longest`: the characters of the longest value. Then one of: `number`, a regular
        expression with named groups, and the marks; `dates`, one for each form, the names of months and of quarters,
        and `zone`, its starts and offsets (see ZoneTable), which is empty for UTC; `words` of a truth value in lower
        case, as 1 and 0; `spellings` of categories by their keys, with the differences that a key `ignores` and the
        form of a `whole` number (see spellings.py). The expressions are for a whole text without blanks at its ends;
        those of dates for upper and lower case alike.
        """
        known: dict[str, Any] = {"missing": sorted(self._missing), "longest": LONGEST}
        if self.kind is ValueKind.NUMBER:
            number = _number_shape(self.decimal, self.thousands, self.codes).pattern
            marks = {"decimal": self.decimal, "gaps": _gaps(self.thousands), "codes": self.codes}
            return known | {"number": number, **marks}
        if self.kind is ValueKind.DATE:
            table = zone_table(self.zone)
            return known | {
                "dates": [date_shape(name).pattern for name in self.dates],
                "months": MONTH_NUMBERS,
                "quarters": QUARTERS,
                "pivot": PIVOT,
                "zone": {"starts": table.starts, "offsets": table.offsets},
            }
        if self.kind is ValueKind.TEXT:
            return known | {
                "spellings": dict(self._spellings),
                "ignores": list(self.ignores),
                "whole": WHOLE_NUMBER.pattern,
            }
        is_true, is_false = sorted({*TRUE_WORDS, *self.true}), sorted({*FALSE_WORDS, *self.false})
        return known | {"words": {**dict.fromkeys(is_false, 0), **dict.fromkeys(is_true, 1)}}

    def joined_with(self, other: Reading | None) -> Reading:
        """A reading of texts that ignores what either of both does, and takes the words of both as missing."""
        if other is None:
            return self
        ignores = tuple(each for each in IGNORED if each in (*self.ignores, *other.ignores))
        missing = tuple(dict.fromkeys((*other.missing, *self.missing)))
        return replace(self, ignores=ignores, missing=missing)

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
        if len(bare) > LONGEST:
            raise Unreadable(text)
        return self._parse(bare)  # type: ignore[no-any-return]

    @cached_property
    def _missing(self) -> frozenset[str]:
        if self.kind is ValueKind.TEXT:
            return frozenset(self.missing)
        # pandas writes a missing date as NaT.
        words = (*MISSING_WORDS, "nat") if self.kind is ValueKind.DATE else MISSING_WORDS
        return frozenset((*words, *ERROR_WORDS, *self.missing))

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
            return number_parser(self.decimal, self.thousands, self.codes)
        return self._date if self.kind is ValueKind.DATE else self._boolean

    def _date(self, text: str) -> datetime:
        for name in self.dates:
            moment = parse_date(text, name)
            if moment is not None:
                try:
                    return self.settled(moment)
                except OverflowError:
                    continue
        raise Unreadable(text)

    def settled(self, moment: datetime) -> datetime:
        """A moment as a value of the column: naive, in local time of the zone or in UTC. Raises OverflowError."""
        if moment.tzinfo is None:
            return to_utc(moment, self.zone) if self.is_utc else moment
        utc = moment.astimezone(UTC).replace(tzinfo=None)
        return utc if self.is_utc else to_local(utc, self.zone)

    def written(self, value: datetime) -> str:
        """A value of the column in ISO 8601, with the offset of the zone."""
        if not self.zone:
            return value.isoformat()
        utc = value if self.is_utc else to_utc(value, self.zone)
        local = to_local(utc, self.zone)
        if not self.is_utc and local != value:
            # The clocks skip this hour in spring: no offset belongs to it.
            return value.isoformat()
        return local.isoformat() + offset_text(round((local - utc).total_seconds()))

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
def _number_shape(decimal: str, thousands: str, codes: bool) -> re.Pattern[str]:
    point = re.escape(decimal)
    gap = f"[{re.escape(_gaps(thousands))}]"
    core = (WITH_CODES if codes else PLAIN).format(d=point)
    if thousands:
        core = f"{GROUPED.format(t=gap, d=point)}|{core}"
    blank, currency = f"[{BLANKS}]*", f"(?:[{CURRENCIES}]|{CODES})"
    # Blanks belong to the sign that they follow or precede: two runs of them side by side would take cubic time.
    return re.compile(
        rf"(?P<open>\({blank})?(?:(?P<sign>[+\-−]){blank})?(?:{currency}{blank})?(?P<inner>[+\-−])?(?P<core>{core})"
        rf"(?:{blank}(?:%|{currency}))?(?P<close>{blank}\))?",
        re.ASCII,
    )


@lru_cache(maxsize=64)
def number_parser(decimal: str, thousands: str, codes: bool = False) -> Callable[[str], float | int]:
    """A function from text to a number. It raises Unreadable.

    Codes such as 00501, 1E05 and +4917212345 are numbers with `codes` only.
    """
    shape = _number_shape(decimal, thousands, codes)
    remove = re.compile(f"[{re.escape(_gaps(thousands))}]") if thousands else None

    def parse(text: str) -> float | int:
        match = shape.fullmatch(text)
        if match is None or bool(match["open"]) != bool(match["close"]) or (match["sign"] and match["inner"]):
            raise Unreadable(text)
        digits = match["core"]
        if not codes and len(digits) > 1 and digits[0] == "0" and digits[1].isdigit():
            raise Unreadable(text)
        if remove is not None:
            digits = remove.sub("", digits)
        digits = digits.replace(decimal, ".")
        is_negative = bool(match["open"]) != ((match["sign"] or match["inner"]) in ("-", "−"))
        if not codes and (match["sign"] or match["inner"]) == "+" and len(digits) > 6 and digits.isdigit():
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


@dataclass(frozen=True)
class Finding:
    """What was found about a column: its reading, or two readings that cannot be told apart.

    `others`: readings that the cells have, too, and that only the decimal mark of other columns ruled out.
    `unreadable`: texts that are no value of the reading, each with the number of its cells.
    """

    reading: Reading | None = None
    doubts: tuple[Reading, ...] = ()
    others: tuple[Reading, ...] = ()
    unreadable: Mapping[str, int] = field(default_factory=dict)

    @property
    def n_unreadable(self) -> int:
        return sum(self.unreadable.values())


def find_reading(
    counts: Mapping[str, int],
    kind: ValueKind,
    *,
    decimal: str = "",
    name: str = "",
    may_lose: bool = False,
    is_forced: bool = False,
) -> Finding:
    """The reading of a column under which its cells are values of a kind.

    `counts`: the texts of the column, each with the number of its cells. `decimal`: the decimal mark of the file,
    where another column shows it; "" when it is not known. `name`: of the column; it can say that 20240131 is a date.
    `is_forced`: a person chose the kind, so the reading with the fewest unreadable cells is taken. With `may_lose` too,
    but codes are no numbers. Otherwise every cell has to be readable. Two readings that give different values and fit
    equally well are returned as `doubts`, unless the decimal mark decides.
    """
    texts = [text for text in counts if text.strip()]
    every = candidates(kind, texts, name=name, may_lose=may_lose, is_forced=is_forced)
    every = _promising(every, counts, texts)
    tried = [(reading, unreadable(reading, counts)) for reading in every]
    if not tried:
        return Finding()
    fewest = min(sum(lost.values()) for _, lost in tried)
    if fewest and not (may_lose or is_forced):
        return Finding()
    n_values = sum(counts[text] for text in texts)
    if fewest == n_values:
        return Finding(unreadable={text: counts[text] for text in texts})
    best = [(reading, lost) for reading, lost in tried if sum(lost.values()) == fewest]
    different = _distinct(best, texts) if len(best) > 1 else best
    by_mark = [each for each in different if each[0].decimal == decimal] if decimal else []
    if len(different) > 1 and len(by_mark) != 1:
        return Finding(doubts=tuple(reading for reading, _ in different))
    reading, lost = by_mark[0] if len(by_mark) == 1 else different[0]
    others = tuple(each for each, _ in different if each != reading)
    return Finding(reading, others=others, unreadable=lost)


def _promising(readings: list[Reading], counts: Mapping[str, int], texts: Sequence[str]) -> list[Reading]:
    """The readings without those that cannot read half of a sample that another one reads, which saves time."""
    if len(readings) < 2 or len(texts) <= 4 * N_SAMPLED:
        return readings
    sample = {text: counts[text] for text in texts[:: len(texts) // N_SAMPLED]}
    n_lost = [len(unreadable(reading, sample)) for reading in readings]
    most = min(n_lost) + len(sample) / 2
    return [reading for reading, n in zip(readings, n_lost, strict=True) if n <= most]


def candidates(
    kind: ValueKind, texts: Iterable[str], *, name: str = "", may_lose: bool = False, is_forced: bool = False
) -> list[Reading]:
    """The readings of a kind that are tried, the simplest first."""
    if kind is ValueKind.TEXT:
        return [Reading(kind)]
    if kind is ValueKind.DATE:
        return _dates(texts, name, may_lose=may_lose or is_forced, is_forced=is_forced)
    if kind is ValueKind.BOOLEAN:
        return [Reading(kind)]
    plain = [Reading(kind, mark) for mark in (".", ",")]
    known = [*plain, *(Reading(kind, mark, group) for mark, group in CONVENTIONS)]
    return [*known, *(replace(each, codes=True) for each in plain if is_forced)]


def _dates(texts: Iterable[str], name: str, *, may_lose: bool, is_forced: bool) -> list[Reading]:
    """A reading for each order of day, month and year, with the zone of the offsets."""
    missing = Reading(ValueKind.DATE)._missing
    bare = [text.strip().strip(BLANKS) for text in texts]
    values = [text for text in bare if text.lower() not in missing]
    numbers = NUMBER_FORMS if is_forced else NUMBER_FORMS[:1] if is_date_name(name) else ()
    # Unless cells may be lost, one cell that is none ends the search.
    orders = possible_orders(values, numbers=numbers, max_misses=MAX_MISSES if may_lose else 0)
    has_short_years = any(map(has_short_year, values[:N_LOOKED_AT])) if orders else False
    readings = []
    for forms in orders:
        reading = Reading(ValueKind.DATE, dates=forms, has_short_years=has_short_years)
        readings.append(replace(reading, zone=_zone(values, forms)))
    return readings


def _zone(texts: Iterable[str], forms: Iterable[str]) -> str:
    """The zone of the offsets; "" where not every date has one."""
    ends: dict[tuple[date, timedelta], tuple[datetime, datetime]] = {}
    for text in texts:
        moment = next((each for name in forms if (each := parse_date(text, name)) is not None), None)
        if moment is None:
            continue
        offset = moment.utcoffset()
        if offset is None:
            return ""
        # Offsets change once a day at most: the first and the last moment of a day show the zone of all of them.
        utc = moment.replace(tzinfo=None) - offset
        first, last = ends.setdefault((utc.date(), offset), (utc, utc))
        ends[utc.date(), offset] = min(first, utc), max(last, utc)
    return find_zone(
        (end, round(offset.total_seconds())) for (_, offset), each in ends.items() for end in each
    )


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
