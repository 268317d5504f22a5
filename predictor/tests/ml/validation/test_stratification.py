from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from predictor.ml.validation import stratification
from predictor.ml.validation.stratification import stratified_group_parts, stratified_parts

STRATA = st.lists(st.integers(0, 3), min_size=1, max_size=80).map(lambda each: np.array(each, np.intp))
SEEDS = st.integers(0, 2**32 - 1)


@settings(max_examples=50, deadline=None)
@given(strata=STRATA, n_parts=st.integers(1, 8), seed=SEEDS)
@example(strata=np.arange(400) % 3, n_parts=4, seed=0)
def test_parts_have_equal_sizes_and_equal_shares_of_each_stratum(strata, n_parts, seed):
    part = stratified_parts(strata, n_parts, np.random.default_rng(seed))

    sizes = np.bincount(part, minlength=n_parts)
    assert len(sizes) == n_parts
    assert np.ptp(sizes) <= 1
    for stratum in np.unique(strata):
        # Of one that begins and ends within a turn, a part may have one row more at each end.
        assert np.ptp(np.bincount(part[strata == stratum], minlength=n_parts)) <= 2


@settings(max_examples=50, deadline=None)
@given(data=st.data(), strata=STRATA, n_parts=st.integers(1, 8), seed=SEEDS)
def test_rows_of_a_group_are_in_one_part(data, strata, n_parts, seed):
    groups = np.array(data.draw(st.lists(st.integers(-5, 60), min_size=len(strata), max_size=len(strata))))

    part = stratified_group_parts(strata, groups, n_parts, np.random.default_rng(seed))

    pairs = {(group, number) for group, number in zip(groups.tolist(), part.tolist(), strict=True)}
    assert len(pairs) == len(set(groups.tolist()))
    assert part.min() >= 0
    assert part.max() < min(n_parts, len(set(groups.tolist())))


@pytest.mark.parametrize("most_placed", [20_000, 10])
def test_groups_of_similar_size_give_parts_of_similar_size_and_shares(most_placed, monkeypatch):
    """Also when only the largest groups are placed one by one."""
    monkeypatch.setattr(stratification, "MAX_PLACED", most_placed)
    draw = np.random.default_rng(0)
    sizes = draw.integers(1, 5, 400)
    groups = np.repeat(draw.permutation(400), sizes)
    strata = np.repeat((draw.random(400) < 0.2).astype(np.intp), sizes)

    part = stratified_group_parts(strata, groups, 5, np.random.default_rng(1))

    counts = np.bincount(part)
    assert counts == pytest.approx(len(strata) / 5, rel=0.06)
    shares = np.bincount(part, weights=strata) / counts
    assert shares == pytest.approx(strata.mean(), abs=0.03)


def test_single_rows_fill_the_parts_up_beside_large_groups():
    """One group holds half of the rows: the other three parts share the rest."""
    groups = np.r_[np.zeros(300, np.intp), np.arange(1, 301)]

    part = stratified_group_parts(np.zeros(600, np.intp), groups, 4, np.random.default_rng(0))

    assert sorted(np.bincount(part).tolist()) == [100, 100, 100, 300]


def test_single_rows_fill_the_parts_up_also_beside_groups_that_are_not_placed_one_by_one(monkeypatch):
    monkeypatch.setattr(stratification, "MAX_PLACED", 0)
    groups = np.r_[np.zeros(50, np.intp), np.ones(2, np.intp), np.arange(2, 54)]

    part = stratified_group_parts(np.zeros(104, np.intp), groups, 2, np.random.default_rng(0))

    assert np.bincount(part).tolist() == [52, 52]


def test_groups_of_rare_strata_are_spread_over_the_parts():
    """Each stratum has a single group."""
    groups = np.repeat(np.arange(8), 3)

    part = stratified_group_parts(groups, groups, 4, np.random.default_rng(0))

    assert np.bincount(part).tolist() == [6, 6, 6, 6]


def test_a_group_counts_for_the_stratum_of_its_middle_row():
    """Twenty groups of rows (a, b, b) and twenty of (a, a, b), whose middle rows differ."""
    strata = np.tile([0, 1, 1, 0, 0, 1], 20)
    groups = np.repeat(np.arange(40), 3)

    part = stratified_group_parts(strata, groups, 4, np.random.default_rng(0))

    for number in range(4):
        assert np.bincount(strata[part == number]).tolist() == [15, 15]


def test_there_are_no_more_parts_than_groups():
    groups = np.repeat([4, 9], 10)
    part = stratified_group_parts(np.zeros(20, np.intp), groups, 5, np.random.default_rng(0))
    assert sorted(np.unique(part).tolist()) == [0, 1]
    assert len(stratified_group_parts(np.zeros(1, np.intp), np.zeros(1), 5, np.random.default_rng(0))) == 1


@pytest.mark.parametrize("seed", [0, 1])
def test_the_same_seed_gives_the_same_parts_and_another_seed_others(seed):
    strata, groups = np.arange(60) % 3, np.arange(60) // 2

    def parts(number):
        rng = np.random.default_rng(number)
        return [*stratified_parts(strata, 5, rng), *stratified_group_parts(strata, groups, 5, rng)]

    assert parts(seed) == parts(seed)
    assert parts(seed) != parts(seed + 1)
