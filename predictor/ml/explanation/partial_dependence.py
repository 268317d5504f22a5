"""Partial dependence and its single lines (ICE): how the prediction changes with one column alone.

Friedman, "Greedy function approximation", 2001; individual conditional expectation (ICE), the lines of
single rows: Goldstein et al., 2015.
`dependence()` gives JSON, kept in the evaluation report under "dependence":
    {"n_rows": rows that were varied, "classes": the classes whose probability is shown ([] for a value),
     "features": [{"column", "role",
                   "grid": numbers, ISO 8601 moments, levels or booleans; null is a missing value and stands last,
                   "counts": rows at each level (categorical and boolean), or
                   "marks": the deciles of the column (numeric and datetime), in the grid's form,
                   "curves": [{"class": name or null, "mean": [...], "low": [...], "high": [...],
                               "lines": [[...], …] of some rows}]}],
     "skipped": [{"column", "reason"}]}
`low` and `high` are the 10 % and 90 % quantiles of the rows' lines. Every number is finite or null.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..execution.progress import Deadline
from ..pipelines.fitted_pipeline import FittedPipeline
from ..types.left_out import DEPENDENCE_BEYOND, DEPENDENCE_NO_TIME
from ..types.schema import Task, label_text
from ..validation.target import Target
from ..validation.training_table import TrainingTable
from .permutation_importance import BATCH_ROWS
from .value_grids import Grid, grid_of

MAX_ROWS, MIN_ROWS = 200, 50
MAX_CLASSES = 5
# Further columns are skipped, because each makes the report larger.
MAX_FEATURES = 30
N_LINES = 20
# Share of the remaining time that is used: a call may take longer than the trial measured.
SAFETY = 0.7
NO_TIME = DEPENDENCE_NO_TIME
BEYOND = f"{MAX_FEATURES} {DEPENDENCE_BEYOND}"
FEW_TEXTS = "free text has no values to go through"

Array = NDArray[Any]


def dependence(
    pipeline: FittedPipeline, table: TrainingTable, *, order: Sequence[str], seed: int, max_seconds: float
) -> dict[str, Any]:
    """Partial dependence as JSON (see the module), of the columns in this `order` (most important first).

    What does not fit into `max_seconds` is named under "skipped".
    """
    deadline, rng = Deadline.after(max_seconds), np.random.default_rng(seed)
    names = [*order, *(name for name in pipeline.spec.sources if name not in order)]
    grids, skipped = _grids(table, names)
    codes = shown_codes(table.target)
    sample = table.rows(np.sort(rng.permutation(len(table))[:MAX_ROWS]))
    predictions, n_rows = _within(pipeline, sample.columns, grids, deadline)
    skipped += [{"column": name, "reason": NO_TIME} for name in grids if name not in predictions]
    if len(predictions) < MAX_FEATURES:
        # The time would have ended before these, too.
        skipped = [
            {**each, "reason": NO_TIME if each["reason"] == BEYOND else each["reason"]} for each in skipped
        ]
    features = [
        {
            "column": name,
            "role": table.roles[name].value,
            "grid": grids[name].shown,
            **grids[name].facts,
            "curves": _curves(array, table.target, codes),
        }
        for name, array in predictions.items()
    ]
    classes = [] if codes is None else [label_text(table.target.classes[code]) for code in codes]
    return {"n_rows": n_rows, "classes": classes, "features": features, "skipped": skipped}


def _grids(table: TrainingTable, names: Sequence[str]) -> tuple[dict[str, Grid], list[dict[str, str]]]:
    grids: dict[str, Grid] = {}
    skipped = []
    for name in names:
        grid = grid_of(table.roles[name], table.columns[name])
        if grid is None:
            skipped.append({"column": name, "reason": FEW_TEXTS})
        elif len(grids) == MAX_FEATURES:
            skipped.append({"column": name, "reason": BEYOND})
        else:
            grids[name] = grid
    return grids, skipped


def _within(
    pipeline: FittedPipeline, columns: Mapping[str, Array], grids: Mapping[str, Grid], deadline: Deadline
) -> tuple[dict[str, Array], int]:
    """Predictions (grid, rows, outputs) of the columns that there is time for, and the number of rows.

    A trial on few rows measures the time for a row. From it follow the number of rows, at least MIN_ROWS, and
    then the number of columns.
    """
    if deadline.remaining <= 0 or not grids:
        return {}, 0
    n_rows = len(next(iter(columns.values())))
    n_trial = min(MIN_ROWS, n_rows)
    first = next(iter(grids))
    started = time.monotonic()
    predictions = _varied(pipeline, _head(columns, n_trial), {first: grids[first]})
    per_row = (time.monotonic() - started) / (n_trial * len(grids[first].cells))
    n_cells = sum(len(grid.cells) for grid in grids.values())
    n_rows = int(np.clip(SAFETY * deadline.remaining / max(per_row * n_cells, 1e-12), n_trial, n_rows))
    waiting = dict(grids)
    if n_rows > n_trial:
        predictions = {}
    else:
        del waiting[first]
    columns = _head(columns, n_rows)
    while waiting:
        batch = _batch(waiting, n_rows, max(1.0, SAFETY * deadline.remaining / max(per_row, 1e-12)))
        if not batch:
            break
        predictions |= _varied(pipeline, columns, batch)
        waiting = {name: grid for name, grid in waiting.items() if name not in batch}
    return predictions, n_rows


def _batch(waiting: Mapping[str, Grid], n_rows: int, affordable: float) -> dict[str, Grid]:
    """The next columns for one call of predict: a call costs milliseconds however few rows it has."""
    batch: dict[str, Grid] = {}
    n = 0
    for name, grid in waiting.items():
        n += n_rows * len(grid.cells)
        if n > affordable or (batch and n > BATCH_ROWS):
            break
        batch[name] = grid
    return batch


def _head(columns: Mapping[str, Array], n_rows: int) -> dict[str, Array]:
    return {name: values[:n_rows] for name, values in columns.items()}


def _varied(
    pipeline: FittedPipeline, columns: Mapping[str, Array], grids: Mapping[str, Grid]
) -> dict[str, Array]:
    """Predictions (grid, rows, outputs) of each column: for all rows, with it set to each cell in turn."""
    n_rows = len(next(iter(columns.values())))
    n_copies = sum(len(grid.cells) for grid in grids.values())
    copies = {name: np.tile(values, n_copies) for name, values in columns.items()}
    places, start = {}, 0
    for name, grid in grids.items():
        places[name] = slice(start, start + n_rows * len(grid.cells))
        copies[name][places[name]] = np.repeat(grid.cells, n_rows)
        start = places[name].stop
    outputs = pipeline.predict(copies)
    predictions = np.asarray(outputs.values if outputs.probabilities is None else outputs.probabilities)
    return {
        name: predictions[place].reshape(len(grids[name].cells), n_rows, -1) for name, place in places.items()
    }


def shown_codes(target: Target) -> list[int] | None:
    """Codes of the classes to show: the positive one of two, else the most frequent; None for a regression."""
    if not target.task.is_classification:
        return None
    if target.task is Task.BINARY:
        return [target.positive]
    counts = np.bincount(target.y, minlength=target.n_classes)
    return sorted(int(code) for code in np.argsort(-counts, kind="stable")[:MAX_CLASSES])


def _curves(predictions: Array, target: Target, codes: Sequence[int] | None) -> list[dict[str, Any]]:
    places: Sequence[tuple[int, str | None]] = (
        [(0, None)] if codes is None else [(code, label_text(target.classes[code])) for code in codes]
    )
    return [{"class": name, **_curve(predictions[:, :, place])} for place, name in places]


def _curve(predictions: Array) -> dict[str, Any]:
    """Mean, 10 % and 90 % quantiles, and the lines of some rows, from predictions (grid, rows)."""
    low, high = np.quantile(predictions, [0.1, 0.9], axis=1)
    return {
        "mean": _numbers(predictions.mean(axis=1)),
        "low": _numbers(low),
        "high": _numbers(high),
        "lines": [_numbers(predictions[:, row]) for row in range(min(N_LINES, predictions.shape[1]))],
    }


def _numbers(values: Array) -> list[float | None]:
    return [float(f"{each:.5g}") if math.isfinite(each) else None for each in values.tolist()]
