from __future__ import annotations

import numpy as np
import pytest

from predictor.errors import InvalidTrainingRequest
from predictor.ml.types.schema import Task
from predictor.ml.validation.splits import MAX_HELD_OUT, SplitConstraints, split_rows
from predictor.ml.validation.target import make_target


@pytest.fixture
def target():
    codes = np.random.default_rng(0).choice(["a", "b", "c"], 500, p=[0.7, 0.25, 0.05]).astype(object)
    return make_target("y", Task.MULTICLASS, codes)


def split(target, **options):
    return split_rows(target, **{"seed": 0, "holdout_share": 0.2, "n_folds": 5, **options})


def test_every_row_is_held_out_or_scored_in_one_fold(target):
    result = split(target)
    scored = np.concatenate([score for _, score in result.folds])
    assert sorted([*result.held_out, *scored]) == list(range(500))
    for fit, score in result.folds:
        assert not set(fit) & set(score)
        assert not set(result.held_out) & {*fit, *score}


def test_every_part_has_the_shares_of_the_classes(target):
    result = split(target)
    whole = np.bincount(target.y) / 500
    for rows in [result.held_out, *(score for _, score in result.folds)]:
        assert np.bincount(target.y[rows], minlength=3) / len(rows) == pytest.approx(whole, abs=0.03)


def test_a_regression_split_is_stratified_by_the_targets_quantiles():
    target = make_target("y", Task.REGRESSION, np.random.default_rng(0).lognormal(size=400))
    result = split(target)
    assert np.median(target.y[result.held_out]) == pytest.approx(np.median(target.y), rel=0.15)


def test_the_same_seed_gives_the_same_split_and_another_seed_another_one(target):
    assert np.array_equal(split(target).held_out, split(target).held_out)
    assert not np.array_equal(split(target).held_out, split(target, seed=1).held_out)


def test_a_search_on_fewer_rows_stays_within_the_development_rows(target):
    result = split(target, max_search_rows=100)
    assert result.is_sampled
    assert 80 <= len(result.search) <= 100
    assert set(result.search) <= set(result.development)
    assert np.array_equal(np.sort(np.concatenate([score for _, score in result.folds])), result.search)


def test_rare_classes_are_in_the_fitting_part_of_some_fold(target):
    result = split(target)
    assert all(2 in target.y[fit] for fit, _ in result.folds)


def test_groups_stay_together_and_the_shares_are_kept(target):
    groups = np.random.default_rng(1).integers(0, 60, 500)
    result = split(target, layout=SplitConstraints(together=groups))
    parts = [result.held_out, *(score for _, score in result.folds)]
    assert sorted(np.concatenate(parts)) == list(range(500))
    for part in parts:
        outside = np.setdiff1d(np.arange(500), part)
        assert not set(groups[part]) & set(groups[outside])
        assert 60 <= len(part) <= 120
    whole = np.bincount(target.y) / 500
    assert np.bincount(target.y[result.held_out]) / len(result.held_out) == pytest.approx(whole, abs=0.1)


def test_groups_of_two_rows_keep_the_class_shares_as_single_rows_do(target):
    doubled = make_target("y", Task.MULTICLASS, np.repeat(np.array(target.classes, object)[target.y], 2))
    result = split(doubled, layout=SplitConstraints(together=np.arange(1000) // 2))
    assert len(result.held_out) == pytest.approx(200, abs=4)
    for rows in [result.held_out, *(score for _, score in result.folds)]:
        assert np.bincount(doubled.y[rows]) / len(rows) == pytest.approx(
            np.bincount(target.y) / 500, abs=0.03
        )


def test_one_giant_group_leaves_the_held_out_part_its_size(target):
    groups = np.where(np.arange(500) < 250, 0, np.arange(500))
    result = split(target, layout=SplitConstraints(together=groups))
    assert len(result.held_out) == pytest.approx(100, abs=40)


def test_a_time_split_tests_on_later_rows(target):
    times = np.random.default_rng(2).permutation(500).astype(float)
    result = split(target, layout=SplitConstraints(times=times))
    assert times[result.development].max() < times[result.held_out].min()
    assert len(result.held_out) == 100
    assert len(result.folds) == 5
    for fit, score in result.folds:
        assert times[fit].max() < times[score].min()
    assert len(result.scored) == sum(len(score) for _, score in result.folds)
    assert min(len(fit) for fit, _ in result.folds) >= 120


def test_rows_of_one_time_stay_on_one_side_of_a_split(target):
    times = np.repeat(np.arange(10.0), 50)
    result = split(target, layout=SplitConstraints(times=times))
    assert not set(times[result.development]) & set(times[result.held_out])
    assert all(not set(times[fit]) & set(times[score]) for fit, score in result.folds)


def test_the_held_out_rows_are_limited():
    y = make_target("y", Task.REGRESSION, np.arange(30_000.0))
    result = split(y, layout=SplitConstraints(times=np.where(np.arange(30_000) < 5_000, 0.0, 1.0)))
    assert len(result.held_out) == MAX_HELD_OUT
    assert np.all(np.diff(result.held_out) > 0)


def test_a_time_split_with_one_class_to_fit_on_is_refused():
    y = make_target("y", Task.BINARY, np.where(np.arange(100) < 90, "a", "b").astype(object))
    with pytest.raises(InvalidTrainingRequest, match="one class of “y” only"):
        split(y, layout=SplitConstraints(times=np.arange(100.0)))


def test_a_time_split_shows_drift_that_a_random_split_hides():
    """The target is a random walk: a model that interpolates the past scores well until it predicts the future."""
    rng = np.random.default_rng(0)
    day = np.arange(600.0)
    y = make_target("y", Task.REGRESSION, np.cumsum(rng.normal(size=600)))

    def error(result):
        known = np.sort(result.development)
        nearest = known[np.abs(day[result.held_out][:, None] - day[known]).argmin(axis=1)]
        return np.sqrt(np.mean((y.y[nearest] - y.y[result.held_out]) ** 2))

    assert error(split(y, layout=SplitConstraints(times=day))) > 3 * error(split(y))
