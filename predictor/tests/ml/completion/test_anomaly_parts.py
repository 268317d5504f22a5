"""Parts on unusual rows that are computed later are those of a run with enough time, by the served forest."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from threadpoolctl import threadpool_limits

from predictor.ml.completion.complete import complete, part_path
from predictor.ml.execution.progress import Deadline, Reporter
from predictor.ml.training import anomaly_run
from predictor.ml.types.left_out import Part
from predictor.ml.types.schema import Task

from ..planted import ODD_ROLES, odd_rows
from ..tables_for_tests import write_request
from .hurried_runs import finished

PARAMS = {"n_estimators": 30, "max_samples": 256, "contamination": 0.02}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("anomalies")
    columns, _ = odd_rows()
    request = write_request(
        folder, columns, ODD_ROLES, "", task=Task.ANOMALY, estimator="isolation_forest", params=PARAMS,
        budget_seconds=120.0,
    )  # fmt: skip
    with threadpool_limits(1):
        whole = finished(request, folder / "whole", anomaly_run.run)
        with pytest.MonkeyPatch.context() as patch:
            report = anomaly_run.report
            patch.setattr(anomaly_run, "stability_of", lambda *args, **options: None)
            patch.setattr(
                anomaly_run, "report", lambda scored, explain, until: report(scored, explain, Deadline(0.0))
            )
            hurried = finished(request, folder / "hurried", anomaly_run.run)
        yield whole, hurried


def test_what_is_computed_later_is_what_a_run_with_enough_time_tells(runs, tmp_path):
    whole, hurried = runs
    assert hurried.work.parts == (Part.STABILITY, Part.REASONS)
    assert {row["reasons"] for row in hurried.report["rows"]} == {None}

    complete(hurried.work, tmp_path, Reporter())

    report = dict(hurried.report)
    for part in hurried.work.parts:
        report |= json.loads(part_path(tmp_path, part).read_text("utf-8"))["report"]
    for key in ("metrics", "verdict", "rows", "columns", "histogram"):
        assert report[key] == whole.report[key], key
    # The planted rows and what is odd in them: known from outside.
    _, odd = odd_rows()
    reasons = {row["row"] - 1: " ".join(row["reasons"]) for row in report["rows"]}
    assert set(odd) <= set(reasons)
    assert "amount 900: higher than in every other row" in reasons[7]


def test_a_forest_that_scores_the_rows_in_another_way_is_refused(runs, tmp_path):
    _, hurried = runs
    rows = [{**row, "isolation": row["isolation"] * 1.01} for row in hurried.report["rows"]]
    work = replace(hurried.work, report={**hurried.report, "rows": rows})

    complete(work, tmp_path, Reporter())

    for part in work.parts:
        content = json.loads(part_path(tmp_path, part).read_text("utf-8"))
        assert "in another way than it did" in content["refusal"]
