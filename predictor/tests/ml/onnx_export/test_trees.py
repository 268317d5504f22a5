from __future__ import annotations

import numpy as np
import onnx
import pytest
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from predictor.ml.onnx_export.graph_builder import Graph
from predictor.ml.onnx_export.trees import emit_boosting, emit_forest

from .graphs import answered, emitted, float32_rows

KNOWN, NEW = float32_rows(60, 3), float32_rows(40, 3, seed=1)
NUMBERS = KNOWN @ [1.0, -2.0, 0.5]
CLASSES = {n: np.argsort(np.argsort(NUMBERS)) * n // 60 for n in (2, 4)}
# TreeEnsemble adds up float32.
LIMIT = 2e-6


def forest_of(trees, rows, n_classes=None):
    return answered(lambda graph: emit_forest(graph, trees, "X", n_classes), rows, n_classes)


@pytest.mark.parametrize(
    "model", [DecisionTreeRegressor(max_depth=3), RandomForestRegressor(3, random_state=0)]
)
def test_trees_of_numbers_give_the_mean_of_their_leaves(model):
    model.fit(KNOWN, NUMBERS)
    trees = getattr(model, "estimators_", [model])
    assert forest_of(list(trees), NEW) == pytest.approx(model.predict(NEW), abs=LIMIT)


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("kind", [RandomForestClassifier, ExtraTreesClassifier])
def test_forests_of_classes_give_the_mean_of_the_shares_in_their_leaves(kind, n_classes):
    model = kind(3, min_samples_leaf=4, random_state=0).fit(KNOWN, CLASSES[n_classes])
    probabilities = forest_of(list(model.estimators_), NEW, n_classes)
    assert probabilities == pytest.approx(model.predict_proba(NEW), abs=LIMIT)


def test_leaves_of_many_classes_are_rows_of_one_table():
    model = RandomForestClassifier(3, min_samples_leaf=9, random_state=0).fit(KNOWN, CLASSES[4])
    graph = Graph(3)

    parsed = onnx.load_model_from_string(
        graph.model(emit_forest(graph, list(model.estimators_), "X", 4), "probabilities", 4)
    )

    n_leaves = sum(tree.get_n_leaves() for tree in model.estimators_)
    assert [n_leaves, 4] in [list(each.dims) for each in parsed.graph.initializer]


@pytest.mark.parametrize("n_classes", [None, 2, 4])
def test_a_tree_without_a_split_gives_its_only_leaf(n_classes):
    if n_classes is None:
        model = DecisionTreeRegressor(min_samples_split=100).fit(KNOWN, NUMBERS)
        assert forest_of([model], NEW) == pytest.approx(np.full(40, NUMBERS.mean()), abs=LIMIT)
    else:
        model = DecisionTreeClassifier(min_samples_split=100).fit(KNOWN, CLASSES[n_classes])
        assert forest_of([model], NEW, n_classes) == pytest.approx(np.full((40, n_classes), 1 / n_classes))


def test_rows_at_a_threshold_and_next_to_it_take_the_branch_of_scikit_learn():
    """The number 0.1 of float64 lies below that of float32."""
    model = DecisionTreeRegressor().fit([[0.0], [1.0]], [0.0, 1.0])
    model.tree_.threshold[0] = 0.1
    tenth = np.float32(0.1)
    rows = np.array([[np.nextafter(tenth, np.float32(0))], [tenth], [np.nextafter(tenth, np.float32(1))]])

    assert forest_of([model], rows).tolist() == model.predict(rows).tolist() == [0, 1, 1]

    model.tree_.threshold[0] = float(tenth)
    assert forest_of([model], rows).tolist() == model.predict(rows).tolist() == [0, 0, 1]


def test_missing_values_go_where_they_went_in_training():
    rows = np.array([[1.0], [2.0], [3.0], [np.nan], [np.nan], [4.0]])
    for numbers in ([0.0, 0, 9, 9, 9, 9], [9.0, 9, 0, 9, 9, 0]):
        model = DecisionTreeRegressor(max_depth=1).fit(rows, numbers)
        assert forest_of([model], rows).tolist() == model.predict(rows).tolist()
        assert model.predict([[np.nan]]) == [9.0]


def test_boosting_of_numbers_starts_at_the_mean_and_adds_shrunken_leaves():
    model = GradientBoostingRegressor(n_estimators=5, learning_rate=0.3, max_depth=2).fit(
        KNOWN, NUMBERS + 1000
    )
    assert emitted(emit_boosting, model, NEW) == pytest.approx(model.predict(NEW), rel=1e-6)


@pytest.mark.parametrize("n_classes", [2, 4])
def test_boosting_of_classes_has_the_probabilities_of_scikit_learn(n_classes):
    model = GradientBoostingClassifier(n_estimators=4, max_depth=2, random_state=0).fit(
        KNOWN, CLASSES[n_classes]
    )
    probabilities = emitted(emit_boosting, model, NEW, n_classes)
    assert probabilities == pytest.approx(model.predict_proba(NEW), abs=LIMIT)
