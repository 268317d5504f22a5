"""Nearest neighbours against scikit-learn, and the rules that make them exportable."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from predictor.ml.estimators import neighbours
from predictor.ml.estimators.neighbours import NEAREST, NeighboursClassifier, NeighboursRegressor

DRAW = np.random.default_rng(0)
KNOWN, NEW = DRAW.normal(size=(60, 3)).astype(np.float32), DRAW.normal(size=(25, 3)).astype(np.float32)
NUMBERS, LABELS = DRAW.normal(size=60), DRAW.choice([2, 5, 7], 60)


def damped(distances):
    return 1.0 / (distances + NEAREST)


@pytest.mark.parametrize(("ours", "theirs"), [("uniform", "uniform"), ("distance", damped)])
def test_predictions_are_those_of_scikit_learn_with_damped_weights(ours, theirs):
    regressor = KNeighborsRegressor(7, weights=theirs).fit(KNOWN, NUMBERS)
    classifier = KNeighborsClassifier(7, weights=theirs).fit(KNOWN, LABELS)

    numbers = NeighboursRegressor(7, ours).fit(KNOWN, NUMBERS)
    classes = NeighboursClassifier(7, ours).fit(KNOWN, LABELS)

    # Squared distances are rounded to 2**-20.
    assert numbers.predict(NEW) == pytest.approx(regressor.predict(NEW), abs=1e-5)
    assert classes.predict_proba(NEW) == pytest.approx(classifier.predict_proba(NEW), abs=1e-5)
    assert classes.classes_.tolist() == [2, 5, 7]
    assert set(classes.predict(NEW)) <= {2, 5, 7}
    assert (
        classes.predict(NEW).tolist() == classes.classes_[classes.predict_proba(NEW).argmax(axis=1)].tolist()
    )


def test_of_equally_distant_rows_the_first_of_training_count():
    rows = np.array([[1.0], [-1.0], [1.0], [-1.0]])
    model = NeighboursRegressor(2, "uniform").fit(rows, np.array([10.0, 20.0, 40.0, 80.0]))
    assert model.predict(np.array([[0.0]])).tolist() == [15.0]
    assert model.predict(np.array([[0.5]])).tolist() == [25.0]


def test_of_many_equally_distant_rows_the_first_count():
    distances = np.r_[np.full(100, 2.0), np.full(100, 1.0), [0.0]].reshape(-1, 1)
    model = NeighboursRegressor(5, "uniform").fit(distances, np.arange(201.0))
    # The nearest row is the last; then come rows 100 to 103.
    assert model.predict(np.zeros((1, 1))).tolist() == [(200 + 100 + 101 + 102 + 103) / 5]


def test_distances_that_differ_by_rounding_only_are_ties():
    rows = np.array([[1.0], [np.nextafter(np.float32(1), np.float32(0))]])
    model = NeighboursRegressor(1).fit(rows, np.array([10.0, 20.0]))
    assert model.rows_[1, 0] < 1
    assert model.predict(np.array([[0.0]])).tolist() == [10.0]


def test_an_equal_row_has_nearly_all_the_weight():
    model = NeighboursRegressor(2).fit(np.array([[0.0], [1.0]]), np.array([5.0, 9.0]))

    (value,) = model.predict(np.array([[0.0]]))

    near, far = 1 / NEAREST, 1 / (1 + NEAREST)
    assert value == pytest.approx((5 * near + 9 * far) / (near + far))


def test_with_fewer_rows_than_neighbours_all_rows_count():
    model = NeighboursClassifier(15, "uniform").fit(np.array([[0.0], [1.0], [9.0]]), np.array([0, 1, 1]))
    assert model.predict_proba(np.array([[100.0]])) == pytest.approx(np.array([[1 / 3, 2 / 3]]))


def test_features_beyond_twenty_deviations_count_as_twenty():
    model = NeighboursRegressor(1).fit(np.array([[1e9], [3.0], [-1e9]]), np.array([1.0, 2.0, 3.0]))
    assert model.rows_.ravel().tolist() == [20.0, 3.0, -20.0]
    assert model.predict(np.array([[12.0], [11.0], [-1e30], [1e30]])).tolist() == [1.0, 2.0, 3.0, 1.0]


def test_many_rows_are_predicted_in_chunks_as_one_by_one(monkeypatch):
    model = NeighboursRegressor(3).fit(KNOWN, NUMBERS)
    whole = model.predict(NEW)

    monkeypatch.setattr(neighbours, "CHUNK", 4)

    assert model.predict(NEW).tolist() == whole.tolist()
    assert np.concatenate([model.predict(NEW[row : row + 1]) for row in range(25)]) == pytest.approx(whole)


def test_no_rows_have_no_predictions():
    assert NeighboursRegressor(3).fit(KNOWN, NUMBERS).predict(NEW[:0]).shape == (0,)
    assert NeighboursClassifier(3).fit(KNOWN, LABELS).predict_proba(NEW[:0]).shape == (0, 3)
