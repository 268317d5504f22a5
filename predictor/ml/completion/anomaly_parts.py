"""Parts of the report on unusual rows: stability, and the reasons of the most unusual rows.

The report is about the served forest, so the stored one is used. Its scores are compared with those of the report
before anything is told of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..execution.progress import Deadline
from ..persistence.version_files import SKOPS, SPEC, content_of, load_pipeline
from ..pipelines.fitted_pipeline import FittedPipeline
from ..training.anomaly_run import calibration_rows, explainer_of, stability_of
from ..training.unsupervised_run import read_table
from ..types.left_out import Part
from ..types.schema import Task
from ..unsupervised.anomaly_report import ScoredRows, report
from ..validation.training_table import TrainingTable
from .work import CannotComplete, QuietReporter, Work

NEVER, AT_ONCE = Deadline(np.inf), Deadline(-np.inf)
# Scores are of float32 cells.
TOLERANCE = 1e-5
OTHER_ROWS = (
    "The forest of this version scores the rows of its dataset in another way than it did, as after a change of the "
    "libraries or of the way in which rows are read. So nothing can be said about them; train a new version."
)
KEYS = {Part.STABILITY: ("metrics", "verdict"), Part.REASONS: ("rows", "columns")}


@dataclass
class AnomalyParts:
    """Computes the parts of one report."""

    work: Work

    def compute(self, part: Part, before: Mapping[str, Any]) -> dict[str, Any]:
        """The keys of the report that the part fills. Raises CannotComplete."""
        if part not in KEYS:
            raise CannotComplete(f"{part.label}: no part of this report.")
        stability = before["metrics"]["stability"]
        if part is Part.STABILITY:
            stability = stability_of(
                self.estimator.forest_,
                self.matrix[self.places],
                self.params,
                seed=self.work.request.seed,
                deadline=NEVER,
                seconds=0.0,
            )
        scored = ScoredRows(
            table=self.table.rows(self.places),
            scores=self.estimator.raw(self.matrix[self.places]),
            numbers=self.places if len(self.table) == self.work.request.schema.n_rows else None,
            estimator=self.estimator,
            contamination=float(self.params["contamination"]),
            stability=stability,
        )
        explain = explainer_of(
            self.pipeline.spec, self.estimator, self.table, self.matrix[self.places], self.work.request.seed
        )
        fresh = report(scored, explain, NEVER if part is Part.REASONS else AT_ONCE)
        self._compare(fresh, before)
        return {name: fresh[name] for name in KEYS[part]}

    @cached_property
    def pipeline(self) -> FittedPipeline:
        files, digests = self.work.files, self.work.digests
        return load_pipeline({name: content_of(files, name, digests) for name in (SPEC, SKOPS)})

    @property
    def estimator(self) -> Any:
        return self.pipeline.members[0].estimator

    @property
    def params(self) -> Mapping[str, Any]:
        return self.pipeline.members[0].params

    @cached_property
    def table(self) -> TrainingTable:
        return read_table(self.work.request, Task.ANOMALY, QuietReporter())[1]

    @cached_property
    def matrix(self) -> NDArray[np.float32]:
        return self.pipeline.spec.transform(self.table.columns)

    @cached_property
    def places(self) -> NDArray[np.intp]:
        return calibration_rows(self.work.request, len(self.table))

    def _compare(self, fresh: Mapping[str, Any], before: Mapping[str, Any]) -> None:
        ours, known = ([row["isolation"] for row in each["rows"]] for each in (fresh, before))
        if len(ours) != len(known) or not np.allclose(ours, known, rtol=TOLERANCE, atol=0):
            raise CannotComplete(OTHER_ROWS)
