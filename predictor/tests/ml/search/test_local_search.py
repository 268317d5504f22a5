"""Local and random search: what a round proposes, and that it depends on earlier results alone."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from predictor.ml.features.encoding import NATIVE_BOOSTING, ORDERED_BOOSTING, TARGET_BOOSTING
from predictor.ml.search.local_search import RANGES, boosting_of, nearby
from predictor.ml.search.portfolio import (
    ADDITIVE,
    NATIVE,
    NEURAL,
    ONE_HOT_BOOSTING,
    SMALL_TREES,
    WIDE,
    TableFacts,
)
from predictor.ml.types.schema import Task

from .searches import RIDGE

FACTS = TableFacts(Task.REGRESSION, n_rows=500, n_features=6, n_categories=2, n_texts=0, is_skewed=False)
TRIED = {each.key: each for each in (NATIVE, SMALL_TREES, ADDITIVE, NEURAL, RIDGE)}
SCORES = {NATIVE.key: 1.0, SMALL_TREES.key: 1.1, RIDGE.key: 1.2}


def by_kind(candidates):
    """How each candidate was made: the words before its digest."""
    return ["near" if "near the best" in each.why else "random" if "random" in each.why else each.estimator
            for each in candidates]  # fmt: skip


def test_a_round_holds_three_steps_from_the_best_and_one_random_draw():
    candidates = nearby(FACTS, TRIED, SCORES, 0, seed=0)

    assert by_kind(candidates) == ["near", "near", "near", "random"]
    assert {each.estimator for each in candidates} == {"hist_gradient_boosting"}
    assert {each.params["max_iter"] for each in candidates} == {1000}
    assert all(each.is_staged for each in candidates)


def test_a_round_depends_on_its_number_and_the_seed_alone():
    first = nearby(FACTS, TRIED, SCORES, 3, seed=7)

    assert nearby(FACTS, TRIED, SCORES, 3, seed=7) == first
    keys = {each.key for each in first}
    for number, seed in ((4, 7), (3, 8)):
        assert not keys & {each.key for each in nearby(FACTS, TRIED, SCORES, number, seed=seed)}


@given(
    params=st.fixed_dictionaries(
        {name: st.floats(low, high) for name, (low, high, _, is_whole) in RANGES.items() if not is_whole}
        | {name: st.integers(low, high) for name, (low, high, _, is_whole) in RANGES.items() if is_whole}
    ),
    number=st.integers(0, 1000),
    seed=st.integers(0, 2**31),
)
@settings(max_examples=50, deadline=None)
def test_a_step_stays_within_the_ranges_and_close_to_its_base(params, number, seed):
    base = boosting_of(NATIVE_BOOSTING, False, params, "given")

    *steps, draw = nearby(FACTS, {base.key: base}, {base.key: 1.0}, number, seed)

    assert len(steps) == 3
    for name, (low, high, factor, is_whole) in RANGES.items():
        # Values are rounded to whole numbers, or to four digits after the point.
        slack = 0.5 if is_whole else 1e-4
        for each in (*steps, draw):
            assert low - slack <= each.params[name] <= high + slack
            assert isinstance(each.params[name], int) == is_whole
        for each in steps:
            assert params[name] / factor - slack <= each.params[name] <= params[name] * factor + slack


def test_the_best_three_boostings_are_varied_each_with_its_encoding():
    bases = [
        boosting_of(encoding, False, {"learning_rate": 0.05, "max_leaf_nodes": 16}, "given")
        for encoding in (NATIVE_BOOSTING, ORDERED_BOOSTING, TARGET_BOOSTING, ONE_HOT_BOOSTING)
    ]
    scores = {each.key: float(number) for number, each in enumerate(bases)}

    candidates = nearby(FACTS, {each.key: each for each in bases}, scores, 1, seed=0)

    assert [each.encoding for each in candidates[:3]] == [each.encoding for each in bases[:3]]


def test_a_log_target_is_taken_over_from_the_best():
    logged = boosting_of(NATIVE_BOOSTING, True, {"learning_rate": 0.05}, "given")

    candidates = nearby(FACTS, {**TRIED, logged.key: logged}, {**SCORES, logged.key: 0.5}, 1, seed=0)

    assert [each.is_log for each in candidates] == [True, False, False, True]
    assert "log target" in candidates[0].title


@pytest.mark.parametrize("scores", [{}, {RIDGE.key: 1.0}, {ADDITIVE.key: 1.0}])
def test_without_a_boosting_to_vary_only_the_random_draw_is_left(scores):
    # A boosting without interactions is none: a varied copy would allow them.
    candidates = nearby(FACTS, TRIED, scores, 0, seed=0)

    assert by_kind(candidates) == ["random"]


@pytest.mark.parametrize(
    ("number", "score", "kinds"),
    [
        (0, 1.04, ["near", "near", "near", "mlp"]),
        (1, 1.04, ["near", "near", "near", "random"]),
        (0, 1.06, ["near", "near", "near", "random"]),
    ],
    ids=["even round", "odd round", "far behind"],
)
def test_a_network_is_varied_in_every_other_round_when_it_is_as_good(number, score, kinds):
    candidates = nearby(FACTS, TRIED, {**SCORES, NEURAL.key: score}, number, seed=0)

    assert by_kind(candidates) == kinds


def test_a_varied_network_keeps_the_settings_that_are_not_varied():
    network = nearby(FACTS, TRIED, {**SCORES, NEURAL.key: 1.0}, 2, seed=0)[-1]

    assert network.params["max_iter"] == NEURAL.params["max_iter"]
    assert network.params["n_units"] in (32, 64, 128)
    assert 1 <= network.params["n_layers"] <= 3
    assert NEURAL.params["alpha"] / 4 <= network.params["alpha"] <= NEURAL.params["alpha"] * 4
    assert network.key != NEURAL.key
    assert (network.encoding, network.is_staged) == (NEURAL.encoding, NEURAL.is_staged)


@pytest.mark.parametrize(
    ("n_categories", "encodings"),
    [
        (0, {NATIVE_BOOSTING}),
        (2, {NATIVE_BOOSTING, ORDERED_BOOSTING, TARGET_BOOSTING, ONE_HOT_BOOSTING}),
        (WIDE + 1, {NATIVE_BOOSTING, ORDERED_BOOSTING, TARGET_BOOSTING}),
    ],
)
def test_the_encodings_of_random_draws_depend_on_the_categories(n_categories, encodings):
    facts = replace(FACTS, n_categories=n_categories)

    drawn = {nearby(facts, {}, {}, number, seed=0)[0].encoding for number in range(60)}

    assert drawn == encodings


def test_the_key_of_a_boosting_names_its_settings():
    params = {"learning_rate": 0.05, "max_leaf_nodes": 16}

    key = boosting_of(NATIVE_BOOSTING, False, params, "near the best").key

    assert boosting_of(NATIVE_BOOSTING, False, dict(reversed(params.items())), "drawn").key == key
    others = [
        boosting_of(NATIVE_BOOSTING, True, params, "near the best"),
        boosting_of(ORDERED_BOOSTING, False, params, "near the best"),
        boosting_of(NATIVE_BOOSTING, False, {**params, "max_leaf_nodes": 17}, "near the best"),
    ]
    assert len({key, *(each.key for each in others)}) == 4
