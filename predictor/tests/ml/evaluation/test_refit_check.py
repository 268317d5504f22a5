"""Whether a refit is in line with the models of the folds."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.metrics import mean_squared_error

from predictor.ml.evaluation.refit_check import (
    FoldLosses,
    held_out_loss,
    loss_on,
    n_usable_folds,
    training_loss,
)
from predictor.ml.explanation.permutation_importance import predicted
from predictor.ml.features.feature_spec import LINEAR
from predictor.ml.pipelines.fitting import Candidate, fit_member, join
from predictor.ml.types.schema import Task

from ..tables_for_tests import regression_table


@pytest.mark.parametrize("n_rows", [30, 300])
def test_a_loss_is_out_of_line_when_neither_chance_nor_a_usual_difference_explains_it(n_rows):
    # Squared errors with a mean of 1 and a standard deviation of 1.
    of_folds = FoldLosses(Task.REGRESSION, np.tile([0.0, 2.0], 200))
    limit = 1.5 + 4 * math.sqrt(1 / n_rows + 1 / 400)
    assert not of_folds.is_far_exceeded(limit - 0.01, n_rows)
    assert of_folds.is_far_exceeded(limit + 0.01, n_rows)
    assert of_folds.is_far_exceeded(math.nan, n_rows)
    assert of_folds.is_far_exceeded(math.inf, n_rows)


def test_losses_near_zero_may_differ_by_a_little_of_what_there_is_to_explain():
    y = np.tile([-10.0, 10.0], 50)
    exact = FoldLosses.of(Task.REGRESSION, y, y + 1e-9)
    assert not exact.is_far_exceeded(1e-12, 30)
    # A thousandth of the variance of the target, which is 100.
    assert not exact.is_far_exceeded(0.099, 30)
    assert exact.is_far_exceeded(0.101, 30)
    codes = np.tile([0, 1], 50)
    sure = FoldLosses.of(Task.BINARY, codes, np.eye(2)[codes])
    assert not sure.is_far_exceeded(0.019, 30)
    assert sure.is_far_exceeded(0.021, 30)


def test_the_loss_of_a_report_is_that_of_its_selection_metric():
    assert held_out_loss(Task.BINARY, {"log_loss": 0.4, "roc_auc": 0.9}) == 0.4
    assert held_out_loss(Task.REGRESSION, {"rmse": 3.0}) == 9.0
    assert held_out_loss(Task.REGRESSION, {"rmse": None}) == math.inf


def test_the_mean_of_the_folds_is_bounded_by_members_and_bytes():
    assert n_usable_folds(5, 6, 1_000) == 5
    assert n_usable_folds(5, 25, 1_000) == 2
    assert n_usable_folds(5, 1, 60_000_000) == 3
    assert n_usable_folds(5, 1, 150_000_000) == 0


def test_a_loss_is_the_mean_over_the_rows_of_a_table():
    table = regression_table(90)
    ridge = Candidate("ridge", "Ridge", "ridge", LINEAR)
    pipeline = join([fit_member(ridge, {"alpha": 1.0}, table, seed=0)], table)
    mse = mean_squared_error(table.target.y, predicted(pipeline, table))
    assert loss_on(pipeline, table) == pytest.approx(mse)
    assert training_loss(pipeline, table) == pytest.approx(mse)
