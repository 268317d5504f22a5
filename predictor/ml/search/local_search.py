"""Local and random search for hyperparameters in later rounds of *Auto*: near the best boostings, and anywhere.

A round depends on the results of earlier rounds only, never on fits that still run. So it is the same whether one or
two fits run at once.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from typing import Any

import numpy as np

from ..features.encoding import NATIVE_BOOSTING, ORDERED_BOOSTING, TARGET_BOOSTING, Encoding
from ..pipelines.candidate import Candidate
from .portfolio import BOOSTING, NEURAL, ONE_HOT_BOOSTING, SMALL_TREES, TableFacts

# Hyperparameters by name: lowest value, highest value, largest step (as a factor), whether an integer.
RANGES: dict[str, tuple[float, float, float, bool]] = {
    "learning_rate": (0.015, 0.15, 1.6, False),
    "max_leaf_nodes": (4, 64, 2.0, True),
    "min_samples_leaf": (3, 80, 2.0, True),
    "l2_regularization": (0.01, 30.0, 4.0, False),
    "max_features": (0.15, 1.0, 1.5, False),
}
KINDS = {
    "native": "native categories",
    "ordinal": "ordered categories",
    "target": "target encoding",
    "onehot": "one-hot",
}
N_NEAR = 3
# Neural networks are varied when the best one is no worse than the best candidate by this factor.
NEAR_SHARE = 1.05


def nearby(
    facts: TableFacts, tried: Mapping[str, Candidate], scores: Mapping[str, float], number: int, seed: int
) -> list[Candidate]:
    """The candidates of round `number`: three steps away from the best boostings and one random draw.

    In every other round, a varied neural network replaces the draw, when networks do as well as boostings.
    """
    rng = np.random.default_rng([seed, 77, number])
    boostings = [key for key in scores if tried[key].estimator == BOOSTING and not tried[key].settings]
    best = sorted(boostings, key=lambda key: scores[key])[:N_NEAR]
    steps = [_step(tried[best[index % len(best)]], rng) for index in range(N_NEAR)] if best else []
    is_log = bool(best) and tried[best[0]].is_log
    networks = {key: scores[key] for key in scores if tried[key].estimator == NEURAL.estimator}
    best_network = min(networks, key=networks.__getitem__, default=None)
    if number % 2 == 0 and best_network and networks[best_network] <= min(scores.values()) * NEAR_SHARE:
        return [*steps, _network(tried[best_network], rng)]
    return [*steps, _anywhere(facts, is_log, rng)]


def _step(base: Candidate, rng: np.random.Generator) -> Candidate:
    """The base with slightly changed hyperparameters; those it does not set start at a middle value."""
    middle = {"learning_rate": 0.08, "max_leaf_nodes": 31, "min_samples_leaf": 20, "l2_regularization": 0.3}
    params: dict[str, Any] = {}
    for name, (low, high, factor, is_whole) in RANGES.items():
        value = float(base.params.get(name, middle.get(name, 1.0)))
        moved = float(np.clip(value * factor ** rng.uniform(-1, 1), low, high))
        params[name] = round(moved) if is_whole else round(moved, 4)
    return boosting_of(base.encoding, base.is_log, params, "near the best")


def _network(base: Candidate, rng: np.random.Generator) -> Candidate:
    """The network with another width, depth, penalty and learning rate."""
    params = {
        **base.params,
        "n_units": int(rng.choice([32, 64, 128])),
        "n_layers": int(rng.integers(1, 4)),
        "alpha": round(float(base.params["alpha"] * 4 ** rng.uniform(-1, 1)), 3),
        "learning_rate_init": round(float(2e-3 * 2 ** rng.uniform(-1.5, 1)), 5),
    }
    name = digest_of([params, base.is_log])
    return replace(
        base, key=f"neural-{name}", title=f"{NEURAL.title}, other settings ({name})", params=params
    )


def _anywhere(facts: TableFacts, is_log: bool, rng: np.random.Generator) -> Candidate:
    encodings = [NATIVE_BOOSTING]
    if facts.has_categories:
        encodings += [ORDERED_BOOSTING, TARGET_BOOSTING, *([] if facts.is_wide else [ONE_HOT_BOOSTING])]
    encoding = encodings[int(rng.integers(len(encodings)))]
    params: dict[str, Any] = {}
    for name, (low, high, _, is_whole) in RANGES.items():
        drawn = float(np.exp(rng.uniform(np.log(low), np.log(high))))
        params[name] = round(drawn) if is_whole else round(drawn, 4)
    return boosting_of(encoding, is_log, params, "drawn at random")


def digest_of(settings: Any) -> str:
    return sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:6]


def boosting_of(encoding: Encoding, is_log: bool, params: Mapping[str, Any], how: str) -> Candidate:
    """A boosting candidate whose key is a digest of its settings, so that stored fits are never mixed up."""
    params = {"max_iter": 1000, **params}
    name = digest_of([params, repr(encoding), is_log])
    kind = KINDS.get(encoding.categories, encoding.categories)
    title = f"Boosting, {kind}{', log target' if is_log else ''}, settings {how} ({name})"
    return replace(
        SMALL_TREES, key=f"boosting-{name}", title=title, encoding=encoding, is_log=is_log, params=params,
        why=f"settings {how}",
    )  # fmt: skip
