from __future__ import annotations

import numpy as np
import pytest

from predictor.errors import InvalidTrainingRequest
from predictor.ml.types.schema import Task
from predictor.ml.validation.splits import MAX_HELD_OUT, Layout, split_rows
from predictor.ml.validation.target import make_target


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


def test_groups_stay_together_and_the_shares_are_kept(target):
    groups = np.random.default_rng(1).integers(0, 60, 500)
    found = split(target, layout=Layout(together=groups))
    parts = [found.held_out, *(score for _, score in found.folds)]
    assert sorted(np.concatenate(parts)) == list(range(500))
    for part in parts:
        outside = np.setdiff1d(np.arange(500), part)
        assert not set(groups[part]) & set(groups[outside])
        assert 60 <= len(part) <= 120
    whole = np.bincount(target.y) / 500
    assert np.bincount(target.y[found.held_out]) / len(found.held_out) == pytest.approx(whole, abs=0.1)


def test_pairs_of_rows_keep_the_shares_as_single_rows_do(target):
    doubled = make_target("y", Task.MULTICLASS, np.repeat(np.array(target.classes, object)[target.y], 2))
    found = split(doubled, layout=Layout(together=np.arange(1000) // 2))
    assert len(found.held_out) == pytest.approx(200, abs=4)
    for rows in [found.held_out, *(score for _, score in found.folds)]:
        assert np.bincount(doubled.y[rows]) / len(rows) == pytest.approx(
            np.bincount(target.y) / 500, abs=0.03
        )


def test_one_giant_group_leaves_the_held_out_part_its_size(target):
    groups = np.where(np.arange(500) < 250, 0, np.arange(500))
    found = split(target, layout=Layout(together=groups))
    assert len(found.held_out) == pytest.approx(100, abs=40)


def test_what_is_judged_comes_later(target):
    times = np.random.default_rng(2).permutation(500).astype(float)
    found = split(target, layout=Layout(times=times))
    assert times[found.development].max() < times[found.held_out].min()
    assert len(found.held_out) == 100
    assert len(found.folds) == 5
    for fit, score in found.folds:
        assert times[fit].max() < times[score].min()
    assert len(found.scored) == sum(len(score) for _, score in found.folds)
    assert min(len(fit) for fit, _ in found.folds) >= 120


def test_rows_of_one_time_are_on_one_side(target):
    times = np.repeat(np.arange(10.0), 50)
    found = split(target, layout=Layout(times=times))
    assert not set(times[found.development]) & set(times[found.held_out])
    assert all(not set(times[fit]) & set(times[score]) for fit, score in found.folds)


def test_no_more_rows_judge_than_are_worth_their_time():
    y = make_target("y", Task.REGRESSION, np.arange(30_000.0))
    found = split(y, layout=Layout(times=np.where(np.arange(30_000) < 5_000, 0.0, 1.0)))
    assert len(found.held_out) == MAX_HELD_OUT
    assert np.all(np.diff(found.held_out) > 0)


def test_an_order_that_leaves_one_class_to_learn_from_is_refused():
    y = make_target("y", Task.BINARY, np.where(np.arange(100) < 90, "a", "b").astype(object))
    with pytest.raises(InvalidTrainingRequest, match="one class of “y” only"):
        split(y, layout=Layout(times=np.arange(100.0)))


def test_a_drift_that_rows_at_random_hide_is_seen_on_later_rows():
    """The target walks away from what it was: a model that interpolates the past looks good until it is asked later."""
    rng = np.random.default_rng(0)
    day = np.arange(600.0)
    y = make_target("y", Task.REGRESSION, np.cumsum(rng.normal(size=600)))

    def error(found):
        known = np.sort(found.development)
        nearest = known[np.abs(day[found.held_out][:, None] - day[known]).argmin(axis=1)]
        return np.sqrt(np.mean((y.y[nearest] - y.y[found.held_out]) ** 2))

    assert error(split(y, layout=Layout(times=day))) > 3 * error(split(y))
