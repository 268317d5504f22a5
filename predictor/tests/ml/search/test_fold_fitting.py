"""Fits on a fold: each stage predicts as a model that is fitted with the params of that stage."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPRegressor
from sklearn.tree import DecisionTreeRegressor
from threadpoolctl import threadpool_limits

from predictor.ml.explanation.permutation_importance import predicted
from predictor.ml.features.encoding import LINEAR, ORDINAL_TREES
from predictor.ml.pipelines.fitting import Candidate, fit_member, join
from predictor.ml.search import fold_fitting
from predictor.ml.search.fold_fitting import TREES_AT_ONCE, fit_fold, model_size

from ..tables_for_tests import classification_table, regression_table
from .searches import BOOSTING, NEURAL, RIDGE

FOREST = Candidate("forest", "Forest", "extra_trees", ORDINAL_TREES, {"n_estimators": 25}, is_staged=True)
# Each tree draws half of the features, so its random numbers matter, too.
SAMPLED = replace(BOOSTING, params={"max_iter": 15, "learning_rate": 0.2, "max_features": 0.5})
LOGISTIC = Candidate("logistic", "Logistic", "logistic_regression", LINEAR, path=({"C": 0.1}, {"C": 3.0}))
FIT, SCORE = np.arange(60), np.arange(60, 90)


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """As in the children of a search: OpenMP threads would wait for each other on a busy machine."""
    with threadpool_limits(1):
        yield


def fitted_again(candidate, stage, table):
    """Predictions of the final fit at this stage, for the scoring rows."""
    pipeline = join([fit_member(candidate, stage, table.rows(FIT), seed=3)], table)
    return predicted(pipeline, table.rows(SCORE))


@pytest.mark.parametrize(
    ("candidate", "table"),
    [
        (RIDGE, regression_table(90)),
        (LOGISTIC, classification_table(90)),
        (SAMPLED, regression_table(90)),
        (SAMPLED, classification_table(90, n_classes=3)),
        (FOREST, regression_table(90)),
        (FOREST, classification_table(90)),
    ],
    ids=lambda each: each.key if isinstance(each, Candidate) else each.task.value,
)
def test_a_stage_predicts_as_the_final_fit_with_its_params(candidate, table):
    result = fit_fold(candidate, table.rows(FIT), table.rows(SCORE), seed=3)

    assert len(result.predictions) == len(result.stages) == len(result.seconds)
    for stage, predictions in zip(result.stages, result.predictions, strict=True):
        assert predictions == pytest.approx(fitted_again(candidate, stage, table), rel=1e-5, abs=1e-6)
    assert not result.is_cut


@pytest.mark.parametrize("candidate", [RIDGE, BOOSTING], ids=lambda each: each.key)
def test_a_fit_on_the_logarithm_is_one_on_a_target_that_is_a_logarithm(candidate):
    """The boosting stops early at the same round, too: its loss is that of the logarithm."""
    table, noise = regression_table(90), np.random.default_rng(1).uniform(0, 5, 90)
    table, powers = (
        replace(table, target=replace(table.target, y=each)) for each in (noise, np.expm1(noise))
    )

    plain = fit_fold(candidate, table.rows(FIT), table.rows(SCORE), seed=3)
    logged = fit_fold(replace(candidate, is_log=True), powers.rows(FIT), powers.rows(SCORE), seed=3)

    assert logged.stages == plain.stages
    assert plain.stages[-1] != {"max_iter": 60}
    assert logged.predictions == pytest.approx(np.expm1(plain.predictions), rel=1e-4, abs=1e-4)


def test_a_path_has_a_stage_for_each_of_its_settings():
    table = regression_table(90)

    result = fit_fold(RIDGE, table.rows(FIT), table.rows(SCORE), seed=0)

    assert result.stages == RIDGE.path
    # The strong penalty draws all predictions towards the mean.
    spreads = result.predictions.std(axis=1)
    assert spreads[1] < 0.5 * spreads[0]


def test_a_network_is_scored_every_few_epochs():
    table = regression_table(90)

    result = fit_fold(NEURAL, table.rows(FIT), table.rows(SCORE), seed=0)

    assert [stage["max_iter"] for stage in result.stages] == [3, 6, 9]
    assert list(result.seconds) == sorted(result.seconds)
    assert not np.array_equal(result.predictions[0], result.predictions[-1])


def test_a_network_ends_when_the_scoring_rows_stop_gaining(monkeypatch):
    table = regression_table(90)
    scores = iter([5.0, 3.0, 4.0, 3.0, 3.5, 3.5, 3.5, 3.5])
    monkeypatch.setattr(fold_fitting, "selection_score", lambda *_: next(scores))
    long = replace(NEURAL, params={**NEURAL.params, "max_iter": 90})

    result = fit_fold(long, table.rows(FIT), table.rows(SCORE), seed=0)

    # Best at the second stage; five stages follow that are no better.
    assert [stage["max_iter"] for stage in result.stages] == [3, 6, 9, 12, 15, 18, 21]


def test_a_class_that_is_absent_from_the_fitting_rows_has_the_probability_0():
    table = classification_table(90, n_classes=3)
    y = np.where(table.target.y == 2, 1, table.target.y)
    y[SCORE[:2]] = 2
    table = replace(table, target=replace(table.target, y=y))

    for candidate in (BOOSTING, FOREST):
        result = fit_fold(candidate, table.rows(FIT), table.rows(SCORE), seed=0)

        assert result.predictions.shape[1:] == (30, 3)
        assert (result.predictions[:, :, 2] == 0).all()
        assert result.predictions.sum(axis=2) == pytest.approx(1)


@pytest.mark.parametrize("candidate", [RIDGE, BOOSTING, FOREST, NEURAL], ids=lambda each: each.key)
def test_a_fit_without_time_left_ends_with_its_first_stage(candidate):
    """Encoding may take all of the time. What the first step gives is scored; the search is told that it was cut."""
    table = regression_table(90)

    result = fit_fold(candidate, table.rows(FIT), table.rows(SCORE), seed=0, max_seconds=-1.0)

    assert result.is_cut
    assert len(result.stages) == 1
    assert np.isfinite(result.predictions).all()


def test_a_forest_that_is_cut_has_the_trees_that_were_grown_by_then(monkeypatch):
    table = regression_table(90)
    answers = itertools.chain([True], itertools.repeat(False))

    class Deadline:
        def __init__(self, at):
            pass

        def allows(self, seconds):
            return next(answers)

    monkeypatch.setattr(fold_fitting, "Deadline", Deadline)

    result = fit_fold(FOREST, table.rows(FIT), table.rows(SCORE), seed=3, max_seconds=5.0)

    assert result.stages == ({"n_estimators": 2 * TREES_AT_ONCE},)
    assert result.is_cut
    assert result.predictions[0] == pytest.approx(fitted_again(FOREST, result.stages[0], table), rel=1e-5)


def test_the_seconds_of_a_stage_hold_the_encoding(monkeypatch):
    table = regression_table(90)
    times = iter(np.arange(0.0, 1000.0, 10.0))
    monkeypatch.setattr(fold_fitting, "time", SimpleNamespace(monotonic=lambda: next(times)))

    result = fit_fold(replace(RIDGE, path=()), table.rows(FIT), table.rows(SCORE), seed=0)

    # Each look at the clock is 10 seconds later: encoding ends at 10, the fit goes from 20 to 30.
    assert result.seconds == (20.0,)
    assert result.fit_seconds == 40.0


X = np.random.default_rng(0).normal(size=(60, 3))
Y = X[:, 0] + X[:, 1]
CODES = np.arange(60) % 3


def test_the_size_of_trees_is_that_of_their_nodes():
    tree = DecisionTreeRegressor(max_depth=3).fit(X, Y)
    forest = RandomForestRegressor(4, random_state=0).fit(X, Y)
    boosting = GradientBoostingClassifier(n_estimators=2).fit(X, CODES)
    histograms = HistGradientBoostingClassifier(max_iter=2).fit(X, CODES)

    assert model_size(tree) == 40 * tree.tree_.node_count
    assert model_size(forest) == 40 * sum(each.tree_.node_count for each in forest.estimators_)
    assert model_size(boosting) == 40 * sum(each.tree_.node_count for each in boosting.estimators_.ravel())
    leaves = sum(tree.get_n_leaf_nodes() for trees in histograms._predictors for tree in trees)
    # A binary tree has one split less than leaves; there are two rounds of three trees.
    assert model_size(histograms) == 40 * (2 * leaves - 6)


def test_the_size_of_weights_is_four_bytes_each():
    network = MLPRegressor(hidden_layer_sizes=(5,))
    network.partial_fit(X, Y)

    assert model_size(Ridge().fit(X, Y)) == 4 * 3
    assert model_size(LogisticRegression().fit(X, CODES)) == 4 * 9
    assert model_size(network) == 4 * (3 * 5 + 5 * 1)
    assert model_size(GaussianNB().fit(X, CODES)) == 4 * 9
    assert model_size(object()) == 0


def test_prediction_time_is_that_of_a_thousand_rows():
    sizes = []
    times = iter([5.0, 5.25])

    class Estimator:
        def predict(self, rows):
            sizes.append(len(rows))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fold_fitting, "time", SimpleNamespace(monotonic=lambda: next(times)))
        milliseconds = fold_fitting._predict_ms(Estimator(), np.zeros((500, 1), np.float32))

    assert sizes == [500]
    assert milliseconds == pytest.approx(2 * 250)
    assert math.isfinite(fold_fitting._predict_ms(Estimator(), np.zeros((3000, 1), np.float32)))
    assert sizes[-1] == 1000
