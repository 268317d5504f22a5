"""Clustering run, from its request to result.json."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InvalidTrainingRequest
from ..estimators.cluster_models import Clusters
from ..execution.progress import Clock, Deadline, Reporter
from ..features.encoding import DISTANCES
from ..features.feature_spec import FeatureSpec
from ..types.schema import Role, Task
from ..types.training_request import AUTO, TrainingRequest
from ..types.warnings import TrainingWarning
from ..unsupervised.cluster_methods import METHODS, Matrix
from ..unsupervised.cluster_profiles import percent
from ..unsupervised.cluster_report import TITLES, ClusteredTable, report
from ..unsupervised.clustering import LEAST, ClusteringResult, find, possible_numbers, refined
from ..validation.training_table import TrainingTable
from .unsupervised_run import (
    UnsupervisedResult,
    blocks_of,
    pipeline_of,
    read_table,
    write_unsupervised_result,
)

# Rows on which numbers of clusters, resamples and shuffled tables are compared.
SEARCH_ROWS = 4_000
# Cells (rows × features) for each second of the budget that the last fit may take.
CELLS_PER_SECOND = 50_000
# What the search may take of the time that is left once the table is read.
SEARCH_SHARE = 0.75
# Stabilities closer than this count as equal: then k-means is kept, which is easier to explain.
CLOSE = 0.02
# Most features of a mixture: each cluster stores a square matrix of them, at 100 as much as 100 centres.
MOST_MIXED = 100
# Shares of rows to warn about: above the first, the other clusters are outliers; below the second, this one.
DOMINATING, TINY = 0.9, 0.01


@dataclass(frozen=True)
class Space:
    """Feature space: the matrix (n, d) of the spec, each feature multiplied by its weight."""

    spec: FeatureSpec
    weights: NDArray[np.float64]
    matrix: Matrix

    @classmethod
    def of(cls, table: TrainingTable) -> Space:
        """Scale each column of the table to a total variance of at most 1, so that no date or text dominates."""
        spec, matrix = FeatureSpec.fit_transform(table.columns, table.roles, DISTANCES)
        weights = np.ones(matrix.shape[1])
        for block in blocks_of(spec):
            columns = slice(block.start, block.stop)
            spread = float(matrix[:, columns].var(axis=0, dtype=np.float64).sum())
            weights[columns] = 1.0 / np.sqrt(max(spread, 1.0))
        return cls(spec, weights, matrix.astype(np.float64) * weights)

    def sample(self, max_rows: int, seed: int) -> Matrix:
        if len(self.matrix) <= max_rows:
            return self.matrix
        row_numbers = np.random.default_rng(seed).choice(len(self.matrix), max_rows, replace=False)
        return self.matrix[np.sort(row_numbers)]


def run(request: TrainingRequest, workdir: Path, reporter: Reporter) -> None:
    """Find clusters for a checked request; WORKDIR/result.json is complete when this returns."""
    request, table, clock = read_table(request, Task.CLUSTERING, reporter)
    space = Space.of(table)
    every = _search(request, space, table, clock, reporter)
    kept = _chosen([result for result, _ in every])
    reporter.progress(0.85, f"Dividing all rows by {TITLES[kept.method.key]}")
    described = _described(request, table, space, kept, every, clock)
    for warning in _warnings(described.report):
        reporter.warn(warning)
    write_unsupervised_result(request, workdir, reporter, clock, table, described)


def _search(
    request: TrainingRequest, space: Space, table: TrainingTable, clock: Clock, reporter: Reporter
) -> list[tuple[ClusteringResult, float]]:
    """Run each method on a sample: its result, and the seconds that it took."""
    keys = _methods(request, table, space.matrix.shape[1])
    sample = space.sample(SEARCH_ROWS, request.seed)
    _check_number(request, sample)
    until = Deadline.after(clock.remaining * SEARCH_SHARE)
    every: list[tuple[ClusteringResult, float]] = []
    for place, key in enumerate(keys):
        started = time.monotonic()

        def tell(fraction: float, message: str, place: int = place, key: str = key) -> None:
            share = 0.1 + 0.7 * (place + fraction) / len(keys)
            reporter.progress(share, f"{TITLES[key]}: {message}")

        result = find(
            METHODS[key],
            sample,
            blocks_of(space.spec),
            n_clusters=_requested_number(request),
            seed=request.seed,
            deadline=Deadline.after(until.remaining / (len(keys) - place)),
            progress=tell,
        )
        every.append((result, time.monotonic() - started))
        board = _leaderboard(every, None, sample)
        reporter.emit("candidate", candidate=board[-1], leaderboard=board)
    return every


def _methods(request: TrainingRequest, table: TrainingTable, n_features: int) -> list[str]:
    """Methods to run. Auto adds a mixture only for numeric columns: with categories it would split by them."""
    if request.estimator != AUTO:
        return [request.estimator]
    is_numeric = all(role not in (Role.CATEGORICAL, Role.TEXT) for role in table.roles.values())
    return list(METHODS) if is_numeric and n_features <= MOST_MIXED else ["kmeans"]


def _requested_number(request: TrainingRequest) -> int | None:
    number = request.params.get("n_clusters")
    return None if number in (None, "") else int(number)


def _check_number(request: TrainingRequest, sample: Matrix) -> None:
    n_clusters, n_distinct = _requested_number(request), len(np.unique(sample, axis=0))
    if n_distinct < LEAST or (n_clusters or 0) > n_distinct:
        raise InvalidTrainingRequest(
            f"The rows take only {n_distinct} different forms in the columns that are used, "
            f"so they cannot be divided into {n_clusters or LEAST} clusters."
        )


def _chosen(every: Sequence[ClusteringResult]) -> ClusteringResult:
    """Choose a method: better than chance first, then the more stable by more than CLOSE, else the first."""
    best = every[0]
    for each in every[1:]:
        gain = (each.stability or 0.0) - (best.stability or 0.0)
        if (each.beats_chance, gain > CLOSE) > (best.beats_chance, False):
            best = each
    return best


def _described(
    request: TrainingRequest,
    table: TrainingTable,
    space: Space,
    kept: ClusteringResult,
    every: Sequence[tuple[ClusteringResult, float]],
    clock: Clock,
) -> UnsupervisedResult:
    max_rows = max(SEARCH_ROWS, int(CELLS_PER_SECOND * request.budget_seconds / space.matrix.shape[1]))
    fitted = refined(kept.clusters, space.sample(max_rows, request.seed), seed=request.seed)
    # Clusters are numbered by size among all rows; in the sample, the order can differ.
    counts = np.bincount(fitted.predict(space.matrix), minlength=kept.n_clusters)
    fitted = fitted.ordered(np.argsort(-counts, kind="stable"))
    labels = fitted.predict(space.matrix)
    names = tuple(f"Cluster {number}" for number in range(1, kept.n_clusters + 1))
    results = [result for result, _ in every]
    clustered = ClusteredTable(table, space.matrix, labels, names)
    params = {"n_clusters": kept.n_clusters}
    n = len(names)
    sample = space.sample(SEARCH_ROWS, request.seed)
    n_possible = len(possible_numbers(sample))
    return UnsupervisedResult(
        pipeline=pipeline_of(
            space.spec, fitted.weighing(space.weights), kept.method.key, params, Task.CLUSTERING, n
        ),
        classes=names,
        codes=labels,
        title=f"{TITLES[kept.method.key]} with {n} clusters",
        params=params,
        report=report(clustered, kept, results, is_proposed=_requested_number(request) is None),
        leaderboard=_leaderboard(every, kept, sample),
        is_budget_limited=any(result.is_cut for result in results),
        cut_methods=tuple(TITLES[each.method.key] for each in results if len(each.tried) < n_possible),
    )


def _leaderboard(
    every: Sequence[tuple[ClusteringResult, float]], kept: ClusteringResult | None, sample: Matrix
) -> list[dict[str, Any]]:
    """Leaderboard: one line for each method, the most stable first."""
    lines = [
        {
            "key": result.method.key,
            "title": f"{TITLES[result.method.key]} with {result.n_clusters} clusters",
            "estimator": result.method.key,
            "params": {"n_clusters": result.n_clusters},
            "encoding": DISTANCES.categories,
            "metric": "stability",
            "score": result.stability,
            "spread": None,
            "fit_seconds": round(seconds, 3),
            "predict_ms": _predict_ms(result.clusters, sample),
            "size_bytes": None,
            "weight": None if kept is None else float(result is kept),
            "status": "done",
            "note": "" if result.beats_chance or not result.shuffled else "no clearer than shuffled columns",
        }
        for result, seconds in every
    ]
    return sorted(lines, key=lambda line: -(line["score"] or 0.0))


def _predict_ms(clusters: Clusters, sample: Matrix) -> float:
    """Prediction time for 1,000 rows, in milliseconds."""
    started = time.perf_counter()
    clusters.predict(sample)
    return round((time.perf_counter() - started) * 1e6 / len(sample), 3)


def _warnings(document: Any) -> list[TrainingWarning]:
    clusters = document["clusters"]
    messages = []
    largest = max(clusters, key=lambda each: each["share"])
    if largest["share"] >= DOMINATING:
        messages.append(
            f"{largest['name']} holds {percent(largest['share'])} of the rows: the others are hardly more than "
            "outliers. Looking for unusual rows may suit this table better."
        )
    tiny = [each["name"] for each in clusters if each["share"] < TINY]
    if tiny:
        messages.append(
            f"{', '.join(tiny)}: less than {percent(TINY)} of the rows, which may be a few outliers."
        )
    return [TrainingWarning(message) for message in messages]
