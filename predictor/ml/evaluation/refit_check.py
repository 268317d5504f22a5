"""Whether a refit is in line with the models of the folds, and the mean of these models where it is not.

Cross-validation measures models that were fitted on parts of the rows; what is published is fitted once more, on all of
them. An estimator that is unstable (a network that diverges, a matrix that becomes singular) can fail just then. So the
loss of the refit is compared with that of the folds: on the held-out rows, for the model that the report is about, and
on its own training rows, for the published one. A refit that is far out of line is replaced by the mean of the models
of the folds, if that is in line: one graph of as many members for each fold (Breiman, "Bagging predictors", 1996).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..explanation.permutation_importance import predicted
from ..metrics.scores import losses, selection_metric
from ..pipelines.fitted_pipeline import FittedPipeline
from ..types.schema import Task
from ..validation.training_table import TrainingTable

# A loss is out of line when it is higher than that of the folds by this share and by so many standard errors.
FAR_SHARE, FAR_ERRORS = 0.5, 4.0
# And by so much: log-loss, and squared error as a share of the variance of the target. Losses near zero vary more.
LEAST_LOG_LOSS, LEAST_SHARE = 0.02, 0.001
# Training rows that the published model is asked about.
N_ASKED = 1_000
# The mean of the folds' models has at most so many members and, by their estimated size, so many bytes.
MAX_MEMBERS, MAX_BYTES = 60, 200_000_000
LEAST_FOLDS = 2


@dataclass(frozen=True)
class FoldLosses:
    """The losses (n,) of the models of the folds: log-loss or squared error of each row that is predicted.

    `least`: a smaller difference of mean losses is none.
    """

    task: Task
    rows: NDArray[np.float64]
    least: float = 0.0

    @classmethod
    def of(cls, task: Task, y: NDArray[Any], out_of_fold: NDArray[np.float64]) -> FoldLosses:
        least = LEAST_LOG_LOSS if task.is_classification else LEAST_SHARE * float(np.var(y))
        return cls(task, losses(task, y, out_of_fold), least)

    def is_far_exceeded(self, loss: float, n_rows: int) -> bool:
        """Whether a mean loss on `n_rows` other rows is higher than chance and a usual difference explain."""
        mean = float(self.rows.mean())
        error = float(self.rows.std()) * math.sqrt(1 / max(n_rows, 1) + 1 / len(self.rows))
        return not loss <= mean + max(FAR_SHARE * mean + FAR_ERRORS * error, self.least)

    def score(self) -> float:
        """The selection metric: log-loss, or the root mean squared error."""
        mean = float(self.rows.mean())
        return mean if self.task.is_classification else math.sqrt(mean)


def held_out_loss(task: Task, metrics: Mapping[str, Any]) -> float:
    """The mean loss from the metrics of a report; infinite where it is no finite number."""
    score = metrics.get(selection_metric(task))
    if score is None:
        return math.inf
    return float(score) if task.is_classification else float(score) ** 2


def training_loss(pipeline: FittedPipeline, table: TrainingTable) -> float | None:
    """Mean loss on some of the rows that the pipeline was fitted on; None where it is not finite."""
    rows = np.unique(np.linspace(0, len(table) - 1, N_ASKED).astype(np.intp))
    loss = loss_on(pipeline, table.rows(rows))
    return loss if math.isfinite(loss) else None


def loss_on(pipeline: FittedPipeline, table: TrainingTable) -> float:
    """Mean loss on the rows of a table."""
    return float(losses(table.task, table.target.y, predicted(pipeline, table)).mean())


def n_usable_folds(n_folds: int, n_members: int, n_bytes: int) -> int:
    """Of how many folds the models may be joined; 0 where that would be too large."""
    most = min(n_folds, MAX_MEMBERS // max(n_members, 1), MAX_BYTES // max(n_bytes, 1))
    return most if most >= LEAST_FOLDS else 0
