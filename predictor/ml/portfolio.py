"""What *Auto* tries, in which order, and why.

The order matters when time is short: what is cheap and often best comes first. Nothing here depends on the
clock, so that a run whose budget suffices gives the same answer each time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .checking import TrainingTable
from .encoding import LINEAR, NATIVE_BOOSTING, ONE_HOT_TREES, ORDINAL_TREES, TARGET_BOOSTING, Encoding
from .fitting import Candidate
from .schema import Role, Task

ONE_HOT_BOOSTING = replace(ONE_HOT_TREES, numbers="nan")
# log1p of the target pays when its upper tail is this much longer than a symmetric one (skewness).
MIN_SKEWNESS = 1.0
BOOSTING = "hist_gradient_boosting"


@dataclass(frozen=True)
class Portfolio:
    """Candidates in rounds: the others are stopped early when an anchor does much better."""

    anchors: tuple[Candidate, ...]
    others: tuple[Candidate, ...]


def single(estimator: str, params: Mapping[str, Any]) -> Portfolio:
    """One estimator that was asked for, with its own hyperparameters."""
    from .estimators import CATALOGUE

    info = CATALOGUE[estimator]
    return Portfolio((Candidate(estimator, info.title, estimator, info.encoding, dict(params)),), ())


def linear_baseline(task: Task) -> Candidate:
    """The simplest model that uses the features, at its default strength."""
    if task.is_classification:
        return Candidate(
            "logistic",
            "Logistic regression",
            "logistic_regression",
            LINEAR,
            path=tuple({"C": c} for c in (0.01, 0.03, 0.1, 0.3, 1.0, 3.0)),
        )
    return Candidate(
        "ridge",
        "Ridge",
        "ridge",
        LINEAR,
        path=tuple({"alpha": a} for a in (0.1, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0)),
    )


def auto(table: TrainingTable, *, n_random: int = 16, seed: int = 0) -> Portfolio:
    """The candidates for this table: fixed ones first, then boosting with settings drawn at random."""
    facts = _facts(table)
    n = len(table)
    is_log = facts.is_skewed
    linear = linear_baseline(table.task)
    native = _boosting("boosting-native", "Boosting, native categories", NATIVE_BOOSTING, is_log=False)
    anchors = [linear, native]
    others = []
    if is_log:
        others += [
            replace(native, key="boosting-native-log", title=f"{native.title}, log target", is_log=True),
            replace(linear, key=f"{linear.key}-log", title=f"{linear.title}, log target", is_log=True),
        ]
    small = n < 3000
    others += [
        _boosting(
            "boosting-additive",
            "Boosting without interactions",
            NATIVE_BOOSTING,
            is_log=is_log,
            max_leaf_nodes=4,
            interaction_cst="no_interactions",
            min_samples_leaf=10,
        ),
        _boosting(
            "boosting-small",
            "Boosting, small trees",
            NATIVE_BOOSTING,
            is_log=is_log,
            learning_rate=0.05,
            max_leaf_nodes=6,
            min_samples_leaf=10,
            max_features=0.5,
        ),
    ]
    if facts.has_categories:
        others.append(
            _boosting(
                "boosting-target",
                "Boosting, target encoding",
                TARGET_BOOSTING,
                is_log=is_log,
                learning_rate=0.05,
                max_leaf_nodes=15,
                max_features=0.5,
            )
        )
    others += [
        Candidate(
            "extra-trees",
            "Extra trees",
            "extra_trees",
            ONE_HOT_TREES if facts.has_categories and not facts.is_wide else ORDINAL_TREES,
            {
                "n_estimators": 150,
                "min_samples_leaf": 2 if not table.task.is_classification else 3,
                "max_features": 0.7,
            },
            is_staged=True,
            is_log=is_log,
        ),
        Candidate(
            "neural",
            "Neural network",
            "mlp",
            LINEAR,
            {
                "n_units": 64,
                "n_layers": 2,
                "alpha": 0.01 if small else 1e-3,
                "max_iter": 60,
                "learning_rate_init": 2e-3,
            },
            is_staged=True,
            is_log=is_log,
        ),
        _boosting(
            "boosting-one-hot",
            "Boosting, one-hot",
            ONE_HOT_BOOSTING,
            is_log=is_log,
            learning_rate=0.05,
            max_leaf_nodes=24,
            max_features=0.5,
        ),
        Candidate(
            "random-forest",
            "Random forest",
            "random_forest",
            ORDINAL_TREES,
            {
                "n_estimators": 100,
                "min_samples_leaf": 2 if not table.task.is_classification else 4,
                "max_features": 0.35,
            },
            is_staged=True,
            is_log=is_log,
        ),
    ]
    others += random_boostings(n_random, facts.has_categories, is_log, seed)
    return Portfolio(tuple(anchors), tuple(others))


def random_boostings(n_random: int, has_categories: bool, is_log: bool, seed: int) -> list[Candidate]:
    """Boosting with settings drawn at random (on the scales where they matter), for variety in a blend."""
    rng = np.random.default_rng([seed, 77])
    encodings: list[Encoding] = (
        [NATIVE_BOOSTING, TARGET_BOOSTING, ONE_HOT_BOOSTING] if has_categories else [NATIVE_BOOSTING]
    )
    found = []
    for number in range(1, n_random + 1):
        encoding = encodings[int(rng.integers(len(encodings)))]
        found.append(
            _boosting(
                f"boosting-random-{number}",
                f"Boosting, random settings {number}",
                encoding,
                is_log=is_log,
                learning_rate=round(float(np.exp(rng.uniform(np.log(0.02), np.log(0.12)))), 4),
                max_leaf_nodes=round(float(np.exp(rng.uniform(np.log(4), np.log(80))))),
                min_samples_leaf=round(float(np.exp(rng.uniform(np.log(3), np.log(60))))),
                l2_regularization=round(float(np.exp(rng.uniform(np.log(0.01), np.log(30)))), 3),
                max_features=round(float(rng.uniform(0.25, 1.0)), 2),
            )
        )
    return found


def _boosting(
    key: str,
    title: str,
    encoding: Encoding,
    *,
    is_log: bool,
    interaction_cst: str | None = None,
    **params: Any,
) -> Candidate:
    settings = {"interaction_cst": interaction_cst} if interaction_cst else {}
    params = {"max_iter": 1000, "learning_rate": 0.08, **params}
    return Candidate(key, title, BOOSTING, encoding, params, settings, is_staged=True, is_log=is_log)


@dataclass(frozen=True)
class _Facts:
    is_skewed: bool
    has_categories: bool
    is_wide: bool


def _facts(table: TrainingTable) -> _Facts:
    categories = [name for name, role in table.roles.items() if role in (Role.CATEGORICAL, Role.BOOLEAN)]
    texts = [name for name, role in table.roles.items() if role in (Role.CATEGORICAL, Role.TEXT)]
    y = table.target.y
    skewed = False
    if table.task is Task.REGRESSION and y.min() >= 0 and y.std() > 0:
        skewed = float(np.mean(((y - y.mean()) / y.std()) ** 3)) > MIN_SKEWNESS
    return _Facts(skewed, bool(texts), len(categories) > 30)
