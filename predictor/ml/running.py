"""One training run from its request to result.json, in the order it happens."""

from __future__ import annotations

import importlib
import importlib.metadata
import platform
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..errors import TrainingFailed
from . import portfolio
from .auto import auto
from .baselines import Baselines
from .candidates import Candidate
from .checking import TrainingTable, TrainingWarning, feature_roles, make_table
from .checkpoints import Checkpoints, write_json
from .children import Children
from .choosing import choose
from .conditions import Conditions
from .duplicates import Duplicates, find_duplicates
from .finishing import Finished, finish
from .layouts import layout_of
from .leaderboard import with_weights
from .leaks import find_leaks
from .learning_curve import NO_TIME, LearningCurve, learning_curve
from .progress import Clock, Reporter
from .request import AUTO, TrainingRequest
from .search import Search
from .split_columns import SplitKind, suggested
from .splitting import Split, split_rows
from .tables import read_columns

LIBRARIES = ("scikit-learn", "numpy", "onnx", "onnxruntime", "skops", "duckdb")
# Needed at the end. Loaded before the first fork, every child has them, and what they cost is known by then.
LOADED_EARLY = ("onnxruntime", "onnx", "skops.io")
# Cells (rows × columns) for each second and thread that a portfolio can be compared on, on a slow core.
CELLS_PER_SECOND = 10_000
MIN_SEARCH_ROWS = 1_000
# Rows read at most, for each second of the budget: reading and the final fit must not eat it.
ROWS_READ_PER_SECOND = 50_000
# Beyond so many cells for each second and thread, three folds leave time for more candidates than five.
MANY_CELLS_PER_SECOND = 1_000
# Share of the budget in which columns are searched for leaks: a wide table has thousands.
LEAKS_SHARE = 0.03
# When nothing could be fitted in time, this little is.
LAST_RESORT_ROWS = 1_000
LAST_RESORT_SECONDS = 60.0


def run(request: TrainingRequest, workdir: Path, reporter: Reporter) -> None:
    """Train as a checked request asks; WORKDIR/result.json is whole when this returns.

    Raises MlwebError with the reason.
    """
    reporter.progress(0.0, "Reading the table")
    for name in LOADED_EARLY:
        importlib.import_module(name)
    table, leaks = _read(request, reporter)
    conditions = _conditions(request, table, leaks, reporter)
    split = _split(request, table, conditions.duplicates, reporter)
    checkpoints = Checkpoints.open(workdir, request.digest)
    children = Children(request.limits.n_threads, checkpoints.folder, request.limits.max_memory_bytes)
    clock = Clock(reporter.started_at, request.budget_seconds)
    search = Search(table, split, checkpoints, children, clock, reporter, request.seed)
    search.startup_seconds = clock.elapsed
    baselines = Baselines(search)
    try:
        baselines.start(request)
        search = search_candidates(request, search)
        baselines.settle()
        reporter.progress(0.78, "Asking whether more rows would help")
        # A search in the last resort has used up more than the budget already.
        curve = learning_curve(search) if search.clock is clock else LearningCurve(NO_TIME)
        reporter.progress(0.8, "Blending the best candidates")
        choice = choose(search, max_members=request.limits.max_members)
        finished = finish(request, workdir, search, choice, conditions, baselines)
    finally:
        children.kill_all()
    judged = {**finished.judged, "learning_curve": curve.to_json()}
    write_result(request, workdir, search, replace(finished, judged=judged))


def _read(request: TrainingRequest, reporter: Reporter) -> tuple[TrainingTable, tuple[str, ...]]:
    """The rows to learn from, with what is doubtful about them told; the columns that give the target away."""
    schema = request.table
    sample = rows_to_read(request)
    names = [*feature_roles(schema, request.target), request.target]
    if request.split.column is not None and request.split.column not in names:
        names.append(request.split.column)
    columns = read_columns(Path(request.parquet), schema, names, sample=sample, seed=request.seed)
    table, warnings = make_table(request, columns)
    if sample:
        message = f"Of {schema.n_rows} rows, {len(table)} drawn at random are used within this budget."
        warnings.append(TrainingWarning(message))
    reporter.emit(
        "started",
        message=f"Training on {len(table)} rows and {len(table.columns)} features.",
        task=table.task.value,
        n_rows=len(table),
        n_features=len(table.columns),
    )
    leaks = find_leaks(table, seed=request.seed, max_seconds=max(1.0, LEAKS_SHARE * request.budget_seconds))
    for warning in [*warnings, *leaks]:
        reporter.warn(warning)
    return table, tuple(each.column for each in leaks if each.column is not None)


def rows_to_read(request: TrainingRequest) -> int | None:
    """How many rows the budget has time for; None for all of them."""
    max_rows = max(MIN_SEARCH_ROWS, int(request.budget_seconds * ROWS_READ_PER_SECOND))
    return max_rows if request.schema.n_rows > max_rows else None


def _conditions(
    request: TrainingRequest, table: TrainingTable, leaks: tuple[str, ...], reporter: Reporter
) -> Conditions:
    """How the model will be tested, with what is doubtful about that told."""
    is_random = request.split.kind is SplitKind.RANDOM
    duplicates = find_duplicates(table, is_kept_together=is_random)
    if duplicates.sentence:
        reporter.warn(TrainingWarning(duplicates.sentence))
    better = suggested(request.table, request.target)
    return Conditions(request.split, better, duplicates, leaks, len(table))


def _split(
    request: TrainingRequest, table: TrainingTable, duplicates: Duplicates, reporter: Reporter
) -> Split:
    seconds = request.budget_seconds * request.limits.n_threads
    n_columns = max(len(table.columns), 10)
    max_rows = max(MIN_SEARCH_ROWS, int(CELLS_PER_SECOND * seconds / n_columns))
    is_large = min(len(table), max_rows) * n_columns > MANY_CELLS_PER_SECOND * seconds
    split = split_rows(
        table.target,
        seed=request.seed,
        holdout_share=request.holdout_share,
        n_folds=min(request.n_folds, 3) if is_large else request.n_folds,
        max_search_rows=max_rows,
        layout=layout_of(request.split, table, duplicates),
    )
    if split.is_sampled:
        message = (
            f"Candidates were compared on {len(split.search)} of {len(split.development)} rows, so that the "
            "search ends within the budget; what was chosen is fitted on all rows."
        )
        reporter.warn(TrainingWarning(message))
    return split


def search_candidates(
    request: TrainingRequest, search: Search, choose_all: Callable[..., list[Candidate]] = auto
) -> Search:
    """The search with at least one candidate fitted: in the last resort on a few rows and over the budget."""
    if request.estimator == AUTO:
        first = choose_all(search, seed=request.seed)
    else:
        first = [replace(portfolio.single(request.estimator, request.params), share=0.9)]
        search.run(first, is_pruned=False)
    if not search.outcomes and search.is_budget_limited:
        search = search.shrunk(LAST_RESORT_ROWS, LAST_RESORT_SECONDS)
        message = f"No candidate ended in time, so only {len(search.split.search)} rows were used."
        search.reporter.warn(TrainingWarning(message))
        search.run([replace(each, share=1.0) for each in first], is_pruned=False)
    if not search.outcomes:
        notes = "; ".join(f"{entry.title}: {entry.note}" for entry in search.leaderboard())
        raise TrainingFailed(f"No candidate could be fitted. {notes}")
    return search


def write_result(
    request: TrainingRequest, workdir: Path, search: Search, finished: Finished, **changes: Any
) -> None:
    """result.json, as train.py describes it; `changes` are what another kind of task says otherwise."""
    choice, report = finished.choice, dict(finished.judged)
    artifacts = {**finished.published["artifacts"], **report.pop("artifacts")}
    if note := (report.get("decision") or {}).get("note"):
        search.reporter.warn(TrainingWarning(note, request.target))
    if search.is_budget_limited:
        message = "The time budget ended the search: with more time, other candidates may be chosen."
        search.reporter.warn(TrainingWarning(message))
    best = choice.members[0][0].entry
    write_json(
        workdir / "result.json",
        {
            "format": 1,
            "task": search.table.task.value,
            "target": request.target,
            "title": choice.title,
            "estimator": "blend" if choice.is_blend else best.estimator,
            "params": {"weights": choice.weights} if choice.is_blend else dict(best.params),
            **finished.published,
            "artifacts": artifacts,
            "metrics": report["held_out"],
            "baseline": report["baselines"][0]["held_out"],
            "report": report,
            "leaderboard": [entry.to_json() for entry in with_weights(search.leaderboard(), choice.weights)],
            "warnings": [warning.to_json() for warning in search.reporter.warnings],
            "libraries": {"python": platform.python_version(), **library_versions()},
            "seed": request.seed,
            "budget_seconds": request.budget_seconds,
            "seconds": round(search.clock.elapsed, 3),
            "is_budget_limited": search.is_budget_limited,
            "n_rows": len(search.table),
            "n_rows_left_out": max(request.schema.n_rows - len(search.table), 0),
            **changes,
        },
    )


def library_versions() -> dict[str, str]:
    return {name: importlib.metadata.version(name) for name in LIBRARIES}
