"""Refits: all members on all rows, or those of the largest weights when time gets short."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest

from predictor.ml.execution.progress import Deadline
from predictor.ml.explanation.permutation_importance import predicted
from predictor.ml.features.feature_spec import LINEAR
from predictor.ml.onnx_export.parity import compile_checked
from predictor.ml.pipelines.fitting import Candidate, fit_member, join, sample_rows
from predictor.ml.training import refitting, timed_fits
from predictor.ml.training.refitting import FinalMember, RefitPlan, fit_folds, fit_plan

from ..tables_for_tests import regression_table

HEAVY = FinalMember(Candidate("heavy", "Heavy", "ridge", LINEAR), {"alpha": 1.0}, 0.7, seconds=50.0)
LIGHT = FinalMember(Candidate("light", "Light", "ridge", LINEAR), {"alpha": 2.0}, 0.3, seconds=50.0)
FOREVER = Deadline(math.inf)


@pytest.mark.parametrize(
    ("seconds", "again", "weights"),
    [(600.0, 0.0, {"heavy": 0.7, "light": 0.3}), (60.0, 1.0, {"heavy": 1.0}), (-1.0, 0.0, {"heavy": 1.0})],
    ids=["time for both", "time for one, which is fitted twice", "no time: one is always fitted"],
)
def test_the_members_of_largest_weight_are_fitted_within_the_time(seconds, again, weights):
    plan = RefitPlan((LIGHT, HEAVY), None, 0, Deadline.after(seconds), again)
    fitted = fit_plan(plan, regression_table(60))
    assert fitted.weights == weights
    assert sum(member.weight for member in fitted.pipeline.members) == pytest.approx(1)


def test_weights_are_not_rescaled_when_all_members_are_fitted():
    shares = {"a": 0.7, "b": 0.2, "c": 0.1}
    assert sum(shares.values()) != 1
    members = [
        FinalMember(Candidate(key, key, "ridge", LINEAR), {"alpha": 1.0}, shares[key]) for key in shares
    ]
    assert (
        fit_plan(RefitPlan(tuple(members), None, 0, Deadline.after(60.0)), regression_table(60)).weights
        == shares
    )


def test_the_predictions_are_the_weighted_mean_of_the_members():
    table = regression_table(60)

    pipeline = fit_plan(RefitPlan((LIGHT, HEAVY), None, 0, FOREVER), table).pipeline

    light, heavy = (
        predicted(join([fit_member(each.candidate, each.stage, table, seed=0)], table), table)
        for each in (LIGHT, HEAVY)
    )
    assert predicted(pipeline, table) == pytest.approx(0.3 * light + 0.7 * heavy)
    assert [member.params["alpha"] for member in pipeline.members] == [1.0, 2.0]


def test_a_bound_on_the_rows_draws_the_same_sample_for_every_member():
    table = regression_table(60)

    pipeline = fit_plan(RefitPlan((LIGHT, HEAVY), 30, 4, FOREVER), table).pipeline

    sample = sample_rows(table, 30, 4)
    again = fit_plan(RefitPlan((LIGHT, HEAVY), None, 4, FOREVER), sample).pipeline
    assert len(sample) == 30
    assert np.array_equal(predicted(pipeline, table), predicted(again, table))
    whole = fit_plan(RefitPlan((LIGHT, HEAVY), None, 4, FOREVER), table).pipeline
    assert not np.array_equal(predicted(pipeline, table), predicted(whole, table))


@pytest.fixture
def fitted(monkeypatch):
    """Replaces the clock and the fits: each fit lasts as long as `lasting` says, and the keys of fits are kept."""
    clock, keys, lasting = SimpleNamespace(now=0.0), [], {}
    real = timed_fits.fit_member

    def fit(candidate, stage, table, **options):
        keys.append(candidate.key)
        clock.now += lasting.get(candidate.key, 0.0)
        return real(candidate, stage, table, **options)

    class FakeDeadline:
        def __init__(self, at):
            self.at = at

        def allows(self, seconds):
            return seconds <= self.at - clock.now

    monkeypatch.setattr(timed_fits, "fit_member", fit)
    monkeypatch.setattr(refitting, "time", SimpleNamespace(monotonic=lambda: clock.now))

    def run(at, *members, again=0.0, **seconds):
        lasting.update(seconds)
        keys.clear()
        clock.now = 0.0
        result = fit_plan(RefitPlan(members, None, 0, FakeDeadline(at), again), regression_table(40))
        assert list(result.weights) == keys
        return keys

    return run


def member(key, weight, seconds, write_seconds=0.0):
    return FinalMember(Candidate(key, key, "ridge", LINEAR), {"alpha": 1.0}, weight, seconds, write_seconds)


A, B, C = member("a", 0.5, 10.0), member("b", 0.3, 10.0), member("c", 0.2, 2.0)


def test_a_member_that_takes_too_long_is_left_out_and_a_quicker_one_still_fitted(fitted):
    assert fitted(13.0, A, B, C, a=10.0) == ["a", "c"]
    assert fitted(22.0, A, B, C, a=10.0, b=10.0) == ["a", "b", "c"]


def test_members_are_expected_to_be_as_slow_as_those_before_them(fitted):
    # The first took three times as long as expected, so the second would take 30 seconds.
    assert fitted(59.0, A, B, a=30.0) == ["a"]
    assert fitted(60.0, A, B, a=30.0) == ["a", "b"]
    # One that was quicker than expected promises nothing.
    assert fitted(10.9, A, B, a=1.0) == ["a"]
    assert fitted(11.0, A, B, a=1.0) == ["a", "b"]


def test_time_to_write_what_is_fitted_is_reserved(fitted):
    heavy, light = member("a", 0.6, 10.0, write_seconds=5.0), member("b", 0.4, 10.0, write_seconds=1.0)

    # Ten seconds for the second fit, and six to write both.
    assert fitted(26.0, heavy, light, a=10.0) == ["a", "b"]
    assert fitted(25.9, heavy, light, a=10.0) == ["a"]


def test_time_to_fit_the_members_again_is_reserved(fitted):
    # Fitted at 8/10 of the time once more: 10 seconds for the second, and 8 for each of both.
    assert fitted(36.0, A, B, again=0.8, a=10.0) == ["a", "b"]
    assert fitted(35.9, A, B, again=0.8, a=10.0) == ["a"]


def test_the_mean_of_the_folds_is_that_of_the_models_of_each_fold_also_in_onnx():
    table = regression_table(90)
    rows = np.arange(90)
    folds = [(rows[rows % 3 != fold], rows[rows % 3 == fold]) for fold in range(3)]

    fitted = fit_folds([LIGHT, HEAVY], table, folds, seed=0)

    expected = np.mean(
        [
            each.weight
            * predicted(join([fit_member(each.candidate, each.stage, table.rows(fit), seed=0)], table), table)
            for fit, _ in folds
            for each in (LIGHT, HEAVY)
        ],
        axis=0,
    ) * len((LIGHT, HEAVY))
    assert predicted(fitted.pipeline, table) == pytest.approx(expected)
    assert sum(member.weight for member in fitted.pipeline.members) == pytest.approx(1)
    assert (fitted.weights, fitted.n_rows, fitted.members) == ({"light": 0.3, "heavy": 0.7}, 90, ())
    compiled, parity = compile_checked(fitted.pipeline, table.columns, seed=0)
    assert compiled is not None
    assert parity.to_json()["max_abs_difference"] < 1e-4
