"""Packaging: fit on all rows, export to ONNX, compare with scikit-learn, write the files of the version.

Runs in a child process of its own and writes a JSON file, so that a run that was killed does not repeat it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import TrainingFailed, quoted_list
from ..calibration.conformal import ConformalIntervals
from ..evaluation.monotonicity import Monotonicity, check_monotone
from ..evaluation.refit_check import training_loss
from ..execution.json_files import write_json
from ..explanation.background import (
    MAX_ASKED,
    MAX_ASKED_IN_PROCESS,
    Background,
    asked_rows,
    choose_background,
)
from ..explanation.nearest_examples import MAX_EXAMPLES
from ..explanation.shapley import n_background_rows
from ..features.columns import Columns
from ..onnx_export.parity import compile_checked
from ..onnx_export.session import CHUNK_ROWS, Session
from ..persistence import version_files
from ..pipelines.fitted_pipeline import FittedPipeline
from ..pipelines.fitting import sample_rows
from ..pipelines.signatures import build_signature
from ..types.schema import TableSchema, Task
from ..validation.training_table import TrainingTable
from .post_processing import PostProcessing
from .refitting import RefitPlan, RefitResult, fit_plan

N_GOLDEN = 20
PARITY_ROWS = 20_000


def package(
    plan: RefitPlan,
    table: TrainingTable,
    schema: TableSchema,
    workdir: Path,
    target_path: Path,
    *,
    decided_of: Callable[[Mapping[str, float]], PostProcessing],
    fitted: RefitResult | None = None,
) -> RefitResult:
    """Fit on the table, export, compare, write the files of the version; describe them in `target_path`.

    `fitted`: what is packaged, if it has been fitted already. Returns what was fitted, as it was before calibration.
    """
    fitted = fitted or fit_plan(plan, table)
    decided = decided_of(fitted.weights)
    pipeline = replace(fitted.pipeline, calibration=decided.calibration)
    published = write_version_files(
        pipeline,
        table,
        schema,
        workdir,
        seed=plan.seed,
        uncertainty=decided.uncertainty,
        threshold=decided.threshold.value if decided.threshold else None,
    )
    # In random order, so that the first ones are a random sample when not all fit into the file.
    kept = table.rows(np.random.default_rng(plan.seed).permutation(len(table))[:MAX_EXAMPLES])
    columns = {each["name"]: kept.columns[each["name"]] for each in published["signature"]["fields"]}
    examples = version_files.write_examples(workdir / "artifacts", columns, kept.target.y)
    published["artifacts"][examples.name] = artifact_entry(examples, workdir)
    facts = {"weights": dict(fitted.weights), "n_rows_fitted": fitted.n_rows, "is_cut": fitted.is_cut}
    facts["training_loss"] = training_loss(pipeline, table)
    if len(fitted.pipeline.members) == 1:
        facts["params"] = dict(fitted.pipeline.members[0].params)
    write_json(target_path, {**published, **facts})
    return fitted


def write_version_files(
    pipeline: FittedPipeline,
    table: TrainingTable,
    schema: TableSchema,
    workdir: Path,
    *,
    seed: int,
    uncertainty: ConformalIntervals | None = None,
    threshold: float | None = None,
    has_background: bool = True,
) -> dict[str, Any]:
    """Export, compare and write the files of a version. Returns their entries for result.json."""
    signature = build_signature(pipeline, table, schema)
    rows = sample_rows(table, PARITY_ROWS, seed)
    compiled, parity = compile_checked(pipeline, rows.columns, seed=seed)
    folder = workdir / "artifacts"
    folder.mkdir(exist_ok=True)
    golden = table.rows(np.unique(np.linspace(0, len(table) - 1, N_GOLDEN).astype(np.intp)))
    background = background_of(pipeline, table, compiled, seed=seed) if has_background else None
    files = version_files.write(
        folder,
        pipeline=pipeline,
        signature=signature,
        compiled=compiled,
        golden=golden.columns,
        threshold=threshold,
        uncertainty=uncertainty,
        background=background,
    )
    facts: dict[str, Any] = {}
    if background is not None:
        n_rows = len(next(iter(background.columns.values())))
        facts["explanations"] = {"n_rows": n_rows, "is_training_mean": background.is_training_mean}
    if table.monotone:
        facts["monotone"] = [
            each.to_json() for each in checked_monotone(pipeline, table, compiled, seed=seed)
        ]
    return {
        **facts,
        "signature": signature.to_json(),
        "is_compiled": compiled is not None,
        "parity": parity.to_json(),
        "artifacts": {name: artifact_entry(file, workdir) for name, file in files.items()},
    }


def background_of(
    pipeline: FittedPipeline, table: TrainingTable, compiled: bytes | None, *, seed: int
) -> Background:
    """The rows that explanations compare with, whose mean answer is that over the training rows."""
    served = pipeline if compiled is None else Session(compiled)
    predict_matrix = pipeline.predict_matrix if isinstance(served, FittedPipeline) else served.run
    asked = asked_rows(table.target.y, MAX_ASKED_IN_PROCESS if compiled is None else MAX_ASKED)
    names = pipeline.spec.sources

    def predict(columns: Columns) -> NDArray[np.float64]:
        matrix = pipeline.spec.transform(columns)
        starts = range(0, len(matrix), CHUNK_ROWS)
        return np.concatenate(
            [version_files.prediction_array(predict_matrix(matrix[at : at + CHUNK_ROWS])) for at in starts]
        )

    return choose_background(
        {name: table.columns[name][asked] for name in names},
        predict,
        n_rows=n_background_rows(len(names), pipeline.n_classes),
        seed=seed,
    )


def checked_monotone(
    pipeline: FittedPipeline, table: TrainingTable, compiled: bytes | None, *, seed: int
) -> list[Monotonicity]:
    """What serves, tried along each monotone column. Raises TrainingFailed where it is not monotone."""
    predict_matrix = pipeline.predict_matrix if compiled is None else Session(compiled).run

    def predict(columns: Columns) -> NDArray[np.float64]:
        outputs = predict_matrix(pipeline.spec.transform(columns))
        if outputs.probabilities is None:
            return np.asarray(outputs.values, np.float64)
        return np.asarray(outputs.probabilities[:, table.target.positive], np.float64)

    used = {name: each for name, each in table.monotone.items() if name in pipeline.spec.sources}
    columns = {name: table.columns[name] for name in pipeline.spec.sources}
    scale = float(table.target.y.std()) if table.task is Task.REGRESSION else 1.0
    found = check_monotone(predict, columns, used, scale=scale, seed=seed)
    wrong = [each.column for each in found if not each.holds]
    if wrong:
        raise TrainingFailed(
            f"The model does not follow {quoted_list(wrong)} in one direction, so it is not published."
        )
    return found


def artifact_entry(file: version_files.StoredFile, workdir: Path) -> dict[str, Any]:
    """The entry of a written file in result.json."""
    return {
        "path": str(file.path.resolve().relative_to(workdir.resolve())),
        "sha256": file.sha256,
        "size_bytes": file.n_bytes,
    }
