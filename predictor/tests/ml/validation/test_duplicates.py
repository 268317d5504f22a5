from __future__ import annotations

from dataclasses import replace

import numpy as np

from predictor.ml.types.schema import Role, Task
from predictor.ml.validation.duplicates import find_duplicates
from predictor.ml.validation.target import make_target
from predictor.ml.validation.training_table import TrainingTable

from ..tables_for_tests import classification_table, regression_table


def with_copies(table: TrainingTable, n_copies: int) -> TrainingTable:
    return table.rows(np.r_[np.arange(len(table)), np.arange(n_copies)])


def test_planted_copies_are_counted_and_numbered_alike():
    found = find_duplicates(with_copies(regression_table(300), 40))
    assert (found.n_copies, found.n_conflicting) == (40, 0)
    assert np.array_equal(found.groups[:40], found.groups[300:])
    assert len(np.unique(found.groups)) == 300
    assert "40 rows repeat an earlier row in every feature and in the target" in found.sentence


def test_the_same_features_with_another_target_are_told_apart():
    table = with_copies(classification_table(300), 10)
    y = table.target.y.copy()
    y[300:304] = 1 - y[300:304]
    found = find_duplicates(replace(table, target=replace(table.target, y=y)))
    assert (found.n_copies, found.n_conflicting) == (6, 4)
    assert "4 rows repeat an earlier row's features with another target" in found.sentence


def test_missing_values_are_equal_to_each_other():
    table = regression_table(200)
    columns = {**table.columns, "age": np.full(200, np.nan)}
    table = replace(table, columns=columns)
    assert find_duplicates(with_copies(table, 5)).n_copies == 5


def test_equal_cases_of_a_coarse_table_are_no_copies():
    rng = np.random.default_rng(0)
    columns = {name: rng.integers(0, 2, 400).astype(float) for name in "abc"}
    target = make_target("y", Task.REGRESSION, rng.normal(size=400))
    found = find_duplicates(TrainingTable(columns, dict.fromkeys("abc", Role.BOOLEAN), target))
    assert found.n_conflicting > 300
    assert found.groups is None
    assert found.sentence == ""


def test_a_table_without_repeats_has_nothing_to_tell():
    assert find_duplicates(regression_table(200)).groups is None
