"""Expected seconds of the final stage; every expected value is computed by hand from the constants."""

from __future__ import annotations

from dataclasses import replace

import pytest

from predictor.ml.search.time_estimates import TimeEstimates

from .searches import named, outcome

# A fold is fitted on 80 rows, the evaluation on 100, the version on 120.
ESTIMATES = TimeEstimates(n_fold=80, n_development=100, n_all=120, n_slots=1, n_folds=5)
# Three quarters of the time of a fold, times 120/80 and 100/80.
MEMBER = outcome(named("a"), fold_seconds=8.0, size_bytes=10**8, fit_seconds=40.0)


def test_a_final_fit_grows_with_its_rows():
    assert ESTIMATES.fit_all(MEMBER) == pytest.approx(0.75 * 8.0 * 120 / 80)
    assert ESTIMATES.fit_development(MEMBER) == pytest.approx(0.75 * 8.0 * 100 / 80)


def test_a_final_fit_does_not_grow_beyond_the_rows_that_its_estimator_uses():
    svm = outcome(replace(named("svm"), estimator="svm"), fold_seconds=8.0)
    limit = svm.candidate.info.max_rows
    assert limit == 5_000

    fewer_in_folds = TimeEstimates(n_fold=4_000, n_development=50_000, n_all=60_000, n_slots=1)
    sampled_in_folds = replace(fewer_in_folds, n_fold=30_000)

    assert fewer_in_folds.fit_all(svm) == pytest.approx(0.75 * 8.0 * 5_000 / 4_000)
    assert sampled_in_folds.fit_all(svm) == pytest.approx(0.75 * 8.0)


def test_writing_takes_time_for_each_byte():
    # 100 MB in a fold grow to 150 MB, at 0.12 s for each MB.
    assert ESTIMATES.write(MEMBER) == pytest.approx(150 * 0.12)
    assert ESTIMATES.write(outcome(named("a"))) == 0


def test_both_halves_follow_each_other_in_one_slot_and_run_together_in_two():
    package, evaluate = 2 * (9.0 + 18.0), 2 * 7.5

    assert ESTIMATES.end([MEMBER, MEMBER]) == pytest.approx(package + evaluate)
    assert replace(ESTIMATES, n_slots=2).end([MEMBER, MEMBER]) == pytest.approx(max(package, evaluate))
    light = outcome(named("a"), fold_seconds=8.0)
    slow_evaluation = replace(ESTIMATES, n_slots=2, n_development=200)
    assert slow_evaluation.end([light]) == pytest.approx(0.75 * 8.0 * 200 / 80)
    assert ESTIMATES.end([]) == 0


def scored(key, score, fold_seconds):
    return outcome(named(key), score=score, fold_seconds=fold_seconds)


def test_the_expected_blend_holds_what_is_nearly_as_good_as_the_best():
    # At most 5 % worse than 1.0: c at 1.06 is too far behind.
    outcomes = [scored("c", 1.06, 400.0), scored("a", 1.0, 8.0), scored("b", 1.05, 80.0)]

    assert ESTIMATES.likely_end(outcomes) == pytest.approx(ESTIMATES.end([outcomes[1], outcomes[2]]))


def test_the_expected_blend_has_at_most_four_members():
    outcomes = [scored(str(number), 1.0 + number / 1000, 8.0) for number in range(6)]

    assert ESTIMATES.likely_end(outcomes) == pytest.approx(ESTIMATES.end(outcomes[:4]))
    assert ESTIMATES.likely_end([]) == 0


def test_a_perfect_score_of_zero_is_the_best():
    outcomes = [scored("a", 0.5, 400.0), scored("b", 0.0, 8.0)]

    assert ESTIMATES.likely_end(outcomes) == pytest.approx(ESTIMATES.end([outcomes[1]]))


def test_a_learning_curve_takes_as_long_as_a_fold():
    assert ESTIMATES.curve(MEMBER) == pytest.approx(40.0 / 5)


def test_an_empty_fold_is_no_division_by_zero():
    assert replace(ESTIMATES, n_fold=0).fit_all(MEMBER) == pytest.approx(0.75 * 8.0 * 120)
