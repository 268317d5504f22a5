"""Serving: a predictor from stored files, without scikit-learn unless the version is in-process."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ...errors import DamagedArtifact
from ..calibration.conformal import ConformalIntervals
from ..explanation.shapley import Explainer, Explanation
from ..features.columns import Columns
from ..inputs.row_checker import RowChecker
from ..onnx_export.session import Session
from ..persistence.version_files import GOLDEN, StoredSpec, columns_from_json, prediction_array, read_json
from ..pipelines.fitted_pipeline import FittedPipeline, Outputs
from ..types.schema import Signature

# Another processor may add float32 numbers in another order.
GOLDEN_TOLERANCE = 1e-5


class Predictor:
    """Answers for canonical columns; safe to use from many threads.

    `is_compiled` says whether ONNX Runtime or scikit-learn answers; `threshold` is for `Outputs.codes`;
    `uncertainty` is None for a version that was stored without.
    """

    def __init__(
        self,
        signature: Signature,
        spec: StoredSpec,
        answering: Session | FittedPipeline,
        golden: bytes | None,
        *,
        uncertainty: ConformalIntervals | None = None,
        background: Columns | None = None,
    ):
        self.signature = signature
        self.threshold = spec.threshold
        self.is_compiled = isinstance(answering, Session)
        self._features = spec.features
        self._answering = answering
        self._chunk_rows = spec.chunk_rows
        self._golden = golden
        self.uncertainty = uncertainty
        self._background = background

    def predict(self, columns: Columns) -> Outputs:
        """Answers for n rows; large batches are cut into chunks, so that memory does not grow with them."""
        n = len(next(iter(columns.values())))
        if n <= self._chunk_rows:
            return self._predict_chunk(columns)
        starts = range(0, n, self._chunk_rows)
        parts = [
            self._predict_chunk(
                {name: values[at : at + self._chunk_rows] for name, values in columns.items()}
            )
            for at in starts
        ]
        if parts[0].probabilities is None:
            return Outputs(values=np.concatenate([prediction_array(part)[:, 0] for part in parts]))
        return Outputs(probabilities=np.concatenate([prediction_array(part) for part in parts]))

    def replay(self, columns: Columns) -> Outputs:
        """What the stored pipeline answers for golden rows."""
        return self.predict(columns)

    def intervals(
        self, columns: Columns, values: NDArray[np.float64], coverage: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
        """The ends of the intervals around predicted values; None for a version stored without."""
        return None if self.uncertainty is None else self.uncertainty.intervals(values, coverage)

    @property
    def has_intervals(self) -> bool:
        return self.uncertainty is not None

    @cached_property
    def checker(self) -> RowChecker:
        """The checks that rows pass before they are answered."""
        return RowChecker(self.signature)

    @property
    def can_explain(self) -> bool:
        return self._background is not None

    def explain(self, columns: Columns, codes: Sequence[int | None]) -> list[Explanation]:
        """What each column added to the answer of each row; `codes` say to the probability of which class."""
        return self._explainer.explain(self._features.transform(columns), codes)

    @cached_property
    def _explainer(self) -> Explainer:
        if self._background is None:
            raise ValueError("This version was stored without background rows.")
        return Explainer(
            self._features, self._background, lambda matrix: prediction_array(self._answer_matrix(matrix))
        )

    def _predict_chunk(self, columns: Columns) -> Outputs:
        return self._answer_matrix(self._features.transform(columns))

    def _answer_matrix(self, matrix: NDArray[np.float32]) -> Outputs:
        if isinstance(self._answering, Session):
            return self._answering.run(matrix)
        return self._answering.predict_matrix(matrix)

    def check_golden(self) -> None:
        """Raises DamagedArtifact unless the golden rows get the answers that were stored with them."""
        if self._golden is None:
            raise DamagedArtifact(f"The stored file {GOLDEN} is missing.")
        stored = read_json(self._golden, GOLDEN)
        try:
            expected = np.array(stored["answers"], np.float64)
            found = prediction_array(self.replay(columns_from_json(stored["rows"])))
        except (KeyError, TypeError, ValueError) as error:
            raise DamagedArtifact("The golden rows cannot be answered.") from error
        if expected.shape != found.shape or not np.isfinite(expected).all():
            raise DamagedArtifact(
                "The golden rows get answers of another shape than when the version was made."
            )
        spread = max(float(expected.std()), float(np.finfo(np.float32).tiny))
        size = np.maximum(np.abs(expected), spread)
        largest = float((np.abs(expected - found) / size).max())
        # Written so that NaN fails.
        if not largest <= GOLDEN_TOLERANCE:
            raise DamagedArtifact(
                "The golden rows get other answers than when the version was made, "
                f"by up to {largest:.2g} of their size."
            )
