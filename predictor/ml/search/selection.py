"""Model selection at the end of a search: the best candidate, or a blend of several that is better.

Weights that were chosen on some rows fit these rows: on small tables, the loss of the blend was 0.8 % too low. So its
cross-validated metrics are nested: each fold is predicted with the weights that are chosen on the other folds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..metrics.row_weights import part
from ..metrics.scores import metrics, selection_score
from ..pipelines.candidate import Candidate
from .ensemble_selection import Affordable, blend, mixed
from .leaderboard import Outcome
from .search import Search

# With more numbers than these in all out-of-fold predictions together, the weights hardly depend on a fold, and
# choosing them again takes longer than a second.
MAX_NESTED = 20_000_000


@dataclass(frozen=True)
class Selection:
    """The selected members with their weights (sum 1), and their cross-validated metrics.

    `out_of_fold`: their weighted mean prediction for the rows of the search, (n,) or (n, n_classes). `nested`: the same
    with weights that are chosen without the fold of the row; `cross_validation` holds the metrics of these.
    """

    members: tuple[tuple[Outcome, float], ...]
    cross_validation: Mapping[str, Any]
    title: str
    out_of_fold: NDArray[np.float64]
    nested: NDArray[np.float64]

    @property
    def weights(self) -> dict[str, float]:
        return {outcome.candidate.key: weight for outcome, weight in self.members}

    @property
    def is_blend(self) -> bool:
        return len(self.members) > 1


def choose(search: Search, *, max_members: int) -> Selection:
    """Select the best candidate or blend, by out-of-fold predictions, that can be fitted in the time left.

    After a comparison on a sample, one candidate can always be: on as many rows, and with as many rounds, as there is
    time for.
    """
    predictions = {key: each.predictions for key, each in search.outcomes.items()}
    seconds = search.fit_seconds

    def is_affordable(keys: tuple[str, ...]) -> bool:
        if len(keys) == 1 and search.split.is_sampled:
            return True
        return search.costs.end(search.outcomes[key] for key in keys) <= seconds

    kinds = {key: kind_of(each.candidate) for key, each in search.outcomes.items()}
    weights = _weights(search, predictions, kinds, max_members, is_affordable)
    nested = None
    is_small = sum(each.size for each in predictions.values()) <= MAX_NESTED
    if len(predictions) > 1 and len(search.places) > 1 and is_small:
        nested = np.empty_like(next(iter(predictions.values())), np.float64)
        for rows in search.places:
            others = np.delete(np.arange(len(search.y)), rows)
            chosen = _weights(search, predictions, kinds, max_members, is_affordable, others)
            nested[rows] = mixed(chosen, {key: predictions[key][rows] for key in chosen})
    return choice_of(search, weights, nested)


def _weights(
    search: Search,
    predictions: Mapping[str, NDArray[Any]],
    kinds: Mapping[str, str],
    max_members: int,
    is_affordable: Affordable,
    rows: NDArray[np.intp] | None = None,
) -> dict[str, float]:
    """The weights by candidate, chosen on these rows (None: all)."""
    return blend(
        search.table.task,
        search.y if rows is None else search.y[rows],
        predictions if rows is None else {key: each[rows] for key, each in predictions.items()},
        max_members=max_members,
        is_affordable=is_affordable,
        weights=part(search.weights, slice(None) if rows is None else rows),
        kinds=kinds,
    )


def kind_of(candidate: Candidate) -> str:
    """Candidates that differ in their hyperparameters only are of one kind."""
    return f"{candidate.estimator} {candidate.encoding}"


def choice_of(
    search: Search, weights: Mapping[str, float], nested: NDArray[np.float64] | None = None
) -> Selection:
    """The choice with these weights, the largest first. `nested`: see `Selection`; None where it is not known."""
    task = search.table.task
    joint = mixed(weights, {key: search.outcomes[key].predictions for key in weights})
    tested = joint if nested is None else nested
    fold_scores = [
        selection_score(task, search.y[rows], tested[rows], part(search.weights, rows))
        for rows in search.places
    ]
    finite = [score for score in fold_scores if np.isfinite(score)]
    members = [(search.outcomes[key], weights[key]) for key in sorted(weights, key=lambda key: -weights[key])]
    titles = [outcome.candidate.title for outcome, _ in members]
    return Selection(
        members=tuple(members),
        cross_validation={
            "metrics": metrics(
                task, search.y, tested, positive=search.table.target.positive, weights=search.weights
            ),
            "spread": float(np.std(finite)) if finite else None,
            "n_folds": len(search.places),
            "n_rows": len(search.y),
            # Left out where it is not so, as in reports from before.
            **({} if nested is None else {"is_nested": True}),
        },
        out_of_fold=joint,
        nested=tested,
        title=titles[0] if len(titles) == 1 else f"Blend of {len(titles)}: {', '.join(titles)}",
    )
