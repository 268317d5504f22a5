"""A calibrated isolation forest (anomalies.py) as a graph: depths of leaves, summed exactly, and a broken line."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..estimators.isolation_forest import expected_depth, leaf_depths
from .graph_builder import Graph
from .tree_ensemble import Ensemble, fitted_tree


def emit_isolation(graph: Graph, estimator: Any, x: str) -> str:
    """Shares (n, 1) of an IsolationScore.

    Each tree has a column of its own: TreeEnsemble sums in float32, which would lose what steep parts of the
    line need; the columns are summed in float64.
    """
    forest = estimator.forest_
    ensemble = Ensemble(n_targets=None)
    for each, depths in zip(forest.estimators_, leaf_depths(forest), strict=True):
        ensemble.add(fitted_tree(each.tree_, depths))
    depth = graph.total(graph.double(ensemble.emit(graph, x)), 1)
    score = graph.op("Exp", graph.op("Mul", depth, graph.constant(-np.log(2.0) / expected_depth(forest))))
    return _interpolated(graph, score, estimator.knots_, estimator.shares_)


def _interpolated(graph: Graph, score: str, knots: Any, shares: Any) -> str:
    """numpy.interp: each piece of the line adds its rise times the part of it that the score has passed."""
    passed = graph.op("Sub", score, graph.constant([knots[:-1]]))
    passed = graph.op("Div", passed, graph.constant([np.diff(knots)]))
    passed = graph.op("Clip", passed, graph.constant(0.0), graph.constant(1.0))
    return graph.affine(passed, np.reshape(np.diff(shares), (-1, 1)), np.array([shares[0]]))
