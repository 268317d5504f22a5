"""The uniform blend of the portfolio of *Auto*, without its search: a simple method that *Auto* should not be below.

    python benchmarks/_portfolio.py REQUEST.json ANSWER.json

Request and answer are those of peers/automl.py, and "parquet" and "schema" are the training table as imported. Each
candidate has an equal share of the seconds for its folds, whose best stage is fitted on all rows; all that ended with
finite predictions have the same weight.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(PROJECT), str(PROJECT / "benchmarks")]

import numpy as np

from predictor.ml.execution.progress import Reporter
from predictor.ml.inputs.csv_rows import CsvLimits, CsvOptions, CsvRows
from predictor.ml.inputs.row_checker import RowChecker
from predictor.ml.pipelines.fitting import fit_member, join
from predictor.ml.pipelines.signatures import build_signature
from predictor.ml.search import portfolio
from predictor.ml.search.fold_fitting import fit_fold, model_size
from predictor.ml.search.leaderboard import outcome_of
from predictor.ml.training.supervised_run import tested_rows
from predictor.ml.types.training_request import TrainingRequest
from predictor.ml.validation.splits import split_rows

N_FOLDS = 5
# The rest is for the fits on all rows.
FOLDS_SHARE = 0.8


def main() -> None:
    document = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    request = TrainingRequest.from_json(document["request"])
    started = time.monotonic()
    pipeline, signature = fitted(request)
    seconds = time.monotonic() - started
    checker, limits = RowChecker(signature), CsvLimits(max_bytes=1 << 32, max_rows=10_000_000)
    scratch = Path(document["folder"])
    chunks = CsvRows(Path(document["test"]), signature, CsvOptions(), limits, scratch=scratch).chunks()
    columns = [checker.check(chunk.rows, are_texts=True).columns for chunk in chunks]
    started, outputs = time.monotonic(), [pipeline.predict(each) for each in columns]
    elapsed, n_rows = time.monotonic() - started, 0
    answers: list[Any] = []
    for each in outputs:
        part = each.values if each.probabilities is None else each.probabilities
        answers += part.tolist()
        n_rows += len(part)
    is_regression = not signature.task.is_classification
    answer = {
        "values" if is_regression else "probabilities": answers,
        "classes": [str(each) for each in signature.classes],
        "seconds": round(seconds, 1),
        "us_per_row": round(1e6 * elapsed / max(n_rows, 1), 1),
        "size_bytes": sum(model_size(each.estimator) for each in pipeline.members),
        "members": f"{len(pipeline.members)} members",
        "versions": {},
    }
    Path(sys.argv[2]).write_text(json.dumps(answer), "utf-8")


def fitted(request: TrainingRequest) -> tuple[Any, Any]:
    request, table, _, _ = tested_rows(request, Reporter())
    facts = portfolio.TableFacts.of(table)
    split = split_rows(table.target, seed=request.seed, holdout_share=0.0, n_folds=N_FOLDS)
    folds, y = split.folds, table.target.y[split.scored]
    places = [np.searchsorted(split.scored, score) for _, score in folds]
    scores: dict[str, float] = {}
    members: list[Any] = []
    anchors = portfolio.anchors(facts)
    n_candidates = len(anchors) + len(portfolio.second_round(facts, {}))
    share = FOLDS_SHARE * request.budget_seconds / n_candidates / N_FOLDS
    candidates, following = list(anchors), True
    while candidates:
        each = candidates.pop(0)
        fits = [
            fit_fold(each, table.rows(fit), table.rows(score), seed=request.seed, max_seconds=share)
            for fit, score in folds
        ]
        outcome = outcome_of(each, table.task, y, places, fits)
        if outcome.entry.score is not None:
            scores[each.key] = outcome.entry.score
            members.append(fit_member(each, outcome.stage, table, seed=request.seed))
        if not candidates and following:
            candidates, following = portfolio.second_round(facts, scores), False
    pipeline = join([(spec, replace(member, weight=1 / len(members))) for spec, member in members], table)
    return pipeline, build_signature(pipeline, table, request.table)


if __name__ == "__main__":
    main()
