"""Train one model version in a process of its own: `python -m predictor.ml.training.train REQUEST.json WORKDIR`.

With `--spare SECONDS` instead, the process loads its libraries and waits so long for a line on standard input, the
path of a request; its folder is then the WORKDIR, and the budget begins.

The process is meant to be supervised: it may be killed at any time, by anybody, and nothing is lost.
This text is the contract between it and its supervisor.

Request
    REQUEST.json is `TrainingRequest.to_json()` (predictor/ml/types/training_request.py). WORKDIR is made if it is
    missing and belongs to this run alone. Started again with the same request and WORKDIR, the process takes up
    the fits that were finished and goes on; the budget counts from the new start, less what those fits took.

Standard output: one JSON object a line, flushed. Every line has "event" and "seconds" since the start.
    {"event": "started", "message", "task", "n_rows", "n_features"}
    {"event": "progress", "fraction": 0.0…1.0, "message": "Fitting …, fold 2 of 5"}
    {"event": "candidate", "candidate": {…}, "leaderboard": [{…}, …]}     best first, see below
    {"event": "warning", "message", "column": name or null}
    {"event": "finished", "message", "result": "result.json"}             last line of a good run
    {"event": "failed", "kind": "refused" | "failed" | "crashed", "message", "traceback"}   last line else
    Unknown events and keys may be added: ignore them. Standard error is for people (library chatter).
    `message` can be shown to anybody; `traceback` only to the owner of the run.

A leaderboard entry
    {"key", "title", "estimator", "params", "encoding", "metric": "log_loss" | "rmse", "score", "spread",
     "r2" or "roc_auc", "fit_seconds", "predict_ms": per 1,000 rows, "size_bytes", "weight": share in the
     model that was kept (0 if none; null until known), "status": "done" | "stopped" | "timed out" | "failed",
     "note"}; `score` is smaller for better, None unless status is "done". Without a target the metric is
     "stability", of which more is better, and None where there was no time for it.

Exit codes
    0 finished: WORKDIR/result.json is whole, and every file that it names is on disk
    1 crashed: a fault of ours or of the machine; the traceback is in the "failed" line
    2 the request could not be read
    3 refused: the request is wrong for this table (InvalidTrainingRequest); running it again cannot help
    4 failed: no candidate could be fitted (TrainingFailed)
    negative (a signal): killed; start it again
    To cancel, send SIGTERM or SIGKILL to it: its own children die with it, and it dies with its parent.

WORKDIR/result.json, written last and atomically
    {"format": 1, "task", "target", "estimator", "params", "title", "signature": Signature JSON,
     "artifacts": {"spec.json" | "model.onnx" | "model.skops" | …: {"path": relative to WORKDIR, "sha256",
     "size_bytes"}}, "is_compiled": bool, "parity": {…} or null, "metrics": {name: number}, "baseline": {…},
     "report": EvaluationReport JSON (without a target, that of cluster_report.py or anomaly_report.py),
     "leaderboard": [...], "warnings": [{"message", "column", "kind"}],
     "libraries": {name: version}, "seed", "budget_seconds", "seconds", "is_budget_limited": bool,
     "n_rows", "n_rows_fitted", "n_rows_left_out"}
"""

from __future__ import annotations

import importlib
import os
import select
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import InvalidTrainingRequest, MlwebError, TrainingFailed
from ..types.schema import Task
from ..types.training_request import TrainingRequest

if TYPE_CHECKING:
    from ..execution.progress import Reporter

FINISHED, CRASHED, UNREADABLE, REFUSED, FAILED = range(5)
# Read by BLAS and OpenMP when they are loaded, so they are set before numpy is imported. Fits run side by
# side with one thread each: boosting with two OpenMP threads on a busy machine spins and takes far longer.
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
# Threads that wait for others sleep: a processor that others need is not kept busy with waiting.
WAITING = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "0"}
# What a process that is started ahead loads.
RUNS = ("supervised_run", "forecasting_run", "clustering_run", "anomaly_run")


def main(arguments: list[str]) -> int:
    """The exit code of the run. Nothing is raised: whatever goes wrong becomes the last event."""
    os.environ.update({**dict.fromkeys(THREADS, "1"), **WAITING})
    from ..execution.child_processes import die_with_parent
    from ..execution.progress import Reporter as Told

    die_with_parent()
    if arguments[:1] == ["--spare"]:
        awaited = _awaited_request(float(arguments[1]))
        if awaited is None:
            return FINISHED
        arguments = [str(awaited), str(awaited.parent)]
    reporter = Told()
    try:
        request_path, workdir = (Path(argument) for argument in arguments)
        request = TrainingRequest.read(request_path)
        workdir.mkdir(parents=True, exist_ok=True)
    except (ValueError, OSError, InvalidTrainingRequest) as error:
        return failed(reporter, "refused", f"The training run could not be started: {error}", UNREADABLE)
    return _train(request, workdir, reporter)


def _train(request: TrainingRequest, workdir: Path, reporter: Reporter) -> int:
    try:
        from .request_checks import check_request

        # Before scikit-learn is loaded, which takes seconds: a refusal comes at once.
        _runner(check_request(request))(request, workdir, reporter)
    except Exception as error:
        return failed(reporter, *explained(error))
    reporter.emit("finished", message="The model is trained.", result="result.json")
    return FINISHED


def _awaited_request(seconds: float) -> Path | None:
    """The request that comes in time. From then on, its folder has the standard error."""
    from .reading import LOADED_EARLY

    for name in (*LOADED_EARLY, *(f"{__package__}.{each}" for each in RUNS)):
        importlib.import_module(name)
    ready, _, _ = select.select([sys.stdin], [], [], seconds)
    line = sys.stdin.readline().rstrip("\n") if ready else ""
    if not line:
        return None
    path = Path(line)
    log = os.open(path.parent / "stderr.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, sys.stderr.fileno())
    os.close(log)
    return path


def _runner(task: Task) -> Callable[[TrainingRequest, Path, Reporter], None]:
    """What carries out a run for the task."""
    if task is Task.FORECASTING:
        from .forecasting_run import run as forecast

        return forecast
    if task is Task.ANOMALY:
        from .anomaly_run import run as learn_the_unusual

        return learn_the_unusual
    if task is Task.CLUSTERING:
        from .clustering_run import run as find_clusters

        return find_clusters
    from .supervised_run import run

    return run


def explained(error: Exception) -> tuple[str, str, int]:
    """The kind of failure, a sentence that anybody may read, and the exit code."""
    if isinstance(error, InvalidTrainingRequest):
        return "refused", error.message, REFUSED
    if isinstance(error, TrainingFailed):
        return "failed", error.message, FAILED
    if isinstance(error, MlwebError):
        return "crashed", error.message, CRASHED
    if isinstance(error, MemoryError):
        return "crashed", "The table needs more memory than this machine can give.", CRASHED
    name = type(error).__name__
    return (
        "crashed",
        f"The training stopped at a fault of ours ({name}); its owner can read the details.",
        CRASHED,
    )


def failed(reporter: Reporter, kind: str, message: str, code: int) -> int:
    """Write the last event of a bad run; return the exit code."""
    reporter.emit("failed", kind=kind, message=message, traceback=traceback.format_exc())
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
