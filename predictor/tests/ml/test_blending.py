from __future__ import annotations

import numpy as np
import pytest

from predictor.ml.blending import blend, mixed
from predictor.ml.metrics import selection_score
from predictor.ml.schema import Task


@pytest.fixture
def case():
    rng = np.random.default_rng(0)
    y = rng.normal(size=400)
    noisy = {f"m{number}": y + rng.normal(0, 1, 400) for number in range(6)}
    return y, noisy


def test_a_blend_of_independent_errors_beats_each_member(case):
    y, predictions = case
    weights = blend(Task.REGRESSION, y, predictions, max_members=4)
    assert sum(weights.values()) == pytest.approx(1)
    assert 1 < len(weights) <= 4
    best = min(selection_score(Task.REGRESSION, y, each) for each in predictions.values())
    assert selection_score(Task.REGRESSION, y, mixed(weights, predictions)) < best


def test_one_candidate_is_kept_when_others_add_nothing(case):
    y, _ = case
    rng = np.random.default_rng(1)
    predictions = {"good": y + rng.normal(0, 0.01, 400), "bad": rng.normal(size=400)}
    assert blend(Task.REGRESSION, y, predictions, max_members=4) == {"good": 1.0}


def test_a_blend_is_the_same_each_time(case):
    y, predictions = case
    first = blend(Task.REGRESSION, y, predictions, max_members=3)
    assert first == blend(Task.REGRESSION, y, predictions, max_members=3)
