"""HistGradientBoosting with native categories as an ai.onnx.ml TreeEnsemble.

Reads private attributes of scikit-learn 1.9 (`_predictors`, `_preprocessor`, `_baseline_prediction`); the
tests cover every loss and kind of category, and the parity gate checks every model.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .graph_builder import CannotExport, Graph
from .tree_ensemble import Ensemble, TreeArrays

# A code that no category has, for a test that only missing values pass.
NO_CODE = -2.0


def emit_hist_boosting(graph: Graph, estimator: Any, x: str) -> str:
    """A regressor (n, 1) or classifier (n, n_classes), float64."""
    n_targets = len(estimator._predictors[0]) if estimator._predictors else 1
    ensemble = Ensemble(n_targets)
    order, categories = _internal_columns(estimator)
    for stage in estimator._predictors:
        for target, predictor in enumerate(stage):
            ensemble.add(_grown(predictor, order, categories), target)
    start = np.reshape(np.asarray(estimator._baseline_prediction, np.float64), (1, -1))
    raw = graph.op("Add", graph.double(ensemble.emit(graph, x)), graph.constant(start))
    if hasattr(estimator, "classes_"):
        if n_targets == 1:
            return graph.two_classes(graph.op("Sigmoid", raw))
        return graph.op("Softmax", raw, axis=1)
    if estimator.loss in ("poisson", "gamma"):
        return graph.op("Exp", raw)
    if estimator.loss in ("squared_error", "absolute_error", "quantile"):
        return raw
    raise CannotExport(f"HistGradientBoosting with loss {estimator.loss} has no exported form.")


def _internal_columns(estimator: Any) -> tuple[NDArray[np.int64], dict[int, NDArray[np.float64]]]:
    """For each internal column its position in X, and the raw values of each category code.

    scikit-learn's preprocessor moves categorical columns to the front and encodes them again.
    """
    mask = estimator.is_categorical_
    if mask is None or estimator._preprocessor is None:
        return np.arange(estimator.n_features_in_), {}
    mask = np.asarray(mask, bool)
    order = np.concatenate([np.flatnonzero(mask), np.flatnonzero(~mask)])
    encoder = estimator._preprocessor.named_transformers_["encoder"]
    return order, {column: np.asarray(raw, np.float64) for column, raw in enumerate(encoder.categories_)}


def _grown(predictor: Any, order: NDArray[np.int64], categories: dict[int, Any]) -> TreeArrays:
    nodes = predictor.nodes
    is_leaf = nodes["is_leaf"].astype(bool)
    is_member = nodes["is_categorical"].astype(bool) & ~is_leaf
    members: list[float] = []
    for node in nodes[is_member]:
        members += _members(
            predictor.raw_left_cat_bitsets[node["bitset_idx"]], categories[int(node["feature_idx"])]
        )
    return TreeArrays(
        left=nodes["left"],
        right=nodes["right"],
        is_leaf=is_leaf,
        features=order[nodes["feature_idx"].astype(np.int64)],
        thresholds=nodes["num_threshold"],
        missing_goes_left=nodes["missing_go_to_left"],
        n_rows=nodes["count"],
        weights=nodes["value"],
        is_member=is_member,
        members=tuple(members),
    )


def _members(bits: NDArray[np.uint32], values: NDArray[np.float64]) -> list[float]:
    """The category values that go left, ended by NaN, which separates the sets in a TreeEnsemble."""
    codes = np.arange(len(values))
    is_left = (bits[codes // 32] >> (codes % 32).astype(np.uint32)) & 1
    left = values[is_left.astype(bool)]
    left = left[~np.isnan(left)]
    return [*(left.tolist() or [NO_CODE]), float("nan")]
