"""Final stage of every run: package and evaluate the choice in child processes, whatever time is left."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import TrainingFailed
from ..execution.child_processes import ChildResult
from ..execution.progress import Deadline
from ..search.leaderboard import Outcome
from ..search.search import LEAST_FIT_SECONDS, LEAST_FIT_SHARE, Search
from ..search.selection import Selection, choice_of
from ..types.training_request import TrainingRequest
from ..types.warnings import TrainingWarning
from .refitting import FinalMember, RefitPlan
from .timed_fits import NO_LIMIT, TimeLimit

# Final fits keep to their time, but for estimators that cannot be ended. Those are killed when they are so late: a
# second attempt takes longer than a little patience.
OVERTIME_SHARE = 0.25
# The report takes this share of the seconds reserved for the end (search.finish_seconds).
REPORT_SHARE = 0.7
# With fewer seconds on an idle machine, the first attempt would fail, and a second one takes longer.
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

    `deadline`: the time that its child processes aim at; optional steps check it first. `fits`: when fits that can be
    ended end. `end`: when the processes are killed.
    """

    number: int
    choice: Selection
    max_rows: int | None
    deadline: Deadline
    fits: Deadline
    end: Deadline


def finish_by(
    search: Search, choice: Selection, halves_of: Callable[[FinalAttempt], FinalStage]
) -> FinalResult:
    """Package and evaluate the choice, or a smaller one when that takes too long, with the two halves that `halves_of`
    makes for the kind of task. Raises TrainingFailed.
    """
    notes = ""
    for make in (_whole, _best_alone, _quickest_alone):
        attempt = make(search, choice)
        halves = halves_of(attempt)
        ended = halves.run()
        judged, published = halves.read("judged"), halves.read("published")
        if judged and published:
            search.is_budget_limited = search.is_budget_limited or bool(published.pop("is_cut", False))
            published.pop("training_loss", None)
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
    budget, remaining = search.clock.budget_seconds, max(search.clock.remaining, 0.0)
    if search.is_whole:
        unlimited = Deadline(math.inf)
        return FinalAttempt(0, choice, None, Deadline.after(remaining), unlimited, unlimited)
    planned = remaining - REPORT_SHARE * search.finish_seconds
    fit_seconds = max(planned, LEAST_FIT_SHARE * budget, LEAST_FIT_SECONDS)
    end = Deadline.after(max(remaining, MIN_SECONDS * search.slowdown) + OVERTIME_SHARE * budget)
    return FinalAttempt(0, choice, None, Deadline.after(remaining), Deadline.after(fit_seconds), end)


def _best_alone(search: Search, choice: Selection) -> FinalAttempt:
    """The best single candidate, on as many rows as the search used."""
    best = min(search.outcomes.values(), key=lambda each: each.entry.score or np.inf)
    end = Deadline.after(max(5.0, 20 * best.fold_seconds))
    n_rows = len(search.split.search)
    return FinalAttempt(1, choice_of(search, {best.candidate.key: 1.0}), n_rows, end, end, end)


def _quickest_alone(search: Search, choice: Selection) -> FinalAttempt:
    quick = min(search.outcomes.values(), key=lambda each: each.fold_seconds)
    end = Deadline.after(120.0)
    n_rows = len(search.split.search)
    return FinalAttempt(2, choice_of(search, {quick.candidate.key: 1.0}), n_rows, end, end, end)


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

    @property
    def is_single(self) -> bool:
        """Whether the model that is published is also the one that is evaluated: `publish` does both."""
        return False

    @property
    def limit(self) -> TimeLimit:
        """What the fits do about time."""
        if self.search.is_whole:
            return NO_LIMIT
        is_sampled = self.search.split.is_sampled
        n_threads = self.search.children.n_slots if self.is_single else 1
        return TimeLimit(self.attempt.fits, is_sampled, is_sampled, n_threads)

    def run(self) -> list[ChildResult]:
        """Run the halves that have no JSON file yet, in parallel with two slots. Evaluates the packaged members."""
        n_threads = self.search.children.n_slots if self.is_single else 1
        self._start("published", self.publish, "Fitting {}", n_threads)
        if self.is_parallel and not self.is_single:
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
        return self.choice_with((self.read("published") or {}).get("weights", self.attempt.choice.weights))

    def choice_with(self, weights: Mapping[str, float]) -> Selection:
        """The choice of the attempt, or with these weights when members were left out."""
        is_same = weights.keys() == self.attempt.choice.weights.keys()
        return self.attempt.choice if is_same else choice_of(self.search, weights)

    def read(self, name: str) -> dict[str, Any] | None:
        return self.search.checkpoints.read_json(self.path(name).name)

    def _start_judging(self) -> None:
        self._start("judged", self.judge, "Evaluating {} on the held-out rows")

    def _start(self, name: str, work: Callable[[], None], message: str, n_threads: int = 1) -> None:
        if not self.path(name).exists():
            self.search.tell(message.format(self.kept.title))
            key = f"{name}-{self.attempt.number}"
            seconds = max(self.attempt.end.remaining, 1.0)
            self.search.children.start(key, work, seconds, n_threads=n_threads)

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
        if self.is_parallel or self.is_single:
            latest = Deadline(max(self.attempt.deadline.at, self.attempt.fits.at))
            return self.plan(self.attempt.choice, latest, 0.0)
        again = self.search.costs.n_development / self.search.costs.n_all
        plan = self.plan(self.attempt.choice, self.attempt.fits, again)
        half = Deadline.after(plan.limit.until.remaining / 2)
        return replace(plan, limit=replace(plan.limit, until=half))

    def plan(self, choice: Selection, deadline: Deadline, again_share: float) -> RefitPlan:
        members = tuple(self.chosen(outcome, weight) for outcome, weight in choice.members)
        return RefitPlan(members, self.attempt.max_rows, self.request.seed, deadline, again_share, self.limit)

    def chosen(self, outcome: Outcome, weight: float) -> FinalMember:
        costs = self.search.costs
        return FinalMember(
            outcome.candidate, outcome.stage, weight, costs.fit_all(outcome), costs.write(outcome)
        )

    def path(self, name: str) -> Path:
        return self.search.checkpoints.folder / f"{name}-{self.attempt.number}.json"
