"""Final stage of a run: package and evaluate the choice in child processes, whatever time is left."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import TrainingFailed
from ..execution.child_processes import ChildResult
from ..execution.progress import Deadline
from ..search import portfolio
from ..search.baselines import Baselines
from ..search.leaderboard import Outcome
from ..search.search import Search
from ..search.selection import Selection, choice_of
from ..types.training_request import TrainingRequest
from ..types.warnings import TrainingWarning
from ..validation.testing_conditions import Conditions
from .holdout_evaluation import HoldoutInputs, evaluate_holdout
from .packaging import package
from .post_processing import PostProcessing, post_process
from .refitting import FinalMember, RefitPlan

# Share of the budget that permutation importance may take.
IMPORTANCE_SHARE = 0.04
# Share of the budget that partial dependence may take.
DEPENDENCE_SHARE = 0.025
# A run may exceed its budget by 10 %; slow final fits may use this share of the budget.
OVERTIME_SHARE = 0.07
# The report takes this share of the seconds reserved for the end (search.finish_seconds).
REPORT_SHARE = 0.7
# With fewer seconds, the first attempt would fail, and a second one takes longer.
MIN_SECONDS = 6.0


@dataclass(frozen=True)
class FinalResult:
    """The final choice, and the JSON documents of its evaluation (`judged`) and packaging (`published`)."""

    choice: Selection
    judged: dict[str, Any]
    published: dict[str, Any]


@dataclass(frozen=True)
class FinalAttempt:
    """One attempt at the final stage. `max_rows` None means all rows.

    `deadline`: the time that its child processes aim at; optional steps check it first. `end`: when they are killed.
    """

    number: int
    choice: Selection
    max_rows: int | None
    deadline: Deadline
    end: Deadline


def finish(
    request: TrainingRequest,
    workdir: Path,
    search: Search,
    choice: Selection,
    conditions: Conditions,
    baselines: Baselines,
) -> FinalResult:
    """Package and evaluate the choice, or a smaller one when that takes too long. Raises TrainingFailed."""
    return finish_by(
        search,
        choice,
        lambda attempt: SupervisedFinalStage(request, workdir, search, attempt, conditions, baselines),
    )


def finish_by(
    search: Search, choice: Selection, halves_of: Callable[[FinalAttempt], FinalStage]
) -> FinalResult:
    """As `finish`, with the two halves that `halves_of` makes for the kind of task."""
    notes = ""
    for make in (_whole, _best_alone, _quickest_alone):
        attempt = make(search, choice)
        halves = halves_of(attempt)
        ended = halves.run()
        judged, published = halves.read("judged"), halves.read("published")
        if judged and published:
            return FinalResult(halves.kept, judged, published)
        if any(each.status == "timed out" for each in ended):
            search.is_budget_limited = True
        notes = "; ".join(each.note for each in ended if each.note)
        message = (
            f"The final fit of {attempt.choice.title} did not succeed ({notes}); a smaller one is tried."
        )
        search.reporter.warn(TrainingWarning(message))
    raise TrainingFailed(f"The final fit did not succeed: {notes}.")


def _whole(search: Search, choice: Selection) -> FinalAttempt:
    """The whole choice on all rows."""
    seconds = max(search.clock.remaining, MIN_SECONDS)
    end = Deadline.after(seconds + OVERTIME_SHARE * search.clock.budget_seconds)
    return FinalAttempt(0, choice, None, Deadline.after(seconds), end)


def _best_alone(search: Search, choice: Selection) -> FinalAttempt:
    """The best single candidate, on as many rows as the search used."""
    best = min(search.outcomes.values(), key=lambda each: each.entry.score or np.inf)
    end = Deadline.after(max(5.0, 20 * best.fold_seconds))
    return FinalAttempt(1, choice_of(search, {best.candidate.key: 1.0}), len(search.split.search), end, end)


def _quickest_alone(search: Search, choice: Selection) -> FinalAttempt:
    quick = min(search.outcomes.values(), key=lambda each: each.fold_seconds)
    end = Deadline.after(120.0)
    return FinalAttempt(2, choice_of(search, {quick.candidate.key: 1.0}), len(search.split.search), end, end)


@dataclass(frozen=True)
class FinalStage:
    """The two halves of an attempt, packaging and evaluation, each in a child process that writes a JSON file."""

    request: TrainingRequest
    workdir: Path
    search: Search
    attempt: FinalAttempt

    @property
    def is_parallel(self) -> bool:
        return self.search.children.n_slots > 1

    def run(self) -> list[ChildResult]:
        """Run the halves that have no JSON file yet, in parallel with two slots. Evaluates the packaged members."""
        self._start("published", self.publish, 0.85, "Fitting {} on all rows")
        if self.is_parallel:
            self._start_judging()
        ended = self._wait()
        if self.kept.weights.keys() != self.attempt.choice.weights.keys():
            # Members were left out for lack of time: a report on all of them would describe another model.
            self.search.is_budget_limited = True
            self.path("judged").unlink(missing_ok=True)
        if self.read("published"):
            self._start_judging()
        return ended + self._wait()

    @property
    def kept(self) -> Selection:
        """The choice with the members that were packaged."""
        weights = (self.read("published") or {}).get("weights", self.attempt.choice.weights)
        is_same = weights.keys() == self.attempt.choice.weights.keys()
        return self.attempt.choice if is_same else choice_of(self.search, weights)

    def read(self, name: str) -> dict[str, Any] | None:
        return self.search.checkpoints.read_json(self.path(name).name)

    def _start_judging(self) -> None:
        self._start("judged", self.judge, 0.93, "Evaluating {} on the held-out rows")

    def _start(self, name: str, work: Callable[[], None], fraction: float, message: str) -> None:
        if not self.path(name).exists():
            self.search.reporter.progress(fraction, message.format(self.kept.title))
            key = f"{name}-{self.attempt.number}"
            self.search.children.start(key, work, max(self.attempt.end.remaining, 1.0))

    def _wait(self) -> list[ChildResult]:
        ended = []
        while not self.search.children.is_idle:
            ended.append(self.search.children.wait())
        return ended

    def publish(self) -> None:
        """Fit the choice on all rows; write the files of the version and a JSON file that lists them."""
        raise NotImplementedError

    def judge(self) -> None:
        """Fit the packaged members on the development rows; write the report on the held-out ones."""
        raise NotImplementedError

    def publishing_plan(self) -> RefitPlan:
        """The plan for packaging. With one slot it leaves time for the evaluation, which fits again."""
        again, reserved = 0.0, 0.0
        if not self.is_parallel:
            again = self.search.costs.n_development / self.search.costs.n_all
            reserved = REPORT_SHARE * self.search.finish_seconds
        return self.plan(self.attempt.choice, Deadline(self.attempt.deadline.at - reserved), again)

    def plan(self, choice: Selection, deadline: Deadline, again_share: float) -> RefitPlan:
        members = tuple(self.chosen(outcome, weight) for outcome, weight in choice.members)
        return RefitPlan(members, self.attempt.max_rows, self.request.seed, deadline, again_share)

    def chosen(self, outcome: Outcome, weight: float) -> FinalMember:
        costs = self.search.costs
        return FinalMember(
            outcome.candidate, outcome.stage, weight, costs.fit_all(outcome), costs.write(outcome)
        )

    def path(self, name: str) -> Path:
        return self.search.checkpoints.folder / f"{name}-{self.attempt.number}.json"


@dataclass(frozen=True)
class SupervisedFinalStage(FinalStage):
    """The halves for tasks with single held-out rows: classification and regression."""

    conditions: Conditions
    baselines: Baselines

    def publish(self) -> None:
        package(
            self.publishing_plan(),
            self.search.table,
            self.request.table,
            self.workdir,
            self.path("published"),
            decided_of=self._decided,
        )

    def judge(self) -> None:
        kept = self.kept
        evaluate_holdout(
            self.plan(kept, self.attempt.deadline, 0.0),
            self.search.table,
            self.search.split,
            self.path("judged"),
            linear=self._linear(kept),
            judging=HoldoutInputs(
                decided=self._decided(kept.weights),
                conditions=self.conditions,
                baselines=self.baselines.found(),
                baseline_notes=self.baselines.notes,
                importance_seconds=max(1.0, IMPORTANCE_SHARE * self.request.budget_seconds),
                dependence_seconds=max(0.6, DEPENDENCE_SHARE * self.request.budget_seconds),
            ),
            workdir=self.workdir,
        )

    def _decided(self, weights: Mapping[str, float]) -> PostProcessing:
        """Calibration, threshold and intervals from the out-of-fold predictions of these members."""
        n_development = len(self.search.split.development)
        n_fitted = min(n_development, self.attempt.max_rows or n_development)
        return post_process(self.search, choice_of(self.search, weights), self.request.threshold, n_fitted)

    def _linear(self, choice: Selection) -> FinalMember | None:
        """The linear baseline; None when it was not fitted or is itself the choice."""
        outcome = self.search.outcomes.get(portfolio.linear_baseline(self.search.table.task).key)
        is_same = outcome is not None and set(choice.weights) == {outcome.candidate.key}
        return None if outcome is None or is_same else self.chosen(outcome, 1.0)
