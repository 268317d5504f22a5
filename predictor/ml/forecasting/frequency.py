"""Frequency of a time series: inferred from its dates; and arithmetic on its periods.

A period has an index (int64): consecutive periods have consecutive indexes, whatever the length of months.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..tables.zoned_moments import iso_text, local_of, utc_of

Moments = NDArray[np.datetime64]
Indexes = NDArray[np.int64]

SECOND = 1_000_000
MINUTE, HOUR, DAY = 60 * SECOND, 3_600 * SECOND, 86_400 * SECOND
WEEK = 7 * DAY
# 1970-01-05, so that weeks begin on Mondays.
MONDAY = 4 * DAY
LAST_DAY = 31
# From this many dates on (three weeks), daily data without a weekend has the frequency “weekday”.
MIN_WEEKDAYS = 15
# A regular grid is the frequency only if at least this share of its periods has a value.
MIN_FILLED = 0.4
# Irregular dates are resampled to periods of which at least this share has a value.
MIN_GATHERED = 0.8


@dataclass(frozen=True)
class Frequency:
    """Sampling frequency of a series: a period is `every` units long.

    `unit` is "month", "weekday" (Monday to Friday) or "time" (microseconds).

    `anchor`: the month, or the microseconds since 1970, at which period 0 begins. `day`: the day of the month
    that dates of monthly periods carry, 31 for the last.

    `zone`: moments are in UTC, and are written as local times of this zone; "": moments are taken as they are.
    Months, weekdays and whole days are those of the zone. Shorter periods are counted in UTC, so that the two hours of
    autumn are two, unless `is_local`.
    """

    unit: str
    every: int = 1
    anchor: int = 0
    day: int = 1
    zone: str = ""
    is_local: bool = False

    @property
    def title(self) -> str:
        """Name of the frequency, as in “a monthly series”."""
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
        """Usual season lengths of such series, in periods, shortest first."""
        return SEASONS.get((self.unit, self.every), ())

    @property
    def usual_horizon(self) -> int:
        return HORIZONS.get((self.unit, self.every), 10)

    @property
    def calendar(self) -> tuple[str, ...]:
        """Calendar features that can help to forecast: some of month, weekday, hour, minute."""
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

    def in_zone(self, zone: str) -> Frequency:
        """The same periods in a zone: hours and minutes begin with those of its local time."""
        if not zone:
            return self
        if self.unit != "time" or self.every % DAY == 0:
            return replace(self, zone=zone, is_local=True)
        epoch = np.array([0], "datetime64[us]")
        shift = int((local_of(epoch, zone) - epoch).astype(np.int64)[0])
        return replace(self, zone=zone, anchor=(self.anchor - shift) % self.every)

    def indexes(self, moments: Moments) -> Indexes:
        """Index of the period of each moment (datetime64[us], none missing)."""
        if self.is_local:
            moments = local_of(moments, self.zone)
        if self.unit == "month":
            months: Indexes = moments.astype("datetime64[M]").astype(np.int64)
            return (months - self.anchor) // self.every
        if self.unit == "weekday":
            days = np.busday_offset(moments.astype("datetime64[D]"), 0, roll="backward")
            indexes: Indexes = np.asarray(np.busday_count(np.datetime64("1970-01-01"), days), np.int64)
            return indexes
        numbers: Indexes = moments.astype("datetime64[us]").view(np.int64)
        return (numbers - self.anchor) // self.every

    def moments(self, indexes: Indexes) -> Moments:
        """Date (datetime64[us]) of each period, in UTC where there is a zone."""
        dates = self._dates(np.asarray(indexes, np.int64))
        return utc_of(dates, self.zone) if self.is_local else dates

    def local_moments(self, indexes: Indexes) -> Moments:
        """Date (datetime64[us]) of each period, in local time."""
        dates = self._dates(np.asarray(indexes, np.int64))
        return local_of(dates, self.zone) if self.zone and not self.is_local else dates

    def _dates(self, indexes: Indexes) -> Moments:
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
        """Whether each moment is exactly the date of its period."""
        return bool(np.all(self.moments(self.indexes(moments)) == moments))

    def text(self, index: int) -> str:
        """The period's date in ISO 8601, with the offset of the zone; without a time where none is needed."""
        return self.written(self.moments(np.array([index]))[0])

    def written(self, moment: Any) -> str:
        """A moment as `text` writes it."""
        if self.zone:
            return iso_text(moment, self.zone)
        return str(np.datetime_as_string(moment, unit="s" if self.has_time else "D"))

    def to_json(self) -> dict[str, Any]:
        known = asdict(self)
        if not self.zone:
            del known["zone"], known["is_local"]
        return known

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Frequency:
        zone, is_local = str(data.get("zone", "")), bool(data.get("is_local", False))
        return cls(
            str(data["unit"]), int(data["every"]), int(data["anchor"]), int(data["day"]), zone, is_local
        )


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
# Frequencies that a request can name.
NAMED = {
    "hourly": Frequency("time", HOUR),
    "daily": Frequency("time", DAY),
    "weekly": Frequency("time", WEEK, MONDAY),
    "monthly": Frequency("month", 1),
    "quarterly": Frequency("month", 3),
    "yearly": Frequency("month", 12),
}


def find_frequency(series: Iterable[Moments], zone: str = "") -> Frequency | None:
    """Infer the frequency of these series (sorted distinct datetime64[us] of each); None if irregular.

    Gaps are allowed, unlike in pandas.infer_freq: all dates have to lie on one grid that is not mostly empty.
    `zone`: that of the dates, which are then in UTC.
    """
    usable = [moments for moments in series if len(moments) > 1]
    if not usable:
        return None
    if zone:
        return _zoned(usable, zone)
    pooled = np.unique(np.concatenate(usable))
    candidates = (_monthly(pooled, usable), _weekdays(pooled, usable), _fixed(pooled, usable))
    return next((frequency for frequency in candidates if frequency is not None), None)


def _zoned(series: Sequence[Moments], zone: str) -> Frequency | None:
    """By local times, or by moments where these have the longer periods: hours that are regular in UTC."""
    local = [np.unique(local_of(moments, zone)) for moments in series]
    by_local = find_frequency(local) if any(len(each) > 1 for each in local) else None
    if by_local is not None and (by_local.unit != "time" or by_local.every % DAY == 0):
        return by_local.in_zone(zone)
    pooled = np.unique(np.concatenate(series))
    by_moments = _fixed(pooled, series)
    if by_local is not None and (by_moments is None or by_local.every > by_moments.every):
        return replace(by_local, zone=zone, is_local=True)
    return None if by_moments is None else replace(by_moments, zone=zone)


def gathering_frequency(series: Sequence[Moments], zone: str = "") -> Frequency:
    """Resampling frequency for irregular dates: the shortest usual one that leaves few periods empty."""
    usual = [Frequency("time", MINUTE), Frequency("time", 15 * MINUTE), *NAMED.values()]
    for frequency in (each.in_zone(zone) for each in usual):
        filled, span = 0, 0
        for moments in series:
            indexes = np.unique(frequency.indexes(moments))
            filled, span = filled + len(indexes), span + int(indexes[-1] - indexes[0] + 1)
        if filled >= MIN_GATHERED * span:
            return frequency
    return NAMED["yearly"].in_zone(zone)


def _monthly(pooled: Moments, series: Sequence[Moments]) -> Frequency | None:
    days = pooled.astype("datetime64[D]")
    if np.any(days != pooled):
        return None
    months = days.astype("datetime64[M]")
    day = (days - months.astype("datetime64[D]")).astype(np.int64) + 1
    is_last = (days + 1).astype("datetime64[M]") != months
    # Months without day 29, 30 or 31 have their last day instead.
    day_of_month = LAST_DAY if is_last.all() else int(day.max())
    if np.any((day != day_of_month) & ~(is_last & (day < day_of_month))):
        return None
    gaps = _gaps([moments.astype("datetime64[M]").astype(np.int64) for moments in series])
    if gaps.min(initial=1) < 1:
        return None
    every = int(np.gcd.reduce(gaps))
    anchor = int(months[0].astype(np.int64) % every)
    frequency = Frequency("month", every, anchor, day_of_month)
    return frequency if frequency.is_on_grid(pooled) and _is_filled(frequency, series) else None


def _weekdays(pooled: Moments, series: Sequence[Moments]) -> Frequency | None:
    days = pooled.astype("datetime64[D]")
    if np.any(days != pooled) or len(pooled) < MIN_WEEKDAYS or not np.is_busday(days).all():
        return None
    frequency = Frequency("weekday")
    return frequency if _is_filled(frequency, series, least=0.7) else None


def _fixed(pooled: Moments, series: Sequence[Moments]) -> Frequency | None:
    numbers = pooled.view(np.int64)
    every = int(np.gcd.reduce(np.diff(numbers)))
    if every < SECOND:
        return None
    frequency = Frequency("time", every, int(numbers[0] % every))
    if every == WEEK:
        frequency = replace(frequency, anchor=int(numbers[0] % WEEK))
    return frequency if _is_filled(frequency, series) else None


def _gaps(series: Sequence[Indexes]) -> Indexes:
    return np.concatenate([np.diff(each) for each in series])


def _is_filled(frequency: Frequency, series: Sequence[Moments], least: float = MIN_FILLED) -> bool:
    indexes = [frequency.indexes(moments) for moments in series]
    span = sum(int(periods[-1] - periods[0] + 1) for periods in indexes)
    return sum(map(len, indexes)) >= least * span
