"""The final stage keeps to the time budget: members of small weight are left out."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from predictor.ml.execution.progress import Deadline
from predictor.ml.features.feature_spec import LINEAR
from predictor.ml.pipelines.fitting import Candidate
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
