"""Hold-out evaluation: fit on the development rows, evaluate on the held-out ones, write the report.

Runs in a child process of its own and writes a JSON file, so that a run that was killed does not repeat it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..calibration.decision_thresholds import Scores
from ..evaluation.evaluation_report import Baseline, EvaluationReport, decision, dummy_predictions, evaluate
from ..execution.json_files import write_json
from ..execution.progress import Deadline
from ..explanation.partial_dependence import dependence
from ..explanation.permutation_importance import PERMUTATION, Importance, permutation_importance, predicted
from ..explanation.shapley_importance import SHAPLEY, shapley_importance
from ..metrics.confidence_intervals import fold_intervals
from ..metrics.row_weights import effective_size
from ..persistence import version_files
from ..pipelines.fitted_pipeline import FittedPipeline
from ..types.schema import Task
from ..types.split import SplitKind
from ..validation.splits import Split
from ..validation.target import Target
from ..validation.testing_conditions import Conditions
from ..validation.training_table import TrainingTable
from .coverage_check import check_coverage
from .packaging import artifact_entry
from .post_processing import PostProcessing
from .refitting import FinalMember, RefitPlan, RefitResult, fit_plan, member_json
from .timed_fits import NO_LIMIT

Array = NDArray[Any]
# Importance, then partial dependence, may each take this share of the time left; the report follows.
LEFT_SHARE = 0.6
# A linear model takes up to so many times its estimate where that comes from a sample of the rows.
LATE = 3


@dataclass(frozen=True)
class HoldoutInputs:
    """Inputs of the report beside the fits: post-processing, test conditions, baselines, time limits in seconds."""

    decided: PostProcessing
    conditions: Conditions
    baselines: Sequence[Baseline]
    baseline_notes: Sequence[str]
    importance_seconds: float
    dependence_seconds: float


@dataclass(frozen=True)
class HoldoutPredictions:
    """The pipeline and the baselines with their held-out predictions: `own`, and those `before` calibration."""

    fitted: RefitResult
    pipeline: FittedPipeline
    held_out: TrainingTable
    before: Array
    own: Array
    baselines: Sequence[Baseline]


def evaluate_holdout(
    plan: RefitPlan,
    table: TrainingTable,
    split: Split,
    target_path: Path,
    *,
    fitted: RefitResult | None = None,
    linear: FinalMember | None,
    judging: HoldoutInputs,
    workdir: Path,
) -> None:
    """Fit on the development rows, evaluate on the held-out ones, write the report to `target_path`.

    `fitted`: what was fitted on the development rows, if that has been done already. Importance and partial
    dependence are optional and limited by `plan.deadline`.
    """
    tried = _tried(plan, table, split, fitted, linear, judging)
    importance, n_rows = permutation_importance(
        tried.pipeline,
        tried.held_out,
        seed=plan.seed,
        max_seconds=min(judging.importance_seconds, LEFT_SHARE * plan.deadline.remaining),
    )
    kind = PERMUTATION
    if not importance:
        kind = SHAPLEY
        importance, n_rows = shapley_importance(
            tried.pipeline, table.rows(split.development), tried.held_out, seed=plan.seed
        )
    evaluation = _evaluated(tried, split, judging, importance, n_rows, seed=plan.seed)
    coverage = check_coverage(tried.held_out.target, tried.before, tried.own, judging.decided)
    report = {**evaluation.to_json(), "importance_kind": kind, **coverage.document, "artifacts": {}}
    if (facts := weighting(table, tried.held_out)) is not None:
        report["weighting"] = facts
    report["tested"] = {
        "members": [member_json(each) for each in tried.fitted.members],
        "max_rows": plan.max_rows,
    }
    if coverage.replaced is not None:
        # In a folder of its own: packaging may be writing the file of the same name at this moment.
        file = version_files.write_uncertainty(workdir / "judged", coverage.replaced)
        report["artifacts"][file.name] = artifact_entry(file, workdir)
    report["dependence"] = dependence(
        tried.pipeline,
        tried.held_out,
        order=[each.column for each in importance],
        seed=plan.seed,
        max_seconds=min(judging.dependence_seconds, LEFT_SHARE * plan.deadline.remaining),
    )
    if table.task is Task.BINARY:
        scores = _scores(tried, judging.decided)
        file = version_files.write_scores(workdir / "artifacts", scores.to_json())
        report["artifacts"][file.name] = artifact_entry(file, workdir)
        report["decision"] = _decision(tried, judging.decided, scores)
    groups = groups_of(split, judging.conditions)
    if table.task is not Task.BINARY or groups is not None:
        file = version_files.write_held_out(
            workdir / "artifacts", tried.held_out.target.y, tried.own, clusters=groups
        )
        report["artifacts"][file.name] = artifact_entry(file, workdir)
    write_json(target_path, report)


def weighting(table: TrainingTable, held_out: TrainingTable) -> dict[str, Any] | None:
    """How many equal rows the rows count as, and the held-out ones of them; None for rows that count the same."""
    weights, tested = table.target.weights, held_out.target.weights
    if weights is None or tested is None:
        return None
    return {
        "column": table.weight_column,
        "n_rows": len(weights),
        "n_effective": round(effective_size(weights), 1),
        "n_held_out": len(tested),
        "n_held_out_effective": round(effective_size(tested), 1),
    }


def _tried(
    plan: RefitPlan,
    table: TrainingTable,
    split: Split,
    fitted: RefitResult | None,
    linear: FinalMember | None,
    judging: HoldoutInputs,
) -> HoldoutPredictions:
    """Fit the plan and the baselines on the development rows; predict the held-out ones."""
    calibration = judging.decided.calibration
    development, held_out = table.rows(split.development), table.rows(split.held_out)
    # The packaged members are evaluated, so none may be left out here.
    in_full = replace(plan, deadline=Deadline(math.inf))
    fitted = fitted or fit_plan(in_full, development)
    raw = fitted.pipeline
    before = predicted(raw, held_out)
    return HoldoutPredictions(
        fitted=fitted,
        pipeline=replace(raw, calibration=calibration),
        held_out=held_out,
        before=before,
        own=before if calibration is None else calibration.apply(before),
        baselines=[
            Baseline("dummy", "No features", dummy_predictions(development.target, len(held_out))),
            *_linear(in_full, plan.deadline, linear, raw, development, held_out),
            *judging.baselines,
        ],
    )


def _evaluated(
    tried: HoldoutPredictions,
    split: Split,
    judging: HoldoutInputs,
    importance: Sequence[Importance],
    n_rows: int,
    *,
    seed: int,
) -> EvaluationReport:
    decided, held_out = judging.decided, tried.held_out
    threshold = decided.threshold.value if decided.threshold else None
    return evaluate(
        held_out.target,
        tried.own,
        tried.baselines,
        {
            **decided.cross_validation,
            "intervals": _fold_intervals(decided, split, held_out.target, threshold),
        },
        seed=seed,
        table=held_out,
        together=groups_of(split, judging.conditions),
        conditions=judging.conditions,
        baseline_notes=judging.baseline_notes,
        importance=[each.to_json() for each in importance],
        importance_rows=n_rows,
        threshold=threshold,
    )


def groups_of(split: Split, conditions: Conditions) -> NDArray[np.intp] | None:
    """The group of each held-out row when the split is by group; None otherwise, also for duplicates."""
    together = split.layout.together
    return (
        together[split.held_out]
        if together is not None and conditions.split.kind is SplitKind.GROUP
        else None
    )


def _linear(
    plan: RefitPlan,
    deadline: Deadline,
    linear: FinalMember | None,
    pipeline: FittedPipeline,
    table: TrainingTable,
    held_out: TrainingTable,
) -> list[Baseline]:
    """The linear baseline: taken from the blend when it is a member, else fitted if there is time."""
    if linear is None:
        return []
    by_weight = sorted(plan.members, key=lambda each: -each.weight)
    positions = [
        number for number, each in enumerate(by_weight) if each.candidate.key == linear.candidate.key
    ]
    if positions:
        simple = replace(pipeline, members=(replace(pipeline.members[positions[0]], weight=1.0),))
    elif deadline.allows(linear.seconds * (LATE if plan.limit.may_sample else 1)):
        simple = fit_plan(replace(plan, members=(linear,), limit=NO_LIMIT), table).pipeline
    else:
        return []
    return [Baseline("linear", linear.candidate.title, predicted(simple, held_out))]


def _fold_intervals(
    decided: PostProcessing, split: Split, target: Target, threshold: float | None
) -> dict[str, Any]:
    scored = split.scored
    folds = [(len(fit), np.searchsorted(scored, score)) for fit, score in split.folds]
    return fold_intervals(
        target.task,
        decided.y,
        decided.cross_fitted,
        folds,
        threshold=threshold,
        positive=target.positive,
        weights=decided.weights,
    )


def _scores(tried: HoldoutPredictions, decided: PostProcessing) -> Scores:
    return Scores(
        (decided.y == 1, decided.out_of_fold[:, 1]),
        (tried.held_out.target.y == 1, tried.own[:, 1]),
        {each.key: each.predictions[:, 1] for each in tried.baselines},
        decided.weights,
        tried.held_out.target.weights,
    )


def _decision(tried: HoldoutPredictions, decided: PostProcessing, scores: Scores) -> dict[str, Any]:
    target = tried.held_out.target
    scores = scores.for_class(target.positive)
    return decision(
        decided.threshold,
        target.positive_name,
        held_out=scores.held_out,
        out_of_fold=scores.out_of_fold,
        weights=(scores.held_out_weights, scores.out_of_fold_weights),
    )
