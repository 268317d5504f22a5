"""Fitted clusters (clusters.py) as float64 graphs, step by step the same arithmetic."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..estimators.cluster_models import FARTHEST
from .graph_builder import Graph


def emit_centres(graph: Graph, estimator: Any, x: str) -> str:
    """Probabilities of a NearestCentre."""
    weights, offsets = estimator.plane()
    return graph.op("Softmax", graph.affine(_weighted(graph, estimator, x), weights, offsets), axis=1)


def emit_mixture(graph: Graph, estimator: Any, x: str) -> str:
    """Probabilities of a SoftMixture: one product for all clusters, then squares summed for each."""
    x = _weighted(graph, estimator, x)
    n_clusters, n_columns = estimator.means_.shape
    factors = np.concatenate(list(estimator.factors_), axis=1)
    centres = np.concatenate(
        [mean @ factor for mean, factor in zip(estimator.means_, estimator.factors_, strict=True)]
    )
    apart = graph.op("Sub", graph.op("MatMul", x, graph.constant(factors)), graph.constant([centres]))
    shape = graph.constant([-1, n_clusters, n_columns], np.int64)
    squares = graph.op("Reshape", graph.op("Mul", apart, apart), shape)
    distances = graph.op("Mul", graph.total(squares, 2, keepdims=False), graph.constant(-0.5))
    return graph.op("Softmax", graph.op("Add", distances, graph.constant([estimator.constants_])), axis=1)


def _weighted(graph: Graph, estimator: Any, x: str) -> str:
    near = graph.op("Clip", graph.double(x), graph.constant(-FARTHEST), graph.constant(FARTHEST))
    return graph.op("Mul", near, graph.constant([estimator.weights_]))
