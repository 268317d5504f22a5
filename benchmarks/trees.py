"""What the layout of a forest costs in ONNX Runtime, beside scikit-learn's own prediction.

    python benchmarks/trees.py [--rows 20000] [--trees 100] [--json FILE] [--quick]

One random forest (10 numbers, 4 categories) is exported as it would be served, in the order in which it was grown,
and cut into nodes of one size after another (predictor/ml/onnx_export/tree_ensemble.py). For each: µs of processor
time a row for one row, for 20 and for 2,000 at once on one thread, the seconds that 2,000 rows take when they are
shared out to
the processors, MB of file, seconds to load, and the largest difference from scikit-learn.
Layouts take turns, and the least time of several counts, since other work on the machine only adds to it.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(PROJECT), str(PROJECT / "benchmarks")]
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from _machine import header, parser, write_json
from _served import CATEGORIES, NUMBERS, mixed_table
from sklearn.ensemble import RandomForestClassifier

from predictor.ml.features.feature_spec import ONE_HOT_TREES, FeatureSpec
from predictor.ml.onnx_export import session as sessions
from predictor.ml.onnx_export import tree_ensemble
from predictor.ml.onnx_export.export import export
from predictor.ml.onnx_export.session import Session
from predictor.ml.pipelines.fitted_pipeline import FittedPipeline, Member
from predictor.ml.types.schema import Role, Task

NEVER = 10**12
# Name, fewest branches to be turned, most branches of a node.
LAYOUTS = {
    "as it is served": (tree_ensemble.FEWEST_MIRRORED_BRANCHES, tree_ensemble.MOST_BRANCHES),
    "as it was grown, one node": (NEVER, NEVER),
    "turned, one node": (0, NEVER),
    "turned, nodes of 200,000": (0, 200_000),
    "turned, nodes of 50,000": (0, 50_000),
}
SIZES = (1, 20, 2_000)


@dataclass
class Layout:
    """A forest in one layout, and the least seconds it took for each number of rows."""

    model: bytes
    alone: Session
    shared: Session
    load_seconds: float
    best: dict[str, float] = field(default_factory=dict)


def main() -> None:
    arguments = parse()
    about = header("trees")
    forest, pipeline, matrix = fitted(
        *((2_000, 10) if arguments.quick else (arguments.rows, arguments.trees))
    )
    n_nodes = sum(each.tree_.node_count for each in forest.estimators_)
    print(f"\n{len(forest.estimators_)} trees, {n_nodes:,} nodes; µs a row for 1, 20 and 2,000 rows")
    layouts = {name: laid_out(pipeline, *limits) for name, limits in LAYOUTS.items()}
    for _ in range(2 if arguments.quick else 8):
        for layout in layouts.values():
            measure(layout, matrix)
    expected = forest.predict_proba(matrix)
    seconds = min(spent(lambda: forest.predict_proba(matrix)) for _ in range(3))
    print(f"{'scikit-learn':28} {'':14} {seconds / len(matrix) * 1e6:6.1f}")
    results: dict[str, Any] = {"n_nodes": n_nodes, "scikit-learn": {"2000": seconds}}
    for name, layout in layouts.items():
        results[name] = told(name, layout, expected, matrix)
    write_json(arguments.json, about, results)


def parse() -> Any:
    made = parser(__doc__)
    made.add_argument("--rows", type=int, default=20_000, help="rows that the forest is fitted on")
    made.add_argument("--trees", type=int, default=100)
    return made.parse_args()


def fitted(n_rows: int, n_trees: int) -> tuple[RandomForestClassifier, FittedPipeline, Any]:
    """The forest, and 2,000 rows that it has not seen."""
    columns, y = mixed_table(n_rows)
    roles = dict.fromkeys(NUMBERS, Role.NUMERIC) | dict.fromkeys(CATEGORIES, Role.CATEGORICAL)
    spec = FeatureSpec.fit(columns, roles, ONE_HOT_TREES, y=y, task=Task.BINARY, n_classes=2)
    forest = RandomForestClassifier(n_trees, random_state=0).fit(spec.transform(columns), y)
    member = Member(forest, tuple(range(len(spec.outputs))))
    pipeline = FittedPipeline(spec, (member,), Task.BINARY, n_classes=2)
    return forest, pipeline, spec.transform(mixed_table(SIZES[-1], seed=1)[0])


def laid_out(pipeline: FittedPipeline, fewest_turned: int, most_branches: int) -> Layout:
    tree_ensemble.FEWEST_MIRRORED_BRANCHES = fewest_turned
    tree_ensemble.MOST_BRANCHES = most_branches
    model = export(pipeline)
    alone, shared = Session(model), Session(model)
    alone._n_threads = 1
    row = np.zeros((1, len(pipeline.spec.outputs)), np.float32)
    seconds = spent(lambda: alone.run(row))
    shared.run(row)
    return Layout(model, alone, shared, seconds)


def measure(layout: Layout, matrix: Any) -> None:
    for size in SIZES:
        parts = [matrix[start : start + size] for start in range(0, min(len(matrix), 200 * size), size)]
        took = spent(lambda parts=parts: [layout.alone.run(part) for part in parts]) / sum(map(len, parts))
        layout.best[str(size)] = min(took, layout.best.get(str(size), took))
    started = time.perf_counter()
    layout.shared.run(matrix)
    took = time.perf_counter() - started
    layout.best["shared"] = min(took, layout.best.get("shared", took))


def spent(work: Callable[[], Any]) -> float:
    """Seconds of processor time."""
    started = time.process_time()
    work()
    return time.process_time() - started


def told(name: str, layout: Layout, expected: Any, matrix: Any) -> dict[str, Any]:
    found = layout.alone.run(matrix).probabilities
    difference = float(np.abs(found - expected).max())
    per_row = " ".join(f"{layout.best[str(size)] * 1e6:6.1f}" for size in SIZES)
    n_mb = len(layout.model) / 1e6
    print(
        f"{name:28} {per_row}; shared by {sessions.n_cores()} processors {layout.best['shared'] * 1e3:.1f} ms; "
        f"{n_mb:.1f} MB, loaded in {layout.load_seconds:.2f} s; differs by {difference:.0e}"
    )
    return {**layout.best, "mb": n_mb, "load_seconds": layout.load_seconds, "difference": difference}


if __name__ == "__main__":
    main()
