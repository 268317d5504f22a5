"""Hyperparameter optimization in later rounds of *Auto*, with a large budget: the TPE sampler of optuna.

The study is stored as a journal in the run's own folder, so a run that was killed continues with all its trials.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState

from ..features.encoding import NATIVE_BOOSTING, ORDERED_BOOSTING, TARGET_BOOSTING, Encoding
from ..pipelines.candidate import Candidate
from .local_search import RANGES, boosting_of
from .portfolio import BOOSTING, ONE_HOT_BOOSTING, TableFacts

STUDY, JOURNAL = "boosting", "study.log"
ENCODINGS: dict[str, Encoding] = {
    "native": NATIVE_BOOSTING,
    "ordered": ORDERED_BOOSTING,
    "target": TARGET_BOOSTING,
    "one-hot": ONE_HOT_BOOSTING,
}


@dataclass(frozen=True)
class Proposal:
    """A candidate and the number of its optuna trial."""

    number: int
    candidate: Candidate


class Tuner:
    """Proposes boosting candidates; `facts` decide which encodings and target transformations are in the space."""

    def __init__(self, folder: Path, facts: TableFacts, seed: int):
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        # A killed run may have left the lock of its journal; no other process uses this folder.
        for lock in folder.glob(f"{JOURNAL}*.lock"):
            lock.unlink(missing_ok=True)
        self._space = _space(facts)
        with warnings.catch_warnings(action="ignore"):
            self._study = optuna.create_study(
                storage=JournalStorage(JournalFileBackend(str(folder / JOURNAL))),
                study_name=STUDY,
                load_if_exists=True,
                sampler=optuna.samplers.TPESampler(seed=seed, multivariate=True, constant_liar=True),
            )

    @property
    def n_seen(self) -> int:
        return len(self._study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)))

    def learn(self, tried: Mapping[str, Candidate], scores: Mapping[str, float]) -> None:
        """Add the scores of earlier candidates as the first trials of a new study."""
        if self._study.get_trials(deepcopy=False):
            return
        for key, score in scores.items():
            params = self._params_of(tried[key])
            if params is not None:
                trial = optuna.trial.create_trial(params=params, distributions=self._space, value=score)
                self._study.add_trial(trial)

    def propose(self, n: int) -> list[Proposal]:
        """Propose n candidates; trials that an earlier process left running come first."""
        running = self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        trials: list[FrozenTrial | optuna.Trial] = [*running[:n]]
        while len(trials) < n:
            trials.append(self._study.ask(self._space))
        return [Proposal(trial.number, self._candidate(trial.params)) for trial in trials]

    def tell(self, proposals: list[Proposal], scores: Mapping[str, float]) -> None:
        """Store scores by candidate key; a candidate without one failed or was stopped early."""
        for each in proposals:
            score = scores.get(each.candidate.key)
            state = TrialState.FAIL if score is None else TrialState.COMPLETE
            self._study.tell(each.number, score, state=state)

    def _candidate(self, params: Mapping[str, Any]) -> Candidate:
        settings = {name: params[name] for name in RANGES}
        return boosting_of(
            ENCODINGS[params["encoding"]], bool(params["is_log"]), settings, "proposed by what was seen"
        )

    def _params_of(self, candidate: Candidate) -> dict[str, Any] | None:
        """The candidate as a point of the search space; None when it lies outside."""
        names = {encoding: name for name, encoding in ENCODINGS.items()}
        defaults = {
            "max_leaf_nodes": 31,
            "min_samples_leaf": 20,
            "l2_regularization": 0.01,
            "max_features": 1.0,
        }
        params = {
            "encoding": names.get(candidate.encoding),
            "is_log": candidate.is_log,
            **{name: candidate.params.get(name, defaults.get(name)) for name in RANGES},
        }
        is_inside = candidate.estimator == BOOSTING and not candidate.settings
        is_inside = is_inside and all(_holds(self._space[name], value) for name, value in params.items())
        return params if is_inside else None


def _space(facts: TableFacts) -> dict[str, BaseDistribution]:
    names = list(ENCODINGS) if facts.has_categories else ["native"]
    if facts.is_wide:
        names.remove("one-hot")
    space: dict[str, BaseDistribution] = {
        "encoding": CategoricalDistribution(names),
        "is_log": CategoricalDistribution([False, True] if facts.is_skewed else [False]),
    }
    for name, (low, high, _, is_whole) in RANGES.items():
        space[name] = (
            IntDistribution(round(low), round(high), log=True)
            if is_whole
            else FloatDistribution(low, high, log=True)
        )
    return space


def _holds(distribution: BaseDistribution, value: Any) -> bool:
    if isinstance(distribution, CategoricalDistribution):
        return value in distribution.choices
    if isinstance(distribution, (IntDistribution, FloatDistribution)):
        return value is not None and distribution.low <= value <= distribution.high
    return False
