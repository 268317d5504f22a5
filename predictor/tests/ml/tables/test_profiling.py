from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from predictor.ml.tables.profiling import profile
from predictor.ml.types.schema import Bin, ColumnProfile, Role, TableSchema

from ..imported_tables import TABLE, Read, parquet_of


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


def column_of(read: Read, cells: list[Any], name: str = "v") -> ColumnProfile:
    rows = "".join(f"{cell},{place % 2}\n" for place, cell in enumerate(cells))
    return read(f"{name},other\n{rows}").schema[name]


NUMBERS = st.lists(
    st.one_of(st.none(), st.floats(-1e12, 1e12), st.integers(-50, 50).map(float)), min_size=2, max_size=30
)


@given(numbers=NUMBERS)
@settings(max_examples=12, deadline=None)
def test_statistics_of_a_column_are_those_of_numpy(numbers: list[float | None]) -> None:
    with parquet_of(a=("DOUBLE", numbers)) as parquet:
        column = profile(parquet, ["a"], n_threads=1)["a"]

    known = np.array([each for each in numbers if each is not None])
    assert (column.n_missing, column.n_distinct) == (len(numbers) - len(known), len(np.unique(known)))
    if not len(known):
        assert (column.minimum, column.maximum, column.mean, column.median) == (None,) * 4
        return
    assert (column.minimum, column.maximum) == (known.min(), known.max())
    assert column.mean == pytest.approx(known.mean(), rel=1e-9, abs=1e-9)
    assert column.median == pytest.approx(np.median(known), rel=1e-9, abs=1e-9)
    if known.min() < known.max():
        counts, edges = np.histogram(known, bins=20)
        assert [each.count for each in column.histogram] == counts.tolist()
        assert [each.low for each in column.histogram] == pytest.approx(edges[:-1].tolist())


def test_whole_numbers_of_a_small_range_have_a_bar_each(read: Read) -> None:
    column = column_of(read, [3, 1, 3, 3, ""])

    assert column.histogram == (Bin(0.5, 1.5, 1), Bin(1.5, 2.5, 0), Bin(2.5, 3.5, 3))


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["2.5", "2.5"], Bin(2.5, 2.5, 2)),
        # The range is too large for a float64.
        (["1e308", "-1e308", "0.5"], Bin(-1e308, 1e308, 3)),
    ],
)
def test_a_range_without_a_width_has_one_bar(read: Read, cells: list[str], expected: Bin) -> None:
    assert column_of(read, cells).histogram == (expected,)


def test_the_mean_and_the_median_of_huge_numbers_are_finite(read: Read) -> None:
    column = column_of(read, ["1.7e308", "1.5e308", "1.6e308", "1.6e308"])

    assert column.mean == pytest.approx(1.6e308)
    assert column.median == pytest.approx(1.6e308)
    assert column.maximum == 1.7e308


def test_the_ends_and_the_median_of_times_are_iso_8601(read: Read) -> None:
    moments = column_of(read, ["2024-01-01 10:00", "2024-01-03 10:00", "1969-12-31 23:59:59.5"])
    days = column_of(read, ["2024-01-01", "2024-01-02", "1969-12-31", ""])

    assert (moments.minimum, moments.maximum) == ("1969-12-31T23:59:59.5", "2024-01-03T10:00:00")
    assert moments.median == "2024-01-01T10:00:00"
    assert (days.minimum, days.median, days.maximum, days.mean) == (
        "1969-12-31", "2024-01-01", "2024-01-02", None,
    )  # fmt: skip


def test_many_numbers_have_no_levels_but_many_texts_have(read: Read) -> None:
    assert column_of(read, list(range(101))).levels == ()
    assert len(column_of(read, list(range(100))).levels) == 100
    assert len(column_of(read, [f"w{number}" for number in range(101)]).levels) == 101


@pytest.mark.parametrize(
    "name",
    [
        "id",
        "ID",
        "customer id",
        "user_ID",
        "row.no",
        "a-key",
        "uuid",
        "orderId",
        "rowUuid",
        "Unnamed: 0",
        "编号",
    ],
)
def test_unique_integers_with_the_name_of_an_identifier_are_one(read: Read, name: str) -> None:
    column = column_of(read, [number * 3 for number in range(20)], name)

    assert column.role is Role.IDENTIFIER
    assert "looks like an identifier" in column.warnings[0]


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("paid", range(20)),
        ("idea", range(20)),
        ("id", range(19)),
        ("id", [*range(19), 0]),
        ("id", [*range(19), ""]),
        ("id", [number + 0.5 for number in range(20)]),
    ],
)
def test_other_numbers_are_no_identifiers(read: Read, name: str, cells: Any) -> None:
    assert column_of(read, list(cells), name).role is Role.NUMERIC


@pytest.mark.parametrize(
    ("cells", "warning"),
    [
        ([7, 7, 7], "Every row holds the same value; it tells a model nothing."),
        ([1, "", ""], "2 of 3 cells are missing."),
        (range(5, 25), "The numbers run from row to row without a gap"),
        (["=A1", "x", "y"], "1 cell looks like a spreadsheet formula"),
    ],
)
def test_a_column_of_little_use_gives_a_warning(read: Read, cells: Any, warning: str) -> None:
    [only] = column_of(read, list(cells)).warnings

    assert only.startswith(warning)


@pytest.mark.parametrize(
    "cells", [range(19), [1, 2, ""], [*range(19), 20], ["", "x", "y", ""], ["-5 %", "-", "+", "a=b"]]
)
def test_a_usual_column_gives_no_warning(read: Read, cells: Any) -> None:
    assert column_of(read, list(cells)).warnings == ()


CODES = "Whole numbers that may be codes"


@pytest.mark.parametrize(
    ("name", "cells", "is_told"),
    [
        ("zip", range(10115, 10215, 4), True),
        ("Phone Number", [*range(10115, 10215, 4), 10115], True),
        ("area_code", range(10115, 10215, 4), True),
        ("customer_id", [1, 1, *range(3, 25)], True),
        ("card", range(4 * 10**15, 4 * 10**15 + 50, 2), True),
        # Milliseconds since 1970, amounts of several lengths, negative numbers, words that only contain such a name.
        ("at", range(1_700_000_000_000, 1_700_000_000_050, 2), False),
        ("amount", range(10**11 - 30, 10**11 + 30, 2), False),
        ("zip", range(-30, 30, 2), False),
        ("account_balance", range(10115, 10215, 4), False),
        ("encode", range(10115, 10215, 4), False),
        # Too few rows to say anything.
        ("zip", [10115, 10117], False),
    ],
)
def test_whole_numbers_that_may_be_codes_are_told_and_stay_numbers(
    read: Read, name: str, cells: Any, is_told: bool
) -> None:
    column = read(f"{name},x\n" + "".join(f"{cell},{n}\n" for n, cell in enumerate(cells))).schema[name]

    assert column.role is Role.NUMERIC
    assert any(each.startswith(CODES) for each in column.warnings) is is_told
