"""Hyperparameters proposed by optuna, with the study in a journal."""

from __future__ import annotations

from pathlib import Path

from predictor.ml.search.bayesian_search import Tuner
from predictor.ml.search.portfolio import ADDITIVE, NATIVE, SMALL_TREES, TableFacts
from predictor.ml.types.schema import Task

FACTS = TableFacts(Task.BINARY, n_rows=500, n_features=4, n_categories=2, n_texts=0, is_skewed=False)
TRIED = {each.key: each for each in (NATIVE, SMALL_TREES, ADDITIVE)}
SCORES = {each.key: 0.5 + number / 10 for number, each in enumerate(TRIED.values())}


def test_it_learns_from_earlier_scores_and_continues_after_a_kill(tmp_path: Path) -> None:
    tuner = Tuner(tmp_path, FACTS, seed=1)
    tuner.learn(TRIED, SCORES)
    first = tuner.propose(3)
    tuner.tell(first[:1], {first[0].candidate.key: 0.4})
    (tmp_path / "study.log.lock").touch()

    again = Tuner(tmp_path, FACTS, seed=1)
    again.learn(TRIED, SCORES)

    assert again.n_seen == 3
    assert [each.candidate for each in again.propose(2)] == [each.candidate for each in first[1:]]


def test_the_same_seed_gives_the_same_proposals(tmp_path: Path) -> None:
    proposals = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        proposals.append([each.candidate for each in Tuner(tmp_path / name, FACTS, seed=5).propose(3)])
    assert proposals[0] == proposals[1]
    assert len({each.key for each in proposals[0]}) == 3


def test_a_proposal_without_a_score_counts_as_failed(tmp_path: Path) -> None:
    tuner = Tuner(tmp_path, FACTS, seed=0)
    proposals = tuner.propose(2)
    tuner.tell(proposals, {})
    assert tuner.n_seen == 0
    assert not {each.number for each in proposals} & {each.number for each in tuner.propose(2)}
