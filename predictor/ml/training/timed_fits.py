"""Final fits within a time limit: boostings and forests grow until it ends, other estimators get fewer rows.

A boosting that was compared on a sample of the rows may need more rounds on all of them, so the number of rounds is
found again, on rows that are held back from the fit. The learning rate is as large as the time asks for: half as many
rounds with twice the rate come about as far (Friedman, "Greedy function approximation", 2001, section 5).
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..execution.progress import Deadline
from ..features.feature_spec import FeatureSpec
from ..pipelines.candidate import Candidate
from ..pipelines.fitted_pipeline import Member
from ..pipelines.fitting import (
    BOOSTING,
    FORESTS,
    PreparedFit,
    fit_member,
    prepare,
    quiet,
    sample_rows,
)
from ..search.fold_fitting import PATIENCE, TREES_AT_ONCE
from ..search.staged_boosting import StagedFit
from ..types.schema import Task
from ..validation.training_table import TrainingTable

# Rows held back to find the number of rounds: at most so many, and this share of the table.
MAX_WATCHED, WATCHED_SHARE = 20_000, 0.05
# Rounds of a watched boosting: the least that are worth the rows, and the most. Where there is time for fewer than
# FAR / learning rate, the rate is raised to MAX_RATE at most.
LEAST_ROUNDS, MAX_ROUNDS = 80, 1_000
FAR, MAX_RATE = 16.0, 0.25
# A boosting that is only limited in time is asked after each round, on so few rows that it costs nothing.
N_ASKED = 64
# Estimated seconds are exceeded on more rows (caches, iterations of a solver), so this share of the time is planned.
PLANNED_SHARE = 0.6
# What a second thread gains.
THREAD_GAIN = 0.6
MIN_ROWS = 1_000


@dataclass(frozen=True)
class TimeLimit:
    """The limit of the fits of one pipeline, which end at `until`.

    `is_watched`: boostings find their number of rounds again. `may_sample`: fewer rows may be used.
    `n_threads`: threads that one fit has.
    """

    until: Deadline
    is_watched: bool = False
    may_sample: bool = False
    n_threads: int = 1

    def speed(self) -> float:
        """How much faster a fit is than with one thread."""
        return 1 + THREAD_GAIN * (self.n_threads - 1)


NO_LIMIT = TimeLimit(Deadline(math.inf))


@dataclass(frozen=True)
class MemberFit:
    """A fitted member: its encoding, the rows it was fitted on, and whether time ended it."""

    spec: FeatureSpec
    member: Member
    n_rows: int
    is_cut: bool = False


def fit_in_time(
    candidate: Candidate,
    stage: Mapping[str, Any],
    table: TrainingTable,
    limit: TimeLimit,
    *,
    seed: int,
    weight: float,
    expected_seconds: float,
    share: float = 1.0,
) -> MemberFit:
    """Fit one member in this share of the time that is left.

    `expected_seconds`: the estimate of a fit on all rows of the table, with one thread.
    """
    seconds = share * limit.until.remaining
    if not math.isfinite(seconds):
        return _whole(candidate, stage, table, seed, weight)
    expected = expected_seconds / limit.speed()
    is_boosting = candidate.estimator == "hist_gradient_boosting"
    if limit.is_watched and is_boosting and candidate.is_staged:
        return _watched(candidate, stage, table, limit, seed, weight, seconds, expected)
    n_rows = len(table)
    if limit.may_sample and expected > PLANNED_SHARE * seconds:
        n_rows = _affordable(n_rows, PLANNED_SHARE * max(seconds, 0.0) / expected)
    part = sample_rows(table, n_rows, seed)
    if is_boosting or candidate.estimator in ("random_forest", "extra_trees"):
        return _grown(candidate, stage, part, Deadline.after(seconds), seed, weight, limit.n_threads)
    return replace(_whole(candidate, stage, part, seed, weight), is_cut=n_rows < len(table))


def _whole(
    candidate: Candidate, stage: Mapping[str, Any], table: TrainingTable, seed: int, weight: float
) -> MemberFit:
    return MemberFit(*fit_member(candidate, stage, table, seed=seed, weight=weight), len(table))


def _affordable(n_rows: int, share: float) -> int:
    return min(n_rows, max(MIN_ROWS, int(n_rows * share)))


def _watched(
    candidate: Candidate,
    stage: Mapping[str, Any],
    table: TrainingTable,
    limit: TimeLimit,
    seed: int,
    weight: float,
    seconds: float,
    expected: float,
) -> MemberFit:
    """A boosting whose number of rounds is found on rows that are held back from the fit."""
    deadline = Deadline.after(seconds)
    n_watched = min(MAX_WATCHED, int(WATCHED_SHARE * len(table)))
    order = np.random.default_rng(seed).permutation(len(table))
    n_rounds = max(int(stage.get("max_iter", LEAST_ROUNDS)), 1)
    affordable = PLANNED_SHARE * max(seconds, 0.1) / max(expected / n_rounds, 1e-9)
    n_rows = len(table) - n_watched
    if affordable < LEAST_ROUNDS:
        n_rows, affordable = _affordable(n_rows, affordable / LEAST_ROUNDS), LEAST_ROUNDS
    rate = float(candidate.params.get("learning_rate", 0.1))
    rate = min(max(rate, FAR / affordable), max(rate, MAX_RATE))
    params = {"learning_rate": round(rate, 4), "max_iter": MAX_ROUNDS}
    changed = replace(candidate, params={**candidate.params, **params})
    watched, used = np.sort(order[:n_watched]), np.sort(order[n_watched : n_watched + n_rows])
    prepared = prepare(changed, table.rows(used), seed=seed)
    estimator = prepared.build({})
    ended = _fit_watched(prepared, estimator, table.rows(watched), deadline, round(PATIENCE / rate))
    found = {**params, "max_iter": int(estimator.n_iter_)}
    is_cut = ended.is_cut or n_rows < len(table) - n_watched
    return MemberFit(prepared.spec, prepared.member(estimator, found, weight), len(used), is_cut)


def _grown(
    candidate: Candidate,
    stage: Mapping[str, Any],
    table: TrainingTable,
    deadline: Deadline,
    seed: int,
    weight: float,
    n_threads: int,
) -> MemberFit:
    """A boosting or a forest with the rounds or trees of its stage, or as many as there is time for."""
    prepared = prepare(candidate, table, seed=seed)
    estimator = prepared.build(stage)
    n_rows = len(prepared.table)
    if isinstance(estimator, FORESTS):
        n_wanted, n_grown = estimator.n_estimators, _grow(prepared, estimator, deadline, n_threads)
        found = {**stage, "n_estimators": n_grown} if n_grown < n_wanted else stage
        return MemberFit(prepared.spec, prepared.member(estimator, found, weight), n_rows, n_grown < n_wanted)
    if not isinstance(estimator, BOOSTING) or (not candidate.is_staged and estimator.early_stopping):
        with quiet():
            candidate.info.fit(estimator, prepared.matrix, prepared.target)
        return MemberFit(prepared.spec, prepared.member(estimator, stage, weight), n_rows)
    asked = prepared.table.rows(np.arange(min(N_ASKED, n_rows)))
    ended = _fit_watched(prepared, estimator, asked, deadline, estimator.max_iter)
    estimator.set_params(early_stopping=False)
    found = {**stage, "max_iter": int(estimator.n_iter_)} if ended.is_cut else stage
    return MemberFit(prepared.spec, prepared.member(estimator, found, weight), n_rows, ended.is_cut)


def _fit_watched(
    prepared: PreparedFit, estimator: Any, watched: TrainingTable, deadline: Deadline, patience: int
) -> StagedFit:
    """Fit a boosting until the loss on the watched rows has not fallen for `patience` rounds, or the time is over."""
    judged = watched.target.y
    known: NDArray[np.bool_] = np.ones(len(judged), bool)
    if watched.task is Task.REGRESSION:
        judged = prepared.scaling.forward(judged)
    else:
        known = np.isin(judged, prepared.target)
        judged = np.where(known, judged, prepared.target[0])
    watch = StagedFit(estimator, known, MAX_ROUNDS + estimator.max_iter, patience, deadline.remaining)
    with quiet():
        for _ in watch.fit(
            prepared.matrix, prepared.target, prepared.spec.transform(watched.columns), judged
        ):
            pass
    if patience < estimator.max_iter:
        watch.keep_best()
    return watch


def _grow(prepared: PreparedFit, forest: Any, deadline: Deadline, n_threads: int) -> int:
    """Grow a forest a few trees at a time: the same trees as at once. Returns how many there are."""
    n_trees, n_grown, started = forest.n_estimators, 0, time.monotonic()
    settings = {"warm_start": forest.warm_start, "n_jobs": forest.n_jobs}
    forest.set_params(warm_start=True, n_jobs=n_threads)
    at_once = TREES_AT_ONCE * n_threads
    while n_grown < n_trees and (
        not n_grown or deadline.allows((time.monotonic() - started) / n_grown * at_once)
    ):
        n_grown = min(n_grown + at_once, n_trees)
        forest.set_params(n_estimators=n_grown)
        with quiet():
            prepared.candidate.info.fit(forest, prepared.matrix, prepared.target)
    forest.set_params(**settings)
    return n_grown
