"""The portfolio of *Auto* for forecasts: which candidates it tries, in which order, and why.

Rows of one series overlap: those of neighbouring forecast origins hold nearly the same values. So they hold less
information than their number suggests, and strong regularization comes first: large penalties, small trees, many
rows in a leaf.
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
# A quick estimator, used to compare ways of making features of the series.
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
    """Run the rounds of the search. Returns the anchors, to start again with fewer rows if nothing finished."""
    facts = portfolio.TableFacts.of(search.table)
    anchors = [RIDGE, SMALL_TREES]
    search.run(anchors, is_pruned=False)
    search.run([BENT_RIDGE, portfolio.ADDITIVE, portfolio.SLOW, _extra_trees(facts)], is_pruned=True)
    if search.clock.budget_seconds >= THOROUGH_SECONDS:
        explore(search, facts, seed=seed)
    return anchors


def _extra_trees(facts: portfolio.TableFacts) -> Candidate:
    extra_trees = next(each for each in portfolio.second_round(facts, {}) if each.key == "extra-trees")
    return replace(extra_trees, params={**extra_trees.params, "min_samples_leaf": 10})
