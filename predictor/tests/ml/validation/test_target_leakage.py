from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from predictor.ml.types.schema import Role
from predictor.ml.types.warnings import WarningKind
from predictor.ml.validation.target_leakage import find_leaks

from ..tables_for_tests import classification_table, regression_table


def with_column(table, name, role, values):
    columns = {**table.columns, name: values}
    return replace(table, columns=columns, roles={**table.roles, name: role})


@pytest.mark.parametrize("n_classes", [2, 3])
def test_a_category_that_is_the_renamed_target_is_reported(n_classes):
    table = classification_table(300, n_classes=n_classes)
    copy = np.array([f"status {code}" for code in table.target.y], dtype=object)
    warnings = find_leaks(with_column(table, "status", Role.CATEGORICAL, copy), seed=0)
    assert [warning.column for warning in warnings] == ["status"]
    assert "Possible leak: the column “status” is “y” in other words" in warnings[0].message
    assert warnings[0].kind is WarningKind.LEAK


def test_a_number_proportional_to_the_target_is_reported():
    table = regression_table(600)
    warnings = find_leaks(with_column(table, "tax", Role.NUMERIC, table.target.y * 0.19), seed=0)
    assert [warning.column for warning in warnings] == ["tax"]


@pytest.mark.parametrize("make", [classification_table, regression_table])
def test_ordinary_features_are_not_reported(make):
    assert find_leaks(make(600), seed=0) == []


def test_unique_names_are_not_reported():
    table = classification_table(300)
    names = np.array([f"person {number}" for number in range(300)], dtype=object)
    assert find_leaks(with_column(table, "name", Role.TEXT, names), seed=0) == []


def test_a_transformed_and_rounded_copy_is_called_a_copy_but_not_a_noisy_one():
    table = regression_table(400)
    bent = with_column(table, "points", Role.NUMERIC, np.round(np.exp(table.target.y), 2))
    (warning,) = find_leaks(bent, seed=0)
    assert warning.kind is WarningKind.LEAK
    assert "“points” is “y” in other words or on another scale" in warning.message
    noise = np.random.default_rng(3).normal(0, 0.5, 400)
    assert find_leaks(with_column(table, "hint", Role.NUMERIC, table.target.y + noise), seed=0) == []


def test_a_renamed_category_is_called_a_copy():
    table = classification_table(300, n_classes=3)
    names = np.array(["ab", "bc", "ca"], object)[table.target.y]
    (warning,) = find_leaks(with_column(table, "code", Role.CATEGORICAL, names), seed=0)
    assert "in other words" in warning.message


def test_a_column_that_is_present_only_for_one_class_is_reported():
    table = classification_table(400)
    filled = np.where(table.target.y == 1, np.random.default_rng(0).normal(size=400), np.nan)
    (warning,) = find_leaks(with_column(table, "closed_after", Role.NUMERIC, filled), seed=0)
    assert "“closed_after” alone predicts" in warning.message


def test_a_perfect_score_on_two_rows_is_not_reported():
    table = classification_table(60)
    y = np.zeros(60, np.intp)
    y[:4] = 1
    rare = replace(table, target=replace(table.target, y=y))
    marked = np.where(y == 1, 5.0, np.random.default_rng(0).normal(size=60))
    assert find_leaks(with_column(rare, "mark", Role.NUMERIC, marked), seed=0) == []


def test_a_warning_says_when_the_time_ends_before_all_columns_are_searched():
    (warning,) = find_leaks(regression_table(100), seed=0, max_seconds=-1.0)
    assert warning.kind is None
    assert "Only the first 0 columns" in warning.message
