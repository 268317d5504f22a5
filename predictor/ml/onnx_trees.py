"""Trees of scikit-learn as one ai.onnx.ml TreeEnsemble (operator set 5).

Splits are exact: a float32 feature is at most a float64 threshold exactly when it is at most that threshold
rounded down to float32. Sums are float32, so answers differ by about 1e-7 of their size.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import numpy_helper

from .onnx_graph import Graph

AT_MOST, MEMBER = 0, 6
SUM = 1


def rounded_down(thresholds: NDArray[np.float64]) -> NDArray[np.float32]:
    """The largest float32 numbers that are not above the thresholds."""
    with np.errstate(over="ignore"):
        near = thresholds.astype(np.float32)
        below = np.nextafter(near, np.float32(-np.inf))
    return np.where(near.astype(np.float64) > thresholds, below, near)


@dataclass
class Branches:
    """Parallel arrays of inner nodes, as TreeEnsemble wants them; `members` only for membership tests."""

    features: list[NDArray[np.int64]] = field(default_factory=list)
    modes: list[NDArray[np.uint8]] = field(default_factory=list)
    splits: list[NDArray[np.float32]] = field(default_factory=list)
    left: list[NDArray[np.int64]] = field(default_factory=list)
    right: list[NDArray[np.int64]] = field(default_factory=list)
    left_is_leaf: list[NDArray[np.int64]] = field(default_factory=list)
    right_is_leaf: list[NDArray[np.int64]] = field(default_factory=list)
    missing_goes_left: list[NDArray[np.int64]] = field(default_factory=list)


class Ensemble:
    """Trees gathered one by one."""

    def __init__(self, n_targets: int):
        self.n_targets = n_targets
        self.branches = Branches()
        self.roots: list[int] = []
        self.leaf_targets: list[NDArray[np.int64]] = []
        self.leaf_weights: list[NDArray[np.float32]] = []
        self.members: list[float] = []
        self.n_branches = 0
        self.n_leaves = 0

    def add(
        self,
        *,
        left: NDArray[Any],
        right: NDArray[Any],
        is_leaf: NDArray[np.bool_],
        features: NDArray[Any],
        thresholds: NDArray[np.float64],
        missing_goes_left: NDArray[Any],
        weights: NDArray[Any],
        target: int,
        is_member: NDArray[np.bool_] | None = None,
        members: list[float] | None = None,
    ) -> None:
        """One tree given as arrays over its nodes, the root first; `weights` are read at leaves only."""
        self.roots.append(self.n_branches)
        if is_leaf[0]:
            self._add_stump(float(weights[0]), target)
            return
        places = np.where(
            is_leaf, np.cumsum(is_leaf) - 1 + self.n_leaves, np.cumsum(~is_leaf) - 1 + self.n_branches
        )
        inner = np.flatnonzero(~is_leaf)
        to_left, to_right = left[inner].astype(np.int64), right[inner].astype(np.int64)
        modes = np.full(len(inner), AT_MOST, np.uint8)
        splits = rounded_down(thresholds[inner].astype(np.float64))
        if is_member is not None:
            modes[is_member[inner]] = MEMBER
            splits[is_member[inner]] = 0.0
        self._append(
            features=features[inner].astype(np.int64),
            modes=modes,
            splits=splits,
            left=places[to_left],
            right=places[to_right],
            left_is_leaf=is_leaf[to_left].astype(np.int64),
            right_is_leaf=is_leaf[to_right].astype(np.int64),
            missing_goes_left=missing_goes_left[inner].astype(np.int64),
        )
        self.members += members or []
        self.n_branches += len(inner)
        self._add_leaves(weights[is_leaf], target)

    def _add_stump(self, weight: float, target: int) -> None:
        """A tree of one leaf, as a branch whose sides lead to the same leaf."""
        leaf, one = np.array([self.n_leaves]), np.array([1])
        self._append(
            features=np.array([0]),
            modes=np.array([AT_MOST], np.uint8),
            splits=np.array([0.0], np.float32),
            left=leaf,
            right=leaf,
            left_is_leaf=one,
            right_is_leaf=one,
            missing_goes_left=one,
        )
        self.n_branches += 1
        self._add_leaves(np.array([weight]), target)

    def _append(self, **arrays: NDArray[Any]) -> None:
        for name, array in arrays.items():
            getattr(self.branches, name).append(array)

    def _add_leaves(self, weights: NDArray[Any], target: int) -> None:
        self.leaf_weights.append(weights.astype(np.float32))
        self.leaf_targets.append(np.full(len(weights), target, np.int64))
        self.n_leaves += len(weights)

    def emit(self, graph: Graph, x: str) -> str:
        """The node: sums per target, float32 (n, n_targets), for float32 x."""
        joined = {name: np.concatenate(arrays) for name, arrays in vars(self.branches).items()}
        attributes: dict[str, Any] = {
            "n_targets": self.n_targets,
            "aggregate_function": SUM,
            "post_transform": 0,
            "tree_roots": self.roots,
            "nodes_featureids": joined["features"].tolist(),
            "nodes_modes": numpy_helper.from_array(joined["modes"], "modes"),
            "nodes_splits": numpy_helper.from_array(joined["splits"], "splits"),
            "nodes_truenodeids": joined["left"].tolist(),
            "nodes_falsenodeids": joined["right"].tolist(),
            "nodes_trueleafs": joined["left_is_leaf"].tolist(),
            "nodes_falseleafs": joined["right_is_leaf"].tolist(),
            "nodes_missing_value_tracks_true": joined["missing_goes_left"].tolist(),
            "leaf_targetids": np.concatenate(self.leaf_targets).tolist(),
            "leaf_weights": numpy_helper.from_array(np.concatenate(self.leaf_weights), "weights"),
        }
        if self.members:
            members = np.array(self.members, np.float32)
            attributes["membership_values"] = numpy_helper.from_array(members, "members")
        return graph.op("TreeEnsemble", x, domain="ai.onnx.ml", **attributes)


def add_tree(ensemble: Ensemble, tree: Any, weights: NDArray[Any], target: int) -> None:
    """Add a fitted `sklearn.tree._tree.Tree` with these leaf weights (one per node)."""
    ensemble.add(
        left=tree.children_left,
        right=tree.children_right,
        is_leaf=tree.children_left == -1,
        features=tree.feature,
        thresholds=tree.threshold,
        missing_goes_left=tree.missing_go_to_left,
        weights=weights,
        target=target,
    )


def emit_forest(graph: Graph, trees: list[Any], x: str, n_classes: int | None) -> str:
    """The mean over decision trees: values (n, 1), or probabilities (n, n_classes), float64."""
    if n_classes is None or n_classes == 2:
        ensemble = Ensemble(n_targets=1)
        for each in trees:
            add_tree(ensemble, each.tree_, each.tree_.value[:, 0, -1] / len(trees), 0)
        total = graph.double(ensemble.emit(graph, x))
        return total if n_classes is None else graph.two_classes(total)
    return _emit_by_leaf(graph, trees, x)


def _emit_by_leaf(graph: Graph, trees: list[Any], x: str) -> str:
    """Probabilities of many classes: each tree gives the number of its leaf, which picks a row of a table.

    TreeEnsemble knows one weight per leaf; a copy of each tree for each class would be many times larger.
    """
    ensemble, tables = Ensemble(n_targets=len(trees)), []
    n_leaves = 0
    for place, each in enumerate(trees):
        tree = each.tree_
        is_leaf = tree.children_left == -1
        # A leaf's number must be exact in float32; forests are far below 2**24 leaves.
        add_tree(ensemble, tree, np.where(is_leaf, np.cumsum(is_leaf) - 1 + n_leaves, 0), place)
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
            add_tree(ensemble, each.tree_, each.tree_.value[:, 0, 0] * estimator.learning_rate, target)
    start = estimator._raw_predict_init(np.zeros((1, estimator.n_features_in_), np.float32))
    raw = graph.op("Add", graph.double(ensemble.emit(graph, x)), graph.constant(np.reshape(start, (1, -1))))
    if not hasattr(estimator, "classes_"):
        return raw
    if columns == 1:
        return graph.two_classes(graph.op("Sigmoid", raw))
    return graph.op("Softmax", raw, axis=1)
