"""What a training run left out of its report, and the recipe to fit the model that the report is about again.

The report is about a model that was fitted on the development rows and is not stored: the published one is fitted on
all rows. Parts that are computed later need the former, so a report that leaves parts out has under "recipe"
    {"members": [{"candidate", "stage", "weight", "part": {"n_skipped", "n_used"} where not all rows were used}],
     "max_rows": rows of a fit at most, or null,
     "linear": the linear baseline as a member, or null, "best": the best candidate, "n_threads": of the run}.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..evaluation.slices import n_tested
from ..pipelines.candidate import Candidate
from ..search import portfolio
from ..search.leaderboard import Outcome
from ..search.search import Search
from ..search.selection import Selection
from ..types.left_out import LeftOut, Part, in_order, told_by
from ..types.schema import Task
from ..types.training_request import AUTO, TrainingRequest
from .finalization import FinalResult
from .refitting import FinalMember, candidate_from, candidate_json, member_from, member_json

NO_LINEAR = "there was no time for it"


@dataclass(frozen=True)
class Recipe:
    """How the tested model was fitted. `best`: the candidate of the learning curve; None where it is not known."""

    members: tuple[FinalMember, ...]
    max_rows: int | None
    linear: FinalMember | None
    best: Candidate | None
    n_threads: int | None = None

    def to_json(self) -> dict[str, Any]:
        return {
            "members": [member_json(each) for each in self.members],
            "max_rows": self.max_rows,
            "linear": None if self.linear is None else member_json(self.linear),
            "best": None if self.best is None else candidate_json(self.best),
            "n_threads": self.n_threads,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Recipe:
        """Raises KeyError, TypeError or ValueError for anything but the JSON form."""
        return cls(
            members=tuple(member_from(each) for each in data["members"]),
            max_rows=data["max_rows"],
            linear=member_from(data["linear"]) if data["linear"] else None,
            best=candidate_from(data["best"]) if data["best"] else None,
            n_threads=data["n_threads"],
        )


def omissions(
    request: TrainingRequest, search: Search, finished: FinalResult, report: Mapping[str, Any]
) -> dict[str, Any]:
    """The keys "left_out" and, when something was, "recipe" of the report of a finished run with a target."""
    left_out, task = told_by(report), search.table.task
    if _lacks_linear(request, finished.choice, report, task):
        left_out = _with_baseline(left_out, portfolio.linear_baseline(task).title)
    if columns := tuple(search.table.columns)[n_tested(range(int(report["n_rows"]))) :]:
        reason = "only the first columns were looked at"
        left_out = in_order([*left_out, LeftOut(Part.SLICES, reason, columns)])
    keys: dict[str, Any] = {"left_out": [each.to_json() for each in left_out]}
    if left_out:
        recipe, tested = _recipe_of(request, search, finished).to_json(), report.get("tested") or {}
        # As they were fitted: a fit that time ended has fewer rounds, or fewer rows. The mean of the models of the
        # folds has no members to fit again: its recipe is none, so that no other one is guessed.
        keys["recipe"] = recipe | tested if tested.get("members", True) else {"members": None}
    return keys


def _lacks_linear(request: TrainingRequest, choice: Selection, report: Mapping[str, Any], task: Task) -> bool:
    """Whether *Auto* did not come to its linear baseline, which it fits among its candidates."""
    keys = {each["key"] for each in report["baselines"]}
    is_itself = set(choice.weights) == {portfolio.linear_baseline(task).key}
    return request.estimator == AUTO and "linear" not in keys and not is_itself


def _with_baseline(left_out: list[LeftOut], title: str) -> list[LeftOut]:
    known = [each for each in left_out if each.part is Part.BASELINES]
    others = [each for each in left_out if each.part is not Part.BASELINES]
    if not known:
        return in_order([LeftOut(Part.BASELINES, NO_LINEAR, (title,)), *others])
    return in_order([LeftOut(Part.BASELINES, known[0].reason, (title, *known[0].names)), *others])


def _recipe_of(request: TrainingRequest, search: Search, finished: FinalResult) -> Recipe:
    n_fitted = int(finished.published["n_rows_fitted"])
    best = min(search.outcomes.values(), key=lambda each: each.entry.score or np.inf)
    linear = search.outcomes.get(portfolio.linear_baseline(search.table.task).key)
    return Recipe(
        members=tuple(_final(outcome, weight) for outcome, weight in finished.choice.members),
        max_rows=n_fitted if n_fitted < len(search.table) else None,
        linear=None if linear is None else _final(linear, 1.0),
        best=best.candidate,
        n_threads=request.limits.n_threads,
    )


def _final(outcome: Outcome, weight: float) -> FinalMember:
    return FinalMember(outcome.candidate, outcome.stage, weight)
