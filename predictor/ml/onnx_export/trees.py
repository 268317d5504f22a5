"""Trees of scikit-learn, alone and in ensembles, as ai.onnx.ml TreeEnsemble.

Splits are exact: a float32 feature is at most a float64 threshold exactly when it is at most that threshold
rounded down to float32. Sums are float32, so answers differ by about 1e-7 of their size.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .graph_builder import Graph
from .tree_ensemble import Ensemble, fitted_tree


def emit_forest(graph: Graph, trees: list[Any], x: str, n_classes: int | None) -> str:
    """The mean over decision trees: values (n, 1), or probabilities (n, n_classes), float64."""
    if n_classes is None or n_classes == 2:
        ensemble = Ensemble(n_targets=1)
        for each in trees:
            ensemble.add(fitted_tree(each.tree_, each.tree_.value[:, 0, -1] / len(trees)))
        total = graph.double(ensemble.emit(graph, x))
        return total if n_classes is None else graph.two_classes(total)
    return _emit_by_leaf(graph, trees, x)


def _emit_by_leaf(graph: Graph, trees: list[Any], x: str) -> str:
    """Probabilities of many classes: each tree gives the number of its leaf, which picks a row of a table.

    TreeEnsemble knows one weight per leaf; a copy of each tree for each class would be many times larger.
    """
    ensemble, tables = Ensemble(n_targets=None), []
    n_leaves = 0
    for each in trees:
        tree = each.tree_
        is_leaf = tree.children_left == -1
        # A leaf's number must be exact in float32; forests are far below 2**24 leaves.
        ensemble.add(fitted_tree(tree, np.where(is_leaf, np.cumsum(is_leaf) - 1 + n_leaves, 0)))
        tables.append(tree.value[is_leaf, 0, :])
        n_leaves += int(is_leaf.sum())
    leaves = graph.op("Cast", ensemble.emit(graph, x), to=7)
    said = graph.op("Gather", graph.constant(np.concatenate(tables), np.float32), leaves, axis=0)
    mean = graph.op("ReduceMean", said, graph.constant([1], np.int64), keepdims=0)
    return graph.double(mean)


def emit_boosting(graph: Graph, estimator: Any, x: str) -> str:
    """A GradientBoosting regressor (n, 1) or classifier (n, n_classes), float64."""
    columns = estimator.estimators_.shape[1]
    ensemble = Ensemble(n_targets=columns)
    for stage in estimator.estimators_:
        for target, each in enumerate(stage):
            ensemble.add(fitted_tree(each.tree_, each.tree_.value[:, 0, 0] * estimator.learning_rate), target)
    start = estimator._raw_predict_init(np.zeros((1, estimator.n_features_in_), np.float32))
    raw = graph.op("Add", graph.double(ensemble.emit(graph, x)), graph.constant(np.reshape(start, (1, -1))))
    if not hasattr(estimator, "classes_"):
        return raw
    if columns == 1:
        return graph.two_classes(graph.op("Sigmoid", raw))
    return graph.op("Softmax", raw, axis=1)
