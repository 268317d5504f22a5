from __future__ import annotations

import pytest

from predictor.errors import InvalidTrainingRequest
from predictor.ml.types.schema import ColumnProfile, Role, TableSchema
from predictor.ml.types.split import SplitBy, SplitKind
from predictor.ml.validation.split_suggestions import advice_on, offered, suggested

DAY = ColumnProfile("day", Role.DATETIME, "DATE", n_distinct=300)
CUSTOMER = ColumnProfile("customer_id", Role.NUMERIC, "BIGINT", n_distinct=120, minimum=1, maximum=120)
CITY = ColumnProfile("city", Role.CATEGORICAL, "VARCHAR", n_distinct=40)
AGE = ColumnProfile("age", Role.NUMERIC, "BIGINT", n_distinct=60, minimum=18, maximum=80)
YEAR = ColumnProfile("year", Role.NUMERIC, "BIGINT", n_distinct=6, minimum=2018, maximum=2023)
KEY = ColumnProfile("key", Role.IDENTIFIER, "VARCHAR", n_distinct=600)


def table(*columns: ColumnProfile) -> TableSchema:
    return TableSchema((*columns, ColumnProfile("y", Role.NUMERIC, "DOUBLE", n_distinct=600)), 600)


def test_dates_years_and_groups_are_offered_and_measures_are_not():
    found = [each.text for each in offered(table(AGE, CITY, YEAR, KEY, DAY, CUSTOMER), "y")]
    assert found == ["random", "time:day", "time:year", "group:customer_id", "group:city"]


@pytest.mark.parametrize(
    ("columns", "wanted"),
    [
        ((AGE, CITY), None),
        ((AGE, CUSTOMER), SplitBy(SplitKind.GROUP, "customer_id")),
        ((CUSTOMER, DAY), SplitBy(SplitKind.TIME, "day")),
    ],
)
def test_only_a_date_or_the_name_of_a_thing_calls_for_a_stricter_test(columns, wanted):
    assert suggested(table(*columns), "y") == wanted
    if wanted is not None:
        assert f"“{wanted.column}”" in advice_on(wanted)


def test_the_target_divides_nothing():
    assert offered(table(DAY, CITY), "day") == [SplitBy(), SplitBy(SplitKind.GROUP, "city")]


@pytest.mark.parametrize(
    "split", [SplitBy(), SplitBy(SplitKind.TIME, "a:b"), SplitBy(SplitKind.GROUP, "city")]
)
def test_a_split_survives_its_text_and_its_json(split):
    assert SplitBy.parse(split.text) == split
    assert SplitBy.from_json(split.to_json()) == split


@pytest.mark.parametrize(
    "data",
    [{"kind": "other"}, {"kind": "time"}, {"kind": "group", "column": 3}, {"kind": "random", "column": "x"}],
)
def test_a_split_that_makes_no_sense_is_refused(data):
    with pytest.raises(InvalidTrainingRequest):
        SplitBy.from_json(data)
