"""Leaderboard: one entry for each candidate, best score first."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..metrics.row_weights import Weights, part
from ..metrics.scores import secondary_metric, selection_metric, selection_score
from ..pipelines.fitting import Candidate
from ..types.schema import Task
from .checkpoints import FoldFit


@dataclass(frozen=True)
class Entry:
    """One candidate's line of the leaderboard. `spread` is the standard deviation of the score over the folds."""

    key: str
    title: str
    estimator: str
    params: Mapping[str, Any]
    encoding: str
    metric: str
    score: float | None = None
    spread: float | None = None
    extra: Mapping[str, float | None] | None = None
    fit_seconds: float = 0.0
    predict_ms: float | None = None
    size_bytes: int | None = None
    weight: float | None = None
    status: str = "done"
    note: str = ""

    def to_json(self) -> dict[str, Any]:
        """Finite numbers or null only."""
        data = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "extra"}
        data["params"] = dict(self.params)
        data["fit_seconds"] = round(self.fit_seconds, 3)
        return {**data, **(self.extra or {})}


@dataclass(frozen=True)
class Outcome:
    """A candidate fitted on every fold: its best stage and its out-of-fold predictions.

    `fold_seconds`: the seconds of a fit up to that stage on the slowest fold.
    """

    candidate: Candidate
    stage: Mapping[str, Any]
    predictions: NDArray[np.float32]
    entry: Entry
    fold_seconds: float


def entry_for(candidate: Candidate, task: Task, **values: Any) -> Entry:
    return Entry(
        key=candidate.key,
        title=candidate.title,
        estimator=candidate.estimator,
        params={**candidate.params, **candidate.settings, **values.pop("stage", {})},
        encoding=candidate.encoding.categories,
        metric=selection_metric(task),
        **values,
    )


def outcome_of(
    candidate: Candidate,
    task: Task,
    y: NDArray[Any],
    folds: Sequence[NDArray[np.intp]],
    fits: Sequence[FoldFit],
    weights: Weights = None,
) -> Outcome:
    """Select the stage with the best score over all folds together.

    `folds` are positions in `y`; `weights`: how much each row of `y` counts.
    """
    longest = max(fits, key=lambda fit: len(fit.stages)).stages
    predictions = np.empty((len(y), *fits[0].predictions.shape[2:]), np.float32)
    best, best_stage, best_number = math.inf, longest[0], 0
    for number, stage in enumerate(longest):
        _fill(predictions, folds, fits, number)
        score = selection_score(task, y, predictions, weights)
        if score < best:
            best, best_stage, best_number = score, stage, number
    _fill(predictions, folds, fits, best_number)
    fold_scores = [selection_score(task, y[rows], predictions[rows], part(weights, rows)) for rows in folds]
    # Time and size were measured at the last stage; at an earlier one, a boosting needs less in proportion.
    share = min(1.0, (best_number + 1) / len(longest)) if candidate.is_staged else 1.0
    entry = entry_for(
        candidate,
        task,
        stage=best_stage,
        score=best if math.isfinite(best) else None,
        spread=float(np.std(fold_scores)) if np.isfinite(fold_scores).all() else None,
        extra=secondary_metric(task, y, predictions, weights) if math.isfinite(best) else None,
        fit_seconds=sum(fit.fit_seconds for fit in fits),
        predict_ms=round(float(np.median([fit.predict_ms for fit in fits])) * share, 3),
        size_bytes=round(float(np.median([fit.size_bytes for fit in fits])) * share),
    )
    seconds = max(fit.seconds[min(best_number, len(fit.seconds) - 1)] for fit in fits)
    return Outcome(candidate, best_stage, predictions, entry, seconds)


def _fill(
    predictions: NDArray[np.float32], folds: Sequence[NDArray[np.intp]], fits: Sequence[FoldFit], number: int
) -> None:
    """Out-of-fold predictions at stage `number`; a fold that ended before it gives those of its last stage."""
    for rows, fit in zip(folds, fits, strict=True):
        predictions[rows] = fit.predictions[min(number, len(fit.stages) - 1)]


def ranked(entries: Iterable[Entry]) -> list[Entry]:
    """Entries sorted by score, best first; those without a score last."""
    return sorted(entries, key=lambda entry: (entry.score is None, entry.score or 0.0, entry.key))


def with_weights(entries: Iterable[Entry], weights: Mapping[str, float]) -> list[Entry]:
    return [replace(entry, weight=weights.get(entry.key, 0.0)) for entry in entries]
