from __future__ import annotations

import numpy as np
import pytest

from predictor.ml.schema import Task
from predictor.ml.splitting import split_rows
from predictor.ml.target import make_target


@pytest.fixture
def target():
    codes = np.random.default_rng(0).choice(["a", "b", "c"], 500, p=[0.7, 0.25, 0.05]).astype(object)
    return make_target("y", Task.MULTICLASS, codes)


def split(target, **asked):
    return split_rows(target, **{"seed": 0, "holdout_share": 0.2, "n_folds": 5, **asked})


def test_every_row_is_held_out_or_scored_in_one_fold(target):
    found = split(target)
    scored = np.concatenate([score for _, score in found.folds])
    assert sorted([*found.held_out, *scored]) == list(range(500))
    for fit, score in found.folds:
        assert not set(fit) & set(score)
        assert not set(found.held_out) & {*fit, *score}


def test_every_part_has_the_shares_of_the_classes(target):
    found = split(target)
    whole = np.bincount(target.y) / 500
    for rows in [found.held_out, *(score for _, score in found.folds)]:
        assert np.bincount(target.y[rows], minlength=3) / len(rows) == pytest.approx(whole, abs=0.03)


def test_a_regression_target_is_spread_evenly():
    target = make_target("y", Task.REGRESSION, np.random.default_rng(0).lognormal(size=400))
    found = split(target)
    assert np.median(target.y[found.held_out]) == pytest.approx(np.median(target.y), rel=0.15)


def test_a_seed_gives_the_same_split_and_another_seed_another(target):
    assert np.array_equal(split(target).held_out, split(target).held_out)
    assert not np.array_equal(split(target).held_out, split(target, seed=1).held_out)


def test_a_search_on_fewer_rows_stays_within_the_development_rows(target):
    found = split(target, max_search_rows=100)
    assert found.is_sampled
    assert 80 <= len(found.search) <= 100
    assert set(found.search) <= set(found.development)
    assert np.array_equal(np.sort(np.concatenate([score for _, score in found.folds])), found.search)


def test_rare_classes_are_in_the_fitting_part_of_some_fold(target):
    found = split(target)
    assert all(2 in target.y[fit] for fit, _ in found.folds)
