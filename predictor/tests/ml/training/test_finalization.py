"""The final stage keeps to the time budget: members of small weight are left out."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from predictor.ml.execution.progress import Deadline
from predictor.ml.training.finalization import FinalAttempt, FinalStage


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
