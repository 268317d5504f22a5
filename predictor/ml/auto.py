"""The rounds of *Auto*: anchors, what suits the table, then settings near the best until nothing is gained."""

from __future__ import annotations

from dataclasses import replace

from . import portfolio
from .blending import blend, mixed
from .candidates import Candidate
from .metrics import selection_score
from .nearby import nearby
from .search import Search

# The anchors decide what follows, so each may take more of the budget than others.
ANCHOR_SHARE = 0.4
MAX_ROUNDS = 60
# Rounds that gain less than this share of the loss are of no use; after so many in a row, no more are begun.
MIN_GAIN = 0.0005
USELESS_ROUNDS = 3


def auto(search: Search, *, seed: int) -> list[Candidate]:
    """Fill the search; the anchors, for those who want to begin again with less."""
    facts = portfolio.Facts.of(search.table)
    anchors = [replace(each, share=ANCHOR_SHARE) for each in portfolio.anchors(facts)]
    search.run(anchors, is_pruned=False)
    search.run(portfolio.second_round(facts, _scores(search)), is_pruned=True)
    n_useless, best = 0, _worth(search)
    for number in range(MAX_ROUNDS):
        if n_useless == USELESS_ROUNDS or search.is_over or not search.outcomes:
            break
        tried = {key: each.candidate for key, each in search.outcomes.items()}
        search.run(nearby(facts, tried, _scores(search), number, seed), is_pruned=True)
        found = _worth(search)
        n_useless = n_useless + 1 if found > best * (1 - MIN_GAIN) else 0
        best = min(best, found)
    return anchors


def _scores(search: Search) -> dict[str, float]:
    return {key: each.entry.score for key, each in search.outcomes.items() if each.entry.score is not None}


def _worth(search: Search) -> float:
    """The loss of the best blend of all that was found."""
    if not search.outcomes:
        return float("inf")
    task = search.table.task
    predictions = {key: each.predictions for key, each in search.outcomes.items()}
    weights = blend(task, search.y, predictions, max_members=len(predictions))
    return selection_score(task, search.y, mixed(weights, predictions))
