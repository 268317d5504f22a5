"""The rounds of *Auto*: anchors, the portfolio, then hyperparameter search until nothing is gained."""

from __future__ import annotations

from dataclasses import replace

from ..metrics.scores import selection_score
from ..pipelines.candidate import Candidate
from ..types.training_request import THOROUGH_SECONDS
from . import portfolio
from .ensemble_selection import blend, mixed
from .local_search import nearby
from .search import Search

# The anchors decide on later rounds, so each may take more of the budget than others.
ANCHOR_SHARE = 0.4
MAX_ROUNDS = 60
# A round that lowers the loss by less than this share is useless; after so many in a row, the search stops.
MIN_GAIN = 0.0005
USELESS_ROUNDS = 3
TUNED_USELESS_ROUNDS = 9
# Candidates per round of optuna, and trials in all: with more, blends overfit the folds.
ROUND, MAX_TRIALS = 4, 300


def auto(search: Search, *, seed: int) -> list[Candidate]:
    """Run the rounds of the search. Returns the anchors, to start again with fewer rows if nothing finished."""
    facts = portfolio.TableFacts.of(search.table)
    is_sampled = search.split.is_sampled
    first = portfolio.anchors(facts, is_sampled=is_sampled)
    anchors = [replace(each, share=ANCHOR_SHARE) for each in first]
    search.run(anchors, is_pruned=False)
    following = portfolio.second_round(facts, _scores(search), is_sampled=is_sampled)
    search.run(following, is_pruned=True)
    explore(search, facts, seed=seed)
    return anchors


def explore(search: Search, facts: portfolio.TableFacts, *, seed: int) -> None:
    """Search hyperparameters until nothing is gained or the time is over."""
    if search.clock.budget_seconds >= THOROUGH_SECONDS:
        _tune(search, facts, seed)
    else:
        _search_nearby(search, facts, seed)


def _search_nearby(search: Search, facts: portfolio.TableFacts, seed: int) -> None:
    """Rounds of local search around the best candidates, until they are useless."""
    gains = _Gains(search, USELESS_ROUNDS)
    for number in range(MAX_ROUNDS):
        if search.is_over or not search.outcomes or gains.have_ended:
            return
        tried = {key: each.candidate for key, each in search.outcomes.items()}
        search.run(nearby(facts, tried, _scores(search), number, seed), is_pruned=True)
        gains.update()


def _tune(search: Search, facts: portfolio.TableFacts, seed: int) -> None:
    """Rounds proposed by optuna, which starts from all earlier scores; with three times the patience."""
    # Importing optuna takes a second; shorter runs do not need it.
    from .bayesian_search import Tuner

    tuner = Tuner(search.checkpoints.folder, facts, seed)
    tuner.learn({key: each.candidate for key, each in search.outcomes.items()}, _scores(search))
    gains = _Gains(search, TUNED_USELESS_ROUNDS)
    while search.outcomes and not search.is_over and not gains.have_ended and tuner.n_seen < MAX_TRIALS:
        proposals = tuner.propose(ROUND)
        search.run([each.candidate for each in proposals], is_pruned=True)
        tuner.tell(proposals, _scores(search))
        gains.update()


class _Gains:
    """Stopping criterion: how much each round lowers the loss of the best blend."""

    def __init__(self, search: Search, patience: int):
        self._search, self._patience = search, patience
        self._best, self._n_useless = _blend_loss(search), 0
        self._n_tried, self._is_idle = len(search.entries), False

    def update(self) -> None:
        self._is_idle = len(self._search.entries) == self._n_tried
        self._n_tried = len(self._search.entries)
        if self._is_idle:
            return
        loss = _blend_loss(self._search)
        self._n_useless = self._n_useless + 1 if loss > self._best * (1 - MIN_GAIN) else 0
        self._best = min(self._best, loss)

    @property
    def have_ended(self) -> bool:
        """The last `patience` rounds were useless, or the last one had no time to try anything."""
        return self._n_useless >= self._patience or self._is_idle


def _scores(search: Search) -> dict[str, float]:
    return {key: each.entry.score for key, each in search.outcomes.items() if each.entry.score is not None}


def _blend_loss(search: Search) -> float:
    """The loss of the best blend of all outcomes."""
    if not search.outcomes:
        return float("inf")
    task = search.table.task
    predictions = {key: each.predictions for key, each in search.outcomes.items()}
    weights = blend(task, search.y, predictions, max_members=len(predictions), weights=search.weights)
    return selection_score(task, search.y, mixed(weights, predictions), search.weights)
