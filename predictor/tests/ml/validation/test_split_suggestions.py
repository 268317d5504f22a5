from __future__ import annotations

import pytest

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


def test_dates_years_and_groups_are_offered_but_not_measured_numbers():
    found = [each.text for each in offered(table(AGE, CITY, YEAR, KEY, DAY, CUSTOMER), "y")]
    assert found == ["random", "time:day", "time:year", "group:customer_id", "group:city"]


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ((AGE, CITY), None),
        ((AGE, CUSTOMER), SplitBy(SplitKind.GROUP, "customer_id")),
        ((CUSTOMER, DAY), SplitBy(SplitKind.TIME, "day")),
    ],
)
def test_a_stricter_split_is_suggested_only_for_a_date_or_an_entity(columns, expected):
    assert suggested(table(*columns), "y") == expected
    if expected is not None:
        assert f"“{expected.column}”" in advice_on(expected)


def test_the_target_is_not_offered_as_a_split_column():
    assert offered(table(DAY, CITY), "day") == [SplitBy(), SplitBy(SplitKind.GROUP, "city")]
