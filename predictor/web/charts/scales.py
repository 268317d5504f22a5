"""Scales of axes with round ticks: linear, logarithmic, time. `static/mlweb/js/charts.js` repeats them for a zoom."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.utils.formats import date_format
from django.utils.translation import get_language

from ...i18n.languages import ENGLISH

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DAY = 86_400
MAX_STEPS = 5
# A week begins on Monday; 1 January 1970 was a Thursday.
FIRST_MONDAY = 4 * DAY
SHORT_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200)
DAY_STEPS = (DAY, 2 * DAY, 7 * DAY, 14 * DAY)
MONTH_STEPS = (1, 2, 3, 6, 12)
MONTH = 30.44 * DAY
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
UNITS = ((1e9, "G"), (1e6, "M"), (1e3, "k"))


@dataclass(frozen=True)
class Tick:
    value: float
    label: str
    is_minor: bool = False
    """Left out where the chart is narrow."""


@dataclass(frozen=True)
class Scale:
    """`kind` is "linear", "log" or "time" (seconds since 1970, UTC)."""

    kind: str
    low: float
    high: float
    ticks: tuple[Tick, ...]

    def at(self, value: float) -> float:
        """The place of a value: 0 at `low`, 1 at `high`."""
        if self.kind == "log":
            return (math.log(value) - math.log(self.low)) / (math.log(self.high) - math.log(self.low))
        return (value - self.low) / (self.high - self.low)


def round_step(span: float, max_steps: int = MAX_STEPS) -> float:
    """The smallest of 1, 2, 5 times a power of ten of which at most `max_steps` fit into the span."""
    least = span / max_steps
    power = 10.0 ** math.floor(math.log10(least))
    # 1e-9: a step that is a round number but for its last digit is that number.
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least * (1 - 1e-9))


def linear_scale(
    low: float,
    high: float,
    *,
    is_exact: bool = False,
    is_percent: bool = False,
    is_whole: bool = False,
    max_steps: int = MAX_STEPS,
) -> Scale:
    """A scale whose ends are ticks; `is_exact` keeps the ends as they are."""
    if not high > low:
        room = abs(low) / 2 or 1.0
        low, high = (low - room, high + room) if low or not is_whole else (0.0, 1.0)
    step = round_step(high - low, max_steps)
    if is_whole:
        step = max(step, 1.0)
    # 1e-9: an end that is a tick but for its last digit is that tick.
    slack = -1e-9 if is_exact else 1e-9
    first = math.ceil(low / step + slack) if is_exact else math.floor(low / step + slack)
    last = math.floor(high / step - slack) if is_exact else math.ceil(high / step - slack)
    values = [_multiple(place, step) for place in range(first, last + 1)]
    largest = max((abs(value) for value in values), default=0.0)
    ticks = tuple(Tick(value, tick_label(value, step, largest, is_percent=is_percent)) for value in values)
    if not is_exact:
        low, high = values[0], values[-1]
    return Scale("linear", low, high, ticks)


def _multiple(place: int, step: float) -> float:
    """3 * 0.1 is no round number, but 3 / 10 is."""
    return place * step if step >= 1 or step < 1e-12 else place / round(1 / step)


def tick_label(value: float, step: float, largest: float, *, is_percent: bool = False) -> str:
    """A tick with the decimals that its step needs: "0.25", "5 k" beside "20 k", "40 %"."""
    if is_percent:
        return f"{_decimal(value * 100, step * 100)} %"
    if largest >= 1e12 or (value and step < 1e-6):
        return f"{value:.3g}"
    for size, letter in UNITS:
        if value and largest >= max(size, 10_000):
            return f"{_decimal(value / size, step / size)} {letter}"
    return _decimal(value, step)


def _decimal(value: float, step: float) -> str:
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    text = f"{value:,.{decimals}f}"
    return text.removeprefix("-") if not float(text.replace(",", "")) else text


def log_scale(low: float, high: float) -> Scale:
    """Ticks at 1, 2, 5 times the powers of ten, or at the powers alone where that would be too many."""
    if not 0 < low < high:
        return linear_scale(low, high)
    factors = (1, 2, 5) if math.log10(high / low) <= 2 else (1,)
    powers = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 1)
    every = max(1, math.ceil(len(powers) / (MAX_STEPS + 1))) if len(factors) == 1 else 1
    rounds = [factor * 10.0**power for power in powers if power % every == 0 for factor in factors]
    low = max((each for each in rounds if each <= low * (1 + 1e-9)), default=low)
    high = min((each for each in rounds if each >= high * (1 - 1e-9)), default=high)
    values = [each for each in rounds if low <= each <= high]
    return Scale("log", low, high, tuple(Tick(each, tick_label(each, each, each)) for each in values))


def time_scale(low: float, high: float) -> Scale:
    """Ticks at round seconds, hours, days, Mondays, months or years, in UTC; the ends stay as they are."""
    if not high > low:
        low, high = low - DAY / 2, high + DAY / 2
    values, label = _time_ticks(low, high)
    ticks, year = [], None
    for value in values:
        at = EPOCH + timedelta(seconds=value)
        ticks.append(Tick(value, label(at, at.year != year)))
        year = at.year
    return Scale("time", low, high, tuple(ticks))


Label = Callable[[datetime, bool], str]


def _time_ticks(low: float, high: float) -> tuple[list[float], Label]:
    span = high - low
    for step in SHORT_STEPS:
        if span / step <= MAX_STEPS:
            return _multiples(low, high, step, 0), _clock_label(step)
    for step in DAY_STEPS:
        if span / step <= MAX_STEPS:
            return _multiples(low, high, step, FIRST_MONDAY if step > 2 * DAY else 0), _day_label
    for months in MONTH_STEPS:
        if span / (months * MONTH) <= MAX_STEPS:
            return list(_months(low, high, months)), _month_label if months < 12 else _year_label
    years = max(1, round(round_step(span / (12 * MONTH))))
    return list(_months(low, high, 12 * years)), _year_label


def _multiples(low: float, high: float, step: float, origin: float) -> list[float]:
    first = math.ceil((low - origin) / step)
    last = math.floor((high - origin) / step)
    return [origin + place * step for place in range(first, last + 1)]


def _months(low: float, high: float, step: int) -> Iterator[float]:
    """The first days of each `step`th month, counted from January of year 0."""
    start = EPOCH + timedelta(seconds=low)
    place = math.floor((start.year * 12 + start.month - 1) / step) * step
    while place // 12 <= 9999:
        if place >= 12:
            value = (datetime(place // 12, place % 12 + 1, 1, tzinfo=UTC) - EPOCH).total_seconds()
            if value > high:
                return
            if value >= low:
                yield value
        place += step


def _clock_label(step: float) -> Label:
    def label(at: datetime, is_first: bool) -> str:
        clock = f"{at:%H:%M:%S}" if step < 60 else f"{at:%H:%M}"
        return day_words(at) if at.hour == at.minute == at.second == 0 else clock

    return label


def _day_label(at: datetime, is_first: bool) -> str:
    return day_words(at, with_year=is_first)


def _month_label(at: datetime, is_first: bool) -> str:
    return month_words(at, with_year=is_first)


def day_words(at: datetime, *, with_year: bool = False) -> str:
    """ "17 Mar" or "17 Mar 2026", in the form of the language."""
    if (get_language() or ENGLISH) != ENGLISH:
        return date_format(at, "DATE_FORMAT" if with_year else "MONTH_DAY_FORMAT")
    return f"{at.day} {month_words(at, with_year=with_year)}"


def month_words(at: datetime, *, with_year: bool = False) -> str:
    """ "Mar" or "Mar 2026", in the form of the language."""
    if (get_language() or ENGLISH) != ENGLISH:
        return date_format(at, "YEAR_MONTH_FORMAT" if with_year else "M")
    return f"{MONTHS[at.month - 1]} {at.year}" if with_year else MONTHS[at.month - 1]


def _year_label(at: datetime, is_first: bool) -> str:
    return str(at.year)
