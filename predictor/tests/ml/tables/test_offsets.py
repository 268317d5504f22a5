"""Times with offsets, from the file to the values of training: the days are those of the zone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from predictor.ml.tables import stored_tables
from predictor.ml.tables.ingest import ingest_csv
from predictor.ml.tables.offsets import ColumnZone, zone_of
from predictor.ml.tables.role_readings import with_readings
from predictor.ml.types.schema import ColumnProfile, Role, TableSchema


def imported(tmp_path: Path, cells: list[str], name: str = "at") -> tuple[Path, TableSchema]:
    source, scratch = tmp_path / "table.csv", tmp_path / "scratch"
    source.write_text(f"{name},v\n" + "".join(f"{cell},{place}\n" for place, cell in enumerate(cells)))
    scratch.mkdir()
    parquet = scratch / "table.parquet"
    return parquet, ingest_csv(source, parquet, scratch=scratch).schema


def berlin(days: int, step: timedelta = timedelta(days=1)) -> list[datetime]:
    """Local midnights from 2024-02-01, or every step."""
    start = datetime(2024, 2, 1)
    return [(start + step * place).replace(tzinfo=ZoneInfo("Europe/Berlin")) for place in range(days)]


def zone(column: ColumnProfile) -> str:
    return column.reading.zone if column.reading else ""


def test_local_midnights_stay_midnights(tmp_path: Path) -> None:
    moments = berlin(100)
    parquet, schema = imported(tmp_path, [each.isoformat(sep=" ") for each in moments])

    column = schema["at"]
    assert (column.role, column.storage, zone(column)) == (Role.DATETIME, "TIMESTAMP", "Europe/Berlin")
    assert (column.minimum, column.maximum) == ("2024-02-01T00:00:00+01:00", "2024-05-10T00:00:00+02:00")
    assert "local times of Europe/Berlin" in column.warnings[0]
    values = stored_tables.read_columns(parquet, schema)["at"]
    assert values.tolist() == [each.replace(tzinfo=None) for each in moments]
    zones = {"at": "Europe/Berlin"}
    assert stored_tables.preview(parquet, 1, zones=zones)[0]["at"] == "2024-02-01T00:00:00+01:00"


def test_the_two_hours_of_autumn_stay_apart_in_utc(tmp_path: Path) -> None:
    start = datetime(2024, 10, 26, tzinfo=UTC)
    moments = [start + timedelta(hours=each) for each in range(72)]
    texts = [each.astimezone(ZoneInfo("Europe/Berlin")).isoformat() for each in moments]
    parquet, schema = imported(tmp_path, texts)

    assert zone(schema["at"]) == "Europe/Berlin"
    values = stored_tables.read_columns(parquet, schema)["at"]
    assert len(set(values.tolist())) == 71
    assert schema["at"].n_distinct == 72


@pytest.mark.parametrize(
    ("cells", "right"),
    [
        (["2024-01-01T00:00Z"] * 9 + ["2024-06-01T00:00Z"], ""),
        (["2024-01-01T00:00+05:30"] * 9 + ["2024-06-01T00:00+0530"], "+05:30"),
        (["2024-01-01T00:00-03"] * 9 + ["2024-01-02T00:00-03"], "-03:00"),
        (["2024-01-01T00:00+01:00"] * 9 + ["2024-06-01T00:00+05:30"], ""),
        (["2024-01-01T00:00+01:00"] * 9 + ["2024-06-01T00:00"], ""),
        (["2024-01-01T00:00+01:00"] * 9 + ["2024-06-01"], ""),
        (["2024-01-01T00:00+01:00"] * 9 + ["2024-06-01T00:00+02:00", "NA"], "Europe/Berlin"),
        (["31.01.2024 10:00 +01:00"] * 9 + ["31.07.2024 10:00 +02:00"], "Europe/Berlin"),
    ],
)
def test_the_zone_is_found_from_the_offsets(tmp_path: Path, cells: list[str], right: str) -> None:
    parquet, schema = imported(tmp_path, cells)

    assert schema["at"].role is Role.DATETIME
    assert zone(schema["at"]) == right
    first = stored_tables.read_columns(parquet, schema)["at"][0]
    local = cells[0].partition("T")[2].startswith("00:00") and (right or cells[0].endswith("Z"))
    if local:
        assert first == np.datetime64("2024-01-01T00:00")


def test_days_without_dashes_are_dates_where_the_name_says_so(tmp_path: Path) -> None:
    cells = [f"202401{day:02d}" for day in range(1, 31)]
    parquet, schema = imported(tmp_path, cells, "OrderDate")

    column = schema["OrderDate"]
    assert (column.role, column.storage) == (Role.DATETIME, "BIGINT")
    assert (column.minimum, column.maximum) == ("2024-01-01", "2024-01-30")
    assert stored_tables.read_columns(parquet, schema)["OrderDate"][-1] == np.datetime64("2024-01-30")


def test_other_numbers_stay_numbers_and_days_of_a_spreadsheet_are_doubted(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    _, schema = imported(tmp_path / "a", [f"202401{day:02d}" for day in range(1, 31)], "amount")
    assert schema["amount"].role is Role.NUMERIC
    (tmp_path / "b").mkdir()
    _, schema = imported(tmp_path / "b", [f"{45_300 + day}" for day in range(31)], "Datum")
    assert schema["Datum"].role is Role.NUMERIC
    # datetime.date(1899, 12, 30) + datetime.timedelta(45_330) is 8 February 2024.
    assert "45330 is 2024-02-08. Choose the role datetime" in " ".join(schema["Datum"].warnings)


def test_midnights_in_utc_are_days_of_their_zone(tmp_path: Path) -> None:
    moments = berlin(100)
    parquet, schema = imported(
        tmp_path, [f"{each.astimezone(UTC):%Y-%m-%dT%H:%M:%S.000Z}" for each in moments]
    )

    assert zone(schema["at"]) == "Europe/Berlin"
    assert schema["at"].warnings[0].startswith("Times in UTC that are midnights of Europe/Berlin")
    values = stored_tables.read_columns(parquet, schema)["at"]
    assert values.tolist() == [each.replace(tzinfo=None) for each in moments]


def test_offsets_of_no_zone_are_told(tmp_path: Path) -> None:
    _, schema = imported(tmp_path, ["2024-01-01T00:00+01:00"] * 9 + ["2024-06-01T00:00+05:30"])
    assert schema["at"].warnings == ("Times with UTC offsets that fit no time zone: read as UTC.",)


def test_days_of_a_spreadsheet_among_dates_are_doubted_and_read_where_the_role_says_so(
    tmp_path: Path,
) -> None:
    cells = ["2024-01-28", "2024-01-29", "45321", "45322.5"] * 5
    parquet, schema = imported(tmp_path, cells)
    assert schema["at"].role is not Role.DATETIME
    # datetime.date(1899, 12, 30) + datetime.timedelta(45_321) is 30 January 2024.
    assert "45321 is 2024-01-30. Choose the role datetime" in " ".join(schema["at"].warnings)

    table = replace(schema, columns=tuple(each.with_role(Role.DATETIME) for each in schema.columns[:1]))
    table, readings = with_readings(parquet, table, ["at"])
    values = stored_tables.read_columns(parquet, table)["at"]
    assert values[:4].astype(str).tolist() == [
        f"2024-01-{day}.000000" for day in ("28T00:00:00", "29T00:00:00", "30T00:00:00", "31T12:00:00")
    ]
    assert not readings[0].lost


def test_offsets_are_read_in_each_form() -> None:
    moment = datetime(2024, 1, 1)
    assert zone_of([("+01", moment, moment)]).zone == "+01:00"
    assert zone_of([("-0330", moment, moment)]).zone == "-03:30"
    assert zone_of([("Z", moment, moment), ("+00:00", moment, moment)]) == ColumnZone("")
