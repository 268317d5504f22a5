"""The end of a run keeps to its time: members are left out, and what is optional is skipped."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from predictor.ml.execution.progress import Deadline
from predictor.ml.features.feature_spec import LINEAR
from predictor.ml.pipelines.fitting import Candidate
from predictor.ml.search.staged_boosting import Watch
from predictor.ml.training.finalization import Attempt, Halves
from predictor.ml.training.refitting import Chosen, Plan, fit_plan

from ..tables_for_tests import regression_table

HEAVY = Chosen(Candidate("heavy", "Heavy", "ridge", LINEAR), {"alpha": 1.0}, 0.7, seconds=50.0)
LIGHT = Chosen(Candidate("light", "Light", "ridge", LINEAR), {"alpha": 2.0}, 0.3, seconds=50.0)


@pytest.mark.parametrize(
    ("seconds", "again", "weights"),
    [(600.0, 0.0, {"heavy": 0.7, "light": 0.3}), (60.0, 1.0, {"heavy": 1.0}), (-1.0, 0.0, {"heavy": 1.0})],
    ids=["time for both", "time for one, since it is fitted again", "late: one is always fitted"],
)
def test_the_weightiest_members_are_fitted_as_far_as_time_goes(seconds, again, weights):
    plan = Plan((LIGHT, HEAVY), None, 0, Deadline.after(seconds), again)
    fitted = fit_plan(plan, regression_table(60))
    assert fitted.weights == weights
    assert sum(member.weight for member in fitted.pipeline.members) == pytest.approx(1)


def test_members_that_are_all_fitted_keep_their_shares_to_the_last_digit():
    shares = {"a": 0.7, "b": 0.2, "c": 0.1}
    assert sum(shares.values()) != 1
    members = [Chosen(Candidate(key, key, "ridge", LINEAR), {"alpha": 1.0}, shares[key]) for key in shares]
    assert (
        fit_plan(Plan(tuple(members), None, 0, Deadline.after(60.0)), regression_table(60)).weights == shares
    )


@pytest.mark.parametrize(
    ("published", "is_whole"), [({"a": 0.3, "b": 0.7 + 1e-16}, True), ({"b": 1.0}, False)]
)
def test_what_was_published_is_the_choice_when_no_member_was_left_out(
    tmp_path, monkeypatch, published, is_whole
):
    choice = SimpleNamespace(weights={"b": 0.7, "a": 0.3})
    monkeypatch.setattr("predictor.ml.training.finalization.choice_of", lambda search, weights: weights)
    checkpoints = SimpleNamespace(folder=tmp_path, read_json=lambda name: {"weights": published})
    search = SimpleNamespace(checkpoints=checkpoints)
    attempt = Attempt(0, choice, None, Deadline.after(1.0), Deadline.after(1.0))
    assert Halves(None, tmp_path, search, attempt).kept is (choice if is_whole else published)


def test_a_deadline_allows_what_ends_in_time():
    assert Deadline.after(60.0).allows(30.0)
    assert not Deadline.after(60.0).allows(90.0)
    assert not Deadline.after(-1.0).allows(0.0)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_what_a_watch_saw_is_what_the_boosting_answers_at_that_stage(n_classes):
    from sklearn.ensemble import HistGradientBoostingClassifier

    draw = np.random.default_rng(0)
    X = draw.normal(size=(120, 3))
    y = (X[:, 0] + draw.normal(size=120) > 0).astype(int) + (X[:, 1] > 1) * (n_classes - 2)
    boosting = HistGradientBoostingClassifier(max_iter=90, learning_rate=0.3)
    watch = Watch(boosting, np.ones(40, bool), stride=4, patience=5, max_seconds=60.0)
    sights = list(watch.fit(X[40:], y[40:], X[:40], y[:40]))
    staged = list(boosting.staged_predict_proba(X[:40]))
    assert sights[-1].n_rounds == len(staged) < 90
    for sight in sights:
        assert boosting._loss.predict_proba(sight.raw) == pytest.approx(staged[sight.n_rounds - 1], abs=1e-9)
    assert not watch.is_cut


def test_a_watch_ends_a_boosting_by_the_clock():
    from sklearn.ensemble import HistGradientBoostingRegressor

    X = np.random.default_rng(0).normal(size=(60, 2))
    boosting = HistGradientBoostingRegressor(max_iter=1000, min_samples_leaf=2)
    watch = Watch(boosting, np.ones(60, bool), stride=10, patience=1000, max_seconds=0.0)
    assert [sight.n_rounds for sight in watch.fit(X, X[:, 0], X, X[:, 0])] == [1]
    assert watch.is_cut
