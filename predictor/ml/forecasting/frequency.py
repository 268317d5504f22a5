"""How often a series is observed: found from its dates, and arithmetic on its periods.

A period has an index (int64): consecutive periods have consecutive indexes, whatever the length of months.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Moments = NDArray[np.datetime64]
Indexes = NDArray[np.int64]

SECOND = 1_000_000
MINUTE, HOUR, DAY = 60 * SECOND, 3_600 * SECOND, 86_400 * SECOND
WEEK = 7 * DAY
# 1970-01-05, so that weeks begin on Mondays.
MONDAY = 4 * DAY
LAST_DAY = 31
# Daily data without any weekend is taken for weekdays only from this many dates on: three weeks.
MIN_WEEKDAYS = 15
# A grid that is emptier than this is not the rhythm of the series.
MIN_FILLED = 0.4
# A period to gather irregular dates in has to have a value this often.
MIN_GATHERED = 0.8


@dataclass(frozen=True)
class Frequency:
    """`unit` is "month", "weekday" (Monday to Friday) or "time" (microseconds); a period is `every` units.

    `anchor`: the month, or the microseconds since 1970, at which period 0 begins. `day`: the day of the month
    that dates of monthly periods carry, 31 for the last.
    """

    unit: str
    every: int = 1
    anchor: int = 0
    day: int = 1

    @property
    def title(self) -> str:
        """In words, as in “a monthly series”."""
        if (self.unit, self.every) in TITLES:
            return TITLES[self.unit, self.every]
        if self.unit == "month":
            return f"every {self.every} months"
        for size, word in ((DAY, "days"), (HOUR, "hours"), (MINUTE, "minutes")):
            if self.every % size == 0:
                return f"every {self.every // size} {word}"
        return f"every {self.every / SECOND:g} seconds"

    @property
    def seasons(self) -> tuple[int, ...]:
        """How many periods make the seasons that such series usually have, shortest first."""
        return SEASONS.get((self.unit, self.every), ())

    @property
    def usual_horizon(self) -> int:
        return HORIZONS.get((self.unit, self.every), 10)

    @property
    def calendar(self) -> tuple[str, ...]:
        """The parts of its dates that come again and may matter: month, weekday, hour, minute."""
        if self.unit == "month":
            return () if self.every % 12 == 0 else ("month",)
        if self.unit == "weekday":
            return ("month", "weekday")
        if self.every >= DAY:
            return ("month", "weekday") if self.every % WEEK else ("month",)
        return ("month", "weekday", "hour") if self.every >= HOUR else ("weekday", "hour", "minute")

    @property
    def has_time(self) -> bool:
        """Whether the dates of its periods need a time of day."""
        return self.unit == "time" and (self.every % DAY != 0 or self.anchor % DAY != 0)

    def indexes(self, moments: Moments) -> Indexes:
        """The period that each moment (datetime64[us], none missing) lies in."""
        if self.unit == "month":
            months: Indexes = moments.astype("datetime64[M]").astype(np.int64)
            return (months - self.anchor) // self.every
        if self.unit == "weekday":
            days = np.busday_offset(moments.astype("datetime64[D]"), 0, roll="backward")
            counted: Indexes = np.asarray(np.busday_count(np.datetime64("1970-01-01"), days), np.int64)
            return counted
        numbers: Indexes = moments.astype("datetime64[us]").view(np.int64)
        return (numbers - self.anchor) // self.every

    def moments(self, indexes: Indexes) -> Moments:
        """The date of each period, as the series writes it."""
        indexes = np.asarray(indexes, np.int64)
        if self.unit == "month":
            months = (indexes * self.every + self.anchor).astype("datetime64[M]")
            last = ((months + 1).astype("datetime64[D]") - 1).astype("datetime64[D]")
            days: Moments = np.minimum(months.astype("datetime64[D]") + (self.day - 1), last)
            return days.astype("datetime64[us]")
        if self.unit == "weekday":
            days = np.asarray(np.busday_offset(np.datetime64("1970-01-01"), indexes))
            return days.astype("datetime64[us]")
        return (indexes * self.every + self.anchor).astype("datetime64[us]")

    def is_on_grid(self, moments: Moments) -> bool:
        """Whether all the moments are dates that the series would write."""
        return bool(np.all(self.moments(self.indexes(moments)) == moments))

    def text(self, index: int) -> str:
        """The period's date in ISO 8601, without a time where none is needed."""
        moment = self.moments(np.array([index]))[0]
        return str(np.datetime_as_string(moment, unit="s" if self.has_time else "D"))

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Frequency:
        return cls(str(data["unit"]), int(data["every"]), int(data["anchor"]), int(data["day"]))


TITLES = {
    ("month", 1): "monthly",
    ("month", 3): "quarterly",
    ("month", 6): "half-yearly",
    ("month", 12): "yearly",
    ("weekday", 1): "weekday",
    ("time", WEEK): "weekly",
    ("time", DAY): "daily",
    ("time", HOUR): "hourly",
    ("time", MINUTE): "minutely",
}
SEASONS = {
    ("month", 1): (12,),
    ("month", 3): (4,),
    ("month", 6): (2,),
    ("weekday", 1): (5, 260),
    ("time", WEEK): (52,),
    # 364 days are 52 weeks: the same weekday a year ago.
    ("time", DAY): (7, 364),
    ("time", HOUR): (24, 168),
    ("time", 30 * MINUTE): (48, 336),
    ("time", 15 * MINUTE): (96, 672),
    ("time", 10 * MINUTE): (144,),
    ("time", MINUTE): (60, 1_440),
}
HORIZONS = {
    ("month", 1): 12,
    ("month", 3): 4,
    ("month", 12): 3,
    ("weekday", 1): 10,
    ("time", WEEK): 13,
    ("time", DAY): 14,
    ("time", HOUR): 24,
    ("time", 30 * MINUTE): 48,
    ("time", 15 * MINUTE): 96,
}
# What people can ask for by name.
NAMED = {
    "hourly": Frequency("time", HOUR),
    "daily": Frequency("time", DAY),
    "weekly": Frequency("time", WEEK, MONDAY),
    "monthly": Frequency("month", 1),
    "quarterly": Frequency("month", 3),
    "yearly": Frequency("month", 12),
}


def find_frequency(series: Iterable[Moments]) -> Frequency | None:
    """The rhythm of these series (sorted distinct datetime64[us] of each); None when they have none.

    Gaps are allowed: what counts is that all dates lie on one grid that is not mostly empty.
    """
    each = [moments for moments in series if len(moments) > 1]
    if not each:
        return None
    pooled = np.unique(np.concatenate(each))
    found = (_monthly(pooled, each), _weekdays(pooled, each), _fixed(pooled, each))
    return next((frequency for frequency in found if frequency is not None), None)


def gathering_frequency(series: Sequence[Moments]) -> Frequency:
    """The shortest usual period in which irregular dates seldom leave a gap."""
    usual = [Frequency("time", MINUTE), Frequency("time", 15 * MINUTE), *NAMED.values()]
    for frequency in usual:
        filled, span = 0, 0
        for moments in series:
            indexes = np.unique(frequency.indexes(moments))
            filled, span = filled + len(indexes), span + int(indexes[-1] - indexes[0] + 1)
        if filled >= MIN_GATHERED * span:
            return frequency
    return NAMED["yearly"]


def _monthly(pooled: Moments, each: Sequence[Moments]) -> Frequency | None:
    days = pooled.astype("datetime64[D]")
    if np.any(days != pooled):
        return None
    months = days.astype("datetime64[M]")
    day = (days - months.astype("datetime64[D]")).astype(np.int64) + 1
    is_last = (days + 1).astype("datetime64[M]") != months
    # Days 29 to 31 do not occur in every month: the last day stands for them then.
    carried = LAST_DAY if is_last.all() else int(day.max())
    if np.any((day != carried) & ~(is_last & (day < carried))):
        return None
    gaps = _gaps([moments.astype("datetime64[M]").astype(np.int64) for moments in each])
    if gaps.min(initial=1) < 1:
        return None
    every = int(np.gcd.reduce(gaps))
    anchor = int(months[0].astype(np.int64) % every)
    found = Frequency("month", every, anchor, carried)
    return found if found.is_on_grid(pooled) and _is_filled(found, each) else None


def _weekdays(pooled: Moments, each: Sequence[Moments]) -> Frequency | None:
    days = pooled.astype("datetime64[D]")
    if np.any(days != pooled) or len(pooled) < MIN_WEEKDAYS or not np.is_busday(days).all():
        return None
    found = Frequency("weekday")
    return found if _is_filled(found, each, least=0.7) else None


def _fixed(pooled: Moments, each: Sequence[Moments]) -> Frequency | None:
    numbers = pooled.view(np.int64)
    every = int(np.gcd.reduce(np.diff(numbers)))
    if every < SECOND:
        return None
    found = Frequency("time", every, int(numbers[0] % every))
    if every == WEEK:
        found = replace(found, anchor=int(numbers[0] % WEEK))
    return found if _is_filled(found, each) else None


def _gaps(series: Sequence[Indexes]) -> Indexes:
    return np.concatenate([np.diff(each) for each in series])


def _is_filled(frequency: Frequency, each: Sequence[Moments], least: float = MIN_FILLED) -> bool:
    indexes = [frequency.indexes(moments) for moments in each]
    span = sum(int(found[-1] - found[0] + 1) for found in indexes)
    return sum(map(len, indexes)) >= least * span
