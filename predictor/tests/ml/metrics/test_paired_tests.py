"""Paired tests of two models on the same rows, beside SciPy, the pairs of DeLong's test, and the bootstrap."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as reference

from predictor.ml.metrics.paired_tests import MIN_DIFFERING, Predicted, paired_differences
from predictor.ml.metrics.scores import metrics
from predictor.ml.types.schema import Task


def two_of(task, n=600, seed=0, better=0.3):
    """True values and the predictions of two models that err alike, the second a little less."""
    draw = np.random.default_rng(seed)
    if task is Task.REGRESSION:
        y = draw.normal(10, 3, n)
        shared = draw.normal(0, 1, n)
        return y, y + shared + draw.normal(0, 0.5, n), y + (1 - better) * shared + draw.normal(0, 0.5, n)
    k = 2 if task is Task.BINARY else 3
    y = draw.integers(0, k, n)
    shared = draw.normal(0, 1.5, (n, k))
    odds = [shared * size + 1.5 * np.eye(k)[y] + draw.normal(0, 0.3, (n, k)) for size in (1, 1 - better)]
    return y, *(np.exp(each) / np.exp(each).sum(axis=1, keepdims=True) for each in odds)


def test_mean_losses_have_the_interval_of_the_paired_t_test():
    y, a, b = two_of(Task.REGRESSION)

    found = paired_differences(Task.REGRESSION, y, Predicted(a), Predicted(b))

    interval = stats.ttest_rel((b - y) ** 2, (a - y) ** 2).confidence_interval()
    assert found["mse"].difference == pytest.approx(((b - y) ** 2 - (a - y) ** 2).mean())
    assert (found["mse"].low, found["mse"].high) == pytest.approx((interval.low, interval.high), rel=0.01)
    assert found["mse"].is_sure


def test_the_area_under_the_curve_is_tested_as_by_delong():
    y, a, b = two_of(Task.BINARY, n=150)

    found = paired_differences(Task.BINARY, y, Predicted(a), Predicted(b))["roc_auc"]

    # DeLong et al. (1988) by all pairs of a positive and a negative row.
    def placements(score):
        pairs = np.sign(score[y == 1][:, None] - score[y == 0][None]) / 2 + 0.5
        return pairs.mean(axis=1), pairs.mean(axis=0)

    (up_a, down_a), (up_b, down_b) = placements(a[:, 1]), placements(b[:, 1])
    variance = (up_b - up_a).var(ddof=1) / len(up_a) + (down_b - down_a).var(ddof=1) / len(down_a)
    areas = [reference.roc_auc_score(y, each[:, 1]) for each in (a, b)]
    assert found.difference == pytest.approx(areas[1] - areas[0])
    assert found.high - found.low == pytest.approx(2 * 1.96 * math.sqrt(variance), rel=0.02)


@pytest.mark.parametrize("task", [Task.REGRESSION, Task.BINARY, Task.MULTICLASS])
def test_each_difference_is_that_of_the_metrics_and_its_interval_that_of_the_bootstrap(task):
    y, a, b = two_of(task, n=400, seed=3)
    binary = task is Task.BINARY
    first, second = (Predicted(each, 0.4 if binary else None, 0 if binary else 1) for each in (a, b))

    found = paired_differences(task, y, first, second)

    def difference(rows):
        made = [
            metrics(task, y[rows], each.predictions[rows], each.threshold, each.positive)
            for each in (first, second)
        ]
        return {name: made[1][name] - made[0][name] for name in found}

    whole = difference(np.arange(400))
    draw = np.random.default_rng(0)
    drawn = [difference(draw.integers(0, 400, 400)) for _ in range(300)]
    assert set(found) >= ({"mse", "rmse", "mae", "r2"} if task is Task.REGRESSION else {"f1", "roc_auc"})
    for name, each in found.items():
        assert each.difference == pytest.approx(whole[name]), name
        spread = np.std([one[name] for one in drawn])
        assert (each.high - each.low) / (2 * 1.96) == pytest.approx(spread, rel=0.25), name


def test_two_models_that_differ_by_chance_are_seldom_told_apart():
    n_sure = 0
    for seed in range(100):
        y, a, b = two_of(Task.BINARY, n=200, seed=seed, better=0.0)
        n_sure += paired_differences(Task.BINARY, y, Predicted(a), Predicted(b))["log_loss"].is_sure

    # 5 of 100 by definition; 12 or more have a probability of 0.4 %.
    assert n_sure < 12


def test_few_rows_or_few_that_differ_show_nothing():
    y, a, b = two_of(Task.BINARY)
    same = a.copy()
    same[: MIN_DIFFERING - 1] = b[: MIN_DIFFERING - 1]

    few = paired_differences(Task.BINARY, y, Predicted(a), Predicted(same))["log_loss"]

    assert not few.is_sure
    assert few.low == -math.inf
    assert paired_differences(Task.BINARY, y[:19], Predicted(a[:19]), Predicted(b[:19])) == {}


def test_metrics_of_different_positive_classes_are_not_compared():
    y, a, b = two_of(Task.BINARY)

    found = paired_differences(Task.BINARY, y, Predicted(a, positive=0), Predicted(b, positive=1))

    assert {"precision", "recall", "f1"}.isdisjoint(found)
    assert {"log_loss", "accuracy", "roc_auc"} <= set(found)
