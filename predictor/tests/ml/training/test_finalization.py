"""The final stage keeps to the time budget: members of small weight are left out."""

from __future__ import annotations

import math
from dataclasses import replace
from types import SimpleNamespace

import pytest

from predictor.ml.execution.progress import Deadline
from predictor.ml.training import finalization
from predictor.ml.training.finalization import FinalAttempt, FinalStage
from predictor.ml.training.timed_fits import NO_LIMIT

from ..search.searches import new_search
from ..tables_for_tests import regression_table

SOON = Deadline.after(1.0)


@pytest.mark.parametrize(
    ("published", "is_whole"), [({"a": 0.3, "b": 0.7 + 1e-16}, True), ({"b": 1.0}, False)]
)
def test_the_kept_choice_is_the_same_object_when_no_member_was_left_out(
    tmp_path, monkeypatch, published, is_whole
):
    choice = SimpleNamespace(weights={"b": 0.7, "a": 0.3})
    monkeypatch.setattr("predictor.ml.training.finalization.choice_of", lambda search, weights: weights)
    checkpoints = SimpleNamespace(folder=tmp_path, read_json=lambda name: {"weights": published})
    search = SimpleNamespace(checkpoints=checkpoints)
    attempt = FinalAttempt(0, choice, None, SOON, SOON, SOON)
    assert FinalStage(None, tmp_path, search, attempt).kept is (choice if is_whole else published)


def test_the_final_fits_of_a_named_estimator_are_not_ended(tmp_path):
    search = new_search(regression_table(60), tmp_path, budget=10.0, started_ago=30.0)
    search.is_whole = True

    attempt = finalization._whole(search, SimpleNamespace())

    assert attempt.fits.remaining == attempt.end.remaining == math.inf
    assert attempt.deadline.remaining <= 0
    assert FinalStage(None, tmp_path, search, attempt).limit is NO_LIMIT


def test_the_final_fits_of_auto_end_soon_when_the_budget_is_over(tmp_path):
    search = new_search(regression_table(60), tmp_path, budget=10.0, started_ago=30.0)

    attempt = finalization._whole(search, SimpleNamespace())
    limit = FinalStage(None, tmp_path, search, attempt).limit

    assert 0 < limit.until.remaining <= 1.0
    assert (limit.is_watched, limit.may_sample, limit.n_threads) == (False, False, 1)
    assert attempt.fits.at < attempt.end.at


def test_after_a_comparison_on_a_sample_fits_may_use_fewer_rows(tmp_path):
    search = new_search(regression_table(200), tmp_path)
    search.split = replace(search.split, search=search.split.search[:40])

    limit = FinalStage(None, tmp_path, search, finalization._whole(search, SimpleNamespace())).limit

    assert limit.is_watched
    assert limit.may_sample


def test_a_budget_of_a_second_leaves_a_second_for_the_final_fits(tmp_path):
    search = new_search(regression_table(60), tmp_path, budget=1.0, started_ago=5.0)

    assert 0.5 < finalization._whole(search, SimpleNamespace()).fits.remaining <= 1.0
