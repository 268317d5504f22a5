"""The recipe of a version that was stored without one, from its leaderboard and the stored members.

The leaderboard has the settings of each candidate with those of its stage mixed in. The candidate is one of the
portfolio, or one whose key is the digest of its settings. What is found is a guess: `TestedModel` checks it by the
stored predictions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..features.encoding import NATIVE_BOOSTING, ORDERED_BOOSTING, TARGET_BOOSTING
from ..persistence.version_files import StoredSpec
from ..pipelines.candidate import Candidate
from ..search import portfolio
from ..search.local_search import boosting_of
from ..search.portfolio import ONE_HOT_BOOSTING, TableFacts
from ..training.recipe import Recipe
from ..training.refitting import FinalMember
from ..types.schema import Task
from ..types.training_request import AUTO

ENCODINGS = (NATIVE_BOOSTING, ORDERED_BOOSTING, TARGET_BOOSTING, ONE_HOT_BOOSTING)
Entry = Mapping[str, Any]


def older_recipe(leaderboard: Sequence[Entry], spec: StoredSpec, estimator: str) -> Recipe | None:
    """The recipe, or None when a member cannot be found. `estimator` is that of the request.

    Raises KeyError, TypeError or ValueError for a damaged leaderboard.
    """
    done = [each for each in leaderboard if each.get("score") is not None]
    chosen = sorted((each for each in done if each.get("weight")), key=lambda each: -each["weight"])
    if not chosen or len(chosen) != len(spec.members):
        return None
    members = []
    for entry, stored in zip(chosen, spec.members, strict=True):
        is_log = bool(stored["target_scaling"].get("is_log"))
        member = _member(entry, spec.task, estimator, is_log, float(stored["weight"]))
        if member is None:
            return None
        members.append(member)
    best, linear_key = done[0], portfolio.linear_baseline(spec.task).key
    linear = next((each for each in done if each["key"] == linear_key), None)
    logs = {entry["key"]: member.candidate.is_log for entry, member in zip(chosen, members, strict=True)}
    return Recipe(
        members=tuple(members),
        max_rows=None,
        linear=None if linear is None else _member(linear, spec.task, estimator, is_log=False, weight=1.0),
        best=_candidate(best, spec.task, estimator, logs[best["key"]]) if best["key"] in logs else None,
    )


def _member(entry: Entry, task: Task, estimator: str, is_log: bool, weight: float) -> FinalMember | None:
    candidate = _candidate(entry, task, estimator, is_log)
    if candidate is None:
        return None
    fixed = {**candidate.params, **candidate.settings}
    stage = {
        name: value
        for name, value in entry["params"].items()
        if name not in fixed or (fixed[name] != value and name not in candidate.settings)
    }
    return FinalMember(candidate, stage, weight)


def _candidate(entry: Entry, task: Task, estimator: str, is_log: bool) -> Candidate | None:
    """The candidate of a line of the leaderboard; None for one that cannot be found."""
    if estimator != AUTO:
        return portfolio.single(estimator, entry["params"])
    known = {each.key: each for each in _portfolio(task)}
    if entry["key"] in known:
        candidate = known[entry["key"]]
        return candidate if entry["key"] == portfolio.LOGGED_KEY else replace(candidate, is_log=is_log)
    settings = {name: value for name, value in entry["params"].items() if name != "max_iter"}
    guesses = (boosting_of(each, is_log, settings, "found again") for each in ENCODINGS)
    return next((each for each in guesses if each.key == entry["key"]), None)


def _portfolio(task: Task) -> Iterator[Candidate]:
    """Every candidate of the portfolio, with categories and without."""
    for n_categories in (1, 0):
        facts = TableFacts(task, 0, 1, n_categories, 0, is_skewed=task is Task.REGRESSION)
        yield from portfolio.second_round(facts, {})
        yield from portfolio.anchors(facts)
