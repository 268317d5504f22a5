"""Conformal intervals and sets: quantiles by hand, and the coverage that the theory promises."""

from __future__ import annotations

import json

import numpy as np
import pytest

from predictor.errors import DamagedArtifact, InvalidInput
from predictor.ml.calibration.conformal import (
    DEFAULT_COVERAGE,
    MIN_ROWS,
    N_KEPT,
    ConformalIntervals,
    Group,
    checked_coverage,
    coverage_report,
)
from predictor.ml.types.schema import Task

REGRESSION, BINARY = Task.REGRESSION, Task.BINARY


def fitted(errors, predictions=None) -> ConformalIntervals:
    errors = np.asarray(errors, np.float64)
    predictions = np.zeros(len(errors)) if predictions is None else np.asarray(predictions, np.float64)
    result = ConformalIntervals.fit(REGRESSION, predictions + errors, predictions)
    assert result is not None
    return result


@pytest.mark.parametrize(
    ("asked", "coverage"), [(None, DEFAULT_COVERAGE), (0.5, 0.5), (0.99, 0.99), (1 / 1.5, 2 / 3)]
)
def test_a_coverage_within_the_bounds_is_taken(asked, coverage):
    assert checked_coverage(asked) == pytest.approx(coverage)


@pytest.mark.parametrize("asked", [0.49, 0.995, 1, 0, -1, float("nan"), float("inf")])
def test_a_coverage_outside_of_the_bounds_is_refused(asked):
    with pytest.raises(InvalidInput, match=r"The coverage may be 0\.5 to 0\.99; got"):
        checked_coverage(asked)


@pytest.mark.parametrize(
    ("level", "quantile"),
    [(0.5, 50.0), (0.7, 70.0), (0.8, 80.0), (0.85, 90.0), (0.9, 90.0), (0.99, 90.0)],
)
def test_the_quantile_is_the_score_at_the_corrected_rank(level, quantile):
    """Of 9 scores, the score of rank ceil(10 · level), or the largest."""
    group = Group.of(np.array([30.0, 90, 10, 50, 70, 20, 40, 80, 60]))
    assert group.quantile(level) == pytest.approx(quantile)


@pytest.mark.parametrize(("level", "n_covered"), [(0.9, 36), (0.5, 20), (0.975, 39)])
def test_exactly_the_promised_share_of_exchangeable_rows_is_covered(level, n_covered):
    """Each of 40 scores takes its turn as the new one (Vovk et al., "Algorithmic learning in a random world", 2005)."""
    scores = np.random.default_rng(0).normal(size=40).round(5)
    covered = [
        scores[new] <= Group.of(np.delete(scores, new)).quantile(level) + 1e-9 for new in range(len(scores))
    ]
    assert sum(covered) == n_covered


def test_many_scores_are_thinned_to_quantiles_that_keep_the_ends():
    scores = np.random.default_rng(0).exponential(size=10_000)

    group = Group.of(scores)

    assert (group.n, len(group.scores)) == (10_000, N_KEPT)
    assert group.scores[0] == pytest.approx(scores.min(), rel=1e-6)
    assert group.scores[-1] == pytest.approx(scores.max(), rel=1e-6)
    for level in (0.5, 0.9, 0.99):
        assert group.quantile(level) == pytest.approx(np.quantile(scores, level), rel=0.01)


def test_a_single_score_is_every_quantile():
    assert Group.of(np.array([3.5])).quantile(0.5) == 3.5
    assert Group.of(np.array([3.5])).quantile(0.99) == 3.5


def test_ends_of_an_interval_are_the_two_tails_of_the_signed_errors():
    intervals = fitted(
        [-10.0 * rank for rank in range(1, 20)] + [rank / 10 for rank in range(20)]
    )  # 39 errors

    low, high = intervals.intervals(np.array([100.0, -5.0]), 0.9)

    # Five percent of 40 ranks are two on each side: the second smallest and the second largest error.
    assert low == pytest.approx([100 - 180, -5 - 180])
    assert high == pytest.approx([100 + 1.8, -5 + 1.8])


def test_a_predicted_value_always_lies_in_its_interval():
    low, high = fitted(np.linspace(5, 8, 40)).intervals(np.array([0.0]), 0.5)
    assert (low[0], high[0] > 5) == (0.0, True)
    low, high = fitted(np.linspace(-8, -5, 40)).intervals(np.array([0.0]), 0.5)
    assert (low[0] < -5, high[0]) == (True, 0.0)


def test_intervals_of_large_predictions_are_as_wide_as_their_own_errors():
    draw = np.random.default_rng(0)
    predictions = draw.uniform(1, 100, 4000)
    known = fitted(draw.normal(0, predictions / 10), predictions)
    new = draw.uniform(1, 100, 4000)
    truth = new + draw.normal(0, new / 10)

    low, high = known.intervals(new, 0.9)

    is_covered = (low <= truth) & (truth <= high)
    assert len(known.groups) == 10
    for part in (new < 30, new > 70):
        assert is_covered[part].mean() == pytest.approx(0.9, abs=0.03)
    assert (high - low)[new > 90].mean() > 5 * (high - low)[new < 10].mean()


def test_a_group_with_few_rows_has_the_errors_of_all_rows():
    predictions = np.r_[np.zeros(410), np.ones(5)]  # equal predictions cannot be divided evenly
    errors = np.r_[np.linspace(-1, 1, 410), np.full(5, 50.0)]
    known = ConformalIntervals.fit(REGRESSION, predictions + errors, predictions)

    assert [group.n for group in known.groups] == [410, 415]


def test_an_interval_ends_at_zero_where_no_target_is_negative():
    errors = np.linspace(-4, 4, 41)

    floored = fitted(errors, np.full(41, 4.0))
    free = fitted(errors, np.full(41, 3.0))

    assert (floored.floor, free.floor) == (0.0, None)
    assert floored.intervals(np.array([1.0]), 0.9)[0].tolist() == [0.0]
    # A prediction below the floor is its own lower end.
    assert floored.intervals(np.array([-2.0]), 0.9)[0].tolist() == [-2.0]
    assert free.intervals(np.array([1.0]), 0.9)[0][0] < -2


def test_rows_without_a_finite_prediction_are_left_out():
    y, predictions = np.arange(24.0), np.arange(24.0) + 1
    predictions[:4] = [np.nan, np.inf, -np.inf, np.nan]

    known = ConformalIntervals.fit(REGRESSION, y, predictions)

    assert known.groups[0].n == 20
    assert (
        ConformalIntervals.fit(REGRESSION, y[1:], np.where(np.arange(23) < 4, np.nan, predictions[1:]))
        is None
    )


@pytest.mark.parametrize("task", [REGRESSION, BINARY])
def test_too_few_rows_give_no_intervals(task):
    def fit(n):
        predictions = np.zeros(n) if task is REGRESSION else np.full((n, 2), 0.5)
        return ConformalIntervals.fit(task, np.zeros(n, int), predictions)

    assert fit(MIN_ROWS - 1) is None
    assert fit(MIN_ROWS).groups[0].n == MIN_ROWS


def test_the_prediction_set_holds_the_classes_above_the_threshold_of_the_true_class():
    """The true class of 39 rows had the probabilities 0.025, 0.05 … 0.975."""
    true = np.arange(1, 40) / 40
    pairs = np.column_stack([1 - true, true])

    known = ConformalIntervals.fit(BINARY, np.ones(39, int), pairs)

    # ceil(40 · 0.9) = 36: all but the three least probable reach it. Scores have seven digits.
    assert known.least_probability(0.9) == pytest.approx(4 / 40, abs=2e-7)
    assert known.least_probability(0.9) <= 4 / 40
    assert known.least_probability(0.5) == pytest.approx(20 / 40, abs=2e-7)


@pytest.mark.parametrize("task", [Task.REGRESSION, Task.BINARY])
def test_any_coverage_is_computed_and_few_are_cached(task):
    draw = np.random.default_rng(0)
    y = draw.normal(0, 10, 300)
    predictions = y + draw.normal(0, 1.0, 300)
    if task is Task.BINARY:
        y, predictions = (y > 0).astype(int), np.tile([0.4, 0.6], (300, 1))
    known = ConformalIntervals.fit(task, y, predictions)
    ask = known.least_probability if task is Task.BINARY else lambda each: known.margins(each)[1][0]
    first = ask(0.9)
    for coverage in np.linspace(0.5, 0.99, 300):
        ask(float(coverage))
    assert len(known._known) <= 64
    assert ask(0.9) == first


def test_a_larger_coverage_gives_a_wider_interval():
    known = fitted(np.random.default_rng(0).standard_t(3, 500))
    widths = [
        np.subtract(*known.intervals(np.zeros(1), coverage)[::-1])[0] for coverage in (0.5, 0.8, 0.9, 0.99)
    ]
    assert widths == sorted(widths)
    assert widths[0] < widths[-1]


def test_intervals_and_sets_are_the_same_after_json():
    draw = np.random.default_rng(0)
    predictions = draw.uniform(0, 1, 500)
    for known in (
        ConformalIntervals.fit(REGRESSION, predictions + draw.exponential(size=500), predictions),
        ConformalIntervals.fit(BINARY, np.arange(500) % 2, np.column_stack([1 - predictions, predictions])),
    ):
        again = ConformalIntervals.from_json(json.loads(json.dumps(known.to_json(), allow_nan=False)))
        assert again == known


STORED = {
    "format": 1, "task": "regression", "edges": [1.0], "floor": None,
    "groups": [{"n": 2, "scores": [0.0, 1.0]}, {"n": 1, "scores": [2.0]}],
}  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [
        {"groups": None},
        {"groups": [{"n": 2, "scores": [0.0, 1.0]}]},
        {"groups": [{"n": 2, "scores": [0.0, 1.0]}, {"n": 0, "scores": []}]},
        {"groups": [{"n": 2, "scores": [0.0, 1.0]}, {"scores": [2.0]}]},
        {"edges": []},
        {"edges": ["wide"]},
        {"task": "guessing"},
        {"floor": "low"},
    ],
)
def test_a_damaged_file_is_refused(change):
    ConformalIntervals.from_json(STORED)
    with pytest.raises(DamagedArtifact, match="The stored uncertainty is not complete"):
        ConformalIntervals.from_json({**STORED, **change})
    with pytest.raises(DamagedArtifact):
        ConformalIntervals.from_json({name: value for name, value in STORED.items() if name not in change})


def test_the_report_counts_covered_rows_and_the_mean_width():
    known = ConformalIntervals(REGRESSION, (Group.of(np.linspace(-1, 1, 39)),))

    (report,) = coverage_report(known, np.array([0.0, 1.0, 5.0, -0.8]), np.zeros(4), [0.8])

    # Four ranks of 40 on each side: the fourth smallest and largest of 39 errors, 1/19 apart.
    end = 1 - 3 / 19
    assert report == {"coverage": 0.8, "covered": 0.5, "mean_width": pytest.approx(2 * end)}


def test_the_report_counts_the_classes_in_sets_and_the_empty_ones():
    known = ConformalIntervals(Task.MULTICLASS, (Group(99, (0.6,)),))  # a class needs a probability of 0.4
    probabilities = np.array([[0.5, 0.45, 0.05], [0.2, 0.7, 0.1], [0.39, 0.31, 0.3], [0.1, 0.1, 0.8]])

    (report,) = coverage_report(known, np.array([1, 0, 0, 2]), probabilities, [0.9])

    assert report == {"coverage": 0.9, "covered": 0.5, "mean_size": 1.0, "empty": 0.25}
