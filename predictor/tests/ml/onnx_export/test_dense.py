"""Graphs of dense estimators: the same numbers as scikit-learn, to the precision of float64."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.svm import SVC, SVR

from predictor.ml.estimators.neighbours import NeighboursClassifier, NeighboursRegressor
from predictor.ml.estimators.svm import ProbabilisticSVC
from predictor.ml.onnx_export import dense
from predictor.ml.onnx_export.graph_builder import CannotExport, Graph

from .graphs import emitted, float32_rows

KNOWN, NEW = float32_rows(40, 3), float32_rows(15, 3, seed=1)
NUMBERS = KNOWN @ [1.0, -2.0, 0.5] + 3
CLASSES = {n: np.argsort(np.argsort(NUMBERS)) * n // 40 for n in (2, 3)}


def test_a_linear_model_is_one_affine_function() -> None:
    model = LinearRegression().fit(KNOWN, NUMBERS)
    assert emitted(dense.emit_linear, model, NEW) == pytest.approx(model.predict(NEW), abs=1e-12)
    without = SimpleNamespace(coef_=np.array([[2.0, 0.0, 1.0]]), intercept_=0.0)
    assert emitted(dense.emit_linear, without, [[1.0, 5.0, 3.0]]).tolist() == [5.0]


@pytest.mark.parametrize("n_classes", [2, 3])
def test_logistic_regression_has_the_probabilities_of_scikit_learn(n_classes: int) -> None:
    model = LogisticRegression().fit(KNOWN, CLASSES[n_classes])
    probabilities = emitted(dense.emit_logistic, model, NEW, n_classes)
    assert probabilities == pytest.approx(model.predict_proba(NEW), abs=1e-12)


@pytest.mark.parametrize("kernel", ["rbf", "linear"])
def test_support_vector_machines_have_the_margins_of_scikit_learn(kernel: str) -> None:
    number = SVR(kernel=kernel).fit(KNOWN, NUMBERS)
    machine = SVC(kernel=kernel).fit(KNOWN, CLASSES[2])

    rows = np.vstack([NEW, KNOWN[:1]])  # a support vector itself has distance zero
    assert emitted(dense.emit_margin, number, rows) == pytest.approx(number.predict(rows), abs=1e-9)
    assert emitted(dense.emit_margin, machine, rows) == pytest.approx(
        machine.decision_function(rows), abs=1e-9
    )


@pytest.mark.parametrize("n_classes", [2, 3])
def test_a_support_vector_classifier_has_its_own_probabilities(n_classes: int) -> None:
    model = ProbabilisticSVC(random_state=0).fit(KNOWN, CLASSES[n_classes])
    probabilities = emitted(dense.emit_svc, model, NEW, n_classes)
    assert probabilities == pytest.approx(model.predict_proba(NEW), abs=1e-9)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_margins_beyond_all_bounds_do_not_become_nan(n_classes: int) -> None:
    model = ProbabilisticSVC(kernel="linear", random_state=0).fit(KNOWN, CLASSES[n_classes])
    rows = np.array([[1e30, -1e30, 1e30], [-1e30, 1e30, -1e30]])
    probabilities = emitted(dense.emit_svc, model, rows, n_classes)
    assert probabilities == pytest.approx(model.predict_proba(rows), abs=1e-9)
    assert np.isfinite(probabilities).all()


NEIGHBOURS = [
    NeighboursRegressor(4), NeighboursRegressor(4, "uniform"), NeighboursRegressor(99),
    NeighboursClassifier(5), NeighboursClassifier(3, "uniform"),
]  # fmt: skip


@pytest.mark.parametrize("model", NEIGHBOURS, ids=repr)
def test_nearest_neighbours_agree_also_on_ties_equal_rows_and_far_rows(model: Any) -> None:
    grid = np.round(KNOWN)  # whole numbers have many equal distances
    rows = np.vstack([NEW, np.round(NEW), grid[:3], [[1e9, -1e9, 0.0]]])

    if isinstance(model, NeighboursRegressor):
        model.fit(grid, NUMBERS)
        assert emitted(dense.emit_neighbours, model, rows) == pytest.approx(model.predict(rows), abs=1e-12)
    else:
        model.fit(grid, CLASSES[3])
        probabilities = emitted(dense.emit_neighbours, model, rows, 3)
        assert probabilities == pytest.approx(model.predict_proba(rows), abs=1e-12)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_naive_bayes_has_the_probabilities_of_scikit_learn(n_classes: int) -> None:
    model = GaussianNB().fit(KNOWN, CLASSES[n_classes])
    rows = np.vstack([NEW, [[80.0, -80.0, 80.0]]])
    probabilities = emitted(dense.emit_naive_bayes, model, rows, n_classes)
    assert probabilities == pytest.approx(model.predict_proba(rows), abs=1e-9)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("activation", ["relu", "tanh", "logistic"])
@pytest.mark.parametrize("n_classes", [0, 2, 3])
def test_networks_have_the_outputs_of_scikit_learn(activation: str, n_classes: int) -> None:
    options = {"hidden_layer_sizes": (4, 3), "activation": activation, "max_iter": 3, "random_state": 0}
    if n_classes:
        classifier = MLPClassifier(**options).fit(KNOWN, CLASSES[n_classes])
        probabilities = emitted(dense.emit_network, classifier, NEW, n_classes)
        assert probabilities == pytest.approx(classifier.predict_proba(NEW), abs=1e-12)
    else:
        regressor = MLPRegressor(**options).fit(KNOWN, NUMBERS)
        assert emitted(dense.emit_network, regressor, NEW) == pytest.approx(regressor.predict(NEW), abs=1e-12)


def test_a_kernel_or_an_activation_without_a_graph_is_refused_by_name() -> None:
    machine = SVC(kernel="poly").fit(KNOWN, CLASSES[2])
    with pytest.raises(CannotExport) as caught:
        dense.emit_margin(Graph(3), machine, "X")
    assert str(caught.value) == "Support vector machines with kernel poly have no exported form."
    with pytest.raises(CannotExport, match="Networks with activation identity have no exported form"):
        dense.emit_network(Graph(3), MLPRegressor(activation="identity"), "X")
