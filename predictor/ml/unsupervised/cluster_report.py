"""Report on a clustering version, as one JSON document.

    {"format": 1, "task": "clustering", "method": key, "n_rows",
     "metrics": {"silhouette", "stability", "n_clusters", "largest_share"},
     "verdict": {"sentence", "strength": "strong" | "weak" | "none" by the silhouette and against chance,
                 "is_better": not "none", "is_sure": strong, and stable},
     "clusters": [{"name", "n_rows", "share", "sentence", "traits": ["age far above average (61 vs 39)", …]}],
     "scores": [{"method", "title", "metric": "silhouette" | "bic", "points": [[number of clusters, score], …],
                 "chance": the points of shuffled tables, "chosen": number or null}],
                 larger is better for the silhouette, smaller for the BIC
     "is_proposed": whether the number of clusters was found, not requested,
     "chance": {"observed", "shuffled": [scores of shuffled tables]} or null,
     "map": {"x", "y": titles with the explained variance, "series": [{"name", "points": [[x, y], …]}]}}
Every number is finite or null.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..validation.training_table import TrainingTable
from .cluster_methods import Labels, Matrix, silhouette
from .cluster_profiles import TableStatistics, Trait, percent
from .clustering import ClusteringResult

# From a silhouette of 0.25 there may be a structure, from 0.5 a reasonable one, after Kaufman and Rousseeuw, "Finding
# groups in data" (1990), table 4.
STRUCTURE, STRONG = 0.25, 0.5
STEADY = 0.8
MAP_ROWS = 1_000
# Rows that profiles are made from; fewer of a wide table: rows × columns × clusters.
PROFILED_ROWS, MIN_PROFILED, PROFILED_CELLS = 50_000, 500, 10_000_000
TITLES = {"kmeans": "K-means", "gaussian_mixture": "Gaussian mixture"}
N_TRAITS_IN_SENTENCE = 3


@dataclass(frozen=True)
class ClusteredTable:
    """A table with the cluster of each row, and the matrix in which the clusters were found."""

    table: TrainingTable
    matrix: Matrix
    labels: Labels
    names: tuple[str, ...]

    @property
    def counts(self) -> NDArray[np.intp]:
        return np.bincount(self.labels, minlength=len(self.names))


def report(
    clustered: ClusteredTable, kept: ClusteringResult, every: Sequence[ClusteringResult], *, is_proposed: bool
) -> dict[str, Any]:
    """See the module's docstring. `every`: results of all methods tried; `kept`: the chosen one."""
    compactness = silhouette(clustered.matrix, clustered.labels)
    counts = clustered.counts
    return {
        "format": 1,
        "task": clustered.table.task.value,
        "method": kept.method.key,
        "n_rows": len(clustered.table),
        "metrics": {
            "silhouette": compactness,
            "stability": kept.stability,
            "n_clusters": kept.n_clusters,
            "largest_share": float(counts.max() / counts.sum()),
        },
        "verdict": verdict(kept, compactness),
        "clusters": profiles(clustered),
        "scores": [scores_of(each, each is kept) for each in every],
        "is_proposed": is_proposed,
        "chance": {"observed": kept.observed, "shuffled": list(kept.shuffled)} if kept.shuffled else None,
        "map": picture(clustered),
    }


def verdict(result: ClusteringResult, compactness: float) -> dict[str, Any]:
    """Verdict: whether there are clusters, how strong they are ("strong", "weak" or "none"), with a sentence."""
    is_steady = result.stability is not None and result.stability >= STEADY
    strength = "strong" if compactness >= STRONG else "weak" if compactness >= STRUCTURE else "none"
    if not result.beats_chance:
        strength = "none"
    return {
        "sentence": _verdict(result, compactness, strength, is_steady),
        "strength": strength,
        "is_better": strength != "none",
        "is_sure": strength == "strong" and is_steady,
    }


def _verdict(result: ClusteringResult, compactness: float, strength: str, is_steady: bool) -> str:
    separation = f"silhouette {compactness:.2f}; 1 is far apart, 0 is touching"
    agreement = "" if result.stability is None else f" (agreement {result.stability:.2f} of 1)"
    if not result.shuffled:
        return (
            f"Whether these clusters are more than chance was not tested for want of time ({separation}). "
            "Train with a longer budget before you rely on them."
        )
    if not result.beats_chance:
        return (
            "No clusters: a table whose columns are shuffled each on its own divides just as well. "
            "The groups are a way to cut the rows into parts, not kinds of rows that the data knows."
        )
    if strength == "none":
        return (
            f"No clusters to rely on: the groups overlap ({separation}; below {STRUCTURE:g} is no structure), "
            "though they lie further apart than those of shuffled columns."
        )
    if result.stability is None:
        steady = ". Whether parts of the rows show the same clusters was not tested"
    elif is_steady:
        steady = f", and parts of the rows show the same clusters again{agreement}"
    else:
        steady = f", but parts of the rows give somewhat other clusters{agreement}"
    if strength == "strong":
        return f"There are strong clusters: they lie apart ({separation}), more than shuffled columns give{steady}."
    return (
        f"There are weak clusters: they overlap in part ({separation}; from {STRONG:g} they are strong), but lie "
        f"further apart than shuffled columns give{steady}."
    )


def profiles(clustered: ClusteredTable) -> list[dict[str, Any]]:
    """Size and profile of each cluster. Profiles use a sample of the rows of a large table."""
    n_rows = len(clustered.table)
    n_cells = max(len(clustered.table.columns) * len(clustered.names), 1)
    n_profiled = min(n_rows, PROFILED_ROWS, max(MIN_PROFILED, PROFILED_CELLS // n_cells))
    rows = np.linspace(0, n_rows - 1, n_profiled).astype(np.intp)
    table, labels = clustered.table.rows(rows), clustered.labels[rows]
    shares, whole = clustered.counts / clustered.counts.sum(), TableStatistics(table.columns, table.roles)
    documents = []
    for code, name in enumerate(clustered.names):
        traits = whole.traits(labels == code)
        documents.append(
            {
                "name": name,
                "n_rows": int(clustered.counts[code]),
                "share": float(shares[code]),
                "sentence": sentence(name, float(shares[code]), traits),
                "traits": [trait.text for trait in traits],
            }
        )
    return documents


def sentence(name: str, share: float, traits: Sequence[Trait]) -> str:
    """ "Cluster 2: 31 % of rows; age far above average (61 vs 39), plan mostly “pro” (82 % vs 34 %)." """
    words = (
        ", ".join(trait.text for trait in traits[:N_TRAITS_IN_SENTENCE])
        or "close to the average in every column"
    )
    return f"{name}: {percent(share)} of rows; {words}."


def scores_of(result: ClusteringResult, is_kept: bool) -> dict[str, Any]:
    """The scores of the numbers of clusters that a method tried."""
    metric = result.method.metric
    sign = -1.0 if metric == "bic" else 1.0
    return {
        "method": result.method.key,
        "title": TITLES[result.method.key],
        "metric": metric,
        "points": [[each.n_clusters, sign * each.score] for each in result.tried],
        "chance": [[each.n_clusters, each.by_chance] for each in result.tried if each.by_chance is not None],
        "chosen": result.n_clusters if is_kept else None,
    }


def picture(clustered: ClusteredTable) -> dict[str, Any]:
    """Scatter plot of a sample of rows along the first two principal components."""
    rows = np.linspace(0, len(clustered.matrix) - 1, min(len(clustered.matrix), MAP_ROWS)).astype(np.intp)
    centred = clustered.matrix[rows] - clustered.matrix[rows].mean(axis=0)
    _, sizes, directions = np.linalg.svd(centred, full_matrices=False)
    directions = directions[:2]
    # The sign of a component is arbitrary: its largest entry is made positive.
    directions = (
        directions
        * np.sign(directions[np.arange(len(directions)), np.abs(directions).argmax(axis=1)])[:, None]
    )
    places = centred @ directions.T
    if places.shape[1] < 2:
        places = np.column_stack([places[:, 0], np.zeros(len(places))])
    whole = float((sizes**2).sum()) or 1.0
    explained = [float(size**2) / whole for size in [*sizes[:2], 0.0, 0.0][:2]]
    labels = clustered.labels[rows]
    series = [
        {"name": name, "points": np.round(places[labels == code], 3).tolist()}
        for code, name in enumerate(clustered.names)
    ]
    first, second = (
        f"{word} component, {percent(part)} of the variation"
        for word, part in zip(("first", "second"), explained, strict=True)
    )
    return {
        "x": first,
        "y": second,
        "n_rows": len(rows),
        "series": [each for each in series if each["points"]],
    }
