from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import log_loss
from sklearn.svm import SVC

from predictor.ml.estimators.svm import ProbabilisticSVC


def drawn(n, n_classes, *, seed=0, gap=2.0):
    """Rows of normal clouds whose centres lie `gap` apart on a line, and their classes."""
    draw = np.random.default_rng(seed)
    y = np.arange(n) % n_classes
    return draw.normal(size=(n, 2)) + gap * y[:, None], y


def test_the_machine_of_two_classes_is_that_of_scikit_learn_and_a_sigmoid_of_its_margin():
    X, y = drawn(80, 2)

    model = ProbabilisticSVC(C=0.5, random_state=0).fit(X, y)

    margins = SVC(C=0.5).fit(X, y).decision_function(X)
    positive = model.predict_proba(X)[:, 1]
    logits = np.log(positive / (1 - positive))
    slope, offset = np.polyfit(margins, logits, 1)
    assert slope > 0
    assert logits == pytest.approx(slope * margins + offset, abs=1e-6)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_probabilities_sum_to_one_and_say_more_than_the_class_shares(n_classes):
    X, y = drawn(120, n_classes)
    new, truth = drawn(90, n_classes, seed=1)

    model = ProbabilisticSVC(random_state=0).fit(X, y)

    probabilities = model.predict_proba(new)
    assert probabilities.shape == (90, n_classes)
    assert probabilities.sum(axis=1) == pytest.approx(1)
    assert log_loss(truth, probabilities) < 0.6 * np.log(n_classes)
    assert np.array_equal(model.predict(new), probabilities.argmax(axis=1))


def test_labels_may_be_any_numbers():
    X, y = drawn(60, 3, gap=6.0)
    labels = np.array([-4, 11, 30])[y]
    model = ProbabilisticSVC(random_state=0).fit(X, labels)
    assert model.classes_.tolist() == [-4, 11, 30]
    assert (model.predict(X) == labels).mean() > 0.95


def test_probabilities_of_noise_are_near_the_class_shares_because_margins_are_out_of_fold():
    """A large C separates the training rows of pure noise; a sigmoid of those margins would be sure of each."""
    draw = np.random.default_rng(3)
    X, y = draw.normal(size=(90, 8)), np.arange(90) % 2

    model = ProbabilisticSVC(C=1000.0, random_state=0).fit(X, y)

    machine = model.machines_[0]
    assert (np.sign(machine.decision_function(X)) == np.where(y == 1, 1, -1)).all()
    assert np.abs(model.predict_proba(X)[:, 1] - 0.5).max() < 0.25


def test_a_class_of_one_row_is_fitted_without_folds():
    X, y = drawn(40, 2, gap=5.0)
    X, y = np.vstack([X, [[30.0, -30.0]]]), np.append(y, 2)

    probabilities = ProbabilisticSVC(random_state=0).fit(X, y).predict_proba(X)

    assert np.isfinite(probabilities).all()
    assert probabilities[-1].argmax() == 2


def test_balanced_weights_raise_the_probability_of_the_rare_class():
    draw = np.random.default_rng(0)
    X, y = draw.normal(size=(100, 2)), np.r_[np.zeros(90, int), np.ones(10, int)]
    X[y == 1] += 1.0

    plain = ProbabilisticSVC(kernel="linear", random_state=0).fit(X, y)
    balanced = ProbabilisticSVC(kernel="linear", class_weight="balanced", random_state=0).fit(X, y)

    at = np.array([[0.7, 0.7]])
    assert balanced.machines_[0].decision_function(at) > plain.machines_[0].decision_function(at)


def test_the_same_seed_gives_the_same_probabilities():
    X, y = drawn(60, 2, gap=1.0)
    first, second, other = (
        ProbabilisticSVC(random_state=seed).fit(X, y).predict_proba(X) for seed in (0, 0, 1)
    )
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)


def test_huge_margins_give_probabilities_of_zero_and_one_without_overflow():
    X, y = drawn(40, 2, gap=9.0)
    model = ProbabilisticSVC(kernel="linear", random_state=0).fit(X, y)
    far = model.predict_proba(np.array([[1e9, 1e9], [-1e9, -1e9]]))
    assert far == pytest.approx(np.array([[0.0, 1.0], [1.0, 0.0]]))
