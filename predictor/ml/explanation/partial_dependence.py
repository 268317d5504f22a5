"""How the answer goes with one column while the others stay as they are: partial dependence and its single lines.

Friedman, "Greedy function approximation", 2001; the lines of single rows (ICE): Goldstein et al., 2015.
`dependence()` gives JSON, kept in the evaluation report under "dependence":
    {"n_rows": rows that were varied, "classes": the classes whose probability is shown ([] for a value),
     "features": [{"column", "role",
                   "grid": numbers, ISO 8601 moments, levels or booleans; null is a missing value and stands last,
                   "counts": rows at each level (categorical and boolean), or
                   "marks": the deciles of the column (numeric and datetime), in the grid's form,
                   "curves": [{"class": name or null, "mean": [...], "low": [...], "high": [...],
                               "lines": [[...], …] of some rows}]}],
     "skipped": [{"column", "reason"}]}
`low` and `high` hold four in five of the rows' lines. Every number is finite or null.
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
from ..types.schema import Task, canonical_text
from ..validation.target import Target
from ..validation.training_table import TrainingTable
from .permutation_importance import BATCH_ROWS
from .value_grids import Grid, grid_of

MAX_ROWS, MIN_ROWS = 200, 50
MAX_CLASSES = 5
# More columns are not looked at, and each makes the report larger.
MAX_FEATURES = 30
N_LINES = 20
# Of the time that is left: a call may take longer than the trial says.
SAFETY = 0.7
NO_TIME = "the time ran out"
FEW_TEXTS = "free text has no values to go through"

Array = NDArray[Any]


def dependence(
    pipeline: FittedPipeline, table: TrainingTable, *, order: Sequence[str], seed: int, max_seconds: float
) -> dict[str, Any]:
    """The document that the module describes, of the columns in this order (the important first).

    What does not fit into `max_seconds` is named under "skipped".
    """
    deadline, rng = Deadline.after(max_seconds), np.random.default_rng(seed)
    names = [*order, *(name for name in pipeline.spec.sources if name not in order)]
    grids, skipped = _grids(table, names)
    codes = shown_codes(table.target)
    sample = table.rows(np.sort(rng.permutation(len(table))[:MAX_ROWS]))
    found, n_rows = _within(pipeline, sample.columns, grids, deadline)
    skipped += [{"column": name, "reason": NO_TIME} for name in grids if name not in found]
    features = [
        {
            "column": name,
            "role": table.roles[name].value,
            "grid": grids[name].shown,
            **grids[name].facts,
            "curves": _curves(answers, table.target, codes),
        }
        for name, answers in found.items()
    ]
    classes = [] if codes is None else [str(canonical_text(table.target.classes[code])) for code in codes]
    return {"n_rows": n_rows, "classes": classes, "features": features, "skipped": skipped}


def _grids(table: TrainingTable, names: Sequence[str]) -> tuple[dict[str, Grid], list[dict[str, str]]]:
    grids: dict[str, Grid] = {}
    skipped = []
    for name in names:
        grid = grid_of(table.roles[name], table.columns[name])
        if grid is None:
            skipped.append({"column": name, "reason": FEW_TEXTS})
        elif len(grids) == MAX_FEATURES:
            skipped.append({"column": name, "reason": f"{MAX_FEATURES} more important ones are shown"})
        else:
            grids[name] = grid
    return grids, skipped


def _within(
    pipeline: FittedPipeline, columns: Mapping[str, Array], grids: Mapping[str, Grid], deadline: Deadline
) -> tuple[dict[str, Array], int]:
    """The answers (grid, rows, outputs) of the columns that there is time for, and of how many rows.

    A trial on few rows says what a row costs. Then come as many rows as all columns can have, not fewer than
    MIN_ROWS; and then as many columns as there is time for.
    """
    if deadline.remaining <= 0 or not grids:
        return {}, 0
    n_rows = len(next(iter(columns.values())))
    few = min(MIN_ROWS, n_rows)
    first = next(iter(grids))
    started = time.monotonic()
    found = _varied(pipeline, _head(columns, few), {first: grids[first]})
    per_row = (time.monotonic() - started) / (few * len(grids[first].cells))
    n_cells = sum(len(grid.cells) for grid in grids.values())
    n_rows = int(np.clip(SAFETY * deadline.remaining / max(per_row * n_cells, 1e-12), few, n_rows))
    waiting = dict(grids)
    if n_rows > few:
        found = {}
    else:
        del waiting[first]
    columns = _head(columns, n_rows)
    while waiting:
        batch = _batch(waiting, n_rows, max(1.0, SAFETY * deadline.remaining / max(per_row, 1e-12)))
        if not batch:
            break
        found |= _varied(pipeline, columns, batch)
        waiting = {name: grid for name, grid in waiting.items() if name not in batch}
    return found, n_rows


def _batch(waiting: Mapping[str, Grid], n_rows: int, affordable: float) -> dict[str, Grid]:
    """The next columns that one call can vary: a call costs milliseconds however few rows it has."""
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
    """(grid, rows, outputs) of each column: the answers for all rows with it set to each cell in turn."""
    n_rows = len(next(iter(columns.values())))
    n_copies = sum(len(grid.cells) for grid in grids.values())
    copies = {name: np.tile(values, n_copies) for name, values in columns.items()}
    places, at = {}, 0
    for name, grid in grids.items():
        places[name] = slice(at, at + n_rows * len(grid.cells))
        copies[name][places[name]] = np.repeat(grid.cells, n_rows)
        at = places[name].stop
    outputs = pipeline.predict(copies)
    answers = np.asarray(outputs.values if outputs.probabilities is None else outputs.probabilities)
    return {
        name: answers[place].reshape(len(grids[name].cells), n_rows, -1) for name, place in places.items()
    }


def shown_codes(target: Target) -> list[int] | None:
    """Whose probability is shown: the positive class of two, else the most frequent ones; None for a value."""
    if not target.task.is_classification:
        return None
    if target.task is Task.BINARY:
        return [1]
    counts = np.bincount(target.y, minlength=target.n_classes)
    return sorted(int(code) for code in np.argsort(-counts, kind="stable")[:MAX_CLASSES])


def _curves(answers: Array, target: Target, codes: Sequence[int] | None) -> list[dict[str, Any]]:
    places: Sequence[tuple[int, str | None]] = (
        [(0, None)]
        if codes is None
        else [(code, str(canonical_text(target.classes[code]))) for code in codes]
    )
    return [{"class": name, **_curve(answers[:, :, place])} for place, name in places]


def _curve(answers: Array) -> dict[str, Any]:
    """Of (grid, rows): the mean, the middle four fifths, and the lines of some rows."""
    low, high = np.quantile(answers, [0.1, 0.9], axis=1)
    return {
        "mean": _numbers(answers.mean(axis=1)),
        "low": _numbers(low),
        "high": _numbers(high),
        "lines": [_numbers(answers[:, row]) for row in range(min(N_LINES, answers.shape[1]))],
    }


def _numbers(values: Array) -> list[float | None]:
    return [float(f"{each:.5g}") if math.isfinite(each) else None for each in values.tolist()]
