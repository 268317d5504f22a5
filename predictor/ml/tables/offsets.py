"""The UTC offsets that the times of a CSV column are written with, and the time zone that they fit."""

from __future__ import annotations

from collections.abc import Iterable
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


def zone_of(rows: Iterable[tuple[str, datetime, datetime]]) -> str:
    """The zone that the rows of `offsets_sql` fit; "" for UTC and for none."""
    return find_zone(
        (moment, _seconds(text))
        for text, *moments in rows
        for moment in moments
        if isinstance(moment, datetime)
    )


def _seconds(text: str) -> int:
    digits = text[1:].replace(":", "").ljust(4, "0")
    seconds = int(digits[:2] or 0) * 3_600 + int(digits[2:]) * 60 if text[0] in "+-" else 0
    return -seconds if text[0] == "-" else seconds
