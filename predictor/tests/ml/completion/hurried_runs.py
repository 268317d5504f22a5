"""Runs of one request: one with enough time, and one that had none left for the optional parts of its report."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from predictor.ml.completion.work import Work
from predictor.ml.execution.progress import Reporter
from predictor.ml.search import auto, portfolio
from predictor.ml.search.baselines import Baselines
from predictor.ml.search.learning_curve import NO_TIME, LearningCurve
from predictor.ml.training import holdout_evaluation, supervised_run
from predictor.ml.types.left_out import Part, left_out_of
from predictor.ml.types.training_request import TrainingRequest


@dataclass(frozen=True)
class Finished:
    """The folder and result.json of a run."""

    request: TrainingRequest
    folder: Path
    result: dict[str, Any]

    @property
    def report(self) -> dict[str, Any]:
        return self.result["report"]

    @property
    def work(self) -> Work:
        files = {name: self.folder / each["path"] for name, each in self.result["artifacts"].items()}
        return Work(
            request=self.request,
            parts=tuple(each.part for each in left_out_of(self.report)),
            report=self.report,
            files=files,
            digests={name: each["sha256"] for name, each in self.result["artifacts"].items()},
            leaderboard=self.result["leaderboard"],
        )

    def without(self, *keys: str) -> Work:
        """As stored before reports had these keys."""
        report = {name: value for name, value in self.report.items() if name not in keys}
        return replace(self.work, report=report)


def finished(request: TrainingRequest, folder: Path, run: Any) -> Finished:
    folder.mkdir(parents=True, exist_ok=True)
    run(request, folder, Reporter())
    return Finished(request, folder, json.loads((folder / "result.json").read_text("utf-8")))


@contextmanager
def few_candidates() -> Iterator[pytest.MonkeyPatch]:
    """*Auto* with its anchors alone, so that a run takes seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(portfolio, "second_round", lambda facts, scores, **options: [])
        patch.setattr(auto, "explore", lambda *args, **options: None)
        yield patch


@contextmanager
def no_time(*, has_linear: bool = True) -> Iterator[None]:
    """As when the budget is over once the model is chosen; `has_linear`: *Auto* came to its linear model."""
    with few_candidates() as patch:
        curves = holdout_evaluation.dependence

        def none_in_time(*args: Any, **options: Any) -> Any:
            return curves(*args, **{**options, "max_seconds": -1.0})

        patch.setattr(holdout_evaluation, "permutation_importance", lambda *args, **options: ([], 0))
        patch.setattr(holdout_evaluation, "dependence", none_in_time)
        patch.setattr(supervised_run, "learning_curve", lambda search: LearningCurve(NO_TIME))
        patch.setattr(Baselines, "start", _leave_all_out)
        if not has_linear:
            anchors = portfolio.anchors
            patch.setattr(portfolio, "anchors", lambda facts, **options: anchors(facts)[1:])
        yield


def _leave_all_out(baselines: Baselines, request: TrainingRequest) -> None:
    from predictor.ml.search.baselines import _candidates

    for candidate in _candidates(request, baselines.search.table.task):
        baselines._leave_out(candidate, "there was no time for it")


OPTIONAL = (Part.IMPORTANCE, Part.DEPENDENCE, Part.BASELINES, Part.LEARNING_CURVE)
