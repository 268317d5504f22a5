"""The rounds of *Auto*, on a search that scores candidates from a list instead of fitting them."""

from __future__ import annotations

from itertools import repeat
from types import SimpleNamespace

import numpy as np
import pytest

from predictor.ml.search import auto as module
from predictor.ml.search import bayesian_search, portfolio
from predictor.ml.search.auto import ANCHOR_SHARE, MAX_ROUNDS, MAX_TRIALS, ROUND, auto, explore
from predictor.ml.search.checkpoints import Checkpoints
from predictor.ml.search.portfolio import NATIVE, TableFacts
from predictor.ml.types.training_request import THOROUGH_SECONDS

from .searches import FakeSearch, named

FACTS = TableFacts.of(FakeSearch.table)


def search_of(*errors, **options):
    """A search with one boosting of error 10, whose rounds have these errors."""
    search = FakeSearch(errors, **options)
    search.add(NATIVE, 10.0)
    return search


def test_the_anchors_come_first_and_are_never_dropped_early():
    search = FakeSearch(repeat(1.0))

    anchors = auto(search, seed=0)

    (first, is_first_pruned), (second, is_second_pruned), *later = search.rounds
    assert first == anchors
    assert [each.key for each in first] == [each.key for each in portfolio.anchors(FACTS)]
    assert {each.share for each in first} == {ANCHOR_SHARE}
    assert [each.key for each in second] == [each.key for each in portfolio.second_round(FACTS, {})]
    assert not is_first_pruned
    assert is_second_pruned
    assert all(is_pruned for _, is_pruned in later)


def test_the_scores_of_the_anchors_decide_on_the_target_of_the_second_round():
    search = FakeSearch(repeat(None))
    search.add(portfolio.NATIVE, 2.0)
    search.add(portfolio.LOGGED, 1.0)

    auto(search, seed=0)

    assert all(each.is_log for each in search.rounds[1][0])


def test_the_search_ends_after_three_rounds_without_a_gain():
    search = search_of(*repeat(20.0, 100))

    explore(search, FACTS, seed=0)

    assert len(search.rounds) == 3


def test_a_gain_starts_the_count_of_useless_rounds_anew():
    search = search_of(20.0, 20.0, 9.0, *repeat(20.0, 100))

    explore(search, FACTS, seed=0)

    assert len(search.rounds) == 6


@pytest.mark.parametrize(("share", "n_rounds"), [(0.0004, 3), (0.0006, MAX_ROUNDS)])
def test_a_gain_below_one_in_two_thousand_does_not_count(share, n_rounds, monkeypatch):
    # The losses of the blends are given: blending the candidates of sixty rounds takes seconds.
    losses = (10.0 * (1 - share) ** number for number in range(100))
    monkeypatch.setattr(module, "_blend_loss", lambda search: next(losses))
    search = search_of(*repeat(20.0, 100))

    explore(search, FACTS, seed=0)

    assert len(search.rounds) == n_rounds


def test_the_search_ends_when_nothing_new_was_tried():
    search = search_of(None, 9.0, 8.0)

    explore(search, FACTS, seed=0)

    assert len(search.rounds) == 1


def test_the_search_ends_with_its_time():
    search = search_of(*np.linspace(9, 1, 100), n_until_over=4)
    explore(search, FACTS, seed=0)
    assert len(search.rounds) == 4

    late = search_of(9.0, is_over=True)
    explore(late, FACTS, seed=0)
    assert late.rounds == []


def test_without_an_outcome_there_is_nothing_to_search_from():
    search = FakeSearch(repeat(1.0))

    explore(search, FACTS, seed=0)

    assert search.rounds == []


def test_each_round_of_local_search_differs_from_the_one_before():
    search = search_of(9.0, 8.0, 7.0, *repeat(20.0, 100))

    explore(search, FACTS, seed=0)

    keys = [each.key for candidates, _ in search.rounds for each in candidates]
    assert len(keys) == len(set(keys))


class FakeTuner:
    """Proposes candidates under new names, and keeps what it was told."""

    def __init__(self, folder, facts, seed):
        self.folder, self.n_seen, self.learnt, self.told = folder, 0, None, []
        FakeTuner.last = self

    def learn(self, tried, scores):
        self.learnt = (set(tried), dict(scores))

    def propose(self, n):
        self.n_seen += n
        return [
            SimpleNamespace(candidate=named(f"proposal {self.n_seen - n + number}")) for number in range(n)
        ]

    def tell(self, proposals, scores):
        self.told.append([scores.get(each.candidate.key) for each in proposals])


@pytest.fixture
def tuned(tmp_path, monkeypatch):
    """A search with a thorough budget, and optuna replaced."""
    monkeypatch.setattr(bayesian_search, "Tuner", FakeTuner)
    checkpoints = Checkpoints.open(tmp_path, "a-digest")

    def run(*errors):
        search = search_of(*errors, budget_seconds=THOROUGH_SECONDS, checkpoints=checkpoints)
        explore(search, FACTS, seed=0)
        return search

    return run


def test_a_thorough_budget_is_searched_by_a_model_of_earlier_scores(tuned):
    search = tuned(9.0, None)

    assert FakeTuner.last.folder == search.checkpoints.folder
    assert FakeTuner.last.learnt == ({NATIVE.key}, {NATIVE.key: 10.0})
    # A proposal that got no score is reported, too.
    assert FakeTuner.last.told == [[9.0] * ROUND, [None] * ROUND]


def test_a_thorough_search_waits_three_times_as_long_for_a_gain(tuned):
    assert len(tuned(*repeat(20.0, 100)).rounds) == 9
    assert len(tuned(*repeat(20.0, 8), 9.0, *repeat(20.0, 100)).rounds) == 18


def test_a_thorough_search_ends_after_its_last_trial(tuned, monkeypatch):
    losses = iter(np.linspace(10, 1, 200))
    monkeypatch.setattr(module, "_blend_loss", lambda search: next(losses))

    search = tuned(*repeat(9.0, 1000))

    assert len(search.rounds) == MAX_TRIALS / ROUND


def test_just_below_a_thorough_budget_optuna_is_not_loaded(monkeypatch):
    monkeypatch.setattr(bayesian_search, "Tuner", lambda *_: pytest.fail("It was loaded."))

    explore(search_of(None, budget_seconds=THOROUGH_SECONDS - 1), FACTS, seed=0)
