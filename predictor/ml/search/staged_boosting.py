"""Staged predictions and early stopping of HistGradientBoosting within one fit.

scikit-learn's early stopping computes the raw predictions for its validation rows in each round and discards them.
We keep them every few rounds. That saves `staged_predict` and the loss on the fitting rows, and the fit can end at a
time limit: the trees grown until then are a usable model.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class StageSnapshot:
    """A stage of the fit: raw predictions (n, trees per round) after `n_rounds`, and the seconds since its start."""

    n_rounds: int
    raw: NDArray[np.float64]
    seconds: float


@dataclass
class StagedFit:
    """Replaces `_check_early_stopping_loss`, which scikit-learn calls before the first round and after each.

    Stops the fit after `patience` rounds without a lower loss on the rows of `is_known`, or after `max_seconds`.
    """

    boosting: Any
    is_known: NDArray[np.bool_]
    stride: int
    patience: int
    max_seconds: float
    sights: list[StageSnapshot] = field(default_factory=list)
    is_cut: bool = False
    _n_rounds: int = -1
    _best: float = np.inf
    _best_round: int = 0
    _last: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        self._started_at = time.monotonic()

    def __call__(
        self,
        *,
        y_val: Any,
        raw_predictions_val: Any,
        sample_weight_val: Any = None,
        n_threads: int = 1,
        **others: Any,
    ) -> bool:
        self._n_rounds += 1
        self._last = raw_predictions_val
        known = slice(None) if self.is_known.all() else self.is_known
        loss = float(
            self.boosting._loss(
                y_true=y_val[known],
                raw_prediction=np.asfortranarray(raw_predictions_val[known]),
                sample_weight=None if sample_weight_val is None else sample_weight_val[known],
            )
        )
        if loss < self._best:
            self._best, self._best_round = loss, self._n_rounds
        if self._n_rounds and self._n_rounds % self.stride == 0:
            self._keep_stage()
        seconds = time.monotonic() - self._started_at
        self.is_cut = self._n_rounds > 0 and seconds > self.max_seconds
        return self.is_cut or self._n_rounds - self._best_round >= self.patience

    def fit(
        self,
        matrix: Any,
        target: Any,
        score_matrix: Any,
        score_target: Any,
        weights: tuple[Any, Any] = (None, None),
    ) -> Iterator[StageSnapshot]:
        """Fit, then yield the stages, earliest first; the last one is the whole boosting.

        `weights`: how much the rows of the fit and the scoring rows count.
        """
        self.boosting.set_params(early_stopping=True, scoring="loss")
        self.boosting._check_early_stopping_loss = self
        try:
            self.boosting.fit(
                matrix,
                target,
                sample_weight=weights[0],
                X_val=score_matrix,
                y_val=score_target,
                sample_weight_val=weights[1],
            )
        finally:
            del self.boosting._check_early_stopping_loss
        if not self.sights or self.sights[-1].n_rounds < self._n_rounds:
            self._keep_stage()
        yield from self.sights

    def keep_best(self) -> None:
        """Leave only the rounds up to the one of the lowest loss."""
        del self.boosting._predictors[max(self._best_round, 1) :]

    def _keep_stage(self) -> None:
        if self._last is not None:
            raw = np.array(self._last, np.float64)
            self.sights.append(StageSnapshot(self._n_rounds, raw, time.monotonic() - self._started_at))
