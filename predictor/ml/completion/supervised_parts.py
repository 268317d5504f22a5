"""Parts of the report on a classification or regression: importance, curves, baselines, learning curve.

All of them are about the tested model, as in the run. They are computed as a run with enough time does: same rows,
same seed, and no limit of time but that of the whole process.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import quoted
from ..evaluation.more_baselines import with_baselines
from ..evaluation.slices import Slice, worst_slices
from ..evaluation.verdict import Baseline, worst_part
from ..execution.child_processes import Children
from ..execution.progress import Clock, Deadline
from ..explanation.partial_dependence import dependence
from ..explanation.permutation_importance import PERMUTATION, permutation_importance, predicted
from ..metrics.confidence_intervals import Resamples
from ..pipelines.candidate import Candidate
from ..search import portfolio
from ..search.baselines import BOOSTING, KEYS, default_linear
from ..search.checkpoints import Checkpoints
from ..search.fold_fitting import fit_fold
from ..search.leaderboard import Outcome
from ..search.learning_curve import learning_curve
from ..search.search import Search
from ..training.holdout_evaluation import groups_of
from ..training.refitting import FinalMember, RefitPlan, fit_plan
from ..types.left_out import LeftOut, Part, left_out_of
from ..types.training_request import AUTO
from .tested_model import TestedModel
from .work import CannotComplete, QuietReporter, Work

# The budget of a search without haste: the process is ended long before.
ENOUGH_SECONDS = 7 * 86_400.0
NO_CURVE = "The learning curve could not be fitted: {reason}."
NO_BEST = "Which candidate was the best, and how it was fitted, is not stored with this version; train a new version."


@dataclass
class SupervisedParts:
    """Computes the parts of one report. `workdir` keeps the finished fits."""

    work: Work
    workdir: Path

    def __post_init__(self) -> None:
        self.model = TestedModel(self.work)

    def compute(self, part: Part, report: Mapping[str, Any]) -> dict[str, Any]:
        """The keys of the report that the part fills. Raises CannotComplete."""
        match part:
            case Part.IMPORTANCE:
                return self._importance()
            case Part.DEPENDENCE:
                return self._dependence(report)
            case Part.BASELINES:
                return self._baselines(report)
            case Part.SLICES:
                return self._slices(report)
            case Part.LEARNING_CURVE:
                return self._learning_curve()
        raise CannotComplete(f"{part.label}: no part of this report.")

    def _importance(self) -> dict[str, Any]:
        model = self.model
        found, n_rows = permutation_importance(
            model.pipeline, model.held_out, seed=model.request.seed, max_seconds=math.inf
        )
        return {
            "importance": [each.to_json() for each in found],
            "importance_rows": n_rows,
            "importance_kind": PERMUTATION,
        }

    def _dependence(self, report: Mapping[str, Any]) -> dict[str, Any]:
        model = self.model
        names = model.pipeline.spec.sources
        order = [each["column"] for each in report.get("importance") or () if each["column"] in names]
        curves = dependence(
            model.pipeline, model.held_out, order=order, seed=model.request.seed, max_seconds=math.inf
        )
        return {"dependence": curves}

    def _baselines(self, report: Mapping[str, Any]) -> dict[str, Any]:
        model = self.model
        linear_first = ("dummy", "linear", "boosting")
        is_auto = model.request.estimator == AUTO
        return with_baselines(
            report,
            model.held_out.target,
            model.predictions,
            [self._baseline(title) for title in _missing(report)],
            fitted_on=model.development.target,
            resamples=Resamples.draw(
                len(model.held_out),
                seed=model.request.seed,
                together=self._groups,
                counted_by=model.held_out.target.weights,
            ),
            order=linear_first if is_auto else ("dummy", "boosting", "linear"),
            threshold=_threshold(report),
        )

    @property
    def _groups(self) -> NDArray[np.intp] | None:
        return groups_of(self.model.split, self.model.conditions)

    def _slices(self, report: Mapping[str, Any]) -> dict[str, Any]:
        """The slices of all columns; the warning about the worst one follows them."""
        model = self.model
        slices, n_parts = worst_slices(
            model.held_out, model.predictions, _threshold(report), self._groups, has_limit=False
        )
        before = [
            Slice(**{name: value for name, value in each.items() if name != "difference"})
            for each in report.get("slices") or ()
        ]
        worries = [each for each in report["verdict"]["worries"] if each != worst_part(before)]
        return {
            "slices": [each.to_json() for each in slices],
            "n_slices_tested": n_parts,
            "verdict": {**report["verdict"], "worries": [*worries, *filter(None, [worst_part(slices)])]},
        }

    def _baseline(self, title: str) -> Baseline:
        """Raises CannotComplete for a baseline of another name."""
        model, task = self.model, self.model.table.task
        if title == portfolio.linear_baseline(task).title and model.request.estimator == AUTO:
            return Baseline("linear", title, self._tuned_linear())
        for candidate in (BOOSTING, default_linear(task)):
            if title == candidate.title:
                fit = fit_fold(candidate, model.development, model.held_out, seed=model.request.seed)
                key = KEYS.get(candidate.key, "linear")
                return Baseline(key, title, np.asarray(fit.predictions[-1], np.float64))
        raise CannotComplete(f"The baseline {quoted(title)} is not known to this version of mlweb.")

    def _tuned_linear(self) -> np.ndarray[Any, Any]:
        """The predictions of the linear model with the strength that cross-validation chose, or chooses now."""
        model = self.model
        member = model.recipe.linear
        if member is None:
            candidate = portfolio.linear_baseline(model.table.task)
            outcome = self._outcome(candidate, self._search())
            member = FinalMember(outcome.candidate, outcome.stage, 1.0)
        plan = RefitPlan((member,), model.recipe.max_rows, model.request.seed, Deadline(math.inf))
        return predicted(fit_plan(plan, model.development).pipeline, model.held_out)

    def _learning_curve(self) -> dict[str, Any]:
        best = self.model.recipe.best
        if best is None:
            raise CannotComplete(NO_BEST)
        search = self._search()
        self._outcome(best, search)
        try:
            curve = learning_curve(search)
        finally:
            search.children.kill_all()
        return {"learning_curve": curve.to_json()}

    def _search(self) -> Search:
        """A search on the folds of the run, without haste. Its fits are kept in the work folder."""
        model = self.model
        folder = Checkpoints.open(self.workdir, model.request.digest)
        limits = model.request.limits
        return Search(
            model.table,
            model.split,
            folder,
            Children(self.work.request.limits.n_threads, folder.folder, limits.max_memory_bytes),
            Clock(time.monotonic(), ENOUGH_SECONDS),
            QuietReporter(),
            model.request.seed,
        )

    def _outcome(self, candidate: Candidate, search: Search) -> Outcome:
        """The candidate fitted on every fold. Raises CannotComplete when that fails."""
        try:
            search.run([replace(candidate, share=1.0)], is_pruned=False)
        finally:
            search.children.kill_all()
        if candidate.key not in search.outcomes:
            notes = "; ".join(each.note for each in search.leaderboard() if each.note)
            raise CannotComplete(NO_CURVE.format(reason=notes or "no fold could be fitted"))
        return search.outcomes[candidate.key]


def _threshold(report: Mapping[str, Any]) -> float | None:
    decision = report.get("decision") or {}
    return float(decision["threshold"]) if decision.get("is_chosen") else None


def _missing(report: Mapping[str, Any]) -> tuple[str, ...]:
    names = {each.part: each for each in left_out_of(report)}
    return names.get(Part.BASELINES, LeftOut(Part.BASELINES)).names
