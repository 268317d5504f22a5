"""Fitted pipelines as ONNX: input "X" float32 (n, k), output "values" (n,) or "probabilities" (n, n_classes)."""

from __future__ import annotations

from collections.abc import Sequence

from .pipeline import FittedPipeline


class CannotExport(Exception):
    """The estimator has no exact ONNX form; the sentence says which and why."""


def export(pipeline: FittedPipeline) -> bytes:
    """The pipeline's estimators, blended, as one ONNX model. Raises CannotExport."""
    raise NotImplementedError


def linear_graph(coefficients: Sequence[float], intercept: float) -> bytes:
    """A hand-made linear model on a matrix of len(coefficients) columns."""
    raise NotImplementedError
