"""A candidate is found again by the key and the settings that the leaderboard of an older run has."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from predictor.ml.completion.older_recipe import ENCODINGS, older_recipe
from predictor.ml.search import portfolio
from predictor.ml.search.local_search import boosting_of
from predictor.ml.types.schema import Task

SETTINGS = {"learning_rate": 0.05, "max_leaf_nodes": 12, "min_samples_leaf": 9, "l2_regularization": 0.2}


def entry(candidate, weight, score=1.0, **stage):
    params = {**candidate.params, **candidate.settings, **stage}
    return {"key": candidate.key, "params": params, "weight": weight, "score": score}


def spec(*weights, is_log=False, task=Task.REGRESSION):
    members = [{"weight": each, "target_scaling": {"is_log": is_log}} for each in weights]
    return SimpleNamespace(task=task, members=members)


@pytest.mark.parametrize("encoding", ENCODINGS, ids=lambda each: f"{each.categories}-{each.numbers}")
@pytest.mark.parametrize("is_log", [False, True])
def test_a_tuned_boosting_is_found_by_the_digest_of_its_settings(encoding, is_log):
    tuned = boosting_of(encoding, is_log, SETTINGS, "near the best")

    recipe = older_recipe([entry(tuned, 1.0, max_iter=85)], spec(1.0, is_log=is_log), "auto")

    (member,) = recipe.members
    assert (member.candidate.key, member.candidate.encoding, member.candidate.is_log) == (
        tuned.key,
        encoding,
        is_log,
    )
    assert member.candidate.params == tuned.params
    assert dict(member.stage) == {"max_iter": 85}
    assert recipe.best == member.candidate


def test_candidates_of_the_portfolio_are_found_by_their_key_with_their_path_and_settings():
    linear = portfolio.linear_baseline(Task.REGRESSION)
    board = [entry(portfolio.ADDITIVE, 0.6, max_iter=40), entry(linear, 0.4, 2.0, alpha=30.0)]

    recipe = older_recipe(board, spec(0.6, 0.4), "auto")

    first, second = recipe.members
    assert (first.candidate.settings, dict(first.stage)) == (
        {"interaction_cst": "no_interactions"},
        {"max_iter": 40},
    )
    assert (second.candidate.path, dict(second.stage)) == (linear.path, {"alpha": 30.0})
    assert dict(recipe.linear.stage) == {"alpha": 30.0}


def test_a_run_of_one_estimator_has_the_params_of_its_entry():
    ridge = portfolio.single("ridge", {"alpha": 3.0})
    (member,) = older_recipe([entry(ridge, 1.0)], spec(1.0), "ridge").members
    assert (member.candidate.params, dict(member.stage)) == ({"alpha": 3.0}, {})


def test_what_cannot_be_found_gives_no_recipe():
    unknown = {"key": "boosting-000000", "params": SETTINGS, "weight": 1.0, "score": 1.0}
    assert older_recipe([unknown], spec(1.0), "auto") is None
    assert older_recipe([], spec(1.0), "auto") is None
    assert older_recipe([entry(portfolio.NATIVE, 1.0)], spec(0.5, 0.5), "auto") is None
