from __future__ import annotations

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from threadpoolctl import threadpool_limits

from predictor.ml.onnx_export.graph_builder import CannotExport, Graph
from predictor.ml.onnx_export.hist_gradient_boosting import emit_hist_boosting

from .graphs import emitted, float32_rows


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """OpenMP threads would wait for each other on a busy machine."""
    with threadpool_limits(1):
        yield


SMALL = {
    "max_iter": 4,
    "min_samples_leaf": 2,
    "learning_rate": 0.5,
    "early_stopping": False,
    "random_state": 0,
}
# TreeEnsemble adds up float32.
LIMIT = 5e-6
ROWS = float32_rows(120, 3)
NUMBERS = ROWS @ [1.0, -2.0, 0.5]


def categories(n_levels, n_rows=240, *, gaps=0.0, seed=0):
    """Codes of a category, with missing ones, and a number; and targets that jump from code to code."""
    draw = np.random.default_rng(seed)
    codes = draw.integers(0, n_levels, n_rows).astype(np.float64)
    effects = draw.permutation(n_levels).astype(np.float64)
    number = draw.normal(size=n_rows).astype(np.float32)
    y = effects[codes.astype(int)] + number
    is_missing = draw.random(n_rows) < gaps
    y[is_missing] = n_levels / 3
    codes[is_missing] = np.nan
    return codes, number, y


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "quantile", "poisson", "gamma"])
def test_every_loss_gives_the_values_of_scikit_learn(loss):
    quantile = {"quantile": 0.9} if loss == "quantile" else {}
    model = HistGradientBoostingRegressor(loss=loss, **quantile, **SMALL).fit(ROWS, np.exp(NUMBERS / 3))
    assert emitted(emit_hist_boosting, model, ROWS) == pytest.approx(
        model.predict(ROWS), rel=LIMIT, abs=LIMIT
    )


@pytest.mark.parametrize("n_classes", [2, 3])
def test_classes_have_the_probabilities_of_scikit_learn(n_classes):
    y = np.argsort(np.argsort(NUMBERS)) * n_classes // 120
    model = HistGradientBoostingClassifier(**SMALL).fit(ROWS, y)
    probabilities = emitted(emit_hist_boosting, model, ROWS, n_classes)
    assert probabilities == pytest.approx(model.predict_proba(ROWS), abs=LIMIT)


def test_an_unknown_loss_is_refused_by_name():
    model = HistGradientBoostingRegressor(**SMALL).fit(ROWS, NUMBERS)
    model.loss = "mystery"
    with pytest.raises(CannotExport) as caught:
        emit_hist_boosting(Graph(3), model, "X")
    assert str(caught.value) == "HistGradientBoosting with loss mystery has no exported form."


@pytest.mark.parametrize("n_levels", [2, 31, 33, 70])
@pytest.mark.parametrize("gaps", [0.0, 0.2])
def test_sets_of_categories_go_left_as_in_scikit_learn(n_levels, gaps):
    """Sets of categories are stored as bits, 32 in a word."""
    codes, number, y = categories(n_levels, 100 + 12 * n_levels, gaps=gaps)
    matrix = np.column_stack([number, codes])
    model = HistGradientBoostingRegressor(categorical_features=[False, True], **SMALL).fit(matrix, y)
    assert any(predictor.nodes["is_categorical"].any() for (predictor,) in model._predictors)

    every = np.column_stack([np.zeros(n_levels + 1), [*range(n_levels), np.nan]])

    for rows in (matrix, every):
        values = emitted(emit_hist_boosting, model, rows)
        assert values == pytest.approx(model.predict(rows), rel=LIMIT, abs=LIMIT * n_levels)


def test_categories_between_numbers_are_read_from_their_own_columns():
    """scikit-learn moves categories to the front and numbers them anew: codes here are 5, 9 and 40."""
    first, number, y = categories(3)
    second = categories(4, seed=1)[0]
    first, y = np.array([9.0, 40.0, 5.0])[first.astype(int)], y + second
    matrix = np.column_stack([number, first, number[::-1], second])
    model = HistGradientBoostingRegressor(categorical_features=[1, 3], **SMALL).fit(matrix, y)
    assert emitted(emit_hist_boosting, model, matrix) == pytest.approx(model.predict(matrix), abs=LIMIT * 10)


def test_a_split_that_only_missing_values_pass():
    codes = np.r_[np.zeros(30), np.full(30, np.nan)].reshape(-1, 1)
    model = HistGradientBoostingRegressor(categorical_features=[0], **SMALL).fit(
        codes, np.isnan(codes[:, 0]) * 8.0
    )
    values = emitted(emit_hist_boosting, model, codes)
    assert values == pytest.approx(model.predict(codes), abs=LIMIT)
    assert values[-1] > values[0] + 4


def test_missing_numbers_go_where_they_went_in_training():
    rows = ROWS.copy()
    rows[::3, 1] = np.nan
    for sign in (1, -1):
        y = np.where(np.isnan(rows[:, 1]), 5.0 * sign, rows[:, 1])
        model = HistGradientBoostingRegressor(**SMALL).fit(rows, y)
        assert emitted(emit_hist_boosting, model, rows) == pytest.approx(model.predict(rows), abs=LIMIT)
