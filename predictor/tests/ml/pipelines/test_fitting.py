from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from predictor.ml.features.feature_spec import LINEAR, NATIVE_BOOSTING, ONE_HOT_TREES
from predictor.ml.pipelines.fitted_pipeline import TargetScaling
from predictor.ml.pipelines.fitting import Candidate, fit_member, join, prepare, quiet, sample_rows

from ..tables_for_tests import classification_table, regression_table

RIDGE = Candidate("ridge", "Ridge", "ridge", LINEAR, {"alpha": 2.0})
TREE = Candidate("tree", "Tree", "decision_tree", ONE_HOT_TREES, {"max_depth": 2})
BOOSTING = Candidate(
    "boosting",
    "Boosting",
    "hist_gradient_boosting",
    NATIVE_BOOSTING,
    {"max_iter": 60, "learning_rate": 0.2},
    is_staged=True,
)
NEURAL = Candidate("neural", "Neural", "mlp", LINEAR, {"max_iter": 9, "n_units": 8}, is_staged=True)


def test_a_fitted_member_predicts_as_the_estimator_of_scikit_learn_on_the_same_matrix():
    table = regression_table(60)

    spec, member = fit_member(RIDGE, {"alpha": 30.0}, table, seed=0)

    matrix = spec.transform(table.columns)
    expected = Ridge(alpha=30.0).fit(matrix, table.target.y)
    assert member.values(matrix) == pytest.approx(expected.predict(matrix), rel=1e-5)
    assert (member.key, member.params) == ("ridge", {"alpha": 30.0})


def test_the_final_fit_has_the_chosen_number_of_rounds():
    _, member = fit_member(BOOSTING, {"max_iter": 15}, regression_table(100), seed=0)
    assert member.estimator.n_iter_ == 15


@pytest.mark.parametrize(
    ("candidate", "stopping"),
    [
        (BOOSTING, {"early_stopping": True, "n_iter_no_change": 1, "tol": 10.0}),
        (NEURAL, {"early_stopping": True, "n_iter_no_change": 1, "tol": 10.0}),
        (NEURAL, {"n_iter_no_change": 1, "tol": 10.0}),
    ],
)
def test_the_final_fit_runs_all_its_rounds_whatever_the_search_stopped_at(candidate, stopping):
    candidate = replace(candidate, settings=stopping)
    _, member = fit_member(candidate, {"max_iter": 7}, regression_table(60), seed=0)
    assert member.estimator.n_iter_ == 7
    assert member.estimator.early_stopping is False


def test_boosting_is_told_which_columns_hold_category_codes():
    prepared = prepare(BOOSTING, regression_table(60), seed=0)
    assert prepared.build({}).categorical_features == [False, False, True]  # age, income, city


def test_the_stage_overrides_the_params_and_settings_go_to_scikit_learn():
    candidate = replace(RIDGE, settings={"fit_intercept": False, "max_iter": 77})
    prepared = prepare(candidate, regression_table(40), seed=0)

    estimator = prepared.build({"alpha": 5.0})

    assert (estimator.alpha, estimator.fit_intercept, estimator.max_iter) == (5.0, False, 77)
    assert prepared.build({}).alpha == 2.0
    member = prepared.member(estimator, {"alpha": 5.0}, weight=0.3)
    assert member.params == {"alpha": 5.0, "fit_intercept": False, "max_iter": 77}
    assert (member.weight, member.columns) == (0.3, tuple(range(prepared.matrix.shape[1])))


def test_estimators_of_one_seed_are_equal():
    forest = Candidate("f", "F", "random_forest", ONE_HOT_TREES, {"n_estimators": 2})
    table = regression_table(50)
    first, second, other = (
        fit_member(forest, {}, table, seed=seed)[1].values(prepare(forest, table, seed=0).matrix)
        for seed in (0, 0, 1)
    )
    assert first.tolist() == second.tolist() != other.tolist()


def test_the_target_is_scaled_where_the_estimator_needs_it_and_logarithmic_where_the_candidate_says_so():
    table = regression_table(50)
    table = replace(table, target=replace(table.target, y=np.exp(table.target.y)))
    logs = np.log1p(table.target.y)

    plain, logged = (prepare(each, table, seed=0) for each in (TREE, replace(TREE, is_log=True)))
    network = prepare(replace(NEURAL, is_log=True), table, seed=0)

    assert plain.target.tolist() == table.target.y.tolist()
    assert logged.target == pytest.approx(logs)
    assert network.target == pytest.approx((logs - logs.mean()) / logs.std())
    assert network.scaling == TargetScaling(True, pytest.approx(logs.mean()), pytest.approx(logs.std()))


def test_the_target_of_a_classification_is_its_class_codes():
    table = classification_table(50, n_classes=3)
    candidate = Candidate("n", "N", "mlp", LINEAR)
    prepared = prepare(candidate, table, seed=0)
    assert prepared.target is table.target.y
    assert prepared.scaling.is_identity


def test_an_estimator_with_a_limit_of_rows_is_fitted_on_a_sample(monkeypatch):
    table = regression_table(80)
    info = replace(RIDGE.info, max_rows=30)
    monkeypatch.setattr(Candidate, "info", property(lambda self: info))

    prepared = prepare(RIDGE, table, seed=5)

    assert len(prepared.table) == len(prepared.matrix) == len(prepared.target) == 30
    assert prepared.table.target.y.tolist() == sample_rows(table, 30, 5).target.y.tolist()


def test_a_sample_has_different_rows_in_file_order():
    table = regression_table(100)
    table = replace(table, target=replace(table.target, y=np.arange(100.0)))

    sample = sample_rows(table, 40, seed=0)

    assert len(sample) == 40
    assert (np.diff(sample.target.y) > 0).all()
    assert sample_rows(table, 40, seed=0).target.y.tolist() == sample.target.y.tolist()
    assert sample_rows(table, 40, seed=1).target.y.tolist() != sample.target.y.tolist()


@pytest.mark.parametrize("max_rows", [None, 100, 101])
def test_a_table_within_the_limit_is_not_sampled(max_rows):
    table = regression_table(100)
    assert sample_rows(table, max_rows, seed=0) is table


def test_joined_members_predict_the_weighted_mean_of_their_own_pipelines():
    table = regression_table(60)
    parts = [
        fit_member(RIDGE, {}, table, seed=0, weight=0.25),
        fit_member(TREE, {}, table, seed=0, weight=0.75),
    ]

    pipeline = join(parts, table)

    alone = [member.values(spec.transform(table.columns)) for spec, member in parts]
    expected = 0.25 * alone[0] + 0.75 * alone[1]
    assert pipeline.predict(table.columns).values == pytest.approx(expected)
    assert (pipeline.task, pipeline.n_classes) == (table.task, 0)


def test_warnings_are_ignored_while_fitting_only():
    with warnings.catch_warnings(record=True, action="always") as seen:
        with quiet():
            warnings.warn("did not converge", stacklevel=1)
        warnings.warn("later", stacklevel=1)
    assert [str(each.message) for each in seen] == ["later"]
