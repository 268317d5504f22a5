"""The UTC offsets that the times of a CSV column are written with, and the time zone that they fit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from ..types.zones import find_zone
from .csv_cell_sql import OFFSET
from .duckdb_connection import literal


def offsets_sql(column: str, relation: str) -> str:
    """A query that returns (offset, first moment in UTC, last one) for each offset and day. `column`: of text.

    Offsets change once a day at most, so that the first and the last moment of a day show the zone of all of them.
    """
    moment = f"CAST(TRY_CAST(trim({column}) AS TIMESTAMPTZ) AS TIMESTAMP) AS utc"
    offset = f"regexp_extract(trim({column}), {literal(OFFSET + '$')}) AS offset_text"
    return (
        f"SELECT offset_text, min(utc), max(utc) FROM (SELECT {moment}, {offset} FROM {relation}) "
        "WHERE utc IS NOT NULL GROUP BY offset_text, CAST(utc AS DATE)"
    )


@dataclass(frozen=True)
class ColumnZone:
    """The zone of a column of times, "" for UTC, and what a person has to know about it."""

    zone: str
    sentence: str = ""


def zone_of(rows: Iterable[tuple[str, datetime, datetime]]) -> ColumnZone:
    """The zone that the rows of `offsets_sql` fit."""
    moments = [
        (moment, _seconds(text)) for text, *ends in rows for moment in ends if isinstance(moment, datetime)
    ]
    zone, is_utc = find_zone(moments), all(offset == 0 for _, offset in moments)
    if not zone:
        return ColumnZone("", "" if is_utc else "Times with UTC offsets that fit no time zone: read as UTC.")
    written = (
        "Times in UTC that are midnights of" if is_utc else "Times with UTC offsets, read as local times of"
    )
    return ColumnZone(zone, f"{written} {zone}: days, weeks and months are those of this zone.")


def _seconds(text: str) -> int:
    digits = text[1:].replace(":", "").ljust(4, "0")
    seconds = int(digits[:2] or 0) * 3_600 + int(digits[2:]) * 60 if text[0] in "+-" else 0
    return -seconds if text[0] == "-" else seconds
