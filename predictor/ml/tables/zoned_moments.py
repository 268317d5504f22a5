"""Moments of a time zone as arrays: from UTC to local time and back, and the text with the offset."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..types.zones import offset_text, zone_table

Moments = NDArray[np.datetime64]


def local_of(moments: Moments, zone: str) -> Moments:
    """Local times (datetime64[us]) of moments in UTC; NaT stays."""
    starts, _, offsets = _arrays(zone)
    return moments + offsets[_places(moments, starts)]  # type: ignore[no-any-return]


def utc_of(moments: Moments, zone: str) -> Moments:
    """Moments in UTC (datetime64[us]) of local times; the first of two, as in `zones.to_utc`."""
    _, local_starts, offsets = _arrays(zone)
    return moments - offsets[_places(moments, local_starts)]  # type: ignore[no-any-return]


def iso_text(moment: Any, zone: str) -> str:
    """A moment in UTC as local time with its offset, in ISO 8601 to the second."""
    moments = np.array([moment], "datetime64[us]")
    local = local_of(moments, zone)
    offset = int((local - moments).astype("timedelta64[s]").astype(np.int64)[0])
    return str(np.datetime_as_string(local[0], unit="s")) + offset_text(offset)


def _places(moments: Moments, starts: NDArray[np.int64]) -> NDArray[np.intp]:
    # NaT is the least int64.
    places: NDArray[np.intp] = np.searchsorted(
        starts, moments.astype("datetime64[us]").view(np.int64), "right"
    )
    return np.maximum(places - 1, 0)


@lru_cache(maxsize=64)
def _arrays(zone: str) -> tuple[NDArray[np.int64], NDArray[np.int64], Any]:
    """Starts in UTC and in local time (microseconds since 1970), and the offsets. Raises UnknownZone."""
    table = zone_table(zone)
    starts, local_starts = (
        np.array(each, np.int64) * 1_000_000 for each in (table.starts, table.local_starts)
    )
    return starts, local_starts, np.array(table.offsets, "timedelta64[s]").astype("timedelta64[us]")
