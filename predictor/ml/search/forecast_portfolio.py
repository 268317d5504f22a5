"""What *Auto* tries for a forecast, in which order, and why.

Rows of one series overlap: those of neighbouring origins say nearly the same. So there is less to learn than
their number suggests, and what is steady comes first: strong penalties, small trees, many rows in a leaf.
"""

from __future__ import annotations

from dataclasses import replace

from ..features.encoding import BENT, LINEAR
from ..pipelines.candidate import Candidate
from ..types.training_request import THOROUGH_SECONDS
from . import portfolio
from .auto import explore
from .search import Search

PENALTIES = tuple({"alpha": alpha} for alpha in (10.0, 100.0, 300.0, 1_000.0, 3_000.0, 10_000.0, 100_000.0))
# The quick estimator that says which view of the series pays.
SCOUT = Candidate("scout", "Ridge", "ridge", LINEAR, {"alpha": 300.0})
RIDGE = Candidate(
    "ridge", "Ridge", "ridge", LINEAR, path=PENALTIES, share=0.4,
    why="a weighted sum of the past: quick, steady, and follows trends",
)  # fmt: skip
BENT_RIDGE = replace(RIDGE, key="ridge-bent", title="Ridge, outliers bent", encoding=BENT)
SMALL_TREES = replace(
    portfolio.SMALL_TREES,
    params={**portfolio.SMALL_TREES.params, "min_samples_leaf": 40},
    share=0.4,
)


def forecast_auto(search: Search, *, seed: int) -> list[Candidate]:
    """Fill the search; the anchors, for those who want to begin again with less."""
    facts = portfolio.Facts.of(search.table)
    anchors = [RIDGE, SMALL_TREES]
    search.run(anchors, is_pruned=False)
    search.run([BENT_RIDGE, portfolio.ADDITIVE, portfolio.SLOW, _extra_trees(facts)], is_pruned=True)
    if search.clock.budget_seconds >= THOROUGH_SECONDS:
        explore(search, facts, seed=seed)
    return anchors


def _extra_trees(facts: portfolio.Facts) -> Candidate:
    found = next(each for each in portfolio.second_round(facts, {}) if each.key == "extra-trees")
    return replace(found, params={**found.params, "min_samples_leaf": 10})
