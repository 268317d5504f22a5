"""Final stage of a classification or regression: what is published is also checked against the folds."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..evaluation.refit_check import FAR_SHARE, N_ASKED, FoldLosses, held_out_loss, loss_on, n_usable_folds
from ..execution.child_processes import ChildResult
from ..execution.json_files import write_json
from ..metrics.scores import selection_metric
from ..search import portfolio
from ..search.baselines import Baselines
from ..search.search import Search
from ..search.selection import Selection
from ..types.training_request import TrainingRequest
from ..types.warnings import TrainingWarning
from ..validation.testing_conditions import Conditions
from .finalization import FinalResult, FinalStage, finish_by
from .holdout_evaluation import HoldoutInputs, evaluate_holdout
from .packaging import package
from .post_processing import PostProcessing, post_process
from .refitting import FinalMember, RefitResult, fit_folds
from .timed_fits import n_watched

# Share of the budget that permutation importance may take.
IMPORTANCE_SHARE = 0.04
# Share of the budget that partial dependence may take.
DEPENDENCE_SHARE = 0.025
# A named estimator whose run exceeds its budget by this share is told.
LATE_SHARE = 0.15
# From this share of the rows on, the model that was fitted on the development rows is the one that is published: a fit
# on the few others too would be hardly better, and a second fit takes as long as the first.
SINGLE_SHARE = 0.95


def finish(
    request: TrainingRequest,
    workdir: Path,
    search: Search,
    choice: Selection,
    conditions: Conditions,
    baselines: Baselines,
) -> FinalResult:
    """Package and evaluate the choice, or a smaller one when that takes too long. Raises TrainingFailed."""
    finished = finish_by(
        search,
        choice,
        lambda attempt: SupervisedFinalStage(request, workdir, search, attempt, conditions, baselines),
    )
    _note_rows(search, finished.published["n_rows_fitted"])
    if search.is_whole and search.clock.remaining < -LATE_SHARE * search.clock.budget_seconds:
        message = (
            f"The fit on all rows took longer than the budget: the run took {search.clock.elapsed:.0f} s."
        )
        search.reporter.warn(TrainingWarning(message))
    return finished


def _note_rows(search: Search, n_fitted: int) -> None:
    """Say on how many rows the model was fitted, if not on all."""
    n_rows, n_development = len(search.table), len(search.split.development)
    if n_fitted == n_rows:
        return
    is_full = n_fitted >= n_development - n_watched(n_development)
    why = "the others test it or decide when a fit ends" if is_full else "there was no time for more"
    search.reporter.warn(TrainingWarning(f"The model is fitted on {n_fitted:,} of {n_rows:,} rows: {why}."))


@dataclass(frozen=True)
class SupervisedFinalStage(FinalStage):
    """The halves for tasks with single held-out rows: classification and regression."""

    conditions: Conditions
    baselines: Baselines

    @property
    def is_single(self) -> bool:
        return len(self.search.split.development) >= SINGLE_SHARE * len(self.search.table)

    def publish(self) -> None:
        table = self.search.table
        fitted = package(
            self.publishing_plan(),
            table.rows(self.search.split.development) if self.is_single else table,
            self.request.table,
            self.workdir,
            self.path("published"),
            decided_of=self._decided,
        )
        if self.is_single:
            self._evaluate(fitted)

    def judge(self) -> None:
        self._evaluate(None)

    def run(self) -> list[ChildResult]:
        """As for every task; then the mean of the models of the folds where the refit is out of line with them."""
        ended = super().run()
        judged, published = FinalStage.read(self, "judged"), FinalStage.read(self, "published")
        if not judged or not published or not self._is_out_of_line(judged, published):
            return ended
        seconds = self.n_folds * sum(
            self.search.costs.fit_development(outcome) for outcome, _ in self.kept.members
        )
        if self.n_folds and seconds <= self.attempt.end.remaining:
            self._start("folded", lambda: self.fold(judged), "Trying the mean of the models of the folds")
            ended += self._wait()
        if self._is_folded:
            self.search.reporter.warn(TrainingWarning(self._reason(judged)))
        return ended

    def read(self, name: str) -> dict[str, Any] | None:
        folded: dict[str, Any] | None = (super().read("folded") or {}).get(name)
        return folded or super().read(name)

    @property
    def kept(self) -> Selection:
        kept = super().kept
        title = f"Mean of the models of {self.n_folds} folds: {kept.title}"
        return replace(kept, title=title) if self._is_folded else kept

    @property
    def n_folds(self) -> int:
        """The folds whose models may be joined, by the size of the mean."""
        members = self.attempt.choice.members
        n_bytes = sum(outcome.entry.size_bytes or 0 for outcome, _ in members)
        return n_usable_folds(len(self.search.split.folds), len(members), n_bytes)

    @property
    def _is_folded(self) -> bool:
        return bool((FinalStage.read(self, "folded") or {}).get("published"))

    @property
    def _fold_losses(self) -> FoldLosses:
        return FoldLosses.of(self.search.table.task, self.search.y, self.attempt.choice.nested)

    def _is_out_of_line(self, judged: Mapping[str, Any], published: Mapping[str, Any]) -> bool:
        """Whether the model of the report on its held-out rows, or the published one on its own, is much worse."""
        of_folds = self._fold_losses
        held_out = held_out_loss(self.search.table.task, judged["held_out"])
        # None where it is not finite. A run that an earlier version began has none.
        trained = published.get("training_loss", 0.0)
        trained = math.inf if trained is None else float(trained)
        return of_folds.is_far_exceeded(trained, N_ASKED) or of_folds.is_far_exceeded(
            held_out, int(judged["n_rows"])
        )

    def _reason(self, judged: Mapping[str, Any]) -> str:
        score = self._fold_losses.score()
        name = selection_metric(self.search.table.task).replace("_", "-").replace("rmse", "RMSE")
        return (
            f"The fit on all rows failed: it is far worse than the models of the {self.n_folds} folds "
            f"({name} {score:.4g}). The mean of these is published instead."
        )

    def fold(self, judged: Mapping[str, Any]) -> None:
        """Fit the mean of the models of the folds; where it is in line, write its files and its report."""
        table, split = self.search.table, self.search.split
        kept, folder = self.kept, self.workdir / "folds"
        plan = self.plan(kept, self.attempt.deadline, 0.0)
        fitted = fit_folds(plan.members, table, split.folds[: self.n_folds], seed=plan.seed)
        loss = loss_on(fitted.pipeline, table.rows(split.held_out))
        refit_loss = held_out_loss(table.task, judged["held_out"])
        is_worse = loss > refit_loss * (1 + FAR_SHARE)
        if is_worse or self._fold_losses.is_far_exceeded(loss, len(split.held_out)):
            write_json(self.path("folded"), {"published": None})
            return
        folder.mkdir(exist_ok=True)
        documents = {name: self.path(f"{name}-folds") for name in ("published", "judged")}
        package(
            plan,
            table,
            self.request.table,
            folder,
            documents["published"],
            decided_of=self._decided,
            fitted=fitted,
        )
        self._evaluate(fitted, documents["judged"], folder)
        found = {name: json.loads(path.read_text("utf-8")) for name, path in documents.items()}
        for document in found.values():
            document["artifacts"] = {
                name: {**file, "path": f"{folder.name}/{file['path']}"}
                for name, file in document["artifacts"].items()
            }
        write_json(self.path("folded"), found)

    def _evaluate(
        self, fitted: RefitResult | None, path: Path | None = None, workdir: Path | None = None
    ) -> None:
        kept = self.kept
        evaluate_holdout(
            self.plan(kept, self.attempt.deadline, 0.0),
            self.search.table,
            self.search.split,
            path or self.path("judged"),
            fitted=fitted,
            linear=self._linear(kept),
            judging=HoldoutInputs(
                decided=self._decided(kept.weights),
                conditions=self.conditions,
                baselines=self.baselines.found(),
                baseline_notes=self.baselines.notes,
                importance_seconds=max(1.0, IMPORTANCE_SHARE * self.request.budget_seconds),
                dependence_seconds=max(0.6, DEPENDENCE_SHARE * self.request.budget_seconds),
            ),
            workdir=workdir or self.workdir,
        )

    def _decided(self, weights: Mapping[str, float]) -> PostProcessing:
        """Calibration, threshold and intervals from the out-of-fold predictions of these members."""
        n_development = len(self.search.split.development)
        n_fitted = min(n_development, self.attempt.max_rows or n_development)
        return post_process(self.search, self.choice_with(weights), self.request.threshold, n_fitted)

    def _linear(self, choice: Selection) -> FinalMember | None:
        """The linear baseline; None when it was not fitted or is itself the choice."""
        outcome = self.search.outcomes.get(portfolio.linear_baseline(self.search.table.task).key)
        is_same = outcome is not None and set(choice.weights) == {outcome.candidate.key}
        return None if outcome is None or is_same else self.chosen(outcome, 1.0)
