from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from predictor.errors import InvalidInput
from predictor.ml.tables import column_statistics, stored_tables
from predictor.ml.tables.ingest import ingest_csv
from predictor.ml.tables.ingest_request import ImportLimits, ImportOptions
from predictor.ml.types.schema import ColumnProfile, Role, TableSchema, canonical_text

CSV = """n,x,flag,day,at,city,zip,gone
1,1.5,true,2024-01-05,2024-01-05T10:00:00Z,Łódź,00501,
2,,false,,2024-01-05T10:00:00.25Z,,10115,
,2.0,,2024-02-29,,北京,,
"""


@pytest.fixture
def table(tmp_path: Path) -> tuple[Path, TableSchema]:
    return imported(tmp_path, CSV)


def imported(folder: Path, text: str) -> tuple[Path, TableSchema]:
    source, parquet = folder / "source.csv", folder / "table.parquet"
    source.write_text(text)
    report = ingest_csv(source, parquet, ImportOptions(), ImportLimits(n_threads=1), scratch=folder)
    return parquet, report.schema


def with_roles(schema: TableSchema, **roles: Role) -> TableSchema:
    columns = [
        ColumnProfile.from_json({**column.to_json(), "role": roles.get(column.name, column.role)})
        for column in schema.columns
    ]
    return TableSchema(tuple(columns), schema.n_rows)


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


def test_text_becomes_numbers_where_the_role_asks_for_it(tmp_path: Path) -> None:
    parquet, schema = imported(tmp_path, 'v,t\n"$1,234",2024-01-05\n45 %,x\nabc,2024-02-01\n7,\n')
    columns = stored_tables.read_columns(parquet, with_roles(schema, v=Role.NUMERIC, t=Role.DATETIME))
    assert values(columns["v"]) == [1234.0, 45.0, None, 7.0]
    assert np.isnat(columns["t"]).tolist() == [False, True, False, True]


def test_numbers_become_booleans_where_the_role_asks_for_it(tmp_path: Path) -> None:
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


def test_a_table_of_very_many_columns_is_read_in_parts(tmp_path: Path) -> None:
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


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("$1,234.50", 1234.5),
        ("45 %", 45.0),
        ("-1e3", -1000.0),
        (" 7 ", 7.0),
        ("1'000'000", 1e6),
        ("1,23", None),
        ("abc", None),
        ("", None),
        ("1e400", None),
        ("inf", None),
        ("٣", None),
        ("1_000", None),
    ],
)
def test_a_number_is_read_as_a_person_meant_it(text: str, number: float | None) -> None:
    assert stored_tables.parse_number(text) == number


# --- Profiles -----------------------------------------------------------------------------------------------


def test_a_profile_tells_ranges_levels_and_what_is_missing(table: tuple[Path, TableSchema]) -> None:
    schema = table[1]
    x, day, city = schema["x"], schema["day"], schema["city"]
    assert (x.n_missing, x.n_distinct, x.minimum, x.maximum, x.mean, x.median) == (1, 2, 1.5, 2.0, 1.75, 1.75)
    assert (day.minimum, day.maximum, day.role) == ("2024-01-05", "2024-02-29", Role.DATETIME)
    assert {level.value: level.count for level in city.levels} == {"Łódź": 1, "北京": 1}
    assert sum(each.count for each in x.histogram) == 2
    assert sum(each.count for each in day.histogram) == 2


@pytest.mark.parametrize(
    ("name", "cells", "role"),
    [
        ("customer_id", list(range(100, 140)), Role.IDENTIFIER),
        ("customerId", list(range(100, 140)), Role.IDENTIFIER),
        ("x", list(range(40)), Role.NUMERIC),
        ("code", [f"A{number}" for number in range(40)], Role.IDENTIFIER),
        ("note", [f"the {number} quick brown foxes" for number in range(40)], Role.TEXT),
        ("name", [f"Mr Person {number}" for number in range(40)], Role.TEXT),
        ("city", ["Rome", "Paris"] * 20, Role.CATEGORICAL),
        ("answer", ["yes it is so", "no it is not"] * 20, Role.CATEGORICAL),
        ("same", [5] * 40, Role.CONSTANT),
        ("sometimes", ["x", ""] * 20, Role.CATEGORICAL),
        ("nothing", [""] * 40, Role.CONSTANT),
        ("flag", ["true", "false"] * 20, Role.BOOLEAN),
        ("bit", [0, 1] * 20, Role.NUMERIC),
    ],
)
def test_the_role_of_a_column_is_found(tmp_path: Path, name: str, cells: list[Any], role: Role) -> None:
    rows = "".join(f"{cell},{number % 7}\n" for number, cell in enumerate(cells))
    assert imported(tmp_path, f"{name},other\n" + rows)[1][name].role is role


def test_levels_are_in_canonical_text_most_frequent_first(tmp_path: Path) -> None:
    _, schema = imported(tmp_path, "a,b,c\n2.0,x,1\n2.5,y,0\n2.0,x,1\n")
    assert [(level.value, level.count) for level in schema["a"].levels] == [("2", 2), ("2.5", 1)]
    assert [level.value for level in schema["c"].levels] == ["1", "0"]


def test_a_large_table_is_profiled_from_a_sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(column_statistics, "MAX_EXACT_ROWS", 100)
    monkeypatch.setattr(column_statistics, "MAX_SAMPLED_CELLS", 1)
    rows = "".join(f"{number},w{number % 5},2024-01-{number % 28 + 1:02d}\n" for number in range(5_000))
    _, schema = imported(tmp_path, "a,b,c\n" + rows)
    a, b = schema["a"], schema["b"]
    assert (a.minimum, a.maximum, a.n_missing, b.n_distinct) == (0.0, 4999.0, 0, 5)
    assert a.n_distinct == pytest.approx(5_000, rel=0.1)
    assert a.median == pytest.approx(2_500, rel=0.05)
    assert sum(each.count for each in a.histogram) == pytest.approx(5_000, rel=0.05)
    assert sum(level.count for level in b.levels) == 5_000


def test_a_schema_round_trips_as_json(table: tuple[Path, TableSchema]) -> None:
    assert TableSchema.from_json(table[1].to_json()) == table[1]
