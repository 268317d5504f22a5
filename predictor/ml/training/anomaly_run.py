"""Anomaly detection run (isolation forest), from its request to result.json."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..estimators.catalogue import CATALOGUE, validate_params
from ..estimators.isolation_forest import (
    N_FOLDS,
    IsolationScore,
    calibrate,
    fit_forest,
    out_of_sample,
    raw_scores,
)
from ..execution.progress import Deadline, Reporter
from ..explanation.background import Background
from ..explanation.shapley import Explainer, Explanation, n_background_rows
from ..features.encoding import ISOLATION
from ..features.feature_spec import FeatureSpec
from ..onnx_export.export import export
from ..onnx_export.session import Session
from ..persistence.version_files import prediction_array
from ..pipelines.fitted_pipeline import FittedPipeline
from ..pipelines.fitting import sample_rows
from ..types.schema import Task
from ..types.training_request import TrainingRequest
from ..unsupervised.anomaly_report import ScoredRows, report
from ..validation.training_table import TrainingTable
from .unsupervised_run import UnsupervisedResult, pipeline_of, read_table, write_unsupervised_result

ESTIMATOR = "isolation_forest"
# Rows scored to calibrate, for each second of the budget; 100 trees score about 20,000 rows in a second.
ROWS_PER_SECOND = 400
LEAST_ROWS, MOST_ROWS = 2_000, 20_000
N_REPEATS = 5
REPEATED_ROWS = 4_000
LEAST_TREES = 30
# Share of the budget for export, parity check and writing; shares of the time before that for the
# calibration forests, and of what is then left for the repeats.
END_SHARE, FOLDS_SHARE, REPEATS_SHARE = 0.15, 0.5, 0.5


def run(request: TrainingRequest, workdir: Path, reporter: Reporter) -> None:
    """Fit an isolation forest for a checked request; WORKDIR/result.json is complete when this returns."""
    request, table, clock = read_table(request, Task.ANOMALY, reporter)
    params = validate_params(ESTIMATOR, Task.ANOMALY, request.params)
    spec, matrix = FeatureSpec.fit_transform(table.columns, table.roles, ISOLATION)
    places = calibration_rows(request, len(table))
    # As many as the calibration forests have, which see fewer rows: with more, the same row would score less.
    n_others = len(places) * (N_FOLDS - 1) // N_FOLDS
    params["max_samples"] = min(params["max_samples"], n_others)
    reporter.progress(0.1, "Growing the forest on all rows")
    started = time.monotonic()
    forest = fit_forest(matrix, params, request.seed)
    seconds = time.monotonic() - started
    reporter.progress(0.2, "Scoring rows by forests that have not seen them")
    last = Deadline(clock.deadline.at - END_SHARE * request.budget_seconds)
    others = _affordable(params, seconds, last.remaining * FOLDS_SHARE)
    estimator = calibrate(forest, out_of_sample(matrix[places], others, request.seed))
    reporter.progress(0.6, "Growing other forests, to see whether they name the same rows")
    until = Deadline.after(last.remaining * REPEATS_SHARE)
    stability = stability_of(
        forest, matrix[places], others, seed=request.seed, deadline=until, seconds=seconds
    )
    scored = ScoredRows(
        table=table.rows(places),
        # Scores of the served forest, whose trees have seen these rows: a prediction for them gives the same.
        scores=estimator.raw(matrix[places]),
        numbers=places if len(table) == request.schema.n_rows else None,
        estimator=estimator,
        contamination=float(params["contamination"]),
        stability=stability,
    )
    reporter.progress(0.75, "Finding out what makes the most unusual rows unusual")
    until = Deadline.after(last.remaining)
    explain = explainer_of(spec, estimator, table, matrix[places], request.seed)
    evaluation = report(scored, explain, until)
    board = _leaderboard(params, stability, seconds, estimator, matrix)
    reporter.emit("candidate", candidate=board[0], leaderboard=board)
    described = UnsupervisedResult(
        pipeline=pipeline_of(spec, estimator, ESTIMATOR, params, Task.ANOMALY, 0),
        classes=(),
        codes=np.zeros(len(table), np.intp),
        title=CATALOGUE[ESTIMATOR].title,
        params=params,
        report=evaluation,
        leaderboard=board,
        is_budget_limited=others != params or stability is None or evaluation["rows"][-1]["reasons"] is None,
        threshold=1.0 - float(params["contamination"]),
    )
    write_unsupervised_result(request, workdir, reporter, clock, table, described)


def _affordable(params: Mapping[str, Any], seconds: float, seconds_left: float) -> dict[str, Any]:
    """Params of the calibration forests: fewer trees if all would take longer than `seconds_left`."""
    share = seconds_left / max(N_FOLDS * seconds, 1e-9)
    fewest = min(LEAST_TREES, int(params["n_estimators"]))
    n_trees = max(fewest, int(params["n_estimators"] * min(share, 1.0)))
    return {**params, "n_estimators": n_trees}


def calibration_rows(request: TrainingRequest, n_rows: int) -> NDArray[np.intp]:
    """Positions of the calibration rows: all, or a random sample that fits the budget."""
    most = int(np.clip(ROWS_PER_SECOND * request.budget_seconds, LEAST_ROWS, MOST_ROWS))
    if n_rows <= most:
        return np.arange(n_rows)
    return np.sort(np.random.default_rng(request.seed).choice(n_rows, most, replace=False))


def stability_of(
    forest: Any,
    matrix: NDArray[np.float32],
    params: Mapping[str, Any],
    *,
    seed: int,
    deadline: Deadline,
    seconds: float,
) -> float | None:
    """Stability: share of the unusual rows that forests of other seeds find too. `seconds`: for one forest."""
    sample = matrix[np.linspace(0, len(matrix) - 1, min(len(matrix), REPEATED_ROWS)).astype(np.intp)]
    n_unusual = max(1, round(float(params["contamination"]) * len(sample)))
    flagged = set(np.argsort(-raw_scores(forest, sample), kind="stable")[:n_unusual].tolist())
    overlaps: list[float] = []
    for repeat in range(1, N_REPEATS + 1):
        if not deadline.allows(seconds):
            break
        scores = raw_scores(fit_forest(matrix, params, seed + 1_000 * repeat), sample)
        overlaps.append(
            len(flagged & set(np.argsort(-scores, kind="stable")[:n_unusual].tolist())) / n_unusual
        )
    return float(np.mean(overlaps)) if overlaps else None


def explainer_of(
    spec: FeatureSpec, estimator: IsolationScore, table: TrainingTable, matrix: NDArray[np.float32], seed: int
) -> Any:
    """Shapley values of the raw score, since calibrated scores of unusual rows are all near 1."""
    own = IsolationScore.uncalibrated(estimator.forest_)
    pipeline: FittedPipeline = pipeline_of(spec, own, ESTIMATOR, {}, Task.ANOMALY, 0)
    session = Session(export(pipeline))
    background = sample_rows(table, n_background_rows(len(spec.sources)), seed).columns
    explainer = Explainer(spec, Background(background), lambda rows: prediction_array(session.run(rows)))

    def explain(places: NDArray[np.intp]) -> Sequence[Explanation]:
        return explainer.explain(matrix[places], [None] * len(places))

    return explain


def _leaderboard(
    params: Mapping[str, Any], stability: float | None, seconds: float, estimator: IsolationScore, matrix: Any
) -> list[dict[str, Any]]:
    sample = matrix[:1_000]
    started = time.perf_counter()
    estimator.predict(sample)
    predict_ms = round((time.perf_counter() - started) * 1e6 / len(sample), 3)
    info = CATALOGUE[ESTIMATOR]
    return [
        {
            "key": ESTIMATOR,
            "title": info.title,
            "estimator": ESTIMATOR,
            "params": dict(params),
            "encoding": ISOLATION.categories,
            "metric": "stability",
            "score": stability,
            "spread": None,
            "fit_seconds": round(seconds, 3),
            "predict_ms": predict_ms,
            "size_bytes": None,
            "weight": 1.0,
            "status": "done",
            "note": "",
        }
    ]
