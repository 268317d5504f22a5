"""Serving: a predictor from stored files, without scikit-learn unless the version is in-process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ...errors import DamagedArtifact
from ..calibration.conformal import DEFAULT_COVERAGE, ConformalIntervals
from ..explanation.background import Background
from ..explanation.shapley import Explainer, Explanation
from ..features.columns import Columns
from ..inputs.row_checker import RowChecker
from ..onnx_export.session import Session
from ..persistence.version_files import GOLDEN, StoredSpec, columns_from_json, prediction_array, read_json
from ..pipelines.fitted_pipeline import FittedPipeline, Outputs
from ..types.schema import Signature, Task
from .predicted_rows import PredictedRows

# Another processor may add float32 numbers in another order.
GOLDEN_TOLERANCE = 1e-5
# Rows that are explained between two checks of the deadline.
EXPLAINED_AT_ONCE = 10


class Predictor:
    """Answers for canonical columns; safe to use from many threads.

    `is_compiled` says whether ONNX Runtime or scikit-learn answers; `threshold` and `positive` are for `Outputs.codes`;
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
        background: Background | None = None,
    ):
        self.signature = signature
        self.threshold = spec.threshold
        self.positive = spec.positive
        self.is_compiled = isinstance(answering, Session)
        self._features = spec.features
        self._answering = answering
        self._predict_matrix = answering.run if isinstance(answering, Session) else answering.predict_matrix
        self._chunk_rows = spec.chunk_rows
        self._golden = golden
        self.uncertainty = uncertainty
        self._background = background

    def answer(
        self,
        columns: Columns,
        coverage: float = DEFAULT_COVERAGE,
        *,
        explain: bool = False,
        check_time: Callable[[], None] | None = None,
    ) -> PredictedRows:
        """Predictions for n rows, with labels, intervals or sets of this coverage, and explanations if wanted.

        `check_time` is called before every EXPLAINED_AT_ONCE explanations; what it raises ends the work.
        Raises ValueError when explanations are wanted that the version does not have (see `can_explain`).
        """
        outputs = self.predict(columns)
        probabilities = outputs.probabilities
        codes = None if probabilities is None else outputs.codes(self.threshold, self.positive)
        explanations = self._explanations(columns, len(outputs), codes, check_time) if explain else None
        if probabilities is not None:
            conformal = self.uncertainty
            is_in_set = None if conformal is None else probabilities >= conformal.least_probability(coverage)
            return PredictedRows(
                coverage,
                probabilities=probabilities,
                codes=codes,
                is_in_set=is_in_set,
                explanations=explanations,
            )
        values = np.asarray(outputs.values, np.float64)
        if self.signature.task is Task.ANOMALY:
            codes = (values >= (np.inf if self.threshold is None else self.threshold)).astype(np.intp)
            return PredictedRows(coverage, scores=values, codes=codes, explanations=explanations)
        intervals = None if self.uncertainty is None else self.uncertainty.intervals(values, coverage)
        return PredictedRows(coverage, values=values, intervals=intervals, explanations=explanations)

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

    def reasons(self, columns: Columns, rows: Sequence[int]) -> dict[int, str]:
        """Why some of these rows, which got no prediction, can have none, by their index."""
        return {}

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

    def _explanations(
        self,
        columns: Columns,
        n_rows: int,
        codes: NDArray[np.intp] | None,
        check_time: Callable[[], None] | None,
    ) -> list[Explanation]:
        explained: Sequence[int | None] = [None] * n_rows if codes is None else codes.tolist()
        explanations: list[Explanation] = []
        for start in range(0, n_rows, EXPLAINED_AT_ONCE):
            if check_time is not None:
                check_time()
            part = slice(start, start + EXPLAINED_AT_ONCE)
            explanations += self.explain(
                {name: cells[part] for name, cells in columns.items()}, explained[part]
            )
        return explanations

    @cached_property
    def _explainer(self) -> Explainer:
        if self._background is None:
            raise ValueError("This version was stored without background rows.")
        return Explainer(
            self._features, self._background, lambda matrix: prediction_array(self._predict_matrix(matrix))
        )

    def _predict_chunk(self, columns: Columns) -> Outputs:
        return self._predict_matrix(self._features.transform(columns))

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
