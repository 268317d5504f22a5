"""Build a graph, run it in ONNX Runtime, and return its output."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from predictor.ml.onnx_export.graph_builder import Graph
from predictor.ml.onnx_export.session import Session

Build = Callable[[Graph], str]


def answered(build: Build, matrix: NDArray[Any], n_outputs: int | None = None) -> NDArray[Any]:
    """The result that `build` adds to a graph, for a matrix (n, k): (n,), or (n, n_outputs)."""
    matrix = np.asarray(matrix, np.float32)
    graph = Graph(matrix.shape[1])
    model = graph.model(build(graph), "values", n_outputs)
    values = Session(model).run(matrix).values
    assert values is not None
    return values


def emitted(
    emit: Callable[[Graph, Any, str], str], estimator: Any, matrix: NDArray[Any], n_outputs: int | None = None
) -> NDArray[Any]:
    """What the graph of an estimator answers on all columns of a matrix."""
    return answered(lambda graph: emit(graph, estimator, "X"), matrix, n_outputs)


def float32_rows(n_rows: int, n_columns: int, *, seed: int = 0) -> NDArray[np.float64]:
    """Random rows that float32 holds exactly, as float64: scikit-learn then computes in float64, too."""
    return np.random.default_rng(seed).normal(size=(n_rows, n_columns)).astype(np.float32).astype(np.float64)
