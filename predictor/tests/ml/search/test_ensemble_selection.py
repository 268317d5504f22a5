from __future__ import annotations

import numpy as np
import pytest

from predictor.ml.metrics.scores import selection_score
from predictor.ml.search import ensemble_selection
from predictor.ml.search.ensemble_selection import N_STEPS, blend, mixed
from predictor.ml.types.schema import Task


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


def by_whole_predictions(task, y, predictions, max_members):
    """Greedy selection as Caruana et al. write it, with the metric of all classes."""
    scores = {key: selection_score(task, y, each) for key, each in predictions.items()}
    picks = [min(scores, key=scores.__getitem__)]
    kept, lowest = list(picks), min(scores.values())
    for _ in range(1, N_STEPS):
        allowed = set(picks) if len(set(picks)) >= max_members else set(predictions)
        tried = {
            key: selection_score(task, y, sum(predictions[each] for each in [*picks, key]) / (len(picks) + 1))
            for key in predictions
            if key in allowed
        }
        picks.append(min(tried, key=tried.__getitem__))
        if tried[picks[-1]] < lowest:
            lowest, kept = tried[picks[-1]], list(picks)
    return {key: kept.count(key) / len(kept) for key in set(kept)}


@pytest.mark.parametrize("task", [Task.MULTICLASS, Task.REGRESSION])
def test_the_weights_are_those_of_the_whole_predictions(task, case, monkeypatch):
    y, predictions = case
    if task is Task.MULTICLASS:
        rng = np.random.default_rng(3)
        y = rng.integers(0, 3, 400)
        raw = {f"m{n}": rng.normal(size=(400, 3)) + 1.5 * np.eye(3)[y] for n in range(6)}
        predictions = {
            key: np.exp(each) / np.exp(each).sum(axis=1, keepdims=True) for key, each in raw.items()
        }
    monkeypatch.setattr(ensemble_selection, "MIN_WEIGHT", 0.0)
    weights = blend(task, y, predictions, max_members=4)
    assert len(weights) > 1
    assert weights == pytest.approx(by_whole_predictions(task, y, predictions, 4))


def test_a_candidate_with_a_prediction_that_is_no_number_is_never_chosen():
    y = np.array([0, 1] * 50)
    good = np.column_stack([0.6 - 0.2 * y, 0.4 + 0.2 * y])
    broken = np.column_stack([1.0 - y, y]).astype(float)
    broken[0, 1] = np.nan
    assert blend(Task.BINARY, y, {"broken": broken, "good": good}, max_members=4) == {"good": 1.0}


def test_very_many_candidates_are_compared_on_fewer_rows():
    assert ensemble_selection._n_rows(80_000, 20) == 50_000
    assert ensemble_selection._n_rows(80_000, 500) == 10_000
    assert ensemble_selection._n_rows(300, 500) == 300
