"""Parts of the report on clusters: other numbers of clusters, stability, comparison with chance.

They are about the clusters of the sample that the run compared, which are found again with the seed of the run. The
served clusters are these, refined on all rows; they are compared with the stored sizes before anything is told of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from ..execution.progress import Deadline
from ..training.clustering_run import CELLS_PER_SECOND, SEARCH_ROWS, Space
from ..training.unsupervised_run import blocks_of, read_table
from ..types.left_out import Part
from ..types.schema import Task
from ..unsupervised.cluster_methods import METHODS, Method
from ..unsupervised.cluster_report import scores_of, verdict
from ..unsupervised.clustering import (
    N_SHUFFLED,
    ClusteringResult,
    Shuffle,
    by_chance,
    largest_first,
    possible_numbers,
    propose,
    refined,
    stability,
)
from .work import CannotComplete, QuietReporter, Work

NEVER = Deadline(np.inf)
OTHER_CLUSTERS = (
    "The clusters of this version cannot be found again in its dataset, as after a change of the libraries or of the "
    "way in which rows are read. So nothing can be said about them; train a new version."
)


@dataclass
class ClusterParts:
    """Computes the parts of one report."""

    work: Work

    def compute(self, part: Part, report: Mapping[str, Any]) -> dict[str, Any]:
        """The keys of the report that the part fills. Raises CannotComplete."""
        kept = self.kept
        if part is Part.NUMBERS:
            return {"scores": [self._all_numbers(each) for each in report["scores"]]}
        result = _as_reported(kept, report)
        if part is Part.STABILITY:
            labels = kept.clusters.predict(self.sample)
            agreement = stability(
                kept.method, self.sample, labels, kept.n_clusters, seed=self.seed, deadline=NEVER
            )
            result = replace(result, stability=agreement)
        elif part is Part.CHANCE:
            shuffled = by_chance(
                kept.method, self.shuffle, kept.n_clusters, N_SHUFFLED, seed=self.seed, deadline=NEVER
            )
            result = replace(result, shuffled=shuffled)
        else:
            raise CannotComplete(f"{part.label}: no part of this report.")
        chance = {"observed": result.observed, "shuffled": list(result.shuffled)} if result.shuffled else None
        return {
            "metrics": {**report["metrics"], "stability": result.stability},
            "chance": chance,
            "verdict": verdict(result, report["metrics"]["silhouette"]),
        }

    @property
    def seed(self) -> int:
        return self.work.request.seed

    @cached_property
    def space(self) -> Space:
        _, table, _ = read_table(self.work.request, Task.CLUSTERING, QuietReporter())
        return Space.of(table)

    @cached_property
    def sample(self) -> Any:
        return self.space.sample(SEARCH_ROWS, self.seed)

    @cached_property
    def shuffle(self) -> Shuffle:
        return Shuffle(self.sample, blocks_of(self.space.spec))

    @cached_property
    def kept(self) -> ClusteringResult:
        """The clusters of the sample. Raises CannotComplete unless they become the served ones."""
        report = self.work.report
        method: Method | None = METHODS.get(report["method"])
        if method is None:
            raise CannotComplete(OTHER_CLUSTERS)
        n = int(report["metrics"]["n_clusters"])
        found = method.fit(self.sample, n, self.seed)
        clusters = largest_first(found, found.predict(self.sample))
        n_features = self.space.matrix.shape[1]
        n_fitted = max(SEARCH_ROWS, int(CELLS_PER_SECOND * self.work.request.budget_seconds / n_features))
        served = refined(clusters, self.space.sample(n_fitted, self.seed), seed=self.seed)
        sizes = sorted(np.bincount(served.predict(self.space.matrix), minlength=n).tolist(), reverse=True)
        if sizes != [each["n_rows"] for each in report["clusters"]]:
            raise CannotComplete(OTHER_CLUSTERS)
        observed = method.chance_score(self.shuffle.rows, clusters)
        return ClusteringResult(method, clusters, (), None, observed)

    def _all_numbers(self, scores: Mapping[str, Any]) -> dict[str, Any]:
        """The scores of a method with every number of clusters; which was chosen stays."""
        method = METHODS[scores["method"]]
        numbers = possible_numbers(self.sample)
        tried, _ = propose(method, self.sample, self.shuffle, numbers, seed=self.seed, deadline=NEVER)
        result = replace(self.kept, method=method, tried=tuple(tried))
        return {**scores_of(result, False), "chosen": scores["chosen"]}


def _as_reported(kept: ClusteringResult, report: Mapping[str, Any]) -> ClusteringResult:
    """The clusters with the stability and the comparison that the report has already."""
    chance = report.get("chance") or {}
    return replace(
        kept,
        stability=report["metrics"].get("stability"),
        observed=chance.get("observed", kept.observed),
        shuffled=tuple(chance.get("shuffled") or ()),
    )
