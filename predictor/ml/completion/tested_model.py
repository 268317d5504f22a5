"""The model that a report is about, fitted again on the development rows.

The published model has learnt from the held-out rows, so what it does on them shows too good a picture. The tested
model is fitted again by its recipe, and is only used when it gives the stored predictions for the held-out rows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import DamagedArtifact
from ..calibration.decision_thresholds import Scores
from ..execution.progress import Deadline
from ..explanation.permutation_importance import predicted
from ..metrics.scores import selection_metric, selection_score
from ..persistence.version_files import (
    HELD_OUT,
    SCORES,
    SPEC,
    StoredSpec,
    content_of,
    held_out_places,
    read_held_out,
    read_json,
    read_spec,
)
from ..pipelines.fitted_pipeline import FittedPipeline
from ..training.recipe import Recipe
from ..training.refitting import RefitPlan, fit_plan
from ..training.supervised_run import tested_rows
from ..types.schema import Task
from ..types.training_request import TrainingRequest
from ..validation.splits import Split
from ..validation.testing_conditions import Conditions
from ..validation.training_table import TrainingTable
from .older_recipe import older_recipe
from .work import CannotComplete, QuietReporter, Work

Array = NDArray[Any]
# Predictions are stored with 24 bits; a fit on other hardware adds rounding of its own.
TOLERANCE = 1e-4
OTHER_ROWS = (
    "The rows that tested this version cannot be found again in its dataset, because rows are read in another way "
    "now; train a new version."
)
OTHER_MODEL = (
    "The model that was tested, fitted again, does not give the predictions that were stored with this version, as "
    "after a change of the libraries or of the machine. So nothing can be said about it; train a new version."
)
NO_RECIPE = "How the tested model was fitted is not stored with this version; train a new version."


@dataclass
class TestedModel:
    """The rows of a run with the roles they had, and the tested model, fitted when it is first needed."""

    work: Work

    @cached_property
    def spec(self) -> StoredSpec:
        return read_spec(content_of(self.work.files, SPEC, self.work.digests))

    @cached_property
    def recipe(self) -> Recipe:
        """Raises CannotComplete for a version whose recipe is neither stored nor found."""
        stored = self.work.report.get("recipe")
        try:
            if stored:
                return Recipe.from_json(stored)
            recipe = older_recipe(self.work.leaderboard, self.spec, self.work.request.estimator)
        except (KeyError, TypeError, ValueError):
            recipe = None
        if recipe is None:
            raise CannotComplete(NO_RECIPE)
        return recipe

    @cached_property
    def rows(self) -> tuple[TrainingRequest, TrainingTable, Conditions, Split]:
        """Raises CannotComplete when the dataset gives other rows than it did."""
        request = self.work.request
        if self.recipe.n_threads:
            # The folds depend on how many fits ran in parallel.
            request = replace(request, limits=replace(request.limits, n_threads=self.recipe.n_threads))
        rows = tested_rows(request, QuietReporter())
        if len(rows[3].held_out) != self.work.report.get("n_rows"):
            raise CannotComplete(OTHER_ROWS)
        return rows

    @property
    def request(self) -> TrainingRequest:
        return self.rows[0]

    @property
    def table(self) -> TrainingTable:
        return self.rows[1]

    @property
    def conditions(self) -> Conditions:
        return self.rows[2]

    @property
    def split(self) -> Split:
        return self.rows[3]

    @cached_property
    def development(self) -> TrainingTable:
        return self.table.rows(self.split.development)

    @cached_property
    def held_out(self) -> TrainingTable:
        return self.table.rows(self.split.held_out)

    @property
    def pipeline(self) -> FittedPipeline:
        """The tested model. Raises CannotComplete unless it predicts what was stored."""
        pipeline, is_same = self._fitted
        if not is_same:
            raise CannotComplete(OTHER_MODEL)
        return pipeline

    @cached_property
    def _fitted(self) -> tuple[FittedPipeline, bool]:
        """The model fitted again, and whether it is the tested one. It is fitted once, also when it is not."""
        plan = RefitPlan(self.recipe.members, self.recipe.max_rows, self.request.seed, Deadline(math.inf))
        raw = fit_plan(plan, self.development).pipeline
        pipeline = replace(raw, calibration=self.spec.calibration)
        return pipeline, self._is_tested(predicted(pipeline, self.held_out))

    @cached_property
    def predictions(self) -> Array:
        """The predictions of the tested model for the held-out rows."""
        return predicted(self.pipeline, self.held_out)

    def _is_tested(self, own: Array) -> bool:
        stored = self._stored()
        y = self.held_out.target.y
        if stored is not None:
            true, known, ours = stored[0], stored[1], stored[2](own)
            return len(true) == len(ours) and _are_close(known, ours)
        metric = selection_metric(self.table.task)
        score = (self.work.report.get("held_out") or {}).get(metric)
        own_score = selection_score(self.table.task, y, own, self.held_out.target.weights)
        return score is not None and math.isclose(score, own_score, rel_tol=TOLERANCE)

    def _stored(self) -> tuple[Array, Array, Any] | None:
        """True values, stored predictions, and what takes the same part of ours; None where none are stored."""
        files, digests = self.work.files, self.work.digests
        try:
            if self.table.task is Task.BINARY and SCORES in files:
                content = read_json(content_of(files, SCORES, digests), SCORES)
                is_positive, known = Scores.from_json(content).held_out
                return is_positive, known, lambda own: own[:, 1]
            if HELD_OUT in files:
                true, known = read_held_out(content_of(files, HELD_OUT, digests))
                return true, known, lambda own: own[held_out_places(own)]
        except DamagedArtifact as error:
            raise CannotComplete(error.message) from error
        return None


def _are_close(known: Array, ours: Array) -> bool:
    size = max(float(np.abs(known).max(initial=0.0)), 1e-12)
    return known.shape == ours.shape and bool(np.abs(known - ours).max(initial=0.0) <= TOLERANCE * size)
