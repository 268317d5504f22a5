"""The portfolio of *Auto*: which candidates it tries, in which order, and why.

The order matters when time is short: candidates that are cheap and often best come first. Nothing here depends on
the clock, so a run with a sufficient budget gives the same result each time. The candidates were chosen by
cross-validation on tables of many kinds. Importing this does not import scikit-learn.
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
# The skewness of the target from which its log1p is tried.
MIN_SKEWNESS = 1.0
# With more categorical columns than this, one-hot encoding is not tried.
WIDE = 30
BOOSTING = "hist_gradient_boosting"
QUICK_RATE = 0.15
NATIVE_KEY, LOGGED_KEY = "boosting-native", "boosting-native-log"


@dataclass(frozen=True)
class TableFacts:
    """Facts of a table that decide which candidates are tried. `is_skewed` is None while the target is unread."""

    task: Task
    n_rows: int
    n_features: int
    n_categories: int
    n_texts: int
    is_skewed: bool | None

    @classmethod
    def of(cls, table: TrainingTable) -> TableFacts:
        """Facts from the values of a training table."""
        y, is_skewed = table.target.y, False
        if table.task is Task.REGRESSION and y.min() >= 0 and y.std() > 0:
            is_skewed = float(np.mean(((y - y.mean()) / y.std()) ** 3)) > MIN_SKEWNESS
        return cls._counted(table.task, len(table), list(table.roles.values()), is_skewed)

    @classmethod
    def before(cls, schema: TableSchema, target: str, task: Task) -> TableFacts:
        """Facts from the column profile alone, before training."""
        from ..validation.training_table import feature_roles

        is_skewed = None if task is Task.REGRESSION else False
        return cls._counted(task, schema.n_rows, list(feature_roles(schema, target).values()), is_skewed)

    @classmethod
    def _counted(cls, task: Task, n_rows: int, roles: list[Role], is_skewed: bool | None) -> TableFacts:
        n_categories = sum(role in (Role.CATEGORICAL, Role.BOOLEAN) for role in roles)
        return cls(task, n_rows, len(roles), n_categories, roles.count(Role.TEXT), is_skewed)

    @property
    def has_categories(self) -> bool:
        return self.n_categories > 0

    @property
    def is_wide(self) -> bool:
        return self.n_categories > WIDE


def single(estimator: str, params: Mapping[str, Any]) -> Candidate:
    """The candidate of a run of one estimator, with the hyperparameters of the request."""
    from ..estimators.catalogue import CATALOGUE

    info = CATALOGUE[estimator]
    return Candidate(estimator, info.title, estimator, info.encoding, dict(params))


def linear_baseline(task: Task) -> Candidate:
    """The linear baseline: logistic regression or ridge, with a path of regularization strengths."""
    why = "the simplest model that uses the features: quick, and hard to beat on few rows"
    if task.is_classification:
        strengths = tuple({"C": c} for c in (0.01, 0.03, 0.1, 0.3, 1.0, 3.0))
        return Candidate(
            "logistic", "Logistic regression", "logistic_regression", LINEAR, path=strengths, why=why
        )
    penalties = tuple({"alpha": a} for a in (0.1, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0))
    return Candidate("ridge", "Ridge", "ridge", LINEAR, path=penalties, why=why)


def anchors(facts: TableFacts, *, is_sampled: bool = False) -> list[Candidate]:
    """The first round: quick candidates that differ; their scores show what suits this table.

    Where candidates are compared on a sample of many rows (`is_sampled`), boostings come first, with a high learning
    rate: they end in any time, and are best on most such tables.
    """
    if is_sampled:
        coded = [_quick(TARGET)] if facts.has_categories else []
        native = _quick(LOGGED if facts.is_skewed else NATIVE)
        linear = linear_baseline(facts.task)
        return [*coded, native, replace(linear, path=linear.path[len(linear.path) // 2 :][:1])]
    first = [linear_baseline(facts.task), NATIVE]
    return [*first, LOGGED] if facts.is_skewed or facts.is_skewed is None else first


def _quick(candidate: Candidate) -> Candidate:
    return replace(candidate, params={**candidate.params, "learning_rate": QUICK_RATE})


def second_round(
    facts: TableFacts, scores: Mapping[str, float], *, is_sampled: bool = False
) -> list[Candidate]:
    """The second round: candidates for every table of this kind, ordered by their gain for their time.

    `scores`: those of the anchors by key, smaller is better; they decide whether log1p of the target is used.
    """
    is_logged = scores.get(LOGGED_KEY, np.inf) < scores.get(NATIVE_KEY, np.inf)
    linear = linear_baseline(facts.task)
    candidates = [
        *([ORDERED] if facts.has_categories else []),
        SMALL_TREES,
        replace(
            linear,
            key=f"{linear.key}-bent",
            title=f"{linear.title}, outliers bent",
            encoding=BENT,
            why="as before, but outliers are compressed and cannot dominate the sum",
        ),
        *([TARGET] if facts.has_categories else []),
        ADDITIVE,
        NEURAL,
        SLOW,
        *_forests(facts),
        *([ONE_HOT] if facts.has_categories and not facts.is_wide else []),
    ]
    if is_sampled:
        candidates = [each for each in candidates if each.estimator == BOOSTING and each.key not in scores]
    return [replace(each, is_log=is_logged) for each in candidates]


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
    why="each tree corrects the errors of those before it; the best single model on most tables",
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
    why="smooth where trees have steps: its errors differ, so a blend gains",
)  # fmt: skip


def _forests(facts: TableFacts) -> list[Candidate]:
    """Random forest and extra trees: stable, but large and slow. They keep the trees grown in their small share."""
    is_class = facts.task.is_classification
    one_hot = facts.has_categories and not facts.is_wide
    return [
        Candidate(
            "random-forest", "Random forest", "random_forest", ORDINAL_TREES,
            {"n_estimators": 100, "min_samples_leaf": 4 if is_class else 2, "max_features": 0.35},
            is_staged=True, share=0.12,
            why="the mean of deep trees on random samples of the rows: its errors differ from those of boosting",
        ),
        Candidate(
            "extra-trees", "Extra trees", "extra_trees", ONE_HOT_TREES if one_hot else ORDINAL_TREES,
            {"n_estimators": 100, "min_samples_leaf": 3 if is_class else 2, "max_features": 0.7},
            is_staged=True, share=0.12,
            why="a forest with random split points: smoother still",
        ),
    ]  # fmt: skip
