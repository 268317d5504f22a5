"""Permutation importance of functions whose importances are known."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from predictor.ml.explanation import permutation_importance as module
from predictor.ml.explanation.permutation_importance import (
    MAX_ROWS,
    Importance,
    permutation_importance,
    predicted,
)
from predictor.ml.features.feature_spec import LINEAR
from predictor.ml.pipelines.fitted_pipeline import Outputs
from predictor.ml.pipelines.fitting import Candidate, fit_member, join
from predictor.ml.types.schema import Role, Task
from predictor.ml.validation.target import make_target
from predictor.ml.validation.training_table import TrainingTable

from ..tables_for_tests import regression_table


def fitted(table):
    return join([fit_member(Candidate("ridge", "ridge", "ridge", LINEAR), {}, table, seed=0)], table)


def pipeline(answer, *sources):
    return SimpleNamespace(spec=SimpleNamespace(sources=sources), predict=answer)


def numbers(n_rows, *names):
    draw = np.random.default_rng(1)
    return {name: draw.normal(size=n_rows) for name in names}


def table_of(columns, values, task=Task.REGRESSION):
    return TrainingTable(columns, dict.fromkeys(columns, Role.NUMERIC), make_target("y", task, values))


def test_permutation_importance_ranks_the_original_columns():
    table = regression_table(300)
    columns = {**table.columns, "noise": np.random.default_rng(9).normal(size=300)}
    table = replace(table, columns=columns, roles={**table.roles, "noise": table.roles["age"]})
    found, n_rows = permutation_importance(fitted(table), table, seed=0)
    assert n_rows == 300
    assert {each.column for each in found} == {"age", "income", "city", "noise"}
    assert found[0].column == "age"
    assert abs(found[-1].mean) < 0.05
    assert all(each.spread >= 0 for each in found)


def test_importance_is_left_out_when_there_is_no_time():
    table = regression_table(300)
    assert permutation_importance(fitted(table), table, seed=0, max_seconds=1e-9) == ([], 0)


def test_the_importance_of_a_term_is_the_rmse_between_it_and_its_shuffled_values():
    # Two independent draws of a number with variance 1 differ by the square root of 2 in the root mean square.
    columns = numbers(2000, "small", "unread", "large")
    before = {name: values.copy() for name, values in columns.items()}
    table = table_of(columns, columns["small"] + 3 * columns["large"])
    made = pipeline(lambda given: Outputs(values=given["small"] + 3 * given["large"]), *columns)

    importances, n_rows = permutation_importance(made, table, seed=0, max_seconds=1e6)

    assert n_rows == MAX_ROWS
    assert [each.column for each in importances] == ["large", "small", "unread"]
    assert [each.mean for each in importances] == pytest.approx([3 * 2**0.5, 2**0.5, 0], rel=0.1, abs=0)
    assert importances[2] == Importance("unread", 0.0, 0.0)
    for name, values in before.items():
        np.testing.assert_array_equal(columns[name], values)


def test_a_column_that_the_pipeline_does_not_read_has_no_importance():
    columns = numbers(60, "read", "unread")
    made = pipeline(lambda given: Outputs(values=given["read"]), "read")

    importances, _ = permutation_importance(made, table_of(columns, columns["read"]), seed=0, max_seconds=1e6)

    assert [each.column for each in importances] == ["read"]


def test_the_importance_for_classes_is_the_rise_of_the_log_loss():
    # The column says the class, with 0.8: each shuffled row that says another one costs ln 0.8 - ln 0.2 = ln 4.
    # Of 50 and 50 rows, half are expected to.
    codes = np.arange(100.0) % 2
    made = pipeline(
        lambda given: Outputs(probabilities=np.where(given["x"][:, None] == [0, 1], 0.8, 0.2)), "x"
    )

    (importance,), _ = permutation_importance(
        made, table_of({"x": codes}, codes, Task.BINARY), seed=0, max_seconds=1e6
    )

    assert importance.mean == pytest.approx(np.log(4) / 2, rel=0.15)
    assert importance.to_json() == {"column": "x", "mean": importance.mean, "spread": importance.spread}
    # Wrong rows are whole numbers, so five repeats give a multiple of ln 4 / 500.
    n_wrong = importance.mean * 500 / np.log(4)
    assert n_wrong == pytest.approx(round(n_wrong), abs=1e-6)


def test_copies_predicted_in_one_call_score_as_copies_predicted_alone(monkeypatch):
    columns = numbers(80, "a", "b")
    table = table_of(columns, columns["a"])
    calls = []

    def answer(given):
        calls.append(len(given["a"]))
        return Outputs(values=given["a"] + 0.3 * given["b"])

    together = permutation_importance(pipeline(answer, "a", "b"), table, seed=3, max_seconds=1e6)
    assert calls == [80, 80, 800]
    monkeypatch.setattr(module, "BATCH_ROWS", 1)
    alone = permutation_importance(pipeline(answer, "a", "b"), table, seed=3, max_seconds=1e6)

    assert calls[3:] == [80, 80] + 10 * [80]
    assert alone == together


@pytest.mark.parametrize(
    ("max_seconds", "n_rows", "n_repeats"),
    [(10.1, 100, 5), (9.9, 100, 3), (5.9, 100, 2), (3.1, 77, 2), (2.1, 52, 2), (1.9, 0, 0)],
)
def test_repeats_and_then_rows_are_cut_to_what_fits_into_the_time(
    max_seconds, n_rows, n_repeats, monkeypatch
):
    # 100 rows take one second: a hundredth of a second for each row and shuffled column, of which there are two.
    times = iter([5.0, 6.0])
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: next(times)))
    columns, calls = numbers(100, "a", "b"), []

    def answer(given):
        calls.append(len(given["a"]))
        return Outputs(values=given["a"])

    importances, n_used = permutation_importance(
        pipeline(answer, "a", "b"), table_of(columns, columns["a"]), seed=0, max_seconds=max_seconds
    )

    assert n_used == n_rows
    assert len(importances) == (2 if n_rows else 0)
    assert sum(calls[2:]) == n_rows * n_repeats * 2


def test_predictions_are_probabilities_where_there_are_some():
    table = table_of({"x": np.zeros(2)}, np.zeros(2))
    shares = np.array([[0.25, 0.75], [1.0, 0.0]])

    assert (
        predicted(pipeline(lambda _: Outputs(probabilities=shares), "x"), table).tolist() == shares.tolist()
    )
    assert predicted(pipeline(lambda _: Outputs(values=np.arange(2.0)), "x"), table).tolist() == [0.0, 1.0]
