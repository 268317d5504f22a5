"""The half of the end that makes a version: fitted on all rows, exported, compared and written.

Runs in a child of its own and leaves a JSON file, so that a killed run does not repeat it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..calibration.conformal import Uncertainty
from ..execution.json_files import write_json
from ..explanation.nearest_examples import MAX_EXAMPLES
from ..explanation.shapley import BACKGROUND_ROWS
from ..onnx_export.parity import compile_checked
from ..persistence import version_files
from ..pipelines.fitted_pipeline import FittedPipeline
from ..pipelines.fitting import sample_rows
from ..pipelines.signatures import build_signature
from ..types.schema import TableSchema
from ..validation.training_table import TrainingTable
from .post_processing import Decided
from .refitting import Plan, fit_plan

N_GOLDEN = 20
PARITY_ROWS = 20_000


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
    examples = version_files.write_examples(workdir / "artifacts", columns, kept.target.y)
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
    files = version_files.write(
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


def told(file: version_files.StoredFile, workdir: Path) -> dict[str, Any]:
    """A written file as result.json names it."""
    return {
        "path": str(file.path.resolve().relative_to(workdir.resolve())),
        "sha256": file.sha256,
        "size_bytes": file.n_bytes,
    }
