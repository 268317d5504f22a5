"""Refit: the selected members fitted on all rows, or on a sample when the time is short."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..execution.progress import Deadline
from ..features.encoding import Encoding
from ..features.feature_spec import FeatureSpec
from ..pipelines.fitted_pipeline import FittedPipeline, Member
from ..pipelines.fitting import Candidate, fit_member, join, sample_rows
from ..validation.training_table import TrainingTable
from .timed_fits import NO_LIMIT, RowPart, TimeLimit, fit_in_time

Folds = Sequence[tuple[NDArray[np.intp], NDArray[np.intp]]]
# Fields of a candidate that do not change its fit.
WORDS = ("share", "why")


@dataclass(frozen=True)
class FinalMember:
    """One selected member: a candidate at its best stage, its weight, and the expected costs.

    `seconds`: a fit on all rows; `write_seconds`: export, comparison and writing. `part`: the rows of its fit, None for
    all: what an earlier fit had time for, to repeat it.
    """

    candidate: Candidate
    stage: Mapping[str, Any]
    weight: float
    seconds: float = 0.0
    write_seconds: float = 0.0
    part: RowPart | None = None


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

    `n_rows`: the rows of the member that was fitted on the fewest. `is_cut`: time ended the fit of one. `members`: the
    same again, without a limit of time.
    """

    pipeline: FittedPipeline
    weights: Mapping[str, float]
    n_rows: int
    is_cut: bool
    members: tuple[FinalMember, ...]


def member_json(member: FinalMember) -> dict[str, Any]:
    """The JSON form of everything that the fit of the member depends on."""
    return {
        "candidate": candidate_json(member.candidate),
        "stage": dict(member.stage),
        "weight": float(member.weight),
        **({"part": asdict(member.part)} if member.part else {}),
    }


def member_from(data: Mapping[str, Any]) -> FinalMember:
    """The member of `member_json`. Raises KeyError, TypeError or ValueError for anything else."""
    part = RowPart(**data["part"]) if data.get("part") else None
    candidate, stage = candidate_from(data["candidate"]), dict(data["stage"])
    return FinalMember(candidate, stage, float(data["weight"]), part=part)


def candidate_json(candidate: Candidate) -> dict[str, Any]:
    """The candidate with everything that its fit depends on."""
    data = {name: value for name, value in asdict(candidate).items() if name not in WORDS}
    return {**data, "path": list(data["path"])}


def candidate_from(data: Mapping[str, Any]) -> Candidate:
    """The candidate of `candidate_json`. Raises KeyError, TypeError or ValueError for anything else."""
    known = {each.name for each in fields(Candidate)}
    given = {name: value for name, value in data.items() if name in known}
    path = tuple(dict(each) for each in given.get("path") or ())
    return Candidate(**{**given, "encoding": Encoding(**given["encoding"]), "path": path})


def fit_plan(plan: RefitPlan, table: TrainingTable) -> RefitResult:
    """Fit the members on the table and join them: all, or those of the largest weights when time gets short."""
    table = sample_rows(table, plan.max_rows, plan.seed)
    parts: list[tuple[FeatureSpec, Member]] = []
    kept: list[FinalMember] = []
    again: list[FinalMember] = []
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
            table if each.part is None else each.part.rows(table, plan.seed),
            plan.limit,
            seed=plan.seed,
            weight=each.weight,
            expected_seconds=each.seconds,
            share=each.seconds / waiting if waiting > 0 else 1.0,
        )
        parts.append((fitted.spec, fitted.member))
        part = each.part or fitted.part
        again.append(replace(each, candidate=fitted.candidate, stage=fitted.stage, part=part))
        n_rows, is_cut = min(n_rows, fitted.n_rows), is_cut or fitted.is_cut
        waiting -= each.seconds
        spent, expected = spent + time.monotonic() - started, expected + each.seconds
        kept.append(each)
        writing += each.write_seconds
    # With all members, weights are not rescaled: their sum differs from 1 by rounding, which would change them.
    total = 1.0 if len(kept) == len(plan.members) else sum(each.weight for each in kept)
    parts = [(spec, replace(member, weight=member.weight / total)) for spec, member in parts]
    weights = {each.candidate.key: each.weight / total for each in kept}
    return RefitResult(join(parts, table), weights, n_rows, is_cut, tuple(again))


def fit_folds(
    members: Sequence[FinalMember], table: TrainingTable, folds: Folds, *, seed: int
) -> RefitResult:
    """The mean of the members as they are fitted on the fitting rows of each fold, without a limit of time."""
    parts = [
        fit_member(each.candidate, each.stage, table.rows(fit), seed=seed, weight=each.weight / len(folds))
        for fit, _ in folds
        for each in members
    ]
    pipeline = join(parts, table)
    total = sum(member.weight for member in pipeline.members)
    pipeline = replace(
        pipeline,
        members=tuple(replace(each, weight=each.weight / total) for each in pipeline.members),
    )
    n_rows = len(np.unique(np.concatenate([fit for fit, _ in folds])))
    weights = {each.candidate.key: each.weight for each in members}
    return RefitResult(pipeline, weights, n_rows, False, ())
