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


def test_a_single_candidate_is_kept_when_a_blend_is_not_better(case):
    y, _ = case
    rng = np.random.default_rng(1)
    predictions = {"good": y + rng.normal(0, 0.01, 400), "bad": rng.normal(size=400)}
    assert blend(Task.REGRESSION, y, predictions, max_members=4) == {"good": 1.0}


def test_blending_is_deterministic(case):
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
        losses = {
            key: selection_score(task, y, sum(predictions[each] for each in [*picks, key]) / (len(picks) + 1))
            for key in predictions
            if key in allowed
        }
        picks.append(min(losses, key=losses.__getitem__))
        if losses[picks[-1]] < lowest:
            lowest, kept = losses[picks[-1]], list(picks)
    return {key: kept.count(key) / len(kept) for key in set(kept)}


@pytest.mark.parametrize("task", [Task.MULTICLASS, Task.REGRESSION])
def test_the_weights_equal_those_of_greedy_selection_on_whole_predictions(task, case, monkeypatch):
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


def test_a_candidate_with_a_prediction_that_is_not_finite_is_never_chosen():
    y = np.array([0, 1] * 50)
    good = np.column_stack([0.6 - 0.2 * y, 0.4 + 0.2 * y])
    broken = np.column_stack([1.0 - y, y]).astype(float)
    broken[0, 1] = np.nan
    assert blend(Task.BINARY, y, {"broken": broken, "good": good}, max_members=4) == {"good": 1.0}


def test_many_candidates_are_compared_on_fewer_rows():
    assert ensemble_selection._n_rows(80_000, 20) == 50_000
    assert ensemble_selection._n_rows(80_000, 500) == 10_000
    assert ensemble_selection._n_rows(300, 500) == 300


def noisy(n_rows: int, errors: dict[str, float]) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    rng = np.random.default_rng(3)
    y = rng.normal(size=n_rows)
    return y, {key: y + rng.normal(0, error, n_rows) for key, error in errors.items()}


@pytest.mark.parametrize(("n_rows", "share"), [(100, 500 / 600), (500, 0.5), (4_500, 0.1)])
def test_weights_of_few_rows_are_shrunk_towards_equal_ones(n_rows: int, share: float):
    y, predictions = noisy(n_rows, {"good": 0.5, "less good": 0.7})
    kinds = {"good": "tree", "less good": "line"}
    selected = blend(Task.REGRESSION, y, predictions, max_members=8)

    shrunk = blend(Task.REGRESSION, y, predictions, max_members=8, kinds=kinds)

    assert selected["good"] > 0.55
    expected = (1 - share) * selected["good"] + share / 2
    assert shrunk["good"] == pytest.approx(expected)
    assert sum(shrunk.values()) == pytest.approx(1)


def test_equal_weights_are_for_the_best_of_each_kind_near_the_best():
    y, predictions = noisy(400, {"a": 0.5, "b": 0.51, "c": 0.51, "far": 5.0, "d": 0.52})
    predictions["twin"] = predictions["a"] + 1e-3
    kinds = {"a": "1", "twin": "1", "b": "2", "c": "3", "d": "4", "far": "5"}

    weights = blend(Task.REGRESSION, y, predictions, max_members=3, kinds=kinds)
    assert len(weights) <= 3
    assert "far" not in weights

    weights = blend(Task.REGRESSION, y, predictions, max_members=8, kinds=kinds)
    assert {"b", "c", "d"} <= set(weights)
    assert len({"a", "twin"} & set(weights)) == 1


def test_a_candidate_that_there_is_no_time_for_gets_no_equal_weight():
    y, predictions = noisy(60, {"a": 0.5, "b": 0.501})
    weights = blend(
        Task.REGRESSION, y, predictions, max_members=8, is_affordable=lambda keys: len(keys) == 1,
        kinds={"a": "1", "b": "2"},
    )  # fmt: skip
    assert list(weights.values()) == [1.0]
