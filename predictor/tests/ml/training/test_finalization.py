"""The final stage keeps to the time budget: members of small weight are left out, boostings are stopped."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from predictor.ml.execution.progress import Deadline
from predictor.ml.features.feature_spec import LINEAR
from predictor.ml.pipelines.fitting import Candidate
from predictor.ml.search.staged_boosting import StagedFit
from predictor.ml.training.finalization import FinalAttempt, FinalStage
from predictor.ml.training.refitting import FinalMember, RefitPlan, fit_plan

from ..tables_for_tests import regression_table

HEAVY = FinalMember(Candidate("heavy", "Heavy", "ridge", LINEAR), {"alpha": 1.0}, 0.7, seconds=50.0)
LIGHT = FinalMember(Candidate("light", "Light", "ridge", LINEAR), {"alpha": 2.0}, 0.3, seconds=50.0)


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
    attempt = FinalAttempt(0, choice, None, Deadline.after(1.0), Deadline.after(1.0))
    assert FinalStage(None, tmp_path, search, attempt).kept is (choice if is_whole else published)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_stages_of_one_fit_equal_the_staged_predictions_of_scikit_learn(n_classes):
    from sklearn.ensemble import HistGradientBoostingClassifier

    draw = np.random.default_rng(0)
    X = draw.normal(size=(120, 3))
    y = (X[:, 0] + draw.normal(size=120) > 0).astype(int) + (X[:, 1] > 1) * (n_classes - 2)
    boosting = HistGradientBoostingClassifier(max_iter=90, learning_rate=0.3)
    watch = StagedFit(boosting, np.ones(40, bool), stride=4, patience=5, max_seconds=60.0)
    sights = list(watch.fit(X[40:], y[40:], X[:40], y[:40]))
    staged = list(boosting.staged_predict_proba(X[:40]))
    assert sights[-1].n_rounds == len(staged) < 90
    for sight in sights:
        assert boosting._loss.predict_proba(sight.raw) == pytest.approx(staged[sight.n_rounds - 1], abs=1e-9)
    assert not watch.is_cut


def test_a_boosting_is_stopped_at_its_time_limit():
    from sklearn.ensemble import HistGradientBoostingRegressor

    X = np.random.default_rng(0).normal(size=(60, 2))
    boosting = HistGradientBoostingRegressor(max_iter=1000, min_samples_leaf=2)
    watch = StagedFit(boosting, np.ones(60, bool), stride=10, patience=1000, max_seconds=0.0)
    assert [sight.n_rounds for sight in watch.fit(X, X[:, 0], X, X[:, 0])] == [1]
    assert watch.is_cut
