"""Decision trees as ai.onnx.ml TreeEnsemble nodes (operator set 5), in the layout that ONNX Runtime evaluates fastest.

ONNX Runtime stores the false branch of a node next to it in memory and jumps to the true branch. So the branch that
most training rows took becomes the false one: measured on 100 trees of 7,000 nodes, one row takes 23 µs instead of
39, and 2,000 rows take 9 µs each instead of 19. The fast loop of ONNX Runtime needs all tests to be of one kind. So
"x > t" is written as "-x <= s" on the matrix concatenated with its negative, which costs 0.6 µs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import numpy_helper

from .graph_builder import Graph

AT_MOST, MEMBER = 0, 6
SUM = 1
# Below this, the two nodes that compute the negative cost more than they save (2,800 branches: 9.1 against 9.3 µs).
FEWEST_MIRRORED_BRANCHES = 2_000
# A matrix this wide takes 16 MB for a chunk of 4,096 rows; its negative and both joined take 48 MB more.
MOST_MIRRORED_COLUMNS = 1_000
# Up to this width, trees read X itself instead of a Gather of their columns: one row takes 22 µs instead of 24. In a
# wider matrix, many rows lose more than that (600 columns: 12 µs each instead of 10).
MOST_DIRECT_COLUMNS = 256
# ONNX Runtime sends rows in batches of 128 through all trees of a node, so these should fit into the CPU cache:
# 1.7 million branches take 26 µs a row as one node, 17 as five (16 MB each); a single row takes 41 and 45 µs.
MOST_BRANCHES = 400_000


def rounded_down(thresholds: NDArray[np.float64]) -> NDArray[np.float32]:
    """The largest float32 numbers that are not above the thresholds."""
    with np.errstate(over="ignore"):
        near = thresholds.astype(np.float32)
        below = np.nextafter(near, np.float32(-np.inf))
    return np.where(near.astype(np.float64) > thresholds, below, near)


def mirrored_splits(splits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Thresholds s for finite splits: -x <= s exactly where x > split."""
    return np.nextafter(-splits, np.float32(-np.inf), dtype=np.float32)


@dataclass(frozen=True)
class TreeArrays:
    """One tree as parallel arrays over its nodes, the root first.

    `weights` are read at leaves only; `n_rows` is how many training rows reached each node. `members` holds the
    category values that go left at each node of `is_member`, in order; NaN ends each set.
    """

    left: NDArray[Any]
    right: NDArray[Any]
    is_leaf: NDArray[np.bool_]
    features: NDArray[Any]
    thresholds: NDArray[np.float64]
    missing_goes_left: NDArray[Any]
    n_rows: NDArray[Any]
    weights: NDArray[Any]
    is_member: NDArray[np.bool_] | None = None
    members: tuple[float, ...] = ()

    @property
    def n_branches(self) -> int:
        return max(int(np.count_nonzero(~self.is_leaf)), 1)


def fitted_tree(tree: Any, weights: NDArray[Any]) -> TreeArrays:
    """The arrays of a fitted `sklearn.tree._tree.Tree`; `weights` has one value per node."""
    return TreeArrays(
        left=tree.children_left,
        right=tree.children_right,
        is_leaf=tree.children_left == -1,
        features=tree.feature,
        thresholds=tree.threshold,
        missing_goes_left=tree.missing_go_to_left,
        n_rows=tree.n_node_samples,
        weights=weights,
    )


class Ensemble:
    """A tree ensemble under construction; `emit` writes it as TreeEnsemble nodes.

    Leaves are summed per target. With `n_targets` None, each tree has an output column of its own instead.
    """

    def __init__(self, n_targets: int | None):
        self.n_targets = n_targets
        self._trees: list[tuple[TreeArrays, int]] = []

    def add(self, tree: TreeArrays, target: int = 0) -> None:
        """Add a tree whose leaves are summed into this target."""
        self._trees.append((tree, target))

    def emit(self, graph: Graph, x: str) -> str:
        """Sums per target, float32 (n, n_targets), or leaves (n, n_trees), for a result of `graph.columns`."""
        places = np.array(graph.places_of(x), np.int64)
        width = len(places)
        if graph.n_columns <= MOST_DIRECT_COLUMNS:
            x, width = "X", graph.n_columns
        else:
            places = np.arange(width)
        n_branches = sum(tree.n_branches for tree, _ in self._trees)
        mirror = width if self._gains_from_mirror(n_branches, width) else None
        if mirror is not None:
            x = graph.beside_negative(x)
        parts = [self._emit_group(graph, x, group, places, mirror) for group in self._groups(n_branches)]
        if len(parts) == 1:
            return parts[0]
        return graph.op("Concat", *parts, axis=1) if self.n_targets is None else graph.op("Sum", *parts)

    def _gains_from_mirror(self, n_branches: int, width: int) -> bool:
        # ONNX Runtime evaluates trees with membership tests in its slow loop in any case.
        has_members = any(tree.members for tree, _ in self._trees)
        is_large = n_branches >= FEWEST_MIRRORED_BRANCHES
        return is_large and not has_members and width <= MOST_MIRRORED_COLUMNS

    def _groups(self, n_branches: int) -> list[list[tuple[TreeArrays, int]]]:
        """The trees, in order, in the fewest groups of similar size with about MOST_BRANCHES at most."""
        n_groups = -(-n_branches // MOST_BRANCHES)
        groups: list[list[tuple[TreeArrays, int]]] = [[]]
        passed = 0
        for tree, target in self._trees:
            if groups[-1] and passed * n_groups >= len(groups) * n_branches:
                groups.append([])
            groups[-1].append((tree, target))
            passed += tree.n_branches
        return groups

    def _emit_group(
        self,
        graph: Graph,
        x: str,
        group: list[tuple[TreeArrays, int]],
        places: NDArray[np.int64],
        mirror: int | None,
    ) -> str:
        nodes = _Nodes(places, mirror)
        for number, (tree, target) in enumerate(group):
            nodes.add(tree, number if self.n_targets is None else target)
        n_targets = len(group) if self.n_targets is None else self.n_targets
        return graph.op(
            "TreeEnsemble",
            x,
            domain="ai.onnx.ml",
            n_targets=n_targets,
            aggregate_function=SUM,
            post_transform=0,
            **nodes.attributes(),
        )


class _Nodes:
    """The attributes of one TreeEnsemble node.

    `places`: the column of the matrix for each feature. `mirror`: the offset from a column to its negative, or None.
    """

    def __init__(self, places: NDArray[np.int64], mirror: int | None):
        self._places = places
        self._mirror = mirror
        self._roots: list[int] = []
        self._arrays: dict[str, list[NDArray[Any]]] = {}
        self._members: list[float] = []
        self._n_branches = self._n_leaves = 0

    def add(self, tree: TreeArrays, target: int) -> None:
        self._roots.append(self._n_branches)
        if tree.is_leaf[0]:
            self._add_stump(tree, target)
            return
        is_leaf = tree.is_leaf
        inner = np.flatnonzero(~is_leaf)
        places = np.where(
            is_leaf, np.cumsum(is_leaf) - 1 + self._n_leaves, np.cumsum(~is_leaf) - 1 + self._n_branches
        )
        is_member = np.zeros(len(inner), bool) if tree.is_member is None else tree.is_member[inner]
        yes, no = tree.left[inner].astype(np.int64), tree.right[inner].astype(np.int64)
        features = self._places[tree.features[inner]]
        splits = np.where(is_member, np.float32(0), rounded_down(tree.thresholds[inner].astype(np.float64)))
        missing = tree.missing_goes_left[inner].astype(np.int64)
        if self._mirror is not None:
            is_swapped = (tree.n_rows[yes] > tree.n_rows[no]) & ~is_member & np.isfinite(splits)
            yes, no = np.where(is_swapped, no, yes), np.where(is_swapped, yes, no)
            features = np.where(is_swapped, features + self._mirror, features)
            splits = np.where(is_swapped, mirrored_splits(splits), splits)
            missing = np.where(is_swapped, 1 - missing, missing)
        self._append(
            nodes_featureids=features,
            nodes_modes=np.where(is_member, MEMBER, AT_MOST).astype(np.uint8),
            nodes_splits=splits,
            nodes_truenodeids=places[yes],
            nodes_falsenodeids=places[no],
            nodes_trueleafs=is_leaf[yes].astype(np.int64),
            nodes_falseleafs=is_leaf[no].astype(np.int64),
            nodes_missing_value_tracks_true=missing,
        )
        self._members += tree.members
        self._n_branches += len(inner)
        self._add_leaves(tree.weights[is_leaf], target)

    def _add_stump(self, tree: TreeArrays, target: int) -> None:
        """A tree of one leaf, written as a branch with that leaf on both sides."""
        leaf, one = np.array([self._n_leaves]), np.array([1])
        self._append(
            nodes_featureids=np.array([0]),
            nodes_modes=np.array([AT_MOST], np.uint8),
            nodes_splits=np.array([0.0], np.float32),
            nodes_truenodeids=leaf,
            nodes_falsenodeids=leaf,
            nodes_trueleafs=one,
            nodes_falseleafs=one,
            nodes_missing_value_tracks_true=one,
        )
        self._n_branches += 1
        self._add_leaves(tree.weights[:1], target)

    def _add_leaves(self, weights: NDArray[Any], target: int) -> None:
        self._append(
            leaf_weights=weights.astype(np.float32), leaf_targetids=np.full(len(weights), target, np.int64)
        )
        self._n_leaves += len(weights)

    def _append(self, **arrays: NDArray[Any]) -> None:
        for name, array in arrays.items():
            self._arrays.setdefault(name, []).append(array)

    def attributes(self) -> dict[str, Any]:
        """Attributes by their names in TreeEnsemble: integers as lists, the rest as tensors."""
        joined = {name: np.concatenate(arrays) for name, arrays in self._arrays.items()}
        if self._members:
            joined["membership_values"] = np.array(self._members, np.float32)
        return {
            "tree_roots": self._roots,
            **{
                name: array.tolist() if array.dtype == np.int64 else numpy_helper.from_array(array, name)
                for name, array in joined.items()
            },
        }
