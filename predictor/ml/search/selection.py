"""Model selection at the end of a search: the best candidate, or a blend of several that is better."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..metrics.scores import metrics, selection_score
from ..pipelines.candidate import Candidate
from .ensemble_selection import blend, mixed
from .leaderboard import Outcome
from .search import Search


@dataclass(frozen=True)
class Selection:
    """The selected members with their weights (sum 1), and their cross-validated metrics.

    `out_of_fold`: their weighted mean prediction for the rows of the search, (n,) or (n, n_classes).
    """

    members: tuple[tuple[Outcome, float], ...]
    cross_validation: Mapping[str, Any]
    title: str
    out_of_fold: NDArray[np.float64]

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

    weights = blend(
        search.table.task,
        search.y,
        predictions,
        max_members=max_members,
        is_affordable=is_affordable,
        kinds={key: kind_of(each.candidate) for key, each in search.outcomes.items()},
    )
    return choice_of(search, weights)


def kind_of(candidate: Candidate) -> str:
    """Candidates that differ in their hyperparameters only are of one kind."""
    return f"{candidate.estimator} {candidate.encoding}"


def choice_of(search: Search, weights: Mapping[str, float]) -> Selection:
    """The choice with these weights, the largest first."""
    task = search.table.task
    joint = mixed(weights, {key: search.outcomes[key].predictions for key in weights})
    fold_scores = [selection_score(task, search.y[rows], joint[rows]) for rows in search.places]
    finite = [score for score in fold_scores if np.isfinite(score)]
    members = [(search.outcomes[key], weights[key]) for key in sorted(weights, key=lambda key: -weights[key])]
    titles = [outcome.candidate.title for outcome, _ in members]
    return Selection(
        members=tuple(members),
        cross_validation={
            "metrics": metrics(task, search.y, joint, positive=search.table.target.positive),
            "spread": float(np.std(finite)) if finite else None,
            "n_folds": len(search.places),
            "n_rows": len(search.y),
        },
        out_of_fold=joint,
        title=titles[0] if len(titles) == 1 else f"Blend of {len(titles)}: {', '.join(titles)}",
    )
