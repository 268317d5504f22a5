"""Training options: what forms, JSON and the command line say about a run, and the request that is made of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from ...errors import InvalidTrainingRequest, quoted, quoted_list
from ...ml.types import monotone
from ...ml.types.positive_class import label_of
from ...ml.types.reading_choice import checked_share
from ...ml.types.schema import Role, Scalar, Task
from ...ml.types.split import SplitBy
from ...ml.types.threshold_rule import ThresholdRule
from ...ml.types.training_request import AUTO, EFFORTS, ForecastOptions, TrainingRequest, parsed_reading
from ...models import Dataset

MAX_SEED = 2**32 - 1


@dataclass(frozen=True)
class TrainingOptions:
    """The options of a training run as a caller gives them; None is not given.

    Clustering and anomaly detection have no target; every other task needs one, and is found from it when not given.
    `effort` names a budget: quick, standard or thorough. `split` chooses the held-out rows (default: random).
    `threshold` is the rule for the decision threshold of two classes (see `ml.types.threshold_rule`), and
    `positive_class` the one of them that is looked for; when not given, it is proposed.
    `max_lost_share` is the share of a column's filled cells that one of `roles` may empty (default: a quarter).
    `split` and `threshold` may be objects, JSON, or the short form of the command line.
    `readings`: how the categories of columns are read, by column: {kind: "text", ignores: [case, numbers], missing:
    [words]} joins spellings and takes words as missing.
    `monotone`, for numbers and for two classes: {column: "increasing" or "decreasing"} where the prediction (of two
    classes, the probability of the positive one) never falls, or never rises, when the column rises.
    `weight_column`: a column of numbers of 0 or more that say how much each row counts; it is no feature.
    `forecast`, for forecasting: {date_column, group_column, horizon, frequency, aggregation, known_columns,
    static_columns, holidays}; the first is required.
    """

    target: str = ""
    task: Task | str | None = None
    estimator: str = AUTO
    params: Mapping[str, Any] | None = None
    budget_seconds: float | None = None
    effort: str | None = None
    seed: int | None = None
    roles: Mapping[str, Role | str] | None = None
    split: SplitBy | Mapping[str, Any] | str | None = None
    threshold: ThresholdRule | Mapping[str, Any] | str | None = None
    forecast: Mapping[str, Any] | None = None
    max_lost_share: float | None = None
    positive_class: Scalar = None
    readings: Mapping[str, Any] | None = None
    monotone: Mapping[str, Any] | None = None
    weight_column: str | None = None

    def request(self, dataset: Dataset) -> TrainingRequest:
        """The request to train on this dataset. Raises InvalidTrainingRequest."""
        return TrainingRequest(
            parquet="",
            schema=dataset.schema,
            target=self.target,
            task=_task(self.task),
            estimator=self.estimator or AUTO,
            params=dict(self.params or {}),
            roles=_roles(self.roles or {}),
            budget_seconds=_budget(self.budget_seconds, self.effort),
            seed=_seed(self.seed),
            split=_split(self.split),
            threshold=_threshold(self.threshold),
            forecast=ForecastOptions.from_json(self.forecast),
            max_lost_share=checked_share(self.max_lost_share),
            positive_class=label_of(self.positive_class),
            readings={name: parsed_reading(each) for name, each in (self.readings or {}).items()},
            monotone=monotone.parsed(self.monotone),
            weight_column=self.weight_column or "",
        )


def _task(task: Task | str | None) -> Task | None:
    if not task:
        return None
    try:
        return Task(task)
    except ValueError:
        raise InvalidTrainingRequest(
            f"There is no task {quoted(task)}. Choose one of {quoted_list(Task)}.", field="task"
        ) from None


def _roles(roles: Mapping[str, Role | str]) -> dict[str, Role]:
    unknown = sorted({str(role) for role in roles.values() if str(role) not in set(Role)})
    if unknown:
        raise InvalidTrainingRequest(
            f"There is no column role {quoted_list(unknown)}. Choose from {quoted_list(Role, 10)}.",
            field="roles",
        )
    return {name: Role(role) for name, role in roles.items()}


def _split(split: SplitBy | Mapping[str, Any] | str | None) -> SplitBy:
    if isinstance(split, SplitBy):
        return split
    return SplitBy.parse(split) if isinstance(split, str) else SplitBy.from_json(split)


def _threshold(rule: ThresholdRule | Mapping[str, Any] | str | None) -> ThresholdRule | None:
    if not rule:
        return None
    if isinstance(rule, ThresholdRule):
        return rule
    return ThresholdRule.parse(rule) if isinstance(rule, str) else ThresholdRule.from_json(rule)


def _budget(seconds: float | None, effort: str | None) -> int:
    if effort and effort not in EFFORTS:
        raise InvalidTrainingRequest(
            f"There is no effort {quoted(effort)}. Choose one of {quoted_list(EFFORTS)}.", field="effort"
        )
    if effort and seconds is not None:
        raise InvalidTrainingRequest(
            "Give either an effort or a time budget in seconds, not both.", field="effort"
        )
    if effort:
        seconds = EFFORTS[effort]
    if seconds is None:
        return settings.TRAINING_BUDGET_SECONDS
    longest = settings.TRAINING_MAX_BUDGET_SECONDS
    is_number = isinstance(seconds, (int, float)) and not isinstance(seconds, bool)
    if not is_number or not 1 <= seconds <= longest:
        raise InvalidTrainingRequest(
            f"The time budget is {quoted(seconds)}; it has to be between 1 and {longest} seconds.",
            limit=longest,
            field="budget_seconds",
        )
    return math.ceil(seconds)


def _seed(seed: int | None) -> int:
    if seed is None:
        return 0
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed <= MAX_SEED:
        raise InvalidTrainingRequest(
            f"The seed is {quoted(seed)}; it has to be a whole number between 0 and {MAX_SEED}.",
            limit=MAX_SEED,
            field="seed",
        )
    return seed
