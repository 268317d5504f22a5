"""result.json: what a finished training run leaves for its supervisor."""

from __future__ import annotations

import importlib.metadata
import platform
from pathlib import Path
from typing import Any

from ..execution.json_files import write_json
from ..execution.progress import Reporter
from ..search.leaderboard import with_weights
from ..search.search import Search
from ..types.schema import Task
from ..types.training_request import TrainingRequest
from ..types.warnings import TrainingWarning, WarningKind
from .finalization import FinalResult

LIBRARIES = ("scikit-learn", "numpy", "onnx", "onnxruntime", "skops", "duckdb")


def write_result(
    request: TrainingRequest,
    workdir: Path,
    *,
    task: Task,
    reporter: Reporter,
    seconds: float,
    is_budget_limited: bool,
    n_rows: int,
    **content: Any,
) -> None:
    """Write result.json, as train.py describes it.

    `n_rows`: rows that were used. `content`: what the kind of run adds (title, estimator, metrics, report, …).
    """
    write_json(
        workdir / "result.json",
        {
            "format": 1,
            "task": task.value,
            "target": request.target,
            "warnings": [warning.to_json() for warning in reporter.warnings],
            "libraries": {"python": platform.python_version(), **library_versions()},
            "seed": request.seed,
            "budget_seconds": request.budget_seconds,
            "seconds": round(seconds, 3),
            "is_budget_limited": is_budget_limited,
            "n_rows": n_rows,
            "n_rows_left_out": max(request.schema.n_rows - n_rows, 0),
            **content,
        },
    )


def write_search_result(
    request: TrainingRequest,
    workdir: Path,
    search: Search,
    finished: FinalResult,
    *,
    task: Task,
    n_rows: int,
) -> None:
    """Write the result of a run that searched candidates."""
    choice, report, published = finished.choice, dict(finished.judged), dict(finished.published)
    report["explanations"] = published.pop("explanations", None)
    if proofs := published.pop("monotone", None):
        report["monotone"] = proofs
    for name in ("note", "warning"):
        if sentence := (report.get("decision") or {}).get(name):
            search.reporter.warn(TrainingWarning(sentence, request.target, WarningKind.THRESHOLD))
    if search.is_budget_limited:
        message = "The time budget ended the search: with more time, other candidates may be chosen."
        search.reporter.warn(TrainingWarning(message))
    best = choice.members[0][0].entry
    content = {
        "title": choice.title,
        "estimator": "blend" if choice.is_blend else best.estimator,
        "params": {"weights": choice.weights} if choice.is_blend else dict(best.params),
        **published,
        "artifacts": {**published["artifacts"], **report.pop("artifacts")},
        "metrics": report["held_out"],
        "baseline": report["baselines"][0]["held_out"],
        "report": report,
        "leaderboard": [entry.to_json() for entry in with_weights(search.leaderboard(), choice.weights)],
    }
    write_result(
        request,
        workdir,
        task=task,
        reporter=search.reporter,
        seconds=search.clock.elapsed,
        is_budget_limited=search.is_budget_limited,
        n_rows=n_rows,
        **content,
    )


def library_versions() -> dict[str, str]:
    """Versions of the libraries that a stored version depends on."""
    return {name: importlib.metadata.version(name) for name in LIBRARIES}
