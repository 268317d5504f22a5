"""Refit: the selected members fitted on all rows, or on a sample when the time is short."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..execution.progress import Deadline
from ..features.feature_spec import FeatureSpec
from ..pipelines.fitted_pipeline import FittedPipeline, Member
from ..pipelines.fitting import Candidate, join, sample_rows
from ..validation.training_table import TrainingTable
from .timed_fits import NO_LIMIT, TimeLimit, fit_in_time


@dataclass(frozen=True)
class FinalMember:
    """One selected member: a candidate at its best stage, its weight, and the expected costs.

    `seconds`: a fit on all rows; `write_seconds`: export, comparison and writing.
    """

    candidate: Candidate
    stage: Mapping[str, Any]
    weight: float
    seconds: float = 0.0
    write_seconds: float = 0.0


@dataclass(frozen=True)
class RefitPlan:
    """What is refitted. `max_rows` bounds the rows when time is short.

    Everything has to end by `deadline`: members of small weight are left out when they would end later.
    `again_share`: the fits that follow this one, as a share of it; not 0 when the evaluation comes afterwards.
    `limit`: what the fits of the members that are kept do about time.
    """

    members: tuple[FinalMember, ...]
    max_rows: int | None
    seed: int
    deadline: Deadline
    again_share: float = 0.0
    limit: TimeLimit = NO_LIMIT


@dataclass(frozen=True)
class RefitResult:
    """The fitted pipeline and the weights of its members by key.

    `n_rows`: the rows of the member that was fitted on the fewest. `is_cut`: time ended the fit of one.
    """

    pipeline: FittedPipeline
    weights: Mapping[str, float]
    n_rows: int
    is_cut: bool


def fit_plan(plan: RefitPlan, table: TrainingTable) -> RefitResult:
    """Fit the members on the table and join them: all, or those of the largest weights when time gets short."""
    table = sample_rows(table, plan.max_rows, plan.seed)
    parts: list[tuple[FeatureSpec, Member]] = []
    kept: list[FinalMember] = []
    spent = expected = writing = 0.0
    n_rows, is_cut = len(table), False
    waiting = sum(member.seconds for member in plan.members)
    for each in sorted(plan.members, key=lambda member: -member.weight):
        pace = spent / expected if spent > expected > 0 else 1.0
        needed = each.seconds * pace * (1 + plan.again_share) + spent * plan.again_share
        if kept and not plan.deadline.allows(needed + writing + each.write_seconds):
            continue
        started = time.monotonic()
        fitted = fit_in_time(
            each.candidate,
            each.stage,
            table,
            plan.limit,
            seed=plan.seed,
            weight=each.weight,
            expected_seconds=each.seconds,
            share=each.seconds / waiting if waiting > 0 else 1.0,
        )
        parts.append((fitted.spec, fitted.member))
        n_rows, is_cut = min(n_rows, fitted.n_rows), is_cut or fitted.is_cut
        waiting -= each.seconds
        spent, expected = spent + time.monotonic() - started, expected + each.seconds
        kept.append(each)
        writing += each.write_seconds
    # With all members, weights are not rescaled: their sum differs from 1 by rounding, which would change them.
    total = 1.0 if len(kept) == len(plan.members) else sum(each.weight for each in kept)
    parts = [(spec, replace(member, weight=member.weight / total)) for spec, member in parts]
    weights = {each.candidate.key: each.weight / total for each in kept}
    return RefitResult(join(parts, table), weights, n_rows, is_cut)
