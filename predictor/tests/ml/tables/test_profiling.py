from __future__ import annotations

import json
from typing import Any

import pytest

from predictor.ml.types.schema import Role, TableSchema

from .imported_tables import TABLE, Read


def test_a_profile_holds_ranges_levels_and_missing_counts(read: Read) -> None:
    schema = read(TABLE).schema
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
def test_the_role_of_a_column_is_inferred(read: Read, name: str, cells: list[Any], role: Role) -> None:
    rows = "".join(f"{cell},{number % 7}\n" for number, cell in enumerate(cells))
    assert read(f"{name},other\n" + rows).schema[name].role is role


def test_a_schema_round_trips_as_json(read: Read) -> None:
    schema = read(TABLE).schema

    assert TableSchema.from_json(json.loads(json.dumps(schema.to_json()))) == schema


def test_it_warns_of_very_many_categories(read: Read) -> None:
    imported = read("v,w\n" + "".join(f"word{number % 5_000},{number % 3}\n" for number in range(10_000)))
    assert "5,000 distinct words" in imported.warnings
    assert imported.roles["v"] is Role.CATEGORICAL
