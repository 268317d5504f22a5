"""Permutation importance of the original columns of a pipeline."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..metrics.scores import selection_score
from ..pipelines.fitted_pipeline import FittedPipeline, Outputs
from ..validation.training_table import TrainingTable

PERMUTATION = "permutation"
N_REPEATS = 5
MAX_ROWS = 1000
# Many shuffled copies are predicted in one call: a call costs milliseconds however few rows it has.
BATCH_ROWS = 20_000


@dataclass(frozen=True)
class Importance:
    """The rise of the selection metric when one column is shuffled: mean and deviation over repeats."""

    column: str
    mean: float
    spread: float

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def permutation_importance(
    pipeline: FittedPipeline, table: TrainingTable, *, seed: int, max_seconds: float = 10.0
) -> tuple[list[Importance], int]:
    """Permutation importance of every column that the pipeline reads, largest first, and the number of rows used.

    Breiman, "Random forests", 2001. Rows and repeats are cut when a trial shows that they would take longer
    than `max_seconds`; the list is empty when even 50 rows would.
    """
    rng = np.random.default_rng(seed)
    names = pipeline.spec.sources
    sample = table.rows(np.sort(rng.permutation(len(table))[:MAX_ROWS]))
    started = time.monotonic()
    predicted(pipeline, sample)
    per_row = (time.monotonic() - started) / max(len(sample), 1)
    n_repeats, n_rows = _effort(len(sample), len(names), per_row, max_seconds)
    if n_rows < min(50, len(sample)):
        return [], 0
    sample = sample.rows(np.arange(n_rows))
    base = _score(sample, predicted(pipeline, sample))
    rises: dict[str, list[float]] = {name: [] for name in names}
    jobs = [(name, rng.permutation(n_rows)) for _ in range(n_repeats) for name in names]
    n_copies = max(1, BATCH_ROWS // n_rows)
    for start in range(0, len(jobs), n_copies):
        for (name, _), score in _scores(pipeline, sample, jobs[start : start + n_copies]):
            rises[name].append(score - base)
    importances = [
        Importance(name, float(np.mean(each)), float(np.std(each))) for name, each in rises.items()
    ]
    return sorted(importances, key=lambda each: -each.mean), n_rows


def predicted(pipeline: FittedPipeline, table: TrainingTable) -> NDArray[Any]:
    """Values or probabilities for the rows of a table."""
    return _predictions(pipeline.predict(table.columns))


def _predictions(outputs: Outputs) -> NDArray[Any]:
    return np.asarray(outputs.values if outputs.probabilities is None else outputs.probabilities)


def _score(table: TrainingTable, predictions: NDArray[Any]) -> float:
    return selection_score(table.task, table.target.y, predictions, table.target.weights)


Job = tuple[str, NDArray[np.intp]]


def _scores(pipeline: FittedPipeline, sample: TrainingTable, jobs: Sequence[Job]) -> list[tuple[Job, float]]:
    """Scores of copies of the sample with one column shuffled in each, from one call of predict."""
    n = len(sample)
    columns = {name: np.tile(values, len(jobs)) for name, values in sample.columns.items()}
    for number, (name, order) in enumerate(jobs):
        columns[name][number * n : (number + 1) * n] = sample.columns[name][order]
    predictions = _predictions(pipeline.predict(columns))
    return [
        (job, _score(sample, predictions[number * n : (number + 1) * n])) for number, job in enumerate(jobs)
    ]


def _effort(n_rows: int, n_columns: int, per_row: float, max_seconds: float) -> tuple[int, int]:
    """How many repeats over how many rows fit into the time."""
    affordable = max_seconds / max(per_row * n_columns, 1e-9)
    for n_repeats in (N_REPEATS, 3, 2):
        if n_rows * n_repeats <= affordable:
            return n_repeats, n_rows
    return 2, min(n_rows, int(affordable / 2))
