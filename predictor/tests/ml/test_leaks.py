from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from predictor.ml.leaks import find_leaks
from predictor.ml.schema import Role

from .tables_for_tests import classification_table, regression_table


def with_column(table, name, role, values):
    columns = {**table.columns, name: values}
    return replace(table, columns=columns, roles={**table.roles, name: role})


@pytest.mark.parametrize("n_classes", [2, 3])
def test_a_category_that_is_the_target_in_other_words_is_named(n_classes):
    table = classification_table(300, n_classes=n_classes)
    copy = np.array([f"status {code}" for code in table.target.y], dtype=object)
    warnings = find_leaks(with_column(table, "status", Role.CATEGORICAL, copy), seed=0)
    assert [warning.column for warning in warnings] == ["status"]
    assert "Possible leak: the column “status” alone predicts “y”" in warnings[0].message


def test_a_number_that_follows_the_target_is_named():
    table = regression_table(600)
    warnings = find_leaks(with_column(table, "tax", Role.NUMERIC, table.target.y * 0.19), seed=0)
    assert [warning.column for warning in warnings] == ["tax"]


@pytest.mark.parametrize("make", [classification_table, regression_table])
def test_honest_features_are_not_accused(make):
    assert find_leaks(make(600), seed=0) == []


def test_names_that_occur_once_are_not_accused():
    table = classification_table(300)
    names = np.array([f"person {number}" for number in range(300)], dtype=object)
    assert find_leaks(with_column(table, "name", Role.TEXT, names), seed=0) == []
