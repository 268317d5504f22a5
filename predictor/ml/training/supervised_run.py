"""One training run from its request to result.json, in the order it happens."""

from __future__ import annotations

import importlib
import importlib.metadata
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from ...errors import TrainingFailed
from ..execution.child_processes import Children
from ..execution.progress import Clock, Reporter
from ..execution.slowdown import Slowdown
from ..pipelines.candidate import Candidate
from ..search import portfolio
from ..search.auto import auto
from ..search.baselines import Baselines
from ..search.checkpoints import Checkpoints
from ..search.learning_curve import learning_curve
from ..search.search import Search
from ..search.selection import choose
from ..tables.stored_tables import read_columns
from ..types.split import SplitKind
from ..types.training_request import AUTO, TrainingRequest
from ..types.warnings import TrainingWarning, WarningKind
from ..validation.duplicates import Duplicates, find_duplicates
from ..validation.split_layout import layout_of
from ..validation.split_suggestions import suggested
from ..validation.splits import Split, split_rows
from ..validation.target_leakage import find_leaks
from ..validation.testing_conditions import Conditions
from ..validation.training_table import TrainingTable, feature_roles, make_table
from ..validation.weight_column import weight_profile, with_column
from .reading import LOADED_EARLY, MIN_SEARCH_ROWS, rows_to_read, with_role_readings
from .recipe import omissions
from .result_file import write_search_result
from .supervised_finish import finish

# Cells (rows × columns) for each second and thread that a portfolio can be compared on, on a slow core.
CELLS_PER_SECOND = 10_000
# Beyond so many cells for each second and thread, three folds leave time for more candidates than five.
MANY_CELLS_PER_SECOND = 1_000
# Share of the budget in which columns are searched for leaks: a wide table has thousands.
LEAKS_SHARE = 0.03
# When nothing could be fitted in time, this little is.
LAST_RESORT_ROWS = 1_000
LAST_RESORT_SECONDS = 60.0
# A named estimator is fitted on all rows of a table with fewer than this, whatever the budget.
WHOLE_ROWS = 100_000
# Folds of a large table, and of one that candidates are compared on a sample of.
FEW_FOLDS, SAMPLE_FOLDS = 3, 2


def run(request: TrainingRequest, workdir: Path, reporter: Reporter) -> None:
    """Train as a checked request asks; WORKDIR/result.json is whole when this returns.

    Raises MlwebError with the reason.
    """
    reporter.progress(0.0, "Reading the table")
    for name in LOADED_EARLY:
        importlib.import_module(name)
    measured = Slowdown.begin()
    digest = request.digest
    request, table, leaks = _read(request, reporter)
    conditions = _conditions(request, table, leaks, reporter)
    slowdown = measured.now()
    split = _split(request, table, conditions.duplicates, slowdown, reporter)
    checkpoints = Checkpoints.open(workdir, digest)
    children = Children(request.limits.n_threads, checkpoints.folder, request.limits.max_memory_bytes)
    clock = Clock(reporter.started_at, request.budget_seconds)
    search = Search(table, split, checkpoints, children, clock, reporter, request.seed)
    search.slowdown = slowdown
    search.is_whole = request.estimator != AUTO and len(table) < WHOLE_ROWS
    baselines = Baselines(search)
    try:
        baselines.start(request)
        search = search_candidates(request, search)
        baselines.settle()
        search.tell("Asking whether more rows would help")
        curve = learning_curve(search)
        search.tell("Blending the best candidates")
        choice = choose(search, max_members=request.limits.max_members)
        finished = finish(request, workdir, search, choice, conditions, baselines)
    finally:
        children.kill_all()
    judged = {**finished.judged, "learning_curve": curve.to_json()}
    judged |= omissions(request, search, finished, judged)
    judged.pop("tested", None)
    finished = replace(finished, judged=judged)
    write_search_result(request, workdir, search, finished, task=search.table.task, n_rows=len(search.table))


def tested_rows(
    request: TrainingRequest, reporter: Reporter
) -> tuple[TrainingRequest, TrainingTable, Conditions, Split]:
    """The rows of a run, and which of them test it: the same ones for the same request."""
    request, table, leaks = _read(request, reporter)
    conditions = _conditions(request, table, leaks, reporter)
    return request, table, conditions, _split(request, table, conditions.duplicates, 1.0, reporter)


def _read(
    request: TrainingRequest, reporter: Reporter
) -> tuple[TrainingRequest, TrainingTable, tuple[str, ...]]:
    """The rows to learn from, with what is doubtful about them told; the columns that give the target away."""
    schema = request.table
    sample = rows_to_read(request)
    names = [*feature_roles(schema, request.target), request.target]
    if request.split.column is not None and request.split.column not in names:
        names.append(request.split.column)
    weights = weight_profile(request)
    request, readings = with_role_readings(request, names)
    schema = request.table
    as_read = schema if weights is None else with_column(schema, weights)
    if weights is not None and weights.name not in names:
        names.append(weights.name)
    columns = read_columns(Path(request.parquet), as_read, names, sample=sample, seed=request.seed)
    table, warnings = make_table(request, columns)
    warnings += readings
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
    return request, table, tuple(str(each.column) for each in leaks if each.kind is WarningKind.LEAK)


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
    request: TrainingRequest,
    table: TrainingTable,
    duplicates: Duplicates,
    slowdown: float,
    reporter: Reporter,
) -> Split:
    seconds = request.budget_seconds * request.limits.n_threads / slowdown
    n_columns = max(len(table.columns), 10)
    max_rows = max(MIN_SEARCH_ROWS, int(CELLS_PER_SECOND * seconds / n_columns))
    is_large = min(len(table), max_rows) * n_columns > MANY_CELLS_PER_SECOND * seconds
    few = SAMPLE_FOLDS if len(table) > max_rows else FEW_FOLDS if is_large else request.n_folds
    split = split_rows(
        table.target,
        seed=request.seed,
        holdout_share=request.holdout_share,
        n_folds=min(request.n_folds, few),
        max_search_rows=max_rows,
        layout=layout_of(request.split, table, duplicates),
    )
    if split.is_sampled:
        message = (
            f"Candidates were compared on {len(split.search)} of {len(split.development)} rows, so that the "
            "search ends within the budget."
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
        if not search.outcomes and search.is_whole:
            search = search.on_finished_folds(first[0])
            _note_fewer_folds(search)
    if not search.outcomes and search.is_budget_limited:
        search = _last_resort(search, first)
    if not search.outcomes:
        notes = "; ".join(f"{entry.title}: {entry.note}" for entry in search.leaderboard())
        raise TrainingFailed(f"No candidate could be fitted. {notes}")
    return search


def _note_fewer_folds(search: Search) -> None:
    n_folds = len(search.split.folds)
    if search.outcomes:
        message = (
            f"Cross-validation ended after {n_folds} fold{'s' if n_folds > 1 else ''}, for lack of time."
        )
        search.reporter.warn(TrainingWarning(message))


def _last_resort(search: Search, candidates: Sequence[Candidate]) -> Search:
    """A search on a few rows, over the budget, until one candidate is fitted. What follows keeps to the budget."""
    n_all, clock = len(search.split.development), search.clock
    search = search.shrunk(LAST_RESORT_ROWS, LAST_RESORT_SECONDS)
    # A share, since the rows of a forecast are steps ahead, more than the table has rows.
    share = len(search.split.search) / n_all
    if share >= 1:
        message = "No candidate ended in time, so the budget was exceeded."
    elif search.is_whole:
        message = (
            f"There was no time to cross-validate on more than {100 * share:.3g} % of the rows for learning."
        )
    else:
        message = (
            f"No candidate ended in time; they were compared on {100 * share:.3g} % of the rows for learning."
        )
    search.reporter.warn(TrainingWarning(message))
    for each in candidates:
        search.run([replace(each, share=1.0)], is_pruned=False)
        if search.outcomes:
            break
    search.clock = clock
    return search
