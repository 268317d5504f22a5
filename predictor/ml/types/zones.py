"""Time zones as tables of offsets: between UTC and local time, and which zone the offsets of a column fit.

A zone is a name of the IANA database such as Europe/Berlin, a fixed offset such as +05:30, or "" for UTC. The tables
go from 1900 to 2100; before and after, the first and the last offset hold. Standard library only.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property, lru_cache
from itertools import islice
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

# Zones with daylight saving or with changes of their offset, tried in this order. Others are fixed offsets.
COMMON = (
    "Europe/Berlin", "Europe/London", "Europe/Helsinki", "America/New_York", "America/Chicago", "America/Denver",
    "America/Los_Angeles", "America/Anchorage", "America/Halifax", "America/St_Johns", "America/Sao_Paulo",
    "America/Santiago", "America/Mexico_City", "America/Havana", "Australia/Sydney", "Australia/Adelaide",
    "Australia/Lord_Howe", "Pacific/Auckland", "Asia/Jerusalem", "Asia/Beirut", "Asia/Tehran", "Asia/Amman",
    "Africa/Cairo", "Africa/Casablanca", "Europe/Chisinau", "Europe/Istanbul", "Europe/Moscow", "Europe/Lisbon",
    "Europe/Athens", "America/Asuncion", "Atlantic/Azores",
)  # fmt: skip
FIRST_YEAR, LAST_YEAR = 1900, 2100
EPOCH = datetime(1970, 1, 1)
FIXED = re.compile(r"([+-])(0[0-9]|1[0-4]):([0-5][0-9])", re.ASCII)
N_FIRST_LOOK = 50
DAY = 86_400
# Midnights of a zone are at two times of day in UTC, at three or four where the zone has changed its offset.
MOST_TIMES, LEAST_MIDNIGHTS = 4, 8
# Before every date.
ALWAYS = -(2**40)


@dataclass(frozen=True)
class ZoneTable:
    """Offsets from UTC in seconds. `offsets[i]` holds from `starts[i]` on, in seconds since 1970 UTC.

    `local_starts`: the same in local time. A local time that occurs twice is the first of the two; one that is
    skipped is taken with the offset before the change.
    """

    starts: tuple[int, ...]
    offsets: tuple[int, ...]

    @cached_property
    def local_starts(self) -> tuple[int, ...]:
        pairs = zip(self.starts[1:], self.offsets, self.offsets[1:], strict=False)
        return (ALWAYS, *(start + max(before, after) for start, before, after in pairs))


class UnknownZone(ValueError):
    """There is no such zone, or the server has no database of time zones."""


@lru_cache(maxsize=64)
def zone_table(zone: str) -> ZoneTable:
    """Raises UnknownZone."""
    if not zone:
        return ZoneTable((ALWAYS,), (0,))
    if match := FIXED.fullmatch(zone):
        seconds = int(match[2]) * 3_600 + int(match[3]) * 60
        return ZoneTable((ALWAYS,), (-seconds if match[1] == "-" else seconds,))
    try:
        info = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise UnknownZone(f"There is no time zone “{zone}”.") from None
    starts, offsets = [ALWAYS], [_offset(info, _month_start(FIRST_YEAR, 0))]
    for month in range(12 * (LAST_YEAR - FIRST_YEAR + 1)):
        low, high = _month_start(FIRST_YEAR, month), _month_start(FIRST_YEAR, month + 1)
        # Ramadan has zones change twice within a month.
        for day in range(low, high, 7 * 86_400) if _changes(info, low, high) else ():
            end = min(day + 7 * 86_400, high)
            if _offset(info, end) != offsets[-1]:
                starts.append(_change(info, day, end))
                offsets.append(_offset(info, end))
    return ZoneTable(tuple(starts), tuple(offsets))


def _changes(info: ZoneInfo, low: int, high: int) -> bool:
    return len({_offset(info, low + (high - low) * part // 4) for part in range(5)}) > 1


def _month_start(year: int, month: int) -> int:
    return _seconds(datetime(year + month // 12, month % 12 + 1, 1))


def _seconds(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(seconds=1)


def _offset(info: ZoneInfo, seconds: int) -> int:
    moment = (EPOCH + timedelta(seconds=seconds)).replace(tzinfo=UTC).astimezone(info)
    return (moment.utcoffset() or timedelta()) // timedelta(seconds=1)


def _change(info: ZoneInfo, low: int, high: int) -> int:
    """The first second with the offset of `high`."""
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _offset(info, middle) == _offset(info, high) else (middle, high)
    return high


def is_zone(zone: str) -> bool:
    """Whether there is such a zone."""
    try:
        zone_table(zone)
    except UnknownZone:
        return False
    return True


def to_local(moment: datetime, zone: str) -> datetime:
    """A naive datetime in UTC as local time of the zone. Raises OverflowError outside of the years 1 to 9999."""
    table = zone_table(zone)
    return moment + timedelta(seconds=table.offsets[bisect_right(table.starts, _seconds(moment)) - 1])


def to_utc(moment: datetime, zone: str) -> datetime:
    """A naive local time of the zone as UTC. Raises OverflowError outside of the years 1 to 9999."""
    table = zone_table(zone)
    return moment - timedelta(seconds=table.offsets[bisect_right(table.local_starts, _seconds(moment)) - 1])


def offset_text(seconds: int) -> str:
    """As +05:30."""
    minutes = abs(seconds) // 60
    return f"{'-' if seconds < 0 else '+'}{minutes // 60:02d}:{minutes % 60:02d}"


def find_zone(moments: Iterable[tuple[datetime, int]]) -> str:
    """The zone whose offsets these are; "" when they are UTC or fit no zone.

    `moments`: naive datetimes in UTC, each with its offset in seconds. Moments that are written in UTC and are
    midnights of a zone that changes its clocks belong to that zone.
    """
    pairs = {(_seconds(moment), offset) for moment, offset in moments}
    offsets = {offset for _, offset in pairs}
    if offsets == {0}:
        return _zone_of_midnights([seconds for seconds, _ in pairs])
    if len(offsets) == 1:
        offset = offsets.pop()
        return offset_text(offset) if offset else ""
    few = list(islice(pairs, N_FIRST_LOOK))
    return (
        next((zone for zone in COMMON if _may_fit(zone, few) and _fits(zone_table(zone), pairs)), "")
        if few
        else ""
    )


def _zone_of_midnights(moments: Sequence[int]) -> str:
    """The zone in which all moments (seconds since 1970) are midnights, though not at one time of day in UTC."""
    times = {seconds % DAY for seconds in moments}
    n_days = len({seconds // DAY for seconds in moments})
    # A day of UTC has two midnights of London where the clocks change.
    n_double = len(moments) - n_days
    if not 1 < len(times) <= MOST_TIMES or n_double > n_days // 50 or n_days < LEAST_MIDNIGHTS:
        return ""
    return next(
        (
            zone
            for zone in COMMON
            if _are_midnights(zone, moments[:N_FIRST_LOOK]) and _are_midnights(zone, moments)
        ),
        "",
    )


def _are_midnights(zone: str, moments: Sequence[int]) -> bool:
    try:
        info = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, OSError):
        return False
    return all((seconds + _offset(info, seconds)) % DAY == 0 for seconds in moments)


def _may_fit(zone: str, pairs: Iterable[tuple[int, int]]) -> bool:
    """Whether a zone fits these, without its table, which takes a tenth of a second."""
    try:
        info = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, OSError):
        return False
    return all(_offset(info, seconds) == offset for seconds, offset in pairs)


def _fits(table: ZoneTable, pairs: Iterable[tuple[int, int]]) -> bool:
    return all(table.offsets[bisect_right(table.starts, seconds) - 1] == offset for seconds, offset in pairs)
