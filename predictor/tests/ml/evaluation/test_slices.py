from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from predictor.ml.evaluation.slices import worst_slices
from predictor.ml.types.schema import Role

from ..tables_for_tests import classification_table, regression_table


def wrong_where(table, rows, seed=0):
    """Predictions that are good except in these rows."""
    rng = np.random.default_rng(seed + 1000)
    y = table.target.y
    if not table.task.is_classification:
        return y + rng.normal(0, np.where(rows, 3.0, 0.5))
    p = np.where(rows, 0.55, 0.9)
    predicted = np.where(rng.random(len(y)) < p, y, 1 - y)
    positive = np.where(predicted == 1, p, 1 - p)
    return np.column_stack([1 - positive, positive])


@pytest.mark.parametrize("make", [classification_table, regression_table])
def test_a_planted_level_is_found_and_named(make):
    table = make(1000)
    slices, n_tested = worst_slices(table, wrong_where(table, table.columns["city"] == "south"))
    assert n_tested > 10
    assert slices[0].words == "“city” is “south”"
    assert slices[0].where == {"equals": "south"}
    assert slices[0].n_rows == (table.columns["city"] == "south").sum()
    assert slices[0].difference > 0
    assert slices[0].p_value < 1e-6


def test_a_planted_range_and_missing_values_are_found():
    table = regression_table(2000)
    age = table.columns["age"]
    slices, _ = worst_slices(table, wrong_where(table, np.isnan(age)))
    assert slices[0].words == "“age” is missing"
    assert slices[0].where == {"is_missing": True}
    income = table.columns["income"]
    slices, _ = worst_slices(table, wrong_where(table, income > np.quantile(income, 0.8)))
    assert slices[0].words.startswith("“income” is ")
    assert slices[0].words.endswith(" or more")
    assert slices[0].n_rows == pytest.approx(400, abs=20)
    # The rows of the condition are those of the slice.
    assert set(slices[0].where) == {"minimum"}
    assert (income >= float(slices[0].where["minimum"])).sum() == slices[0].n_rows


def test_a_number_with_few_values_is_sliced_by_value():
    table = regression_table(1000)
    rooms = np.random.default_rng(1).choice([1.0, 2.0, 3.0, 4.0], 1000, p=[0.4, 0.3, 0.2, 0.1])
    columns, roles = {**table.columns, "rooms": rooms}, {**table.roles, "rooms": Role.NUMERIC}
    table = replace(table, columns=columns, roles=roles)
    for value in (1.0, 3.0, 4.0):
        slices, _ = worst_slices(table, wrong_where(table, rooms == value))
        assert slices[0].words == f"“rooms” is {value:.0f}"
        assert slices[0].where == {"minimum": f"{value:.0f}", "maximum": f"{value:.0f}"}


def test_dates_are_named_as_days():
    table = regression_table(1000)
    day = np.datetime64("2024-01-01", "us") + np.arange(1000) * np.timedelta64(86_400_000_000, "us")
    table = replace(table, columns={**table.columns, "day": day}, roles={**table.roles, "day": Role.DATETIME})
    slices, _ = worst_slices(table, wrong_where(table, np.arange(1000) >= 800))
    assert slices[0].words == "“day” is 2026-03-10 or more"


@pytest.mark.parametrize("make", [classification_table, regression_table])
def test_hardly_any_slice_is_found_where_errors_are_alike(make):
    table = make(1000)
    n_found = sum(
        len(worst_slices(table, wrong_where(table, np.zeros(1000, bool), seed))[0]) for seed in range(20)
    )
    assert n_found <= 2


def test_two_equal_columns_give_one_slice():
    table = regression_table(1000)
    table = replace(
        table,
        columns={**table.columns, "town": table.columns["city"]},
        roles={**table.roles, "town": Role.CATEGORICAL},
    )
    slices, _ = worst_slices(table, wrong_where(table, table.columns["city"] == "south"))
    assert len([each for each in slices if "south" in each.words]) == 1


def test_few_rows_give_no_slices():
    table = regression_table(60)
    assert worst_slices(table, wrong_where(table, table.columns["city"] == "south")) == ([], 0)


def test_a_slice_of_a_single_group_is_not_reported_where_groups_are_compared():
    """One shop of twenty has larger errors. That may be chance, however many rows it has."""
    table = regression_table(1000)
    shops = np.random.default_rng(2).integers(0, 20, 1000)
    names = np.char.add("shop ", shops.astype(str)).astype(object)
    table = replace(
        table,
        columns={**table.columns, "shop": names},
        roles={**table.roles, "shop": Role.CATEGORICAL},
    )
    predicted = wrong_where(table, shops == 3)
    assert worst_slices(table, predicted)[0][0].words == "“shop” is “shop 3”"
    assert [each for each in worst_slices(table, predicted, None, shops)[0] if each.column == "shop"] == []
