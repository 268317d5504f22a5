"""The gate before publishing: does ONNX Runtime answer as scikit-learn does?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..features.columns import Columns
from ..pipelines.fitted_pipeline import FittedPipeline, Outputs
from .export import CannotExport, export
from .session import Session

TOLERANCE = 1e-4
MIN_ROWS = 1_000
# Probabilities closer than this are a tie: which class is named then says nothing about the export.
TIE = 1e-6
UNSEEN = "\u2620 never seen \u2620"
EXTREMES = (0.0, -1.0, 1e-300, 1e6, -1e6, 1e12, -1e12, 1e300, -1e300)


@dataclass(frozen=True)
class ParityResult:
    """The outcome of the comparison.

    `max_abs_difference` is that of probabilities; for regression it is divided by max(|value|, spread of the
    values on ordinary rows), so that it means the same for prices and for shares. `labels_agree` is the
    share of rows on which both name the same class (None for regression).
    """

    is_compiled: bool
    reason: str
    max_abs_difference: float | None
    labels_agree: float | None
    n_rows: int

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "tolerance": TOLERANCE}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ParityResult:
        return cls(**{name: data[name] for name in cls.__dataclass_fields__})


def compile_checked(
    pipeline: FittedPipeline, columns: Columns, *, seed: int = 0
) -> tuple[bytes | None, ParityResult]:
    """The ONNX bytes, or None unless they agree with scikit-learn on 1,000 rows made from `columns`."""
    try:
        compiled = export(pipeline)
    except CannotExport as cannot:
        return None, ParityResult(False, str(cannot), None, None, 0)
    probes, n_ordinary = probe_rows({name: columns[name] for name in pipeline.spec.sources}, seed)
    matrix = pipeline.spec.transform(probes)
    result = compare(pipeline.predict_matrix(matrix), Session(compiled).run(matrix), n_ordinary)
    return (compiled if result.is_compiled else None), result


def compare(expected: Outputs, found: Outputs, n_ordinary: int) -> ParityResult:
    """The verdict on two sets of answers, of which the first `n_ordinary` are for rows as they come."""
    n = len(expected)
    if expected.probabilities is not None and found.probabilities is not None:
        difference = np.abs(expected.probabilities - found.probabilities).max(axis=1)
        first, second = np.sort(expected.probabilities, axis=1)[:, :-3:-1].T
        is_same = (expected.codes() == found.codes()) | (first - second < TIE)
        agreement: float | None = float(is_same.mean())
    else:
        if expected.values is None or found.values is None:
            raise TypeError("The answers compared are of different tasks.")
        size = np.maximum(np.abs(expected.values), expected.values[:n_ordinary].std())
        difference = np.abs(expected.values - found.values) / np.where(size > 0, size, 1.0)
        agreement = None
    largest = float(difference.max()) if np.isfinite(difference).all() else None
    if largest is None:
        reason = "ONNX Runtime or scikit-learn gave an answer that is not a number."
    elif largest > TOLERANCE:
        reason = f"Answers differ by up to {largest:.2g}; {TOLERANCE:g} is allowed."
    elif agreement is not None and agreement < 1.0:
        reason = f"ONNX Runtime and scikit-learn name different classes on {1 - agreement:.2%} of the rows."
    else:
        return ParityResult(True, f"Same answers on {n:,} rows.", largest, agreement, n)
    return ParityResult(False, reason, largest, agreement, n)


def probe_rows(columns: Columns, seed: int) -> tuple[dict[str, NDArray[Any]], int]:
    """At least 1,000 rows to compare on, and how many of them (the first) are ordinary.

    Ordinary rows are drawn from `columns`; then each cell of a row comes from another row, is missing,
    unseen or extreme with some probability; the last row is missing altogether.
    """
    draw = np.random.default_rng(seed)
    n = len(next(iter(columns.values())))
    n_ordinary, n_odd = min(max(n, MIN_ROWS // 2), 2 * MIN_ROWS), MIN_ROWS
    ordinary = draw.permutation(n)[:n_ordinary] if n >= n_ordinary else draw.integers(0, n, n_ordinary)
    probes = {}
    for name, values in columns.items():
        odd = values[draw.integers(0, n, n_odd)].copy()
        kind = draw.random(n_odd)
        is_missing, is_strange = kind < 0.1, (kind >= 0.1) & (kind < 0.2)
        is_missing[-1] = True
        odd[is_strange] = _strange(values, int(is_strange.sum()), draw)
        odd[is_missing] = _missing(values)
        probes[name] = np.concatenate([values[ordinary], odd])
    return probes, n_ordinary


def _missing(values: NDArray[Any]) -> Any:
    if values.dtype.kind == "M":
        return np.datetime64("NaT")
    return None if values.dtype.kind == "O" else np.nan


def _strange(values: NDArray[Any], n: int, draw: np.random.Generator) -> NDArray[Any]:
    if values.dtype.kind == "M":
        days = draw.integers(-400_000, 400_000, n).astype("timedelta64[D]")
        return np.datetime64("1970-01-01", "us") + days
    if values.dtype.kind == "O":
        return np.array([UNSEEN] * n, object)
    return draw.choice(np.array(EXTREMES), n)
