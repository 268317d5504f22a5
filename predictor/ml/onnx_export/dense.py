"""Estimators that are matrix arithmetic, as float64 graphs."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..estimators import neighbours
from .graph_builder import CannotExport, Graph


def emit_linear(graph: Graph, estimator: Any, x: str) -> str:
    """Values (n, 1) of a linear regressor."""
    return graph.affine(
        graph.double(x), np.reshape(estimator.coef_, (-1, 1)), np.atleast_1d(estimator.intercept_)
    )


def emit_logistic(graph: Graph, estimator: Any, x: str) -> str:
    """Probabilities of a LogisticRegression."""
    raw = graph.affine(graph.double(x), estimator.coef_.T, estimator.intercept_)
    if len(estimator.classes_) == 2:
        return graph.two_classes(graph.op("Sigmoid", raw))
    return graph.op("Softmax", raw, axis=1)


def emit_margin(graph: Graph, machine: Any, x: str) -> str:
    """The margin (n, 1) of a two-class SVC, or the value of an SVR."""
    x = graph.double(x)
    vectors = np.asarray(machine.support_vectors_, np.float64)
    products = graph.op("MatMul", x, graph.constant(vectors.T))
    if machine.kernel == "rbf":
        lengths = graph.op(
            "Add", graph.total(graph.op("Mul", x, x), 1), graph.constant([(vectors**2).sum(axis=1)])
        )
        squares = graph.op("Sub", lengths, graph.op("Mul", products, graph.constant(2.0)))
        squares = graph.op("Max", squares, graph.constant(0.0))
        products = graph.op("Exp", graph.op("Mul", squares, graph.constant(-machine._gamma)))
    elif machine.kernel != "linear":
        raise CannotExport(f"Support vector machines with kernel {machine.kernel} have no exported form.")
    weights = machine.dual_coef_.reshape(-1, 1)
    return graph.affine(products, weights, machine.intercept_)


def emit_svc(graph: Graph, estimator: Any, x: str) -> str:
    """Probabilities of a ProbabilisticSVC."""
    margins = [emit_margin(graph, machine, x) for machine in estimator.machines_]
    margin = graph.op("Concat", *margins, axis=1)
    scaled = graph.op("Mul", margin, graph.constant([estimator.slopes_]))
    logits = graph.op("Add", scaled, graph.constant([estimator.offsets_]))
    logits = graph.op("Clip", logits, graph.constant(-500.0), graph.constant(500.0))
    shares = graph.op("Sigmoid", logits)
    if len(estimator.classes_) == 2:
        return graph.two_classes(shares)
    return graph.op("Div", shares, graph.op("Max", graph.total(shares, 1), graph.constant(1e-300)))


def emit_neighbours(graph: Graph, estimator: Any, x: str) -> str:
    """Values (n, 1) or probabilities of our nearest neighbours, step by step as in `neighbours.py`."""
    rows = estimator.rows_.astype(np.float64)
    x = graph.op(
        "Clip", graph.double(x), graph.constant(-neighbours.FARTHEST), graph.constant(neighbours.FARTHEST)
    )
    lengths = graph.op(
        "Add", graph.total(graph.op("Mul", x, x), 1), graph.constant([(rows * rows).sum(axis=1)])
    )
    products = graph.op("MatMul", x, graph.constant(rows.T))
    squares = graph.op("Sub", lengths, graph.op("Mul", products, graph.constant(2.0)))
    quantum = graph.constant(neighbours.QUANTUM)
    squares = graph.op("Floor", graph.op("Add", graph.op("Mul", squares, quantum), graph.constant(0.5)))
    squares = graph.op("Div", squares, quantum)
    keys = graph.op("Add", squares, graph.constant([np.arange(len(rows)) * neighbours.TIE]))
    k = graph.constant([min(estimator.n_neighbors, len(rows))], np.int64)
    nearest = graph.ops("TopK", keys, k, n_outputs=2, axis=1, largest=0, sorted=1)[1]
    said = graph.op("Gather", graph.constant(estimator.table_), nearest, axis=0)
    if estimator.weights == "uniform":
        return graph.op("ReduceMean", said, graph.constant([1], np.int64), keepdims=0)
    found = graph.op("Max", graph.op("GatherElements", squares, nearest, axis=1), graph.constant(0.0))
    distances = graph.op("Add", graph.op("Sqrt", found), graph.constant(neighbours.NEAREST))
    shares = graph.op("Div", graph.constant(1.0), distances)
    weighted = graph.op("Mul", said, graph.op("Unsqueeze", shares, graph.constant([2], np.int64)))
    return graph.op("Div", graph.total(weighted, 1, keepdims=False), graph.total(shares, 1))


def emit_naive_bayes(graph: Graph, estimator: Any, x: str) -> str:
    """Probabilities of a GaussianNB."""
    x = graph.op("Unsqueeze", graph.double(x), graph.constant([1], np.int64))
    apart = graph.op("Sub", x, graph.constant(estimator.theta_[None]))
    squares = graph.op("Div", graph.op("Mul", apart, apart), graph.constant(estimator.var_[None]))
    start = np.log(estimator.class_prior_) - 0.5 * np.sum(np.log(2.0 * np.pi * estimator.var_), axis=1)
    spread = graph.op("Mul", graph.total(squares, 2, keepdims=False), graph.constant(-0.5))
    return graph.op("Softmax", graph.op("Add", spread, graph.constant([start])), axis=1)


def emit_network(graph: Graph, estimator: Any, x: str) -> str:
    """Values (n, 1) or probabilities of an MLP."""
    activations = {"relu": "Relu", "tanh": "Tanh", "logistic": "Sigmoid"}
    if estimator.activation not in activations:
        raise CannotExport(f"Networks with activation {estimator.activation} have no exported form.")
    x = graph.double(x)
    layers = list(zip(estimator.coefs_, estimator.intercepts_, strict=True))
    for weights, offsets in layers[:-1]:
        x = graph.op(activations[estimator.activation], graph.affine(x, weights, offsets))
    raw = graph.affine(x, *layers[-1])
    if not hasattr(estimator, "classes_"):
        return raw
    if estimator.out_activation_ == "softmax":
        return graph.op("Softmax", raw, axis=1)
    return graph.two_classes(graph.op("Sigmoid", raw))
