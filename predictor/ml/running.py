"""One training run from its request to result.json, in the order it happens."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import TrainingFailed
from . import portfolio
from .blending import blend, mixed
from .checking import TrainingTable, TrainingWarning, check_request, make_table
from .checkpoints import Checkpoints, write_json
from .children import Children, Ended
from .finishing import Chosen, Plan, judge, publish
from .leaderboard import Outcome, with_weights
from .leaks import find_leaks
from .metrics import metrics, selection_metric
from .progress import Clock, Reporter
from .request import AUTO, TrainingRequest
from .search import Search
from .splitting import Split, split_rows
from .tables import read_columns

LIBRARIES = ("scikit-learn", "numpy", "onnx", "onnxruntime", "skl2onnx", "skops", "duckdb")
# Cells (rows × columns) that one thread compares a portfolio on in one second, on a slow core.
CELLS_PER_SECOND = 10_000
MIN_SEARCH_ROWS = 1_000
# Rows read at most, for each second of the budget: reading must not eat it.
ROWS_READ_PER_SECOND = 50_000
# Export, parity gate, importance and reports, beside the final fits.
FINISH_SECONDS = 3.0
FINISH_SHARE = 0.12
FEW_ROWS, MANY_ROWS = 1_500, 20_000


def run(request: TrainingRequest, workdir: Path, reporter: Reporter) -> None:
    """Train as asked; WORKDIR/result.json is whole when this returns. Raises MlwebError with the reason else."""
    clock = Clock(reporter.started_at, request.budget_seconds)
    reporter.progress(0.0, "Checking the request")
    check_request(request)
    table = _read(request, reporter)
    split = _split(request, table, reporter)
    checkpoints = Checkpoints.open(workdir, request.digest)
    children = Children(request.limits.n_threads, checkpoints.folder, request.limits.max_memory_bytes)
    try:
        search = _search(request, table, split, checkpoints, children, clock, reporter)
        finish(request, workdir, search)
    finally:
        children.kill_all()


def _read(request: TrainingRequest, reporter: Reporter) -> TrainingTable:
    schema = request.table
    max_rows = max(MIN_SEARCH_ROWS, int(request.budget_seconds * ROWS_READ_PER_SECOND))
    sample = max_rows if schema.n_rows > max_rows else None
    columns = read_columns(Path(request.parquet), schema, sample=sample, seed=request.seed)
    table, warnings = make_table(request, columns)
    if sample:
        message = f"The table has {schema.n_rows} rows; {len(table)} drawn at random are used within this budget."
        warnings.append(TrainingWarning(message))
    reporter.emit(
        "started",
        message=f"Training on {len(table)} rows and {len(table.columns)} features.",
        task=table.task.value,
        n_rows=len(table),
        n_features=len(table.columns),
    )
    for warning in [*warnings, *find_leaks(table, seed=request.seed)]:
        reporter.warn(warning)
    return table


def _split(request: TrainingRequest, table: TrainingTable, reporter: Reporter) -> Split:
    n_columns = max(len(table.columns), 10)
    cells = request.budget_seconds * request.limits.n_threads * CELLS_PER_SECOND
    max_rows = max(MIN_SEARCH_ROWS, int(cells / n_columns))
    n_folds = min(request.n_folds, 3) if min(len(table), max_rows) > MANY_ROWS else request.n_folds
    split = split_rows(
        table.target,
        seed=request.seed,
        holdout_share=request.holdout_share,
        n_folds=n_folds,
        max_search_rows=max_rows,
    )
    if split.is_sampled:
        message = (
            f"Candidates were compared on {len(split.search)} of {len(split.development)} rows, so that the search "
            "ends within the budget; what was chosen is fitted on all rows."
        )
        reporter.warn(TrainingWarning(message))
    return split


def _search(
    request: TrainingRequest,
    table: TrainingTable,
    split: Split,
    checkpoints: Checkpoints,
    children: Children,
    clock: Clock,
    reporter: Reporter,
) -> Search:
    """Rounds of candidates; on ever fewer rows until at least one candidate could be fitted."""
    reserve = FINISH_SECONDS + FINISH_SHARE * request.budget_seconds
    search = Search(table, split, checkpoints, children, clock, reporter, request.seed,
                    reserve_seconds=min(reserve, 0.5 * request.budget_seconds))  # fmt: skip
    is_auto = request.estimator == AUTO
    found = portfolio.auto(table, seed=request.seed) if is_auto else portfolio.single(request.estimator, request.params)
    search.run(found.anchors, is_pruned=False, max_share=0.4 if is_auto else 0.8)
    search.run(found.others, is_pruned=True)
    if not search.outcomes:
        _search_smaller(search, found, request)
    if not search.outcomes:
        notes = "; ".join(f"{entry.title}: {entry.note}" for entry in search.leaderboard())
        raise TrainingFailed(f"No candidate could be fitted. {notes}")
    return search


def _search_smaller(search: Search, found: portfolio.Portfolio, request: TrainingRequest) -> None:
    """The last resort: the anchors on a small sample, even if that takes more than the budget."""
    timed_out = [each for each in search.entries.values() if each.status in ("timed out", "stopped")]
    if not timed_out:
        return
    n_rows = max(200, min(1000, len(search.split.search) // 4))
    rng = np.random.default_rng(request.seed)
    part = split_rows(search.table.target.rows(search.split.development), seed=request.seed, holdout_share=0.2,
                      n_folds=2, max_search_rows=n_rows)  # fmt: skip
    del rng
    development = search.split.development
    folds = tuple((development[fit], development[score]) for fit, score in part.folds)
    search.split = replace(search.split, search=development[part.search], folds=folds)
    search.checkpoints = Checkpoints.open(search.checkpoints.folder.parent.parent, f"small-{request.digest}")
    search.entries.clear()
    search.is_budget_limited = True
    search.__post_init__()
    search.clock = Clock(search.clock.started_at, search.clock.elapsed + 60.0)
    message = f"No candidate ended in time; {len(search.split.search)} rows were used instead of all."
    search.reporter.warn(TrainingWarning(message))
    search.run(found.anchors, is_pruned=False, max_share=1.0)


@dataclass(frozen=True)
class _Choice:
    """What the search chose, and what it is worth out of fold."""

    weights: Mapping[str, float]
    cross_validation: Mapping[str, Any]
    title: str


def _choose(search: Search, max_members: int) -> _Choice:
    task = search.table.task
    predictions = {key: each.predictions for key, each in search.outcomes.items()}
    weights, _ = blend(task, search.y, predictions, max_members=max_members)
    joint = mixed(weights, predictions)
    each_fold = [metrics(task, search.y[rows], joint[rows])[selection_metric(task)] for rows in search.places]
    cross_validation = {
        "metrics": metrics(task, search.y, joint),
        "n_folds": len(search.places),
        "n_rows": len(search.y),
        "spread": float(np.std([score for score in each_fold if score is not None])),
    }
    titles = [search.outcomes[key].candidate.title for key in sorted(weights, key=lambda key: -weights[key])]
    title = titles[0] if len(titles) == 1 else f"Blend of {len(titles)}: {', '.join(titles)}"
    return _Choice(weights, cross_validation, title)


def finish(request: TrainingRequest, workdir: Path, search: Search) -> None:
    """Judge and publish what was chosen, with a smaller plan when that takes too long, and write the result."""
    search.reporter.progress(0.8, "Blending the best candidates")
    choice = _choose(search, request.limits.max_members)
    folder = search.checkpoints
    for number, (weights, max_rows, timeout) in enumerate(_plans(choice, search)):
        plan = Plan(tuple(_chosen(search.outcomes[key], share) for key, share in weights.items()), max_rows, request.seed)
        ended = _finish_in_children(request, workdir, search, plan, choice, timeout, number)
        judged, published = (folder.read_json(f"{name}-{number}.json") for name in ("judged", "published"))
        if judged and published:
            _write_result(request, workdir, search, replace(choice, weights=weights), judged, published)
            return
        search.is_budget_limited = search.is_budget_limited or any(each.status == "timed out" for each in ended)
        reasons = "; ".join(each.note for each in ended if each.note)
        message = f"The final fit of {choice.title} did not succeed ({reasons}); a smaller one is tried."
        search.reporter.warn(TrainingWarning(message))
    raise TrainingFailed(f"The final fit did not succeed: {reasons}.")


def _plans(choice: _Choice, search: Search) -> list[tuple[Mapping[str, float], int | None, float]]:
    """(weights, rows, timeout): what was chosen; then the quickest good one; then that on the search rows."""
    budget = search.clock.budget_seconds
    quick = min(search.outcomes.values(), key=lambda each: each.fold_seconds)
    best = min(search.outcomes.values(), key=lambda each: each.entry.score or np.inf)
    n_search = len(search.split.search)
    return [
        (choice.weights, None, max(search.clock.remaining + 0.05 * budget, 2.0)),
        ({best.candidate.key: 1.0}, n_search, max(5.0, 20 * best.fold_seconds)),
        ({quick.candidate.key: 1.0}, n_search, 120.0),
    ]


def _chosen(outcome: Outcome, weight: float) -> Chosen:
    return Chosen(outcome.candidate, outcome.stage, weight)


def _finish_in_children(
    request: TrainingRequest, workdir: Path, search: Search, plan: Plan, choice: _Choice, timeout: float, number: int
) -> list[Ended]:
    """Run what is not done yet of judging and publishing, side by side when there are two threads."""
    folder = search.checkpoints.folder
    paths = {name: folder / f"{name}-{number}.json" for name in ("judged", "published")}
    simple = search.outcomes.get(portfolio.linear_baseline(search.table.task).key)
    linear = _chosen(simple, 1.0) if simple and set(choice.weights) != {simple.candidate.key} else None
    importance_seconds = max(1.0, 0.06 * request.budget_seconds)

    def work_judge() -> None:
        judge(plan, linear, search.table, search.split, choice.cross_validation, paths["judged"],
              importance_seconds=importance_seconds)  # fmt: skip

    def work_publish() -> None:
        publish(plan, search.table, request.table, workdir, paths["published"])

    works = {"published": (work_publish, 0.85, f"Fitting {choice.title} on all rows"),
             "judged": (work_judge, 0.93, "Evaluating on the held-out rows")}  # fmt: skip
    waiting = [name for name, path in paths.items() if not path.exists()]
    started, ended = search.clock.elapsed, []
    for name in sorted(waiting, reverse=True):
        if not search.children.has_slot:
            ended.append(search.children.wait())
        work, fraction, message = works[name]
        search.reporter.progress(fraction, message)
        search.children.start(f"{name}-{number}", work, max(timeout - (search.clock.elapsed - started), 1.0))
    while not search.children.is_idle:
        ended.append(search.children.wait())
    return ended


def _write_result(
    request: TrainingRequest,
    workdir: Path,
    search: Search,
    choice: _Choice,
    report: Mapping[str, Any],
    published: Mapping[str, Any],
) -> None:
    """result.json, as train.py describes it."""
    board = with_weights(search.leaderboard(), choice.weights)
    if search.is_budget_limited:
        message = "The time budget ended the search: more candidates would be tried, and another run may choose others."
        search.reporter.warn(TrainingWarning(message))
    best = max(choice.weights, key=choice.weights.__getitem__)
    chosen = next(entry for entry in board if entry.key == best)
    is_blend = len(choice.weights) > 1
    write_json(
        workdir / "result.json",
        {
            "format": 1,
            "task": search.table.task.value,
            "target": request.target,
            "title": choice.title if is_blend else chosen.title,
            "estimator": "blend" if is_blend else chosen.estimator,
            "params": {"weights": dict(choice.weights)} if is_blend else dict(chosen.params),
            **published,
            "metrics": report["held_out"],
            "baseline": report["baselines"][0]["held_out"],
            "report": report,
            "leaderboard": [entry.to_json() for entry in board],
            "warnings": [warning.to_json() for warning in search.reporter.warnings],
            "libraries": {"python": platform.python_version(), **_versions()},
            "seed": request.seed,
            "budget_seconds": request.budget_seconds,
            "seconds": round(search.clock.elapsed, 3),
            "is_budget_limited": search.is_budget_limited,
            "n_rows": len(search.table),
            "n_rows_left_out": max(request.schema.n_rows - len(search.table), 0),
        },
    )


def _versions() -> dict[str, str]:
    return {name: importlib.metadata.version(name) for name in LIBRARIES}
