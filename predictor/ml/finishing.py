"""The end of a run: judge and publish what was chosen, in killable children, whatever time is left."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import TrainingFailed
from . import portfolio
from .checking import TrainingWarning
from .children import Ended
from .choosing import Choice, choice_of
from .final_fits import Chosen, Plan, judge, publish
from .leaderboard import Outcome
from .request import TrainingRequest
from .search import Search

# Share of the budget that permutation importance may take.
IMPORTANCE_SHARE = 0.06
# The budget is kept to within 10 %: the final fits may use this much of those.
OVERTIME_SHARE = 0.08
# Less than this only makes a second attempt necessary, which takes longer.
MIN_SECONDS = 6.0


@dataclass(frozen=True)
class Finished:
    """What was kept in the end, and the JSON documents of its two halves."""

    choice: Choice
    judged: dict[str, Any]
    published: dict[str, Any]


@dataclass(frozen=True)
class Attempt:
    """One way to end. `max_rows` None means all rows."""

    number: int
    choice: Choice
    max_rows: int | None
    timeout: float


def finish(request: TrainingRequest, workdir: Path, search: Search, choice: Choice) -> Finished:
    """The version's files and report, of the choice or, when that takes too long, of something smaller."""
    notes = ""
    for attempt in _attempts(search, choice):
        ended = _run(request, workdir, search, attempt)
        judged, published = (
            search.checkpoints.read_json(_file(name, attempt)) for name in ("judged", "published")
        )
        if judged and published:
            return Finished(attempt.choice, judged, published)
        if any(each.status == "timed out" for each in ended):
            search.is_budget_limited = True
        notes = "; ".join(each.note for each in ended if each.note)
        message = (
            f"The final fit of {attempt.choice.title} did not succeed ({notes}); a smaller one is tried."
        )
        search.reporter.warn(TrainingWarning(message))
    raise TrainingFailed(f"The final fit did not succeed: {notes}.")


def _attempts(search: Search, choice: Choice) -> list[Attempt]:
    """What was chosen; then the best single candidate on the rows it was compared on; then the quickest."""
    budget = search.clock.budget_seconds
    n_search = len(search.split.search)
    best = min(search.outcomes.values(), key=lambda each: each.entry.score or np.inf)
    quick = min(search.outcomes.values(), key=lambda each: each.fold_seconds)
    alone = [choice_of(search, {each.candidate.key: 1.0}) for each in (best, quick)]
    return [
        Attempt(0, choice, None, max(search.clock.remaining + OVERTIME_SHARE * budget, MIN_SECONDS)),
        Attempt(1, alone[0], n_search, max(5.0, 20 * best.fold_seconds)),
        Attempt(2, alone[1], n_search, 120.0),
    ]


def _run(request: TrainingRequest, workdir: Path, search: Search, attempt: Attempt) -> list[Ended]:
    """Run what is not done yet of the two halves, side by side when there are two threads."""
    works = _works(request, workdir, search, attempt)
    started_at, ended = search.clock.elapsed, []
    for name, (work, fraction, message) in works.items():
        if (search.checkpoints.folder / _file(name, attempt)).exists():
            continue
        if not search.children.has_slot:
            ended.append(search.children.wait())
        search.reporter.progress(fraction, message)
        left = attempt.timeout - (search.clock.elapsed - started_at)
        search.children.start(f"{name}-{attempt.number}", work, max(left, 1.0))
    while not search.children.is_idle:
        ended.append(search.children.wait())
    return ended


def _works(
    request: TrainingRequest, workdir: Path, search: Search, attempt: Attempt
) -> dict[str, tuple[Callable[[], None], float, str]]:
    """The functions of the two halves, with how far they are and what they do in words."""
    folder = search.checkpoints.folder
    members = tuple(_chosen(outcome, weight) for outcome, weight in attempt.choice.members)
    plan = Plan(members, attempt.max_rows, request.seed)

    def work_publish() -> None:
        publish(plan, search.table, request.table, workdir, folder / _file("published", attempt))

    def work_judge() -> None:
        judge(
            plan,
            search.table,
            search.split,
            folder / _file("judged", attempt),
            linear=_linear(search, attempt.choice),
            cross_validation=attempt.choice.cross_validation,
            importance_seconds=max(1.0, IMPORTANCE_SHARE * request.budget_seconds),
        )

    title = attempt.choice.title
    return {
        "published": (work_publish, 0.85, f"Fitting {title} on all rows"),
        "judged": (work_judge, 0.93, f"Evaluating {title} on the held-out rows"),
    }


def _linear(search: Search, choice: Choice) -> Chosen | None:
    """The linear baseline, unless it was not fitted or is what was chosen."""
    found = search.outcomes.get(portfolio.linear_baseline(search.table.task).key)
    is_same = found is not None and set(choice.weights) == {found.candidate.key}
    return None if found is None or is_same else _chosen(found, 1.0)


def _chosen(outcome: Outcome, weight: float) -> Chosen:
    return Chosen(outcome.candidate, outcome.stage, weight)


def _file(name: str, attempt: Attempt) -> str:
    return f"{name}-{attempt.number}.json"
