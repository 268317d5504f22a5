"""Importance of the columns as their mean absolute Shapley value: cheap, and known for every task.

Lundberg and Lee, "A unified approach to interpreting model predictions", 2017.
"""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray

from ..metrics.scores import predicted_codes
from ..pipelines.fitted_pipeline import FittedPipeline
from ..pipelines.fitting import sample_rows
from ..validation.training_table import TrainingTable
from .background import Background
from .permutation_importance import Importance, predicted
from .shapley import Explainer, n_background_rows

SHAPLEY = "shapley"
# Rows that are explained: the least even without time, since an order by few rows is better than none.
MOST_ROWS, LEAST_ROWS = 20, 4
MAX_SECONDS = 1.0


def shapley_importance(
    pipeline: FittedPipeline,
    known: TrainingTable,
    explained: TrainingTable,
    *,
    seed: int,
    max_seconds: float = MAX_SECONDS,
) -> tuple[list[Importance], int]:
    """The mean absolute Shapley value of each column, largest first, and the number of rows explained.

    Rows of `explained` are compared with rows of `known`; of a classification, the probability of the predicted class
    is explained. After `max_seconds`, no further row is.
    """
    started = time.monotonic()
    background = sample_rows(known, n_background_rows(len(pipeline.spec.sources)), seed)
    rows = sample_rows(explained, MOST_ROWS, seed)
    matrix = pipeline.spec.transform(rows.columns)
    answers = predicted(pipeline, rows)
    codes = predicted_codes(answers).tolist() if answers.ndim == 2 else [None] * len(rows)

    def predict(cells: NDArray[np.float32]) -> NDArray[np.float64]:
        outputs = pipeline.predict_matrix(cells)
        found = outputs.values if outputs.probabilities is None else outputs.probabilities
        return np.reshape(np.asarray(found, np.float64), (len(cells), -1))

    explainer = Explainer(pipeline.spec, Background(background.columns), predict)
    sizes: dict[str, list[float]] = {name: [] for name in pipeline.spec.sources}
    n_rows = 0
    for row, code in zip(matrix, codes, strict=True):
        if n_rows >= LEAST_ROWS and time.monotonic() - started > max_seconds:
            break
        for name, value in explainer.explain(row[None], [code])[0].contributions.items():
            sizes[name].append(abs(value))
        n_rows += 1
    ranked = [Importance(name, float(np.mean(each)), float(np.std(each))) for name, each in sizes.items()]
    return sorted(ranked, key=lambda each: -each.mean), n_rows
