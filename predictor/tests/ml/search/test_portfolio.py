"""The portfolio of *Auto*: which candidates a table gets, and in which order."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import skew
from threadpoolctl import threadpool_limits

from predictor.ml.estimators.catalogue import CATALOGUE
from predictor.ml.search import fold_fitting, portfolio
from predictor.ml.search.local_search import nearby
from predictor.ml.search.portfolio import TableFacts
from predictor.ml.types.schema import ColumnProfile, Role, TableSchema, Task
from predictor.ml.validation.target import Target
from predictor.ml.validation.training_table import TrainingTable

from ..tables_for_tests import classification_table, regression_table

FACTS = TableFacts(Task.REGRESSION, n_rows=500, n_features=6, n_categories=2, n_texts=0, is_skewed=False)


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """As in the children of a search: OpenMP threads would wait for each other on a busy machine."""
    with threadpool_limits(1):
        yield


def everything(table):
    facts = portfolio.TableFacts.of(table)
    anchors = portfolio.anchors(facts)
    others = portfolio.second_round(facts, {})
    tried = {each.key: each for each in (*anchors, *others)}
    scores = {key: float(number) for number, key in enumerate(tried)}
    return [*tried.values(), *nearby(facts, tried, scores, 0, seed=0)]


@pytest.mark.parametrize(
    "table", [regression_table(60), classification_table(60)], ids=["regression", "binary"]
)
def test_the_portfolio_is_reproducible_with_unique_keys_and_a_reason_for_each_candidate(table):
    candidates = everything(table)
    keys = [each.key for each in candidates]
    assert len(keys) == len(set(keys))
    assert all(each.why for each in candidates)
    assert candidates == everything(table)


def test_the_second_round_uses_a_log_target_when_it_was_better_in_the_first():
    facts = portfolio.TableFacts.of(regression_table(60))
    better = {portfolio.NATIVE_KEY: 2.0, portfolio.LOGGED_KEY: 1.0}
    assert all(each.is_log for each in portfolio.second_round(facts, better))
    assert not any(each.is_log for each in portfolio.second_round(facts, {portfolio.NATIVE_KEY: 2.0}))


@pytest.mark.parametrize("make", [regression_table, classification_table])
def test_every_candidate_of_the_portfolio_can_be_fitted(make):
    table = make(60)
    for candidate in everything(table):
        short = {
            name: min(value, 3)
            for name, value in candidate.params.items()
            if name in ("max_iter", "n_estimators")
        }
        quick = replace(candidate, params={**candidate.params, **short})
        fold = fold_fitting.fit_fold(quick, table.rows(np.arange(40)), table.rows(np.arange(40, 60)), seed=0)
        assert np.isfinite(fold.predictions).all()


def numbers_table(y, task=Task.REGRESSION, roles=None):
    roles = roles or {"x": Role.NUMERIC}
    return TrainingTable(dict.fromkeys(roles, np.zeros(len(y))), roles, Target("y", task, y))


@pytest.mark.parametrize(
    ("y", "is_skewed"),
    [
        (np.random.default_rng(0).lognormal(0, 1, 500), True),
        (np.random.default_rng(0).uniform(0, 1, 500), False),
        (np.random.default_rng(0).lognormal(0, 1, 500) - 1.0, False),
        (np.random.default_rng(0).lognormal(0, 1, 500) * -1.0, False),
        (np.full(500, 3.0), False),
        (np.zeros(500), False),
    ],
    ids=["long upper tail", "none", "negative values", "lower tail", "constant", "zeros"],
)
def test_a_log_target_is_tried_when_the_target_is_skewed_and_not_negative(y, is_skewed):
    facts = TableFacts.of(numbers_table(y))

    assert facts.is_skewed is is_skewed
    assert (portfolio.LOGGED in portfolio.anchors(facts)) is is_skewed


@pytest.mark.parametrize("n_zeros", [1, 2, 3, 4, 5, 6, 8, 20])
def test_the_skewness_is_that_of_scipy(n_zeros):
    y = np.r_[np.zeros(n_zeros), 1.0]

    assert TableFacts.of(numbers_table(y)).is_skewed == (skew(y) > portfolio.MIN_SKEWNESS)


def test_the_columns_of_each_kind_are_counted():
    roles = {
        "a": Role.NUMERIC,
        "b": Role.CATEGORICAL,
        "c": Role.BOOLEAN,
        "d": Role.TEXT,
        "e": Role.DATETIME,
    }

    facts = TableFacts.of(numbers_table(np.array([0, 1, 1]), Task.BINARY, roles))

    assert facts == TableFacts(Task.BINARY, 3, 5, n_categories=2, n_texts=1, is_skewed=False)


def test_before_training_the_skewness_is_unknown_and_identifiers_are_no_features():
    roles = {"id": Role.IDENTIFIER, "a": Role.CATEGORICAL, "b": Role.CONSTANT, "y": Role.NUMERIC}
    schema = TableSchema(tuple(ColumnProfile(name, role, "DOUBLE") for name, role in roles.items()), 40)

    facts = TableFacts.before(schema, "y", Task.REGRESSION)

    assert facts == TableFacts(Task.REGRESSION, 40, 1, n_categories=1, n_texts=0, is_skewed=None)
    assert portfolio.LOGGED in portfolio.anchors(facts)
    assert TableFacts.before(schema, "y", Task.BINARY).is_skewed is False


@pytest.mark.parametrize(
    ("task", "key", "param"),
    [
        (Task.REGRESSION, "ridge", "alpha"),
        (Task.BINARY, "logistic", "C"),
        (Task.MULTICLASS, "logistic", "C"),
    ],
)
def test_the_first_anchor_is_linear_with_strengths_of_regularization_in_order(task, key, param):
    linear = portfolio.anchors(replace(FACTS, task=task))[0]

    strengths = [stage[param] for stage in linear.path]
    assert linear.key == key
    assert task in linear.info.tasks
    assert len(strengths) > 3
    assert strengths == sorted(set(strengths))


def keys_of(facts):
    return {each.key for each in portfolio.second_round(facts, {})}


def test_encodings_of_categories_are_tried_only_where_there_are_categories():
    assert {"boosting-ordered", "boosting-target", "boosting-one-hot"} <= keys_of(FACTS)

    none = keys_of(replace(FACTS, n_categories=0))

    assert keys_of(FACTS) - none == {"boosting-ordered", "boosting-target", "boosting-one-hot"}


def test_a_wide_table_is_not_encoded_one_hot():
    at_limit, beyond = (replace(FACTS, n_categories=portfolio.WIDE + more) for more in (0, 1))

    assert keys_of(at_limit) - keys_of(beyond) == {"boosting-one-hot"}
    encodings = {each.key: each.encoding.categories for each in portfolio.second_round(beyond, {})}
    assert encodings["extra-trees"] == "ordinal"
    assert encodings["random-forest"] == "ordinal"


def test_a_run_of_one_estimator_has_the_params_of_the_request():
    candidate = portfolio.single("random_forest", {"n_estimators": 7})

    assert (candidate.key, candidate.estimator) == ("random_forest", "random_forest")
    assert candidate.params == {"n_estimators": 7}
    assert candidate.encoding == CATALOGUE["random_forest"].encoding
    assert (candidate.path, candidate.is_staged, candidate.is_log) == ((), False, False)


def test_on_a_sample_of_many_rows_boostings_with_large_steps_come_first():
    from predictor.ml.types.schema import Task

    facts = portfolio.TableFacts(Task.BINARY, 1_000_000, 15, 4, 0, False)

    first = portfolio.anchors(facts, is_sampled=True)
    then = portfolio.second_round(facts, {each.key: 1.0 for each in first}, is_sampled=True)

    assert [each.key for each in first] == ["boosting-target", "boosting-native", "logistic"]
    assert {each.params["learning_rate"] for each in first[:2]} == {portfolio.QUICK_RATE}
    assert len(first[2].path) == 1
    assert {each.estimator for each in then} == {"hist_gradient_boosting"}
    assert not {each.key for each in first} & {each.key for each in then}
