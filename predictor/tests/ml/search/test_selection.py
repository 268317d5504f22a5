"""Model selection from out-of-fold predictions that are given, not fitted."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

from predictor.ml.search.selection import choice_of, choose

from ..tables_for_tests import classification_table, regression_table
from .searches import add_outcome, named, new_search


@pytest.fixture
def search(tmp_path):
    """Two candidates whose errors of ±1 cancel each other out, and a poor one."""
    searched = new_search(regression_table(60), tmp_path)
    sign = np.where(np.arange(len(searched.y)) % 2, 1.0, -1.0)
    add_outcome(searched, named("first"), searched.y + sign)
    add_outcome(searched, named("second"), searched.y - sign)
    add_outcome(searched, named("poor"), searched.y + 50.0)
    return searched


def test_a_blend_is_chosen_when_its_errors_cancel_out(search):
    choice = choose(search, max_members=8)

    assert choice.weights == pytest.approx({"first": 0.5, "second": 0.5})
    assert choice.is_blend
    assert choice.title == "Blend of 2: First, Second"
    assert choice.out_of_fold == pytest.approx(search.y, abs=1e-5)
    assert choice.cross_validation["metrics"]["rmse"] == pytest.approx(0.0, abs=1e-5)


def test_with_one_member_at_most_the_best_candidate_is_chosen(search):
    add_outcome(search, named("best"), search.y + 0.5)

    choice = choose(search, max_members=1)

    assert choice.weights == {"best": 1.0}
    assert choice.title == "Best"
    assert not choice.is_blend


def test_a_candidate_that_cannot_be_fitted_in_time_is_not_chosen(search):
    add_outcome(search, named("slow"), search.y, fold_seconds=1e6)
    assert choose(search, max_members=8).weights == pytest.approx({"first": 0.5, "second": 0.5})

    # One member can be fitted, two cannot: each takes more than half of the time that is left.
    seconds = search.clock.remaining - search.finish_seconds
    growth = search.costs.end([add_outcome(search, named("slow"), search.y, fold_seconds=1.0)])
    for key, errors in (("first", 1.0), ("second", -1.1)):
        sign = np.where(np.arange(len(search.y)) % 2, errors, -errors)
        add_outcome(search, named(key), search.y + sign, fold_seconds=0.6 * seconds / growth)
    del search.outcomes["slow"]

    assert choose(search, max_members=8).weights == {"first": 1.0}


def test_a_blend_that_is_fitted_at_once_is_chosen_also_when_the_search_has_used_up_the_time(tmp_path):
    late = new_search(regression_table(60), tmp_path, budget=20.0, started_ago=30.0)
    sign = np.where(np.arange(len(late.y)) % 2, 1.0, -1.0)
    add_outcome(late, named("first"), late.y + sign, fold_seconds=0.1)
    add_outcome(late, named("second"), late.y - sign, fold_seconds=0.1)
    assert choose(late, max_members=8).weights == pytest.approx({"first": 0.5, "second": 0.5})

    # A tenth of the budget is two seconds: a second of each fold is too long.
    add_outcome(late, named("second"), late.y - sign, fold_seconds=10.0)
    assert choose(late, max_members=8).weights == {"first": 1.0}


def test_the_cross_validated_metrics_are_those_of_scikit_learn(search):
    choice = choice_of(search, {"first": 0.25, "poor": 0.75})

    joint = 0.25 * search.outcomes["first"].predictions + 0.75 * search.outcomes["poor"].predictions
    metrics = choice.cross_validation["metrics"]
    assert choice.out_of_fold == pytest.approx(joint)
    assert metrics["rmse"] == pytest.approx(root_mean_squared_error(search.y, joint))
    assert metrics["mae"] == pytest.approx(mean_absolute_error(search.y, joint))
    assert metrics["r2"] == pytest.approx(r2_score(search.y, joint))
    folds = [root_mean_squared_error(search.y[rows], joint[rows]) for rows in search.places]
    assert choice.cross_validation["spread"] == pytest.approx(np.std(folds))
    assert (choice.cross_validation["n_folds"], choice.cross_validation["n_rows"]) == (3, 48)


def test_the_metrics_of_a_blend_are_those_of_weights_that_did_not_see_the_fold(tmp_path):
    search, rng = new_search(regression_table(300), tmp_path), np.random.default_rng(0)
    for number in range(12):
        add_outcome(search, named(f"noisy-{number}"), search.y + rng.normal(size=len(search.y)))
    first, second = search.places[0], search.places[1]
    before = choose(search, max_members=6)

    assert before.cross_validation["is_nested"]
    rmse = before.cross_validation["metrics"]["rmse"]
    assert rmse == pytest.approx(root_mean_squared_error(search.y, before.nested))
    # Weights that were chosen on the rows that they are judged on look better than they are.
    assert rmse > root_mean_squared_error(search.y, before.out_of_fold)

    # The true values of a fold have no say in its predictions, but in those of the others.
    search.y = search.y.copy()
    search.y[first] = search.outcomes["noisy-3"].predictions[first]
    after = choose(search, max_members=6)
    assert np.array_equal(after.nested[first], before.nested[first])
    assert not np.array_equal(after.nested[second], before.nested[second])


def test_the_metrics_of_the_only_candidate_are_not_nested(tmp_path):
    search = new_search(regression_table(60), tmp_path)
    add_outcome(search, named("only"), search.y + 1.0)

    choice = choose(search, max_members=6)

    assert "is_nested" not in choice.cross_validation
    assert choice.nested is choice.out_of_fold


def test_members_come_in_the_order_of_their_weights(search):
    choice = choice_of(search, {"first": 0.2, "poor": 0.5, "second": 0.3})

    assert [outcome.candidate.key for outcome, _ in choice.members] == ["poor", "second", "first"]
    assert [weight for _, weight in choice.members] == [0.5, 0.3, 0.2]
    assert choice.title == "Blend of 3: Poor, Second, First"


def test_the_spread_leaves_out_a_fold_without_a_finite_score(search):
    broken = search.outcomes["first"].predictions.copy()
    broken[search.places[0][0]] = np.nan
    search.outcomes["broken"] = add_outcome(search, named("broken"), broken)

    spread = choice_of(search, {"broken": 1.0}).cross_validation["spread"]

    # The other folds have an error of 1 in every row.
    assert spread == pytest.approx(0.0, abs=1e-6)


def test_probabilities_are_blended_class_by_class(tmp_path):
    search = new_search(classification_table(60, n_classes=3), tmp_path)
    n = len(search.y)
    add_outcome(search, named("a"), np.tile([0.2, 0.3, 0.5], (n, 1)))
    add_outcome(search, named("b"), np.tile([0.6, 0.3, 0.1], (n, 1)))

    choice = choice_of(search, {"a": 0.5, "b": 0.5})

    assert choice.out_of_fold == pytest.approx(np.tile([0.4, 0.3, 0.3], (n, 1)))
