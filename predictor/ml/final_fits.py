"""From chosen candidates to a version: judged on held-out rows, fitted on all rows, exported and written.

Both halves run in children of their own and leave a JSON file, so that a killed run repeats neither.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import persistence
from .checking import TrainingTable
from .checkpoints import write_json
from .conditions import Conditions
from .deciding import Decided
from .dependence import dependence
from .evaluation import Baseline, decision, dummy_predictions, evaluate
from .examples import MAX_EXAMPLES
from .explaining import permutation_importance, predicted
from .features import FeatureSpec
from .fitting import Candidate, fit_member, join, sample_rows
from .intervals import fold_intervals
from .parity import compile_checked
from .pipeline import FittedPipeline, Member
from .progress import Deadline
from .schema import TableSchema, Task, canonical_text
from .shapley import BACKGROUND_ROWS
from .signatures import build_signature
from .split_columns import SplitKind
from .splitting import Split
from .sureness import sureness
from .target import Target
from .thresholds import Scores
from .uncertainty import Uncertainty

Array = NDArray[Any]
N_GOLDEN = 20
PARITY_ROWS = 20_000
# Importance, and then dependence, may take this much of what is left: the report has still to be written.
LEFT_SHARE = 0.6


@dataclass(frozen=True)
class Chosen:
    """One member of what was chosen: a candidate at its best stage, its share, and what fitting it takes.

    `seconds` is expected for a fit on all rows; `write_seconds` for exporting, comparing and writing it.
    """

    candidate: Candidate
    stage: Mapping[str, Any]
    weight: float
    seconds: float = 0.0
    write_seconds: float = 0.0


@dataclass(frozen=True)
class Plan:
    """What is fitted in the end. `max_rows` bounds the rows when time is short.

    By `deadline` everything is to be there: members of little weight are left out when they would end later.
    `again_share` is what is fitted once more after this, as a share of it: judging is, when it comes second.
    """

    members: tuple[Chosen, ...]
    max_rows: int | None
    seed: int
    deadline: Deadline
    again_share: float = 0.0


@dataclass(frozen=True)
class Fitted:
    """The pipeline and the shares of its members by key."""

    pipeline: FittedPipeline
    weights: Mapping[str, float]


def fit_plan(plan: Plan, table: TrainingTable) -> Fitted:
    """The members fitted on the table and joined: all of them, or the weightiest when time gets short."""
    table = sample_rows(table, plan.max_rows, plan.seed)
    parts: list[tuple[FeatureSpec, Member]] = []
    kept: list[Chosen] = []
    spent = expected = writing = 0.0
    for each in sorted(plan.members, key=lambda member: -member.weight):
        pace = spent / expected if spent > expected > 0 else 1.0
        needed = each.seconds * pace * (1 + plan.again_share) + spent * plan.again_share
        if kept and not plan.deadline.allows(needed + writing + each.write_seconds):
            continue
        started = time.monotonic()
        parts.append(fit_member(each.candidate, each.stage, table, seed=plan.seed, weight=each.weight))
        spent, expected = spent + time.monotonic() - started, expected + each.seconds
        kept.append(each)
        writing += each.write_seconds
    # Shares of all members stay what they are: divided by a sum that is 1 but for its last digit, they would differ.
    total = 1.0 if len(kept) == len(plan.members) else sum(each.weight for each in kept)
    parts = [(spec, replace(member, weight=member.weight / total)) for spec, member in parts]
    return Fitted(join(parts, table), {each.candidate.key: each.weight / total for each in kept})


@dataclass(frozen=True)
class Judging:
    """What a report needs beside the fits: what was decided, how the test was made, what else was fitted for it."""

    decided: Decided
    conditions: Conditions
    baselines: Sequence[Baseline]
    baseline_notes: Sequence[str]
    importance_seconds: float
    dependence_seconds: float


def judge(
    plan: Plan,
    table: TrainingTable,
    split: Split,
    target_path: Path,
    *,
    linear: Chosen | None,
    judging: Judging,
    workdir: Path,
) -> None:
    """Fit on the development rows, evaluate on the held-out ones, write the report.

    What follows the fits is optional, and asks `plan.deadline` first.
    """
    decided = judging.decided
    development, held_out = table.rows(split.development), table.rows(split.held_out)
    # Judged is what is published, so nothing is left out here.
    in_full = replace(plan, deadline=Deadline(math.inf))
    raw = fit_plan(in_full, development).pipeline
    pipeline = replace(raw, calibration=decided.calibration)
    before = predicted(raw, held_out)
    own = before if decided.calibration is None else decided.calibration.apply(before)
    baselines = [
        Baseline("dummy", "No features", dummy_predictions(development.target, len(held_out))),
        *_linear(in_full, plan.deadline, linear, raw, development, held_out),
        *judging.baselines,
    ]
    importance, n_rows = permutation_importance(
        pipeline,
        held_out,
        seed=plan.seed,
        max_seconds=min(judging.importance_seconds, LEFT_SHARE * plan.deadline.remaining),
    )
    threshold = decided.threshold.value if decided.threshold else None
    made = evaluate(
        held_out.target,
        own,
        baselines,
        {**decided.cross_validation, "intervals": _fold_intervals(decided, split, table.task, threshold)},
        seed=plan.seed,
        table=held_out,
        together=_groups(split, judging.conditions),
        conditions=judging.conditions,
        baseline_notes=judging.baseline_notes,
        importance=[each.to_json() for each in importance],
        importance_rows=n_rows,
        threshold=threshold,
    )
    sure = sureness(held_out.target, before, own, decided)
    report = {**made.to_json(), **sure.document, "artifacts": {}}
    if sure.replaced is not None:
        # In a folder of its own: the other half may be writing what this replaces.
        file = persistence.write_uncertainty(workdir / "judged", sure.replaced)
        report["artifacts"][file.name] = told(file, workdir)
    report["dependence"] = dependence(
        pipeline,
        held_out,
        order=[each.column for each in importance],
        seed=plan.seed,
        max_seconds=min(judging.dependence_seconds, LEFT_SHARE * plan.deadline.remaining),
    )
    if held_out.task is Task.BINARY:
        scores = _scores(held_out.target, own, baselines, decided)
        file = persistence.write_scores(workdir / "artifacts", scores.to_json())
        report["artifacts"][file.name] = told(file, workdir)
        report["decision"] = decision(
            decided.threshold,
            str(canonical_text(held_out.target.classes[1])),
            held_out=scores.held_out,
            out_of_fold=scores.out_of_fold,
        )
    write_json(target_path, report)


def _groups(split: Split, conditions: Conditions) -> NDArray[np.intp] | None:
    """The group of each held-out row, when the split is by groups; copies of rows are none."""
    together = split.layout.together
    return (
        together[split.held_out]
        if together is not None and conditions.split.kind is SplitKind.GROUP
        else None
    )


def _linear(
    plan: Plan,
    deadline: Deadline,
    linear: Chosen | None,
    pipeline: FittedPipeline,
    table: TrainingTable,
    held_out: TrainingTable,
) -> list[Baseline]:
    """The linear baseline: the member of the blend that it is, or else fitted if there is time."""
    if linear is None:
        return []
    by_weight = sorted(plan.members, key=lambda each: -each.weight)
    places = [number for number, each in enumerate(by_weight) if each.candidate.key == linear.candidate.key]
    if places:
        simple = replace(pipeline, members=(replace(pipeline.members[places[0]], weight=1.0),))
    elif deadline.allows(linear.seconds):
        simple = fit_plan(replace(plan, members=(linear,)), table).pipeline
    else:
        return []
    return [Baseline("linear", linear.candidate.title, predicted(simple, held_out))]


def _fold_intervals(decided: Decided, split: Split, task: Task, threshold: float | None) -> dict[str, Any]:
    scored = split.scored
    folds = [(len(fit), np.searchsorted(scored, score)) for fit, score in split.folds]
    return fold_intervals(task, decided.y, decided.cross_fitted, folds, threshold=threshold)


def _scores(target: Target, own: Array, baselines: Sequence[Baseline], decided: Decided) -> Scores:
    return Scores(
        (decided.y == 1, decided.out_of_fold[:, 1]),
        (target.y == 1, own[:, 1]),
        {each.key: each.predictions[:, 1] for each in baselines},
    )


def told(file: persistence.StoredFile, workdir: Path) -> dict[str, Any]:
    """A written file as result.json names it."""
    return {
        "path": str(file.path.resolve().relative_to(workdir.resolve())),
        "sha256": file.sha256,
        "size_bytes": file.n_bytes,
    }


def publish(
    plan: Plan,
    table: TrainingTable,
    schema: TableSchema,
    workdir: Path,
    target_path: Path,
    *,
    decided_of: Callable[[Mapping[str, float]], Decided],
) -> None:
    """Fit on all rows, export, compare, write the files of the version and what is in them."""
    fitted = fit_plan(plan, table)
    decided = decided_of(fitted.weights)
    pipeline = replace(fitted.pipeline, calibration=decided.calibration)
    published = store(
        pipeline,
        table,
        schema,
        workdir,
        seed=plan.seed,
        uncertainty=decided.uncertainty,
        threshold=decided.threshold.value if decided.threshold else None,
    )
    # In random order: if not all fit into the file, the first ones are as good.
    kept = table.rows(np.random.default_rng(plan.seed).permutation(len(table))[:MAX_EXAMPLES])
    columns = {each["name"]: kept.columns[each["name"]] for each in published["signature"]["fields"]}
    examples = persistence.write_examples(workdir / "artifacts", columns, kept.target.y)
    published["artifacts"][examples.name] = told(examples, workdir)
    n_rows = min(len(table), plan.max_rows or len(table))
    write_json(target_path, {**published, "weights": dict(fitted.weights), "n_rows_fitted": n_rows})


def store(
    pipeline: FittedPipeline,
    table: TrainingTable,
    schema: TableSchema,
    workdir: Path,
    *,
    seed: int,
    uncertainty: Uncertainty | None = None,
    threshold: float | None = None,
    has_background: bool = True,
) -> dict[str, Any]:
    """Export, compare and write the files of a version; what result.json says of them."""
    signature = build_signature(pipeline, table, schema)
    rows = sample_rows(table, PARITY_ROWS, seed)
    compiled, parity = compile_checked(pipeline, rows.columns, seed=seed)
    folder = workdir / "artifacts"
    folder.mkdir(exist_ok=True)
    golden = table.rows(np.unique(np.linspace(0, len(table) - 1, N_GOLDEN).astype(np.intp)))
    files = persistence.write(
        folder,
        pipeline=pipeline,
        signature=signature,
        compiled=compiled,
        golden=golden.columns,
        threshold=threshold,
        uncertainty=uncertainty,
        background=sample_rows(table, BACKGROUND_ROWS, seed).columns if has_background else None,
    )
    return {
        "signature": signature.to_json(),
        "is_compiled": compiled is not None,
        "parity": parity.to_json(),
        "artifacts": {name: told(file, workdir) for name, file in files.items()},
    }
