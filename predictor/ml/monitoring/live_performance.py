"""Metrics of logged predictions whose actual values are known: the same functions as of held-out rows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..metrics.confidence_intervals import Interval, Resamples, held_out_intervals
from ..metrics.scores import confusion, metrics, predicted_codes
from ..types.schema import Signature, Task, label_text

# From so many rows on, intervals are given: resamples of fewer are too similar.
FEWEST_FOR_INTERVALS = 20
# Absolute errors whose quantiles are given.
QUANTILES = (0.5, 0.9)
MAX_CONFUSION = 30


@dataclass(frozen=True)
class Labelled:
    """Logged answers and actual values as arrays. `y`: values or class codes (n,); `predicted`: (n,) or (n, n_classes).

    `kept`: positions of the rows that could be used. `n_other_classes`: actual values that the version does not know;
    `n_unanswered`: answers without a finite number or without probabilities.
    """

    y: NDArray[Any]
    predicted: NDArray[np.float64]
    kept: NDArray[np.intp]
    n_other_classes: int = 0
    n_unanswered: int = 0

    def __len__(self) -> int:
        return len(self.y)


@dataclass(frozen=True)
class LivePerformance:
    """Metrics with 95 % intervals; `confusion`: counts (true class, predicted class), None for numbers or many classes.

    `error_quantiles`: of the absolute errors of a regression, by share.
    """

    n_rows: int
    metrics: Mapping[str, float | None]
    intervals: Mapping[str, Interval]
    confusion: list[list[int]] | None = None
    error_quantiles: Mapping[float, float] | None = None


def labelled(signature: Signature, outputs: Sequence[Any], actuals: Sequence[Any]) -> Labelled:
    """The arrays of answers {prediction, probabilities?} as logged, and the values that came true."""
    if not signature.task.is_classification:
        return _numbers(outputs, actuals)
    codes = {name: code for code, name in enumerate(signature.class_names)}
    y, predicted, kept = list[int](), list[list[float]](), list[int]()
    n_other = n_unanswered = 0
    for place, (output, actual) in enumerate(zip(outputs, actuals, strict=True)):
        code = codes.get(label_text(actual))
        row = _probabilities(output, signature.class_names)
        if code is None:
            n_other += 1
        elif row is None:
            n_unanswered += 1
        else:
            y.append(code)
            predicted.append(row)
            kept.append(place)
    shape = (len(y), len(codes))
    return Labelled(
        np.array(y, np.intp),
        np.array(predicted, np.float64).reshape(shape),
        np.array(kept, np.intp),
        n_other,
        n_unanswered,
    )


def live_performance(
    signature: Signature, rows: Labelled, *, threshold: float | None = None, seed: int = 0
) -> LivePerformance:
    """The metrics of at least one row, with intervals from FEWEST_FOR_INTERVALS rows on."""
    task, positive = signature.task, signature.positive
    threshold = threshold if task is Task.BINARY else None
    found = metrics(task, rows.y, rows.predicted, threshold, positive)
    intervals: dict[str, Interval] = {}
    if len(rows) >= FEWEST_FOR_INTERVALS:
        resamples = Resamples.draw(len(rows), seed=seed)
        intervals = held_out_intervals(
            task, rows.y, rows.predicted, resamples, seed=seed, threshold=threshold, positive=positive
        )
    if not task.is_classification:
        errors = np.abs(rows.predicted - rows.y)
        quantiles = {share: float(np.quantile(errors, share)) for share in QUANTILES}
        return LivePerformance(len(rows), found, intervals, error_quantiles=quantiles)
    n_classes = len(signature.classes)
    matrix = None
    if n_classes <= MAX_CONFUSION:
        codes = predicted_codes(rows.predicted, threshold, positive)
        matrix = confusion(rows.y, codes, n_classes).tolist()
    return LivePerformance(len(rows), found, intervals, matrix)


def _numbers(outputs: Sequence[Any], actuals: Sequence[Any]) -> Labelled:
    predicted = np.array([_number(_of(each, "prediction")) for each in outputs], np.float64)
    y = np.array([_number(each) for each in actuals], np.float64)
    is_kept = np.isfinite(predicted) & np.isfinite(y)
    kept = np.flatnonzero(is_kept)
    return Labelled(y[kept], predicted[kept], kept, n_unanswered=int((~is_kept).sum()))


def _probabilities(output: Any, names: Sequence[str]) -> list[float] | None:
    given = _of(output, "probabilities")
    if not isinstance(given, Mapping):
        return None
    row = [_number(given.get(name, 0.0)) for name in names]
    return row if all(map(math.isfinite, row)) else None


def _of(output: Any, name: str) -> Any:
    return output.get(name) if isinstance(output, Mapping) else None


def _number(value: Any) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    try:
        return float(value) if is_number else math.nan
    except OverflowError:
        return math.nan
