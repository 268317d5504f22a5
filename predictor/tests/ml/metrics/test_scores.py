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
    computed = regression_metrics(y, predicted)
    assert computed["mse"] == pytest.approx(reference.mean_squared_error(y, predicted))
    assert computed["rmse"] == pytest.approx(math.sqrt(computed["mse"]))
    assert computed["mae"] == pytest.approx(reference.mean_absolute_error(y, predicted))
    assert computed["r2"] == pytest.approx(reference.r2_score(y, predicted))


@pytest.mark.parametrize("n_classes", [2, 4])
def test_classification_metrics_are_those_of_scikit_learn(rng, n_classes):
    y = rng.integers(0, n_classes, 300)
    probabilities = rng.dirichlet(np.ones(n_classes), 300) * 0.5 + 0.5 * np.eye(n_classes)[y] * 0.6 + 0.05
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    labels, average = probabilities.argmax(axis=1), "binary" if n_classes == 2 else "macro"
    computed = classification_metrics(y, probabilities)
    assert computed["log_loss"] == pytest.approx(reference.log_loss(y, probabilities))
    assert computed["accuracy"] == pytest.approx(reference.accuracy_score(y, labels))
    assert computed["balanced_accuracy"] == pytest.approx(reference.balanced_accuracy_score(y, labels))
    assert computed["precision"] == pytest.approx(reference.precision_score(y, labels, average=average))
    assert computed["recall"] == pytest.approx(reference.recall_score(y, labels, average=average))
    assert computed["f1"] == pytest.approx(reference.f1_score(y, labels, average=average))
    ranked = probabilities[:, 1] if n_classes == 2 else probabilities
    assert computed["roc_auc"] == pytest.approx(reference.roc_auc_score(y, ranked, multi_class="ovr"))


@pytest.mark.parametrize(("threshold", "positive"), [(None, 0), (0.3, 0), (0.7, 0), (0.3, 1)])
def test_metrics_of_the_positive_class_are_those_of_scikit_learn_with_its_label(rng, threshold, positive):
    y = rng.integers(0, 2, 300)
    first = np.clip(0.5 - 0.2 * (y - 0.5) + rng.normal(0, 0.2, 300), 0.01, 0.99)
    probabilities = np.column_stack([first, 1 - first])
    score = probabilities[:, positive]
    labels = np.where(score >= (threshold or 0.5), positive, 1 - positive)
    computed = classification_metrics(y, probabilities, threshold, positive)
    of = {"pos_label": positive}
    assert computed["precision"] == pytest.approx(reference.precision_score(y, labels, **of))
    assert computed["recall"] == pytest.approx(reference.recall_score(y, labels, **of))
    assert computed["f1"] == pytest.approx(reference.f1_score(y, labels, **of))
    assert computed["accuracy"] == pytest.approx(reference.accuracy_score(y, labels))
    assert computed["average_precision"] == pytest.approx(reference.average_precision_score(y, score, **of))
    assert computed["roc_auc"] == pytest.approx(reference.roc_auc_score(y == positive, score))


def test_ranking_metrics_take_ties_as_scikit_learn_does(rng):
    is_positive, score = rng.random(200) < 0.3, rng.integers(0, 5, 200) / 4
    assert roc_auc(is_positive, score) == pytest.approx(reference.roc_auc_score(is_positive, score))
    expected = reference.average_precision_score(is_positive, score)
    assert average_precision(is_positive, score) == pytest.approx(expected)


def test_metrics_that_cannot_be_computed_are_none():
    one_class = np.zeros(10, int)
    computed = classification_metrics(one_class, np.tile([0.9, 0.1], (10, 1)))
    assert computed["roc_auc"] is None
    assert regression_metrics(np.ones(10), np.ones(10))["r2"] is None


def test_one_confident_mistake_has_a_finite_loss():
    score = selection_score(Task.BINARY, np.array([0, 1]), np.array([[0.0, 1.0], [0.5, 0.5]]))
    assert 0 < score < 20


def test_predictions_that_are_not_finite_get_the_worst_score():
    assert selection_score(Task.REGRESSION, np.ones(2), np.array([1.0, np.nan])) == math.inf


@pytest.fixture
def rng():
    return np.random.default_rng(0)
