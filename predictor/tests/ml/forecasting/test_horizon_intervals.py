"""Prediction intervals for each step of a horizon, from the errors of earlier forecasts."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from predictor.errors import DamagedArtifact
from predictor.ml.calibration.conformal import Group
from predictor.ml.forecasting.horizon_intervals import MIN_ERRORS, StepErrors


def conformal(errors, level):
    """The ⌈(n + 1) · level⌉-th smallest error (Lei et al., "Distribution-free predictive inference", 2018)."""
    n = len(errors)
    return sorted(errors)[min(math.ceil((n + 1) * level), n) - 1]


def test_each_step_has_the_quantiles_of_its_own_errors():
    rng = np.random.default_rng(0)
    steps = np.repeat([1, 2, 3], 99)
    errors = rng.normal(0, 1, 297) * steps

    low, high = StepErrors.fit(steps, errors, 3).ends(np.array([1, 2, 3]), 0.9)

    for step in (1, 2, 3):
        own = errors[steps == step]
        assert high[step - 1] == pytest.approx(conformal(own, 0.95), rel=1e-6)
        assert low[step - 1] == pytest.approx(-conformal(-own, 0.95), rel=1e-6)


def test_a_step_with_few_errors_takes_those_of_its_neighbours():
    # The errors of a step are its number.
    counts = {1: MIN_ERRORS, 2: 5, 3: MIN_ERRORS - 6, 4: MIN_ERRORS}
    steps = np.repeat(list(counts), list(counts.values()))

    known = StepErrors.fit(steps, steps.astype(float), 5)

    assert [group.n for group in known.groups] == [
        MIN_ERRORS,
        MIN_ERRORS + 5 + MIN_ERRORS - 6,
        5 + MIN_ERRORS - 6 + MIN_ERRORS,
        MIN_ERRORS,
        MIN_ERRORS,
    ]
    # Step 5 has none of its own: those of step 4.
    assert set(known.groups[4].scores) == {4.0}


def test_with_few_errors_in_all_every_step_takes_them_all():
    known = StepErrors.fit(np.array([1, 1, 2]), np.array([1.0, 2.0, 3.0]), 3)

    assert [group.scores for group in known.groups] == [(1.0, 2.0, 3.0)] * 3


def test_errors_that_are_not_finite_do_not_count():
    known = StepErrors.fit(np.array([1, 1, 1, 1]), np.array([1.0, np.nan, np.inf, -1.0]), 1)

    assert known.groups[0].scores == (-1.0, 1.0)


@pytest.mark.parametrize(("errors", "side"), [([2.0, 3.0, 4.0], 0), ([-2.0, -3.0, -4.0], 1)])
def test_an_interval_holds_its_forecast_even_when_all_errors_have_one_sign(errors, side):
    ends = StepErrors.fit(np.array([1, 1, 1]), np.array(errors), 1).ends(np.array([1]), 0.5)

    assert ends[side].tolist() == [0.0]
    assert abs(ends[1 - side][0]) >= 3.0


def test_steps_outside_the_horizon_take_those_of_its_ends():
    steps = np.repeat([1, 2], MIN_ERRORS)
    known = StepErrors.fit(steps, np.tile([-1.0, 1.0], MIN_ERRORS) * steps, 2)

    _, high = known.ends(np.array([-5, 0, 1, 2, 9]), 0.9)

    assert high.tolist() == [1.0, 1.0, 1.0, 2.0, 2.0]


def test_intervals_hold_about_the_share_that_they_promise():
    rng = np.random.default_rng(1)
    steps = np.tile([1, 2, 3], 2_000)
    known = StepErrors.fit(steps, rng.standard_t(3, 6_000) * steps, 3)
    new_steps = np.tile([1, 2, 3], 5_000)
    new = rng.standard_t(3, 15_000) * new_steps

    for coverage in (0.5, 0.8, 0.95):
        low, high = known.ends(new_steps, coverage)
        assert np.mean((low <= new) & (new <= high)) == pytest.approx(coverage, abs=0.03)


@given(
    errors=st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=120),
    horizon=st.integers(1, 4),
    coverage=st.floats(0.5, 0.99),
    seed=st.integers(0, 100),
)
@settings(max_examples=50, deadline=None)
def test_stored_errors_give_the_same_intervals_and_wider_ones_for_more_coverage(
    errors, horizon, coverage, seed
):
    steps = np.random.default_rng(seed).integers(1, horizon + 1, len(errors))
    known = StepErrors.fit(steps, np.array(errors), horizon)
    at = np.arange(1, horizon + 1)

    again = StepErrors.from_json(json.loads(json.dumps(known.to_json(), allow_nan=False)))

    assert again == known
    low, high = again.ends(at, coverage)
    wider_low, wider_high = again.ends(at, 0.99)
    assert (low <= 0).all()
    assert (high >= 0).all()
    assert (wider_low <= low).all()
    assert (wider_high >= high).all()


@pytest.mark.parametrize(
    "data",
    [
        [],
        [{"n": 1}],
        [{"n": 1, "scores": []}],
        [{"n": "x", "scores": [1]}],
        [{"n": math.inf, "scores": [1]}],
        [{"n": 1, "scores": None}],
        None,
        [3],
    ],
)
def test_damaged_errors_are_refused(data):
    with pytest.raises(DamagedArtifact, match="stored errors of the forecast are not complete"):
        StepErrors.from_json(data)


def test_quantiles_are_those_of_the_errors_and_rise_with_their_level():
    """Of 999 errors 1 to 999, k / 1000 is the level of the k-th (conformal quantile); below the median mirrored."""
    errors = StepErrors((Group.of(np.arange(1.0, 1000.0)),))
    levels = (0.95, 0.05, 0.5)
    found = errors.quantiles(np.array([1, 1]), levels)
    assert found.shape == (3, 2)
    assert found[:, 0] == pytest.approx([950, 50, 500], abs=1.5)
    few = StepErrors((Group.of(np.array([-1.0, 0.0, 4.0])),)).quantiles(np.array([1]), (0.4, 0.5, 0.6, 0.9))
    assert (np.diff(few[:, 0]) >= 0).all()
