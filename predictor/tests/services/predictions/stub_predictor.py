"""Loaded versions whose predictor gives arrays made by hand."""

from __future__ import annotations

from typing import Any

import numpy as np

from predictor.ml.inference.predicted_rows import PredictedRows
from predictor.ml.types.schema import Signature, Task
from predictor.services.predictions.loaded_versions import LoadedVersion

NAN = np.nan
NUMBERS = np.array([-0.39999998, 1e-9, NAN, 1234567.8, 12345678.0, 1e20, -np.inf, 0.0])
SHARES = np.array([[0.25, 0.75], [0.123456789, 0.876543211], [NAN, 1.0], [1.0, 0.0]])
CASES = {
    "values": (Signature("y", Task.REGRESSION, ()), {"values": NUMBERS}),
    "intervals": (
        Signature("y", Task.REGRESSION, ()),
        {"values": NUMBERS, "intervals": (NUMBERS - 1 / 3, NUMBERS + 1 / 3)},
    ),
    "scores": (
        Signature("", Task.ANOMALY, ()),
        {"scores": NUMBERS, "codes": (np.nan_to_num(NUMBERS) > 0).astype(np.intp)},
    ),
    "clusters": (
        Signature("", Task.CLUSTERING, (), ("Cluster 1", "Cluster 2")),
        {"probabilities": SHARES, "codes": np.array([1, 1, 0, 0])},
    ),
    "sets": (
        Signature("y", Task.BINARY, (), ('=a, "b"', "c")),
        {"probabilities": SHARES, "codes": np.array([1, 1, 0, 0]), "is_in_set": SHARES >= 0.2},
    ),
}


class Stub:
    """A predictor that gives these arrays."""

    def __init__(self, signature: Signature, arrays: dict[str, Any]):
        self.signature, self._arrays = signature, arrays
        self.has_intervals = not arrays.keys().isdisjoint({"intervals", "is_in_set"})
        self.can_explain = True

    def answer(self, columns: Any, coverage: float, **options: Any) -> PredictedRows:
        if options.get("explain"):
            options["check_time"]()
        return PredictedRows(coverage, **self._arrays)

    def reasons(self, columns: Any, rows: Any) -> dict[int, str]:
        return {}


def served(case: str) -> tuple[LoadedVersion, int]:
    signature, arrays = CASES[case]
    version = LoadedVersion(signature, None, Stub(signature, arrays))  # type: ignore[arg-type]
    return version, len(next(iter(arrays.values())))
