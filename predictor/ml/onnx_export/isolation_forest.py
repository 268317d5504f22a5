"""ONNX graph of a calibrated isolation forest: leaf depths, their exact sum, a piecewise linear function."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..estimators.isolation_forest import expected_depth, leaf_depths
from .graph_builder import Graph
from .tree_ensemble import Ensemble, fitted_tree


def emit_isolation(graph: Graph, estimator: Any, x: str) -> str:
    """The prediction of an IsolationScore: the share of rows that are less unusual, (n, 1).

    Each tree has a column of its own, and the columns are summed in float64. TreeEnsemble sums in float32, which is
    not exact enough where the function is steep.
    """
    forest = estimator.forest_
    ensemble = Ensemble(n_targets=None)
    for each, depths in zip(forest.estimators_, leaf_depths(forest), strict=True):
        ensemble.add(fitted_tree(each.tree_, depths))
    depth = graph.total(graph.double(ensemble.emit(graph, x)), 1)
    score = graph.op("Exp", graph.op("Mul", depth, graph.constant(-np.log(2.0) / expected_depth(forest))))
    return _interpolated(graph, score, estimator.knots_, estimator.shares_)


def _interpolated(graph: Graph, score: str, knots: Any, shares: Any) -> str:
    """numpy.interp as a graph: each segment adds its rise times the fraction that lies below the score."""
    fractions = graph.op("Sub", score, graph.constant([knots[:-1]]))
    fractions = graph.op("Div", fractions, graph.constant([np.diff(knots)]))
    fractions = graph.op("Clip", fractions, graph.constant(0.0), graph.constant(1.0))
    return graph.affine(fractions, np.reshape(np.diff(shares), (-1, 1)), np.array([shares[0]]))
