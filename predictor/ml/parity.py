"""The gate before publishing: does ONNX Runtime answer as scikit-learn does?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .pipeline import Columns, FittedPipeline

TOLERANCE = 1e-4
MIN_ROWS = 1_000


@dataclass(frozen=True)
class ParityResult:
    """The outcome. Regression differences are relative to max(|value|, spread of the values)."""

    is_compiled: bool
    reason: str
    max_abs_difference: float | None
    labels_agree: float | None
    n_rows: int

    def to_json(self) -> dict[str, Any]:
        raise NotImplementedError

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ParityResult:
        raise NotImplementedError


def compile_checked(pipeline: FittedPipeline, columns: Columns, *, seed: int = 0) -> tuple[bytes | None, ParityResult]:
    """The ONNX bytes when they agree with scikit-learn on at least 1,000 rows made from `columns`, else None."""
    raise NotImplementedError
