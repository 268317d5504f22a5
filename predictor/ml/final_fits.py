"""From chosen candidates to a version: judged on held-out rows, fitted on all rows, exported and written.

Both halves run in children of their own and leave a JSON file, so that a killed run repeats neither.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from . import persistence
from .checking import TrainingTable
from .checkpoints import write_json
from .evaluation import Baseline, dummy_predictions, evaluate
from .explaining import permutation_importance, predicted
from .fitting import Candidate, fit_member, join, sample_rows
from .parity import compile_checked
from .pipeline import FittedPipeline
from .schema import TableSchema
from .signatures import build_signature
from .splitting import Split

N_GOLDEN = 20
PARITY_ROWS = 20_000


@dataclass(frozen=True)
class Chosen:
    """One member of what was chosen: a candidate at its best stage, and its share."""

    candidate: Candidate
    stage: Mapping[str, Any]
    weight: float


@dataclass(frozen=True)
class Plan:
    """What is fitted in the end. `max_rows` bounds the rows when time is short."""

    members: tuple[Chosen, ...]
    max_rows: int | None
    seed: int


def fit_plan(plan: Plan, table: TrainingTable) -> FittedPipeline:
    """The members fitted on the table and joined."""
    table = sample_rows(table, plan.max_rows, plan.seed)
    parts = [
        fit_member(each.candidate, each.stage, table, seed=plan.seed, weight=each.weight)
        for each in plan.members
    ]
    return join(parts, table)


def judge(
    plan: Plan,
    table: TrainingTable,
    split: Split,
    target_path: Path,
    *,
    linear: Chosen | None,
    cross_validation: Mapping[str, Any],
    importance_seconds: float,
) -> None:
    """Fit on the development rows, evaluate on the held-out ones, write the report."""
    development, held_out = table.rows(split.development), table.rows(split.held_out)
    pipeline = fit_plan(plan, development)
    own = predicted(pipeline, held_out)
    baselines = [Baseline("dummy", "No features", dummy_predictions(development.target, len(held_out)))]
    if linear is not None:
        simple = fit_plan(Plan((linear,), plan.max_rows, plan.seed), development)
        baselines.append(Baseline("linear", linear.candidate.title, predicted(simple, held_out)))
    importance, n_rows = permutation_importance(
        pipeline, held_out, seed=plan.seed, max_seconds=importance_seconds
    )
    report = evaluate(
        held_out.target,
        own,
        baselines,
        cross_validation,
        seed=plan.seed,
        importance=[each.to_json() for each in importance],
        importance_rows=n_rows,
    )
    write_json(target_path, report.to_json())


def publish(plan: Plan, table: TrainingTable, schema: TableSchema, workdir: Path, target_path: Path) -> None:
    """Fit on all rows, export, compare, write the files of the version and what is in them."""
    pipeline = fit_plan(plan, table)
    signature = build_signature(pipeline, table, schema)
    rows = sample_rows(table, PARITY_ROWS, plan.seed)
    compiled, parity = compile_checked(pipeline, rows.columns, seed=plan.seed)
    folder = workdir / "artifacts"
    folder.mkdir(exist_ok=True)
    golden = table.rows(np.unique(np.linspace(0, len(table) - 1, N_GOLDEN).astype(np.intp)))
    files = persistence.write(
        folder, pipeline=pipeline, signature=signature, compiled=compiled, golden=golden.columns
    )
    write_json(
        target_path,
        {
            "signature": signature.to_json(),
            "is_compiled": compiled is not None,
            "parity": parity.to_json(),
            "artifacts": {
                name: {
                    "path": str(file.path.resolve().relative_to(workdir.resolve())),
                    "sha256": file.sha256,
                    "size_bytes": file.n_bytes,
                }
                for name, file in files.items()
            },
            "n_rows_fitted": min(len(table), plan.max_rows or len(table)),
        },
    )
