"""The verdict in sentences, on losses that are worked out by hand."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from predictor.ml.evaluation.evaluation_report import dummy_predictions
from predictor.ml.evaluation.slices import Slice
from predictor.ml.evaluation.verdict import (
    Baseline,
    Comparison,
    Verdict,
    compare_with_baselines,
    short,
    worries_about,
)
from predictor.ml.features.feature_spec import LINEAR
from predictor.ml.metrics.confidence_intervals import Resamples
from predictor.ml.pipelines.fitting import Candidate, fit_member, join
from predictor.ml.types.schema import Task
from predictor.ml.validation.target import Target, make_target

from ..tables_for_tests import regression_table

NUMBERS = Target("y", Task.REGRESSION, np.tile([0.0, 2.0], 50))
CLASSES = Target("y", Task.BINARY, np.tile([0, 1], 50), ("no", "yes"))


def fitted(table):
    return join([fit_member(Candidate("ridge", "ridge", "ridge", LINEAR), {}, table, seed=0)], table)


def verdict_on(target, predicted, *others, dummy=None):
    n_rows = len(target.y)
    first = Baseline("dummy", "No features", dummy_predictions(dummy or target, n_rows))
    return compare_with_baselines(target, predicted, [first, *others], Resamples.draw(n_rows, seed=0), [])


def comparison(low, high, gain=0.5):
    return Comparison("dummy", "No features", gain, low, high, None, None, None)


def worries(target=NUMBERS, *, held_out=None, intervals=None, folds=None, slices=(), resamples=None):
    resamples = resamples or Resamples(np.ones((1, len(target.y))))
    return worries_about(target, held_out or {}, intervals or {}, folds or {}, slices, resamples)


def test_a_model_that_learnt_something_is_called_better():
    table = regression_table(200)
    verdict = verdict_on(table.target, fitted(table).predict(table.columns).values)
    assert verdict.is_better
    assert verdict.gain_low > 0
    assert "better than always answering the mean" in verdict.sentence


def test_noise_is_not_called_better_than_the_baseline():
    rng = np.random.default_rng(5)
    y = make_target("y", Task.REGRESSION, rng.normal(size=300))
    table = replace(regression_table(300), target=y)
    train, test = table.rows(np.arange(200)), table.rows(np.arange(200, 300))
    verdict = verdict_on(test.target, fitted(train).predict(test.columns).values, dummy=train.target)
    assert not verdict.is_better
    assert "not shown to be better" in verdict.sentence


def test_a_model_that_is_worse_than_the_baseline_is_called_worse():
    table = regression_table(200)
    verdict = verdict_on(table.target, -10 * table.target.y)
    assert not verdict.is_better
    assert "Do not use it" in verdict.sentence


def test_a_better_linear_baseline_is_named():
    table = regression_table(200)
    linear = Baseline("linear", "Ridge", table.target.y + 0.01)
    verdict = verdict_on(table.target, fitted(table).predict(table.columns).values, linear)
    assert "But the baseline Ridge is better than it, by " in verdict.sentence
    found = verdict.comparisons[1]
    assert (found.baseline, found.outcome) == ("linear", "worse")
    assert found.relative_low <= found.relative_gain <= found.relative_high < 0


def test_the_sentence_says_how_much_better_the_model_is_with_its_interval():
    table = regression_table(200)
    predicted = table.target.y.mean() + (table.target.y - table.target.y.mean()) / 2
    verdict = verdict_on(table.target, predicted)
    assert verdict.comparisons[0].relative_gain == pytest.approx(0.5)
    assert "never saw, 50\u00a0% less (50\u00a0% to 50\u00a0%)" in verdict.sentence


def test_gains_of_numbers_are_differences_of_squared_errors_and_shares_of_the_rmse():
    # Each row: error 0.5 against 1 of the mean, so the squared error is 0.75 lower and the RMSE half.
    verdict = verdict_on(NUMBERS, np.tile([0.5, 1.5], 50), Baseline("far", "Far", np.tile([2.0, 0.0], 50)))

    dummy, far = verdict.comparisons
    assert (dummy.gain, dummy.gain_low, dummy.gain_high) == pytest.approx((0.75, 0.75, 0.75))
    assert (far.gain, far.relative_gain) == pytest.approx((3.75, 0.75))
    assert verdict.sentence.replace("\u00a0", " ") == (
        "The model is better than always answering the mean: RMSE 0.5 against 1 on 100 rows that it never saw, "
        "50 % less (50 % to 50 %), and chance does not explain it. "
        "It also beats the baseline Far, by 75 % of the error (75 % to 75 %)."
    )


def test_a_model_that_beats_nothing_before_does_not_also_beat_a_baseline():
    # As good as the mean, and better than the other baseline.
    verdict = verdict_on(NUMBERS, np.ones(100), Baseline("far", "Far", np.tile([4.0, -2.0], 50)))

    assert verdict.comparisons[0].outcome != "better"
    assert " It beats the baseline Far, by" in verdict.sentence


def test_gains_of_classes_are_differences_and_shares_of_the_log_loss():
    # The true class always gets 0.4 and the dummy gives 0.5: log-loss ln 2.5 = 0.916 against ln 2 = 0.693.
    predicted = np.tile([[0.4, 0.6], [0.6, 0.4]], (50, 1))

    verdict = verdict_on(CLASSES, predicted)

    assert verdict.gain == pytest.approx(math.log(2 / 2.5))
    assert verdict.sentence.replace("\u00a0", " ") == (
        "The model is worse than always answering the class shares: log-loss 0.916 against 0.693 on 100 rows "
        "that it never saw, 32 % more (32 % to 32 %). Do not use it."
    )


def test_a_baseline_without_any_error_has_no_relative_gain():
    verdict = verdict_on(NUMBERS, np.tile([0.5, 1.5], 50), Baseline("exact", "Exact", NUMBERS.y))

    exact = verdict.comparisons[1]
    assert (exact.outcome, exact.gain) == ("worse", -0.25)
    assert (exact.relative_gain, exact.relative_low, exact.relative_high) == (None, None, None)
    assert verdict.sentence.endswith(" But the baseline Exact is better than it.")


def test_errors_that_take_turns_are_no_clear_difference_from_the_baseline():
    model, other = NUMBERS.y + np.tile([0.1, 0.3], 50), NUMBERS.y + np.tile([0.3, 0.1], 50)

    verdict = verdict_on(NUMBERS, model, Baseline("other", "Other", other))

    found = verdict.comparisons[1]
    assert found.gain == pytest.approx(0)
    assert found.outcome == "unclear"
    low, high = f"{-found.relative_low:.0%}"[:-1], f"{found.relative_high:.0%}"[:-1]
    assert verdict.sentence.replace("\u00a0", " ").endswith(
        f" There is no clear difference from the baseline Other (its error is between {low} % larger and "
        f"{high} % smaller)."
    )


@pytest.mark.parametrize(
    ("low", "high", "gain", "outcome"),
    [
        (0.1, 0.9, 0.5, "better"),
        (-0.9, -0.1, -0.5, "worse"),
        (0.0, 0.9, 0.5, "unclear"),
        (-0.9, 0.0, -0.5, "unclear"),
        (-math.inf, math.inf, 0.5, "unclear"),
    ],
)
def test_only_an_interval_without_zero_decides(low, high, gain, outcome):
    assert comparison(low, high, gain).outcome == outcome


def test_bounds_that_json_cannot_hold_are_null():
    written = Verdict("A sentence.", ["Few rows."], [comparison(-math.inf, math.inf, math.nan)]).to_json()

    assert json.loads(json.dumps(written, allow_nan=False)) == written
    assert (written["gain"], written["gain_low"], written["gain_high"]) == (None, None, None)
    assert (written["is_better"], written["is_sure"], written["baseline"]) == (False, False, "dummy")
    assert written["comparisons"][0]["gain_low"] is None
    assert written["worries"] == ["Few rows."]


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (0.000123456, "0.0001235"), (999.94, "999.9"), (1000.4, "1,000"), (1234567.8, "1,234,568")],
)
def test_a_short_number_has_four_digits_and_all_before_the_point(value, text):
    assert short(value) == text


def test_fewer_than_a_hundred_rows_are_few():
    assert worries(NUMBERS) == []
    assert worries(NUMBERS.rows(np.arange(99))) == [
        "Only 99 rows were held out to test it, so every score is rough."
    ]


def test_fewer_than_ten_rows_of_a_class_are_few():
    def held_out(n_rare):
        return Target("y", Task.BINARY, np.repeat([0, 1], [100, n_rare]), ("no", "ja \u2013 é"))

    assert worries(held_out(10)) == []
    assert worries(held_out(9)) == [
        "The class “ja \u2013 é” has only 9 of the rows held out to test it, "
        "so the scores of that class are rough."
    ]


@pytest.mark.parametrize(
    ("n_groups", "words"), [(1, "Only 1 group was held"), (4, "Only 4 groups were held")]
)
def test_fewer_than_five_groups_are_few(n_groups, words):
    (sentence,) = worries(resamples=Resamples(np.ones((1, 100)), n_groups))

    assert sentence.startswith(words)
    assert worries(resamples=Resamples(np.ones((1, 100)), 5)) == []


def test_folds_that_differ_by_a_fifth_of_the_error_are_unsteady():
    assert worries(folds={"metrics": {"rmse": 10.0}, "spread": 2.0}) == [
        "Its error differs much between the folds (RMSE 10 ± 2), so its error on new rows is hard to predict."
    ]
    for metrics, spread in (
        ({"rmse": 10.0}, 1.99),
        ({"rmse": 0.0}, 0.0),
        ({"rmse": 10.0}, None),
        (None, 2.0),
    ):
        assert worries(folds={"metrics": metrics, "spread": spread}) == []


def test_a_held_out_error_is_worse_than_that_of_the_folds_where_their_intervals_do_not_touch():
    folds = {"metrics": {"rmse": 1.0}, "intervals": {"rmse": [0.5, 1.5]}}

    def said(interval, known=folds):
        return worries(held_out={"rmse": 2.0}, intervals={"rmse": interval}, folds=known)

    assert said([1.6, 2.5]) == [
        "It does worse on the held-out rows (RMSE 2) than in cross-validation (1): the held-out rows differ from "
        "the others, as later rows often do."
    ]
    assert said([1.5, 2.5]) == []
    assert said(None) == []
    assert said([1.6, 2.5], {"metrics": {"rmse": 1.0}, "intervals": {"rmse": None}}) == []


@pytest.mark.parametrize(
    ("metric", "rate", "rate_elsewhere", "numbers"),
    [
        ("log_loss", 0.25, 0.05, "25\u00a0% wrong against 5.0\u00a0% elsewhere"),
        ("log_loss", 0.05, 0.05, "log-loss 2 against 0.5 elsewhere"),
        ("mae", None, None, "average error 2 against 0.5 elsewhere"),
    ],
)
def test_the_worst_slice_is_told_by_its_wrong_rows_or_else_by_its_error(
    metric, rate, rate_elsewhere, numbers
):
    worst = Slice("age", "“age” is above 60", 30, metric, 2.0, 0.5, rate, rate_elsewhere, 0.001)
    other = replace(worst, words="“age” is missing")

    assert worries(slices=[worst, other]) == [f"Its error is larger where “age” is above 60: {numbers}."]
