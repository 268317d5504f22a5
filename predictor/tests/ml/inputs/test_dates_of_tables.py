"""Tables of dates by an independent writer: what is imported is what was written, and files and JSON give the same.

Each table has one form, one order of day and month, and perhaps a zone; some cells are missing.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from predictor.ml.inputs import csv_rows
from predictor.ml.inputs.value_readers import reader_for
from predictor.ml.tables import stored_tables
from predictor.ml.tables.ingest import ingest_csv
from predictor.ml.types.schema import FeatureField, Role

DAYS: dict[str, Callable[[datetime], str]] = {
    "iso": lambda at: f"{at:%Y-%m-%d}",
    "year first": lambda at: f"{at.year}/{at.month}/{at.day}",
    "german": lambda at: f"{at:%d.%m.%Y}",
    "british": lambda at: f"{at:%d/%m/%Y}",
    "american": lambda at: f"{at:%m/%d/%Y}",
    "short": lambda at: f"{at:%d/%m/%y}",
    "chinese": lambda at: f"{at.year}年{at.month}月{at.day}日",
    "named": lambda at: f"{at:%d %b %Y}",
    "long": lambda at: f"{at:%A, %B} {at.day}, {at.year}",
}
CLOCKS: dict[str, Callable[[datetime], str]] = {
    "none": lambda at: "",
    "minutes": lambda at: f" {at:%H:%M}",
    "seconds": lambda at: f" {at:%H:%M:%S}",
    "halves": lambda at: f" {at:%I:%M %p}",
}
ZONES = ("", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Adelaide", "UTC")


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[str], list[datetime | None], str]:
    """Cells, the local times that they stand for, and the zone."""
    form, zone = draw(st.sampled_from(sorted(DAYS))), draw(st.sampled_from(ZONES))
    clock = draw(st.sampled_from(sorted(CLOCKS))) if not zone else "minutes"
    start = draw(st.datetimes(datetime(1971, 1, 1), datetime(2037, 1, 1)))
    step = draw(st.sampled_from([timedelta(hours=1), timedelta(days=1), timedelta(days=9, hours=5)]))
    cells: list[str] = []
    values: list[datetime | None] = []
    for place in range(draw(st.integers(20, 60))):
        at = (start + place * step).replace(second=0, microsecond=0)
        if clock == "none":
            at = at.replace(hour=0, minute=0)
        offset = ""
        if zone:
            local = at.replace(tzinfo=UTC).astimezone(ZoneInfo(zone))
            at, digits = local.replace(tzinfo=None), f"{local:%z}"
            offset = "Z" if zone == "UTC" else f"{digits[:3]}:{digits[3:]}"
        is_missing = draw(st.integers(0, 9)) == 0
        cells.append(
            draw(st.sampled_from(["", "NA", "null"]))
            if is_missing
            else DAYS[form](at) + CLOCKS[clock](at) + offset
        )
        values.append(None if is_missing else at)
    return cells, values, zone


@settings(max_examples=60, deadline=None, derandomize=True)
@given(table=tables())
def test_what_was_written_is_read_or_doubted_and_read_alike_when_predicting(
    table: tuple[list[str], list[datetime | None], str],
) -> None:
    cells, written, zone = table
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source, parquet = folder / "table.csv", folder / "table.parquet"
        source.write_text("at,n\n" + "".join(f'"{cell}",{place % 7}\n' for place, cell in enumerate(cells)))
        schema = ingest_csv(source, parquet, scratch=folder).schema
        column = schema["at"]
        values = stored_tables.read_columns(parquet, schema)["at"] if column.role is Role.DATETIME else None
    if values is None:
        # Day and month, or a year of two digits, cannot be told; or nothing but one day is there.
        assert column.role is Role.CONSTANT or "two ways" in " ".join(column.warnings), (column, cells)
        return
    right = np.array([np.datetime64("NaT") if at is None else np.datetime64(at) for at in written])
    assert np.array_equal(values, right.astype("datetime64[us]"), equal_nan=True), (column.reading, cells)
    field = FeatureField("at", Role.DATETIME, True, reading=column.reading)
    by_json, by_file = reader_for(field), csv_rows._reader(field, ".")
    sent: list[Any] = [None if cell in ("", "NA", "null") else cell for cell in cells]
    assert [by_json(cell, []) for cell in sent] == written
    assert [by_json(by_file(cell), []) for cell in cells] == written
    if zone:
        in_utc = [None if at is None else at.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC) for at in written]
        again = [None if at is None else at.astimezone(ZoneInfo(zone)).replace(tzinfo=None) for at in in_utc]
        assert [by_json(None if at is None else at.isoformat(), []) for at in in_utc] == again
