"""Final fits within a time limit. Time is given, never waited for: a deadline that has passed, or one far away."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from predictor.ml.execution.progress import Deadline
from predictor.ml.features.encoding import ORDINAL_TREES
from predictor.ml.features.feature_spec import LINEAR
from predictor.ml.pipelines.fitting import Candidate, fit_member, join
from predictor.ml.training import timed_fits
from predictor.ml.training.timed_fits import NO_LIMIT, MemberFit, TimeLimit, fit_in_time

from ..search.searches import BOOSTING
from ..tables_for_tests import classification_table, regression_table

RIDGE = Candidate("ridge", "Ridge", "ridge", LINEAR)
FOREST = Candidate("forest", "Forest", "random_forest", ORDINAL_TREES, {"n_estimators": 60}, is_staged=True)
FAR, PAST = Deadline(1e12), Deadline(0.0)
STAGE = {"max_iter": 40}


class Left(Deadline):
    """A deadline that is always so many seconds away."""

    @property
    def remaining(self) -> float:
        return self.at


def fitted(candidate, limit, table=None, *, stage=None, expected=1.0, seed=0) -> MemberFit:
    table = regression_table(400) if table is None else table
    return fit_in_time(candidate, stage or {}, table, limit, seed=seed, weight=1.0, expected_seconds=expected)


def answers(fit: MemberFit, table) -> np.ndarray:
    pipeline = join([(fit.spec, fit.member)], table)
    return pipeline.predict_matrix(pipeline.spec.transform(table.columns)).values


@pytest.mark.parametrize("candidate", [RIDGE, BOOSTING, FOREST], ids=lambda each: each.key)
@pytest.mark.parametrize("limit", [NO_LIMIT, TimeLimit(FAR)], ids=["no limit", "time enough"])
def test_with_time_enough_a_fit_is_the_usual_one(candidate, limit):
    table = regression_table(200)
    stage = STAGE if candidate is BOOSTING else {}

    found = fitted(candidate, limit, table, stage=stage)

    spec, member = fit_member(candidate, stage, table, seed=0)
    usual = MemberFit(spec, member, 200, candidate, stage)
    assert (found.n_rows, found.is_cut, found.part) == (200, False, None)
    assert found.member.params == member.params
    assert answers(found, table) == pytest.approx(answers(usual, table))


@pytest.mark.parametrize(
    ("candidate", "limit", "expected"),
    [
        (BOOSTING, TimeLimit(PAST), 1.0),
        (FOREST, TimeLimit(PAST), 1.0),
        (RIDGE, TimeLimit(Left(5.0), may_sample=True), 10.0),
        (FOREST, TimeLimit(Left(5.0), may_sample=True), 10.0),
        (BOOSTING, TimeLimit(Left(100.0), True, True), 0.01),
        (BOOSTING, TimeLimit(Left(2.0), True, True), 4.0),
    ],
)
def test_what_was_fitted_in_a_limited_time_can_be_fitted_again(candidate, limit, expected):
    table = regression_table(4_000)
    stage = STAGE if candidate is BOOSTING else {}
    found = fitted(candidate, limit, table, stage=stage, expected=expected)

    rows = table if found.part is None else found.part.rows(table, 0)
    again = fitted(found.candidate, NO_LIMIT, rows, stage=found.stage)

    assert len(rows) == found.n_rows
    assert again.member.params == found.member.params
    assert answers(again, table) == pytest.approx(answers(found, table), rel=1e-6)


def test_a_boosting_ends_with_its_time_and_keeps_the_rounds_it_has():
    found = fitted(BOOSTING, TimeLimit(PAST), stage=STAGE)

    assert found.is_cut
    assert found.n_rows == 400
    assert 1 <= found.member.params["max_iter"] == found.member.estimator.n_iter_ < 40


def test_a_forest_ends_with_its_time_and_keeps_the_trees_it_has():
    found = fitted(FOREST, TimeLimit(PAST))

    assert found.is_cut
    assert found.member.params["n_estimators"] == len(found.member.estimator.estimators_) == 10
    assert found.member.estimator.n_jobs == 1
    assert not found.member.estimator.warm_start


def test_a_forest_of_two_threads_has_the_same_trees():
    table = regression_table(200)

    one, two = (fitted(FOREST, TimeLimit(FAR, n_threads=n), table) for n in (1, 2))

    assert answers(one, table) == pytest.approx(answers(two, table))


def test_other_estimators_get_the_rows_that_there_is_time_for():
    # 60 % of the 5 seconds are planned, so a fit of 10 seconds gets 30 % of the rows.
    sampled = TimeLimit(Left(5.0), may_sample=True)

    found = fitted(RIDGE, sampled, regression_table(5_000), expected=10.0)

    assert (found.n_rows, found.is_cut) == (1_500, True)
    assert fitted(RIDGE, sampled, regression_table(5_000), expected=2.9).n_rows == 5_000
    assert (
        fitted(RIDGE, replace(sampled, may_sample=False), regression_table(5_000), expected=10.0).n_rows
        == 5_000
    )


def test_no_fit_gets_fewer_than_a_thousand_rows():
    found = fitted(RIDGE, TimeLimit(PAST, may_sample=True), regression_table(3_000), expected=1e6)
    assert found.n_rows == timed_fits.MIN_ROWS


def test_a_watched_boosting_finds_its_rounds_on_rows_that_it_is_not_fitted_on():
    table = classification_table(2_000)
    limit = TimeLimit(Left(100.0), is_watched=True, may_sample=True)

    found = fitted(BOOSTING, limit, table, stage=STAGE, expected=0.01)

    assert found.n_rows == 1_900  # a twentieth is held back
    assert not found.is_cut
    assert found.member.params["learning_rate"] == 0.2  # there is time enough for that of the candidate
    n_rounds = found.member.params["max_iter"]
    assert n_rounds == found.member.estimator.n_iter_ == len(found.member.estimator._predictors)
    assert n_rounds < timed_fits.MAX_ROUNDS


def test_with_less_time_a_watched_boosting_takes_larger_steps_then_fewer_rows():
    table = regression_table(4_000)
    slow = replace(BOOSTING, params={**BOOSTING.params, "learning_rate": 0.05})

    # A round takes 0.1 s on all rows: 4 s for 40 rounds.
    larger = fitted(slow, TimeLimit(Left(20.0), True, True), table, stage=STAGE, expected=4.0)
    fewer = fitted(slow, TimeLimit(Left(5.0), True, True), table, stage=STAGE, expected=4.0)

    assert larger.n_rows == 3_800
    assert larger.member.params["learning_rate"] == pytest.approx(16 / 120, abs=1e-4)
    assert fewer.n_rows == round(3_800 * 30 / 80)
    assert fewer.member.params["learning_rate"] == pytest.approx(16 / 80)
    assert fewer.is_cut


def test_a_second_thread_is_counted():
    assert TimeLimit(FAR, n_threads=1).speed() == 1
    assert TimeLimit(FAR, n_threads=2).speed() == pytest.approx(1.6)
    assert math.isinf(NO_LIMIT.until.remaining)
