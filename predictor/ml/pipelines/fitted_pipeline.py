"""A fitted pipeline: one feature spec and one or more fitted estimators on its matrix.

Imports neither scikit-learn nor ONNX Runtime, so that serving can load it cheaply.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..calibration.probability_calibration import Calibration
from ..features.columns import Columns
from ..metrics.scores import predicted_codes
from ..types.schema import Task

if TYPE_CHECKING:
    from ..features.feature_spec import FeatureSpec

# exp(80) stays finite in float32, with room for rounding.
LARGEST_LOG = 80.0


@dataclass(frozen=True)
class Outputs:
    """Predictions for n rows: `values` (n,) for regression, `probabilities` (n, n_classes) else.

    Both are float64. The predicted class comes from `codes`, never from the estimator.
    """

    values: NDArray[np.float64] | None = None
    probabilities: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        array = self.values if self.probabilities is None else self.probabilities
        return 0 if array is None else len(array)

    def codes(self, threshold: float | None = None, positive: int = 1) -> NDArray[np.intp]:
        """The code of the predicted class of each row (n,), see `scores.predicted_codes`."""
        if self.probabilities is None:
            raise TypeError("A regression has no classes.")
        return predicted_codes(self.probabilities, threshold, positive)


@dataclass(frozen=True)
class TargetScaling:
    """Target transform of a regression: log1p first (when `is_log`), then (y - mean) / scale."""

    is_log: bool = False
    mean: float = 0.0
    scale: float = 1.0

    @classmethod
    def fit(
        cls,
        y: NDArray[Any],
        *,
        is_log: bool = False,
        is_scaled: bool = False,
        weights: NDArray[np.float64] | None = None,
    ) -> TargetScaling:
        """The scaling for these targets; `is_log` needs every target above -1."""
        y = np.log1p(np.asarray(y, np.float64)) if is_log else np.asarray(y, np.float64)
        if not is_scaled:
            return cls(is_log=is_log)
        # The mean of equal numbers can be rounded, and their standard deviation then is not 0 but tiny.
        mean = float(y.mean() if weights is None else np.average(y, weights=weights))
        spread = y.std() if weights is None else np.sqrt(np.average((y - mean) ** 2, weights=weights))
        scale = float(spread) if y.min() < y.max() else 1.0
        return cls(is_log=is_log, mean=mean, scale=scale or 1.0)

    @property
    def is_identity(self) -> bool:
        return self == TargetScaling()

    def forward(self, y: NDArray[Any]) -> NDArray[np.float64]:
        """Targets as the estimator is fitted on them."""
        y = np.asarray(y, np.float64)
        return ((np.log1p(y) if self.is_log else y) - self.mean) / self.scale

    def inverse(self, raw: NDArray[Any]) -> NDArray[np.float64]:
        """The estimator's predictions in the target's own units."""
        y = np.asarray(raw, np.float64) * self.scale + self.mean
        return np.expm1(np.minimum(y, LARGEST_LOG)) if self.is_log else y


@dataclass(frozen=True)
class Member:
    """One fitted estimator of a pipeline (ensemble), its weight, and the matrix columns that it reads.

    Classifiers are fitted on class codes 0 … n_classes-1 (a class may be absent: its probability is 0).
    """

    estimator: Any
    columns: tuple[int, ...]
    weight: float = 1.0
    key: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    target_scaling: TargetScaling = TargetScaling()

    def values(self, matrix: NDArray[np.float32]) -> NDArray[np.float64]:
        """Predicted targets (n,) in their own units."""
        raw = np.asarray(self.estimator.predict(self.part(matrix)), np.float64).reshape(-1)
        return self.target_scaling.inverse(raw)

    def probabilities(self, matrix: NDArray[np.float32], n_classes: int) -> NDArray[np.float64]:
        """Class probabilities (n, n_classes)."""
        probabilities = np.asarray(self.estimator.predict_proba(self.part(matrix)), np.float64)
        codes = np.asarray(self.estimator.classes_, np.intp)
        if len(codes) == n_classes:
            return probabilities
        full = np.zeros((len(probabilities), n_classes))
        full[:, codes] = probabilities
        return full

    def part(self, matrix: NDArray[np.float32]) -> NDArray[np.float32]:
        """This member's own columns of the matrix."""
        if self.columns == tuple(range(matrix.shape[1])):
            return matrix
        return np.ascontiguousarray(matrix[:, self.columns])


@dataclass(frozen=True)
class FittedPipeline:
    """Preprocessing and fitted estimators; predictions are the weighted mean of the members (weights sum to 1).

    The probabilities of a classification are then calibrated, if there is a calibration.
    """

    spec: FeatureSpec
    members: tuple[Member, ...]
    task: Task
    n_classes: int = 0
    calibration: Calibration | None = None

    def predict(self, columns: Columns) -> Outputs:
        """Predictions for canonical columns, through scikit-learn."""
        return self.predict_matrix(self.spec.transform(columns))

    def predict_matrix(self, matrix: NDArray[np.float32]) -> Outputs:
        """Predictions for the spec's float32 matrix (n, k), through scikit-learn."""
        if self.task.has_probabilities:
            parts = [each.weight * each.probabilities(matrix, self.n_classes) for each in self.members]
            joint = np.sum(parts, axis=0)
            return Outputs(probabilities=joint if self.calibration is None else self.calibration.apply(joint))
        return Outputs(values=np.sum([each.weight * each.values(matrix) for each in self.members], axis=0))
