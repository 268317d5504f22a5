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
    FORESTS,
    PreparedFit,
    fit_member,
    prepare,
    quiet,
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
HISTOGRAM_BOOSTING = "hist_gradient_boosting"
GROWING = (HISTOGRAM_BOOSTING, "random_forest", "extra_trees")


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
class RowPart:
    """A part of the rows: of their random order (by the seed), so many are skipped and then so many used."""

    n_skipped: int
    n_used: int

    def rows(self, table: TrainingTable, seed: int) -> TrainingTable:
        """These rows, in file order."""
        order = np.random.default_rng(seed).permutation(len(table))
        return table.rows(np.sort(order[self.n_skipped : self.n_skipped + self.n_used]))


@dataclass(frozen=True)
class MemberFit:
    """A fitted member: its encoding, the number of rows it was fitted on, and whether time ended it.

    The same again: `candidate` at `stage`, fitted on `part` of the rows (None: all) without a limit.
    """

    spec: FeatureSpec
    member: Member
    n_rows: int
    candidate: Candidate
    stage: Mapping[str, Any]
    part: RowPart | None = None
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
        spec, member = fit_member(candidate, stage, table, seed=seed, weight=weight)
        return MemberFit(spec, member, len(table), candidate, stage)
    expected = expected_seconds / limit.speed()
    if limit.is_watched and candidate.is_staged and candidate.estimator == HISTOGRAM_BOOSTING:
        return _watched(candidate, stage, table, seed, weight, seconds, expected)
    part = None
    if limit.may_sample and expected > PLANNED_SHARE * seconds:
        part = RowPart(0, _affordable(len(table), PLANNED_SHARE * max(seconds, 0.0) / expected))
    used = table if part is None else part.rows(table, seed)
    if candidate.estimator in GROWING:
        fitted = _grown(candidate, stage, used, Deadline.after(seconds), seed, weight, limit.n_threads)
    else:
        spec, member = fit_member(candidate, stage, used, seed=seed, weight=weight)
        fitted = MemberFit(spec, member, len(used), candidate, stage)
    return replace(fitted, part=part, is_cut=fitted.is_cut or part is not None)


def n_watched(n_rows: int) -> int:
    """How many rows of a table are held back to find the number of rounds."""
    return min(MAX_WATCHED, int(WATCHED_SHARE * n_rows))


def _affordable(n_rows: int, share: float) -> int:
    return min(n_rows, max(MIN_ROWS, int(n_rows * share)))


def _watched(
    candidate: Candidate,
    stage: Mapping[str, Any],
    table: TrainingTable,
    seed: int,
    weight: float,
    seconds: float,
    expected: float,
) -> MemberFit:
    """A boosting whose number of rounds is found on rows that are held back from the fit."""
    deadline = Deadline.after(seconds)
    n_held_back = n_watched(len(table))
    n_rounds = max(int(stage.get("max_iter", LEAST_ROUNDS)), 1)
    affordable = PLANNED_SHARE * max(seconds, 0.1) / max(expected / n_rounds, 1e-9)
    n_rows = len(table) - n_held_back
    if affordable < LEAST_ROUNDS:
        n_rows, affordable = _affordable(n_rows, affordable / LEAST_ROUNDS), LEAST_ROUNDS
    rate = float(candidate.params.get("learning_rate", 0.1))
    rate = min(max(rate, FAR / affordable), max(rate, MAX_RATE))
    params = {**candidate.params, "learning_rate": round(rate, 4), "max_iter": MAX_ROUNDS}
    changed, part = replace(candidate, params=params), RowPart(n_held_back, n_rows)
    prepared = prepare(changed, part.rows(table, seed), seed=seed)
    estimator = prepared.build({})
    watched = RowPart(0, n_held_back).rows(table, seed)
    ended = _fit_watched(prepared, estimator, watched, deadline, round(PATIENCE / rate))
    found = {"max_iter": int(estimator.n_iter_)}
    is_cut = ended.is_cut or n_rows < len(table) - n_held_back
    member = prepared.member(estimator, found, weight)
    return MemberFit(prepared.spec, member, n_rows, changed, found, part, is_cut)


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
    estimator, is_cut, found = prepared.build(stage), False, stage
    if isinstance(estimator, FORESTS):
        n_wanted, n_grown = estimator.n_estimators, _grow(prepared, estimator, deadline, n_threads)
        if is_cut := n_grown < n_wanted:
            found = {**stage, "n_estimators": n_grown}
    elif candidate.is_staged or not estimator.early_stopping:
        asked = prepared.table.rows(np.arange(min(N_ASKED, len(prepared.table))))
        is_cut = _fit_watched(prepared, estimator, asked, deadline, estimator.max_iter).is_cut
        estimator.set_params(early_stopping=False)
        if is_cut:
            found = {**stage, "max_iter": int(estimator.n_iter_)}
    else:
        with quiet():
            prepared.fit(estimator)
    member = prepared.member(estimator, found, weight)
    return MemberFit(prepared.spec, member, len(prepared.table), candidate, found, is_cut=is_cut)


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
            prepared.matrix,
            prepared.target,
            prepared.spec.transform(watched.columns),
            judged,
            (prepared.weights, watched.target.weights),
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
            prepared.fit(forest)
    forest.set_params(**settings)
    return n_grown
