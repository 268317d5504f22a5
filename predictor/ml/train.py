"""Train one model version in a process of its own: `python -m predictor.ml.train REQUEST.json WORKDIR`.

The process is meant to be supervised: it may be killed at any time, by anybody, and nothing is lost.
This text is the contract between it and its supervisor.

Request
    REQUEST.json is `TrainingRequest.to_json()` (predictor/ml/request.py). WORKDIR is made if it is missing
    and belongs to this run alone. Started again with the same request and WORKDIR, the process takes up
    the fits that were finished and goes on; the budget counts from the new start, less what those fits took.

Standard output: one JSON object a line, flushed. Every line has "event" and "seconds" since the start.
    {"event": "started", "message", "task", "n_rows", "n_features"}
    {"event": "progress", "fraction": 0.0…1.0, "message": "Fitting …, fold 2 of 5"}
    {"event": "candidate", "candidate": {…}, "leaderboard": [{…}, …]}     best first, see below
    {"event": "warning", "message", "column": name or null}
    {"event": "finished", "message", "result": "result.json"}             last line of a good run
    {"event": "failed", "kind": "refused" | "failed" | "crashed", "message", "traceback"}   last line otherwise
    Unknown events and keys may be added: ignore them. Standard error is for people (library chatter).
    `message` can be shown to anybody; `traceback` only to the owner of the run.

A leaderboard entry
    {"key", "title", "estimator", "params", "encoding", "metric": "log_loss" | "rmse", "score", "spread",
     "r2" or "roc_auc", "fit_seconds", "predict_ms": per 1,000 rows, "size_bytes", "weight": share in the
     model that was kept (0 if none; null until known), "status": "done" | "stopped" | "timed out" | "failed",
     "note"}; `score` is smaller for better, None unless status is "done".

Exit codes
    0 finished: WORKDIR/result.json is whole, and every file that it names is on disk
    1 crashed: a fault of ours or of the machine; the traceback is in the "failed" line
    2 the request could not be read
    3 refused: the request is wrong for this table (InvalidTrainingRequest); running it again cannot help
    4 failed: no candidate could be fitted (TrainingFailed)
    negative (a signal): killed; start it again
    To cancel, send SIGTERM or SIGKILL to it: its own children die with it, and it dies with its parent.

WORKDIR/result.json, written last and atomically (predictor/ml/result.py: `TrainingResult`)
    {"format": 1, "task", "target", "estimator", "params", "title", "signature": Signature JSON,
     "artifacts": {"spec.json" | "model.onnx" | "model.skops" | …: {"path": relative to WORKDIR, "sha256",
     "size_bytes"}}, "is_compiled": bool, "parity": {…} or null, "metrics": {name: number}, "baseline": {…},
     "report": EvaluationReport JSON, "leaderboard": [...], "warnings": [{"message", "column"}],
     "libraries": {name: version}, "seed", "budget_seconds", "seconds", "is_budget_limited": bool,
     "n_rows", "n_rows_fitted", "n_rows_left_out"}
"""
