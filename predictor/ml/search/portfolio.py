"""What *Auto* tries, in which order, and why.

The order matters when time is short: what is cheap and often best comes first. Nothing here depends on the
clock, so that a run whose budget suffices gives the same answer each time. What is tried was settled by
cross-validation on tables of many kinds; importing this does not import scikit-learn.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..features.encoding import (
    BENT,
    LINEAR,
    NATIVE_BOOSTING,
    ONE_HOT_TREES,
    ORDERED_BOOSTING,
    ORDINAL_TREES,
    TARGET_BOOSTING,
    Encoding,
)
from ..pipelines.candidate import Candidate
from ..types.schema import Role, TableSchema, Task
from ..validation.training_table import TrainingTable

ONE_HOT_BOOSTING = replace(ONE_HOT_TREES, numbers="nan")
# log1p of the target may pay when its upper tail is this much longer than a symmetric one (skewness).
MIN_SKEWNESS = 1.0
# One-hot columns of more categories than this are too many to try.
WIDE = 30
BOOSTING = "hist_gradient_boosting"
NATIVE_KEY, LOGGED_KEY = "boosting-native", "boosting-native-log"


@dataclass(frozen=True)
class Facts:
    """What decides which candidates are worth their time. `is_skewed` None: not known before training."""

    task: Task
    n_rows: int
    n_features: int
    n_categories: int
    n_texts: int
    is_skewed: bool | None

    @classmethod
    def of(cls, table: TrainingTable) -> Facts:
        """From the values."""
        y, is_skewed = table.target.y, False
        if table.task is Task.REGRESSION and y.min() >= 0 and y.std() > 0:
            is_skewed = float(np.mean(((y - y.mean()) / y.std()) ** 3)) > MIN_SKEWNESS
        return cls._counted(table.task, len(table), list(table.roles.values()), is_skewed)

    @classmethod
    def before(cls, schema: TableSchema, target: str, task: Task) -> Facts:
        """From the profile alone."""
        from ..validation.training_table import feature_roles

        is_skewed = None if task is Task.REGRESSION else False
        return cls._counted(task, schema.n_rows, list(feature_roles(schema, target).values()), is_skewed)

    @classmethod
    def _counted(cls, task: Task, n_rows: int, roles: list[Role], is_skewed: bool | None) -> Facts:
        n_categories = sum(role in (Role.CATEGORICAL, Role.BOOLEAN) for role in roles)
        return cls(task, n_rows, len(roles), n_categories, roles.count(Role.TEXT), is_skewed)

    @property
    def has_categories(self) -> bool:
        return self.n_categories > 0

    @property
    def is_wide(self) -> bool:
        return self.n_categories > WIDE


def single(estimator: str, params: Mapping[str, Any]) -> Candidate:
    """One estimator that was asked for, with its own hyperparameters."""
    from ..estimators.catalogue import CATALOGUE

    info = CATALOGUE[estimator]
    return Candidate(estimator, info.title, estimator, info.encoding, dict(params))


def linear_baseline(task: Task) -> Candidate:
    """The simplest model that uses the features, at the strength that suits them."""
    why = "the simplest model that uses the features: quick, and hard to beat on few rows"
    if task.is_classification:
        strengths = tuple({"C": c} for c in (0.01, 0.03, 0.1, 0.3, 1.0, 3.0))
        return Candidate(
            "logistic", "Logistic regression", "logistic_regression", LINEAR, path=strengths, why=why
        )
    penalties = tuple({"alpha": a} for a in (0.1, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0))
    return Candidate("ridge", "Ridge", "ridge", LINEAR, path=penalties, why=why)


def anchors(facts: Facts) -> list[Candidate]:
    """The first round: quick, unlike each other, and telling what suits this table."""
    first = [linear_baseline(facts.task), NATIVE]
    return [*first, LOGGED] if facts.is_skewed or facts.is_skewed is None else first


def second_round(facts: Facts, scores: Mapping[str, float]) -> list[Candidate]:
    """What is tried on every table of this kind, in the order of what it brings for its time.

    `scores` of the anchors, smaller for better: they show whether log1p of the target pays.
    """
    is_logged = scores.get(LOGGED_KEY, np.inf) < scores.get(NATIVE_KEY, np.inf)
    linear = linear_baseline(facts.task)
    found = [
        *([ORDERED] if facts.has_categories else []),
        SMALL_TREES,
        replace(
            linear,
            key=f"{linear.key}-bent",
            title=f"{linear.title}, outliers bent",
            encoding=BENT,
            why="as before, but no far-off value can pull the sum away",
        ),
        *([TARGET] if facts.has_categories else []),
        ADDITIVE,
        NEURAL,
        SLOW,
        *_forests(facts),
        *([ONE_HOT] if facts.has_categories and not facts.is_wide else []),
    ]
    return [replace(each, is_log=is_logged) for each in found]


def _boosting(
    key: str,
    title: str,
    encoding: Encoding,
    *,
    is_log: bool = False,
    interaction_cst: str | None = None,
    why: str = "",
    **params: Any,
) -> Candidate:
    settings = {"interaction_cst": interaction_cst} if interaction_cst else {}
    params = {"max_iter": 1000, "learning_rate": 0.08, **params}
    return Candidate(key, title, BOOSTING, encoding, params, settings, is_staged=True, is_log=is_log, why=why)


NATIVE = _boosting(
    NATIVE_KEY, "Boosting, native categories", NATIVE_BOOSTING,
    why="trees that mend each other's errors, the best single answer on most tables",
)  # fmt: skip
LOGGED = replace(
    NATIVE, key=LOGGED_KEY, title=f"{NATIVE.title}, log target", is_log=True,
    why="the same on the logarithm of the target, which has a long upper tail",
)  # fmt: skip
ORDERED = _boosting(
    "boosting-ordered", "Boosting, categories in order of frequency", ORDERED_BOOSTING,
    learning_rate=0.05, max_leaf_nodes=15, max_features=0.5,
    why="categories as one number each: steadier where there are many of them",
)  # fmt: skip
SMALL_TREES = _boosting(
    "boosting-small", "Boosting, small trees", NATIVE_BOOSTING,
    learning_rate=0.05, max_leaf_nodes=6, min_samples_leaf=10, max_features=0.5,
    why="many shallow trees, which overfit late",
)  # fmt: skip
TARGET = _boosting(
    "boosting-target", "Boosting, target encoding", TARGET_BOOSTING,
    learning_rate=0.05, max_leaf_nodes=15, max_features=0.5,
    why="each category as the mean target that it had in other rows, for columns with many categories",
)  # fmt: skip
ADDITIVE = _boosting(
    "boosting-additive", "Boosting without interactions", NATIVE_BOOSTING,
    max_leaf_nodes=4, interaction_cst="no_interactions", min_samples_leaf=10,
    why="one curve for each feature: steadier where features do not act together",
)  # fmt: skip
SLOW = _boosting(
    "boosting-slow", "Boosting, slow", NATIVE_BOOSTING,
    learning_rate=0.03, max_leaf_nodes=10, min_samples_leaf=8, max_features=0.35,
    why="small steps, each with another third of the features",
)  # fmt: skip
ONE_HOT = _boosting(
    "boosting-one-hot", "Boosting, one-hot", ONE_HOT_BOOSTING,
    learning_rate=0.05, max_leaf_nodes=24, max_features=0.5,
    why="one column for each category",
)  # fmt: skip
NEURAL = Candidate(
    "neural", "Neural network", "mlp", BENT,
    {"n_units": 64, "n_layers": 2, "alpha": 1.0, "max_iter": 60, "learning_rate_init": 2e-3}, is_staged=True,
    why="smooth where trees have steps, so that it errs elsewhere and a blend gains",
)  # fmt: skip


def _forests(facts: Facts) -> list[Candidate]:
    """Steady, but large and slow: they get little time, and are as large as they grow in it."""
    is_class = facts.task.is_classification
    one_hot = facts.has_categories and not facts.is_wide
    return [
        Candidate(
            "random-forest", "Random forest", "random_forest", ORDINAL_TREES,
            {"n_estimators": 100, "min_samples_leaf": 4 if is_class else 2, "max_features": 0.35},
            is_staged=True, share=0.12,
            why="the mean of deep trees on drawn rows: errs unlike boosting",
        ),
        Candidate(
            "extra-trees", "Extra trees", "extra_trees", ONE_HOT_TREES if one_hot else ORDINAL_TREES,
            {"n_estimators": 100, "min_samples_leaf": 3 if is_class else 2, "max_features": 0.7},
            is_staged=True, share=0.12,
            why="a forest with random cuts: smoother still",
        ),
    ]  # fmt: skip
