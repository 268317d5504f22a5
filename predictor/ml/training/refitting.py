"""The members of what was chosen, fitted on all rows or on those that the time allows."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..execution.progress import Deadline
from ..features.feature_spec import FeatureSpec
from ..pipelines.fitted_pipeline import FittedPipeline, Member
from ..pipelines.fitting import Candidate, fit_member, join, sample_rows
from ..validation.training_table import TrainingTable


@dataclass(frozen=True)
class Chosen:
    """One member of what was chosen: a candidate at its best stage, its share, and what fitting it takes.

    `seconds` is expected for a fit on all rows; `write_seconds` for exporting, comparing and writing it.
    """

    candidate: Candidate
    stage: Mapping[str, Any]
    weight: float
    seconds: float = 0.0
    write_seconds: float = 0.0


@dataclass(frozen=True)
class Plan:
    """What is fitted in the end. `max_rows` bounds the rows when time is short.

    By `deadline` everything is to be there: members of little weight are left out when they would end later.
    `again_share` is what is fitted once more after this, as a share of it: judging is, when it comes second.
    """

    members: tuple[Chosen, ...]
    max_rows: int | None
    seed: int
    deadline: Deadline
    again_share: float = 0.0


@dataclass(frozen=True)
class Fitted:
    """The pipeline and the shares of its members by key."""

    pipeline: FittedPipeline
    weights: Mapping[str, float]


def fit_plan(plan: Plan, table: TrainingTable) -> Fitted:
    """The members fitted on the table and joined: all of them, or the weightiest when time gets short."""
    table = sample_rows(table, plan.max_rows, plan.seed)
    parts: list[tuple[FeatureSpec, Member]] = []
    kept: list[Chosen] = []
    spent = expected = writing = 0.0
    for each in sorted(plan.members, key=lambda member: -member.weight):
        pace = spent / expected if spent > expected > 0 else 1.0
        needed = each.seconds * pace * (1 + plan.again_share) + spent * plan.again_share
        if kept and not plan.deadline.allows(needed + writing + each.write_seconds):
            continue
        started = time.monotonic()
        parts.append(fit_member(each.candidate, each.stage, table, seed=plan.seed, weight=each.weight))
        spent, expected = spent + time.monotonic() - started, expected + each.seconds
        kept.append(each)
        writing += each.write_seconds
    # Shares of all members stay what they are: divided by a sum that is 1 but for its last digit, they would differ.
    total = 1.0 if len(kept) == len(plan.members) else sum(each.weight for each in kept)
    parts = [(spec, replace(member, weight=member.weight / total)) for spec, member in parts]
    return Fitted(join(parts, table), {each.candidate.key: each.weight / total for each in kept})
