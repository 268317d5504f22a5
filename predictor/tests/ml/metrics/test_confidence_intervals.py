from __future__ import annotations

import numpy as np
import pytest

from predictor.ml.metrics.confidence_intervals import (
    Resamples,
    decided_intervals,
    fold_intervals,
    held_out_intervals,
)
from predictor.ml.metrics.scores import metrics, predicted_codes
from predictor.ml.types.schema import Task


def answers(task: Task, n_rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Targets and honest predictions of them."""
    rng = np.random.default_rng(seed)
    if task is Task.REGRESSION:
        y = rng.normal(size=n_rows)
        return y, y + rng.normal(0, 0.5, n_rows)
    n_classes = 2 if task is Task.BINARY else 4
    raw = rng.normal(0, 1.5, (n_rows, n_classes))
    probabilities = np.exp(raw) / np.exp(raw).sum(axis=1, keepdims=True)
    y = (probabilities.cumsum(axis=1) < rng.random((n_rows, 1))).sum(axis=1)
    return y, probabilities


@pytest.mark.parametrize("task", [Task.REGRESSION, Task.BINARY, Task.MULTICLASS])
def test_every_metric_has_an_interval_that_is_as_wide_as_the_metric_varies(task):
    seen = [metrics(task, *answers(task, 400, seed)) for seed in range(60)]
    y, predicted = answers(task, 400, 1000)
    found = held_out_intervals(task, y, predicted, Resamples.draw(400, seed=0), seed=0)
    own = metrics(task, y, predicted)
    assert set(found) == set(own)
    for name, interval in found.items():
        low, high = interval
        assert low <= own[name] <= high, name
        spread = np.std([each[name] for each in seen])
        assert (high - low) / (2 * 1.96 * spread) == pytest.approx(1, abs=0.5), name


def test_resampled_cells_are_resampled_rows():
    y, predicted = answers(Task.BINARY, 300, 0)
    codes = predicted_codes(predicted)
    resamples = Resamples.draw(300, seed=0)
    low, high = decided_intervals(y, codes, 2, seed=0)["accuracy"]
    by_rows = np.quantile(resamples.means(codes == y), [0.025, 0.975])
    assert [low, high] == pytest.approx(by_rows, abs=0.015)


GROUPS = np.repeat(np.arange(40), 25)


@pytest.mark.parametrize("task", [Task.REGRESSION, Task.BINARY])
def test_rows_of_one_group_are_drawn_together(task):
    """All rows of a group err alike: 40 cases, however many rows they have."""
    y, predicted = answers(task, 40, 0)
    few = held_out_intervals(task, y, predicted, Resamples.draw(40, seed=0), seed=0)
    many = held_out_intervals(
        task, y[GROUPS], predicted[GROUPS], Resamples.draw(1000, seed=0, together=GROUPS), seed=0
    )
    for name in set(few) - {"median_absolute_error", "calibration_error"}:
        assert np.subtract(*many[name]) == pytest.approx(np.subtract(*few[name]), rel=0.25), name
    assert Resamples.draw(1000, seed=0, together=GROUPS).means(np.ones(1000)) == pytest.approx(1)
    by_row = held_out_intervals(task, y[GROUPS], predicted[GROUPS], Resamples.draw(1000, seed=0), seed=0)
    for name in many:
        assert np.subtract(*many[name]) < 2 * np.subtract(*by_row[name]), name


def test_four_groups_say_nothing_of_how_sure_figures_are():
    y, predicted = answers(Task.BINARY, 200, 0)
    resamples = Resamples.draw(200, seed=0, together=np.arange(200) % 4)
    assert set(held_out_intervals(Task.BINARY, y, predicted, resamples, seed=0).values()) == {None}


def test_the_resamples_of_many_rows_are_fewer():
    assert len(Resamples.draw(100, seed=0)) == 1000
    assert len(Resamples.draw(20_000, seed=0)) == 150


def test_a_constant_target_and_a_single_class_have_no_interval_where_there_is_no_metric():
    resamples = Resamples.draw(50, seed=0)
    assert held_out_intervals(Task.REGRESSION, np.ones(50), np.arange(50.0), resamples, seed=0)["r2"] is None
    one = np.zeros(50, np.intp)
    found = held_out_intervals(Task.BINARY, one, np.full((50, 2), 0.5), resamples, seed=0)
    assert found["roc_auc"] is None
    assert found["accuracy"] == [1.0, 1.0]


def test_the_interval_over_folds_is_that_of_nadeau_and_bengio():
    y = np.zeros(40)
    errors = np.repeat([1.0, 2.0, 3.0, 4.0], 10)
    folds = [(30, np.arange(10) + 10 * fold) for fold in range(4)]
    low, high = fold_intervals(Task.REGRESSION, y, errors, folds)["mae"]
    spread = np.std([1, 2, 3, 4], ddof=1) * np.sqrt(1 / 4 + 10 / 30)
    assert (low, high) == pytest.approx((max(2.5 - 3.182 * spread, 0), 2.5 + 3.182 * spread))
