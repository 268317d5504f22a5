from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn import metrics as reference

from predictor.ml.metrics.scores import (
    average_precision,
    classification_metrics,
    regression_metrics,
    roc_auc,
    selection_score,
)
from predictor.ml.types.schema import Task


def test_regression_metrics_are_those_of_scikit_learn(rng):
    y = rng.normal(size=100)
    predicted = y + rng.normal(size=100)
    found = regression_metrics(y, predicted)
    assert found["mse"] == pytest.approx(reference.mean_squared_error(y, predicted))
    assert found["rmse"] == pytest.approx(math.sqrt(found["mse"]))
    assert found["mae"] == pytest.approx(reference.mean_absolute_error(y, predicted))
    assert found["r2"] == pytest.approx(reference.r2_score(y, predicted))


@pytest.mark.parametrize("n_classes", [2, 4])
def test_classification_metrics_are_those_of_scikit_learn(rng, n_classes):
    y = rng.integers(0, n_classes, 300)
    probabilities = rng.dirichlet(np.ones(n_classes), 300) * 0.5 + 0.5 * np.eye(n_classes)[y] * 0.6 + 0.05
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    labels, average = probabilities.argmax(axis=1), "binary" if n_classes == 2 else "macro"
    found = classification_metrics(y, probabilities)
    assert found["log_loss"] == pytest.approx(reference.log_loss(y, probabilities))
    assert found["accuracy"] == pytest.approx(reference.accuracy_score(y, labels))
    assert found["balanced_accuracy"] == pytest.approx(reference.balanced_accuracy_score(y, labels))
    assert found["precision"] == pytest.approx(reference.precision_score(y, labels, average=average))
    assert found["recall"] == pytest.approx(reference.recall_score(y, labels, average=average))
    assert found["f1"] == pytest.approx(reference.f1_score(y, labels, average=average))
    ranked = probabilities[:, 1] if n_classes == 2 else probabilities
    assert found["roc_auc"] == pytest.approx(reference.roc_auc_score(y, ranked, multi_class="ovr"))


def test_ranking_metrics_take_ties_as_scikit_learn_does(rng):
    is_positive, score = rng.random(200) < 0.3, rng.integers(0, 5, 200) / 4
    assert roc_auc(is_positive, score) == pytest.approx(reference.roc_auc_score(is_positive, score))
    expected = reference.average_precision_score(is_positive, score)
    assert average_precision(is_positive, score) == pytest.approx(expected)


def test_what_cannot_be_computed_is_none():
    one_class = np.zeros(10, int)
    found = classification_metrics(one_class, np.tile([0.9, 0.1], (10, 1)))
    assert found["roc_auc"] is None
    assert regression_metrics(np.ones(10), np.ones(10))["r2"] is None


def test_one_confident_mistake_costs_a_finite_amount():
    score = selection_score(Task.BINARY, np.array([0, 1]), np.array([[0.0, 1.0], [0.5, 0.5]]))
    assert 0 < score < 20


def test_predictions_that_are_not_finite_lose():
    assert selection_score(Task.REGRESSION, np.ones(2), np.array([1.0, np.nan])) == math.inf


@pytest.fixture
def rng():
    return np.random.default_rng(0)
