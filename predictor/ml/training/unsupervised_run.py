"""Shared steps of unsupervised runs: read the table, store the version, write result.json."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InvalidTrainingRequest
from ..execution.progress import Clock, Reporter
from ..explanation.shapley_importance import SHAPLEY, shapley_importance
from ..features.feature_spec import FeatureSpec
from ..pipelines.fitted_pipeline import FittedPipeline, Member
from ..tables.stored_tables import read_columns
from ..types.left_out import NO_TIME_FOR_ALL, LeftOut, Part, told_by
from ..types.schema import Scalar, Task
from ..types.training_request import TrainingRequest
from ..types.warnings import TrainingWarning
from ..validation.target import MIN_ROWS, Target, missing
from ..validation.training_table import TrainingTable, feature_roles
from .packaging import write_version_files
from .reading import LOADED_EARLY, rows_to_read, with_role_readings
from .result_file import write_result

# With fewer rows, clusters or unusual rows may be chance: the run warns.
FEW_ROWS = 100


@dataclass(frozen=True)
class UnsupervisedResult:
    """Result of an unsupervised run: fitted pipeline, the label code of each row, report and leaderboard."""

    pipeline: FittedPipeline
    classes: tuple[Scalar, ...]
    codes: NDArray[np.intp]
    title: str
    params: Mapping[str, Any]
    report: Mapping[str, Any]
    leaderboard: list[dict[str, Any]]
    is_budget_limited: bool
    threshold: float | None = None
    # Methods that did not try all numbers of clusters, for lack of time.
    cut_methods: tuple[str, ...] = ()


def read_table(
    request: TrainingRequest, task: Task, reporter: Reporter
) -> tuple[TrainingRequest, TrainingTable, Clock]:
    """Read the training rows, and warn of what is doubtful. Raises InvalidTrainingRequest.

    The request comes back with the readings of its columns.
    """
    reporter.progress(0.0, "Reading the table")
    for name in LOADED_EARLY:
        importlib.import_module(name)
    schema = request.table
    roles = feature_roles(schema, "")
    sample = rows_to_read(request)
    request, readings = with_role_readings(request, list(roles))
    for warning in readings:
        reporter.warn(warning)
    schema = request.table
    columns = read_columns(Path(request.parquet), schema, list(roles), sample=sample, seed=request.seed)
    used = {name: values for name, values in columns.items() if not missing(values).all()}
    n_rows = len(next(iter(columns.values())))
    if not used or n_rows < MIN_ROWS:
        raise InvalidTrainingRequest(f"At least {MIN_ROWS} rows and a column with values are needed.")
    table = TrainingTable(used, {name: roles[name] for name in used}, Target("", task, np.zeros(n_rows)))
    reporter.emit(
        "started",
        message=f"Looking at {n_rows} rows and {len(used)} features.",
        task=task.value,
        n_rows=n_rows,
        n_features=len(used),
    )
    if sample:
        message = f"Of {schema.n_rows} rows, {n_rows} drawn at random are used within this budget."
        reporter.warn(TrainingWarning(message))
    if n_rows < FEW_ROWS:
        message = f"With {n_rows} rows, what is found may be chance; {FEW_ROWS} or more are better."
        reporter.warn(TrainingWarning(message))
    return request, table, Clock(reporter.started_at, request.budget_seconds)


def pipeline_of(
    spec: FeatureSpec, estimator: Any, key: str, params: Mapping[str, Any], task: Task, n: int
) -> FittedPipeline:
    """A pipeline of one estimator; `n` is the number of its labels that have probabilities."""
    member = Member(estimator, tuple(range(len(spec.outputs))), 1.0, key, dict(params))
    return FittedPipeline(spec, (member,), task, n)


def blocks_of(spec: FeatureSpec) -> list[range]:
    """Matrix columns of each column of the table, as ranges."""
    sources = [output.source for output in spec.outputs]
    return [range(sources.index(name), len(sources) - sources[::-1].index(name)) for name in spec.sources]


def write_unsupervised_result(
    request: TrainingRequest,
    workdir: Path,
    reporter: Reporter,
    clock: Clock,
    table: TrainingTable,
    result: UnsupervisedResult,
) -> None:
    """Store the version's files and write result.json, as train.py describes it."""
    reporter.progress(0.95, "Exporting, and comparing what serves with what was fitted")
    if result.is_budget_limited:
        reporter.warn(TrainingWarning("The time budget cut the search short: a longer one can tell more."))
    labelled = replace(table, target=Target("", table.task, result.codes, result.classes))
    importance, n_explained = shapley_importance(result.pipeline, labelled, labelled, seed=request.seed)
    published = write_version_files(
        result.pipeline, labelled, request.table, workdir, seed=request.seed, threshold=result.threshold
    )
    left_out = told_by(result.report)
    if result.cut_methods:
        left_out.insert(0, LeftOut(Part.NUMBERS, NO_TIME_FOR_ALL, result.cut_methods))
    member, explanations = result.pipeline.members[0], published.pop("explanations", None)
    write_result(
        request,
        workdir,
        task=table.task,
        reporter=reporter,
        seconds=clock.elapsed,
        is_budget_limited=result.is_budget_limited,
        n_rows=len(table),
        title=result.title,
        estimator=member.key,
        params=dict(result.params),
        **published,
        weights={member.key: 1.0},
        n_rows_fitted=len(table),
        metrics=result.report["metrics"],
        baseline={},
        report={
            **result.report,
            "explanations": explanations,
            "importance": [each.to_json() for each in importance],
            "importance_rows": n_explained,
            "importance_kind": SHAPLEY,
            "left_out": [each.to_json() for each in left_out],
        },
        leaderboard=result.leaderboard,
    )
