from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from predictor.errors import InvalidInput
from predictor.ml.tables import stored_tables
from predictor.ml.tables.role_readings import with_readings
from predictor.ml.types.schema import ColumnProfile, Role, TableSchema, canonical_text

from ..imported_tables import TABLE, import_csv


@pytest.fixture
def table(tmp_path: Path) -> tuple[Path, TableSchema]:
    return imported(tmp_path, TABLE)


def imported(folder: Path, text: str) -> tuple[Path, TableSchema]:
    table = import_csv(folder, text)
    return table.parquet, table.schema


def with_roles(schema: TableSchema, **roles: Role) -> TableSchema:
    columns = [
        ColumnProfile.from_json({**column.to_json(), "role": roles.get(column.name, column.role)})
        for column in schema.columns
    ]
    return replace(schema, columns=tuple(columns))


def values(column: np.ndarray[Any, Any]) -> list[Any]:
    return [None if value is None or value != value else value for value in column.tolist()]


def test_columns_come_in_the_form_of_their_roles(table: tuple[Path, TableSchema]) -> None:
    columns = stored_tables.read_columns(*table)
    assert list(columns) == list(table[1].names)
    assert columns["n"].dtype == columns["x"].dtype == columns["flag"].dtype == np.float64
    assert columns["day"].dtype == columns["at"].dtype == np.dtype("datetime64[us]")
    assert columns["city"].dtype == columns["zip"].dtype == object
    assert values(columns["n"]) == [1.0, 2.0, None]
    assert values(columns["x"]) == [1.5, None, 2.0]
    assert values(columns["flag"]) == [1.0, 0.0, None]
    assert columns["city"].tolist() == ["Łódź", None, "北京"]
    assert columns["zip"].tolist() == ["00501", "10115", None]
    assert columns["gone"].tolist() == [None, None, None]


def test_moments_are_in_utc_and_missing_ones_are_nat(table: tuple[Path, TableSchema]) -> None:
    columns = stored_tables.read_columns(*table)
    assert columns["at"][1] == np.datetime64("2024-01-05T10:00:00.250000")
    assert np.isnat(columns["at"][2])
    assert np.isnat(columns["day"][1])


def test_numbers_become_the_canonical_text_of_categories(table: tuple[Path, TableSchema]) -> None:
    parquet, schema = table
    schema = with_roles(
        schema, n=Role.CATEGORICAL, x=Role.CATEGORICAL, flag=Role.CATEGORICAL, day=Role.CATEGORICAL
    )
    columns = stored_tables.read_columns(parquet, schema)
    assert columns["n"].tolist() == ["1", "2", None]
    assert columns["x"].tolist() == [canonical_text(1.5), None, canonical_text(2.0)]
    assert columns["flag"].tolist() == ["true", "false", None]
    assert columns["day"].tolist()[1] is None


def test_dates_become_the_same_categories_that_callers_send(table: tuple[Path, TableSchema]) -> None:
    parquet, schema = table

    columns = stored_tables.read_columns(
        parquet, with_roles(schema, day=Role.CATEGORICAL, at=Role.CATEGORICAL)
    )

    assert columns["day"].tolist() == ["2024-01-05", None, "2024-02-29"]
    assert columns["at"].tolist() == ["2024-01-05T10:00:00", "2024-01-05T10:00:00.250000", None]


def test_text_becomes_numbers_when_the_role_is_numeric(tmp_path: Path) -> None:
    parquet, schema = imported(tmp_path, 'v,t\n"$1,234",2024-01-05\n45 %,x\nabc,2024-02-01\n7,\n')
    schema, _ = with_readings(parquet, with_roles(schema, v=Role.NUMERIC, t=Role.DATETIME), ["v", "t"])

    columns = stored_tables.read_columns(parquet, schema)

    assert values(columns["v"]) == [1234.0, 45.0, None, 7.0]
    assert np.isnat(columns["t"]).tolist() == [False, True, False, True]


def test_text_becomes_times_in_utc_when_the_role_is_datetime(tmp_path: Path) -> None:
    cells = [
        "2024-01-05T10:00+02:00",
        "2024-01-05 10:00",
        "2024-01-05",
        "soon",
        "infinity",
        "10000-01-01",
        "",
    ]
    parquet, schema = imported(tmp_path, "t,w\n" + "".join(f"{cell},x\n" for cell in cells))

    schema, _ = with_readings(parquet, with_roles(schema, t=Role.DATETIME), ["t"])

    moments = stored_tables.read_columns(parquet, schema)["t"]

    assert moments[:3].astype(str).tolist() == [
        "2024-01-05T08:00:00.000000",
        "2024-01-05T10:00:00.000000",
        "2024-01-05T00:00:00.000000",
    ]
    assert np.isnat(moments[3:]).all()


def test_numbers_become_booleans_when_the_role_is_boolean(tmp_path: Path) -> None:
    parquet, schema = imported(tmp_path, "v,w\n0,a\n1,b\n2,c\n")
    assert values(stored_tables.read_columns(parquet, with_roles(schema, v=Role.BOOLEAN))["v"]) == [
        0.0,
        1.0,
        None,
    ]


def test_a_sample_is_the_same_rows_for_the_same_seed_in_file_order(tmp_path: Path) -> None:
    parquet, schema = imported(tmp_path, "a,b\n" + "".join(f"{number},w{number}\n" for number in range(500)))
    first = stored_tables.read_columns(parquet, schema, sample=50, seed=3)
    again = stored_tables.read_columns(parquet, schema, sample=50, seed=3)
    other = stored_tables.read_columns(parquet, schema, sample=50, seed=4)
    assert first["a"].tolist() == again["a"].tolist() == sorted(set(first["a"]))
    assert first["a"].tolist() != other["a"].tolist()
    assert first["b"].tolist() == [f"w{int(number)}" for number in first["a"]]
    assert len(stored_tables.read_columns(parquet, schema, sample=5_000)["a"]) == 500


def test_only_the_named_columns_are_read(table: tuple[Path, TableSchema]) -> None:
    assert list(stored_tables.read_columns(*table, ["city", "n"])) == ["city", "n"]
    with pytest.raises(InvalidInput, match="no column “nope”"):
        stored_tables.read_columns(*table, ["nope"])


def test_equal_texts_share_their_memory(tmp_path: Path) -> None:
    parquet, schema = imported(tmp_path, "a,b\n" + "x y z,1\n" * 100)
    column = stored_tables.read_columns(parquet, with_roles(schema, a=Role.CATEGORICAL))["a"]
    assert len({id(text) for text in column}) == 1


def test_a_table_of_very_many_columns_is_read_in_blocks(tmp_path: Path) -> None:
    wide = ",".join(f"c{number}" for number in range(250))
    parquet, schema = imported(tmp_path, wide + "\n" + ",".join(map(str, range(250))) + "\n")
    columns = stored_tables.read_columns(parquet, schema)
    assert [columns[f"c{number}"][0] for number in range(250)] == list(range(250))


def test_the_preview_is_json(table: tuple[Path, TableSchema]) -> None:
    assert stored_tables.preview(table[0], 1) == [
        {
            "n": 1,
            "x": 1.5,
            "flag": True,
            "day": "2024-01-05",
            "at": "2024-01-05T10:00:00",
            "city": "Łódź",
            "zip": "00501",
            "gone": None,
        }
    ]
