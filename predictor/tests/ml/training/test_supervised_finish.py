"""The final stage of a run with a target: a refit that fails is replaced by the mean of the models of the folds."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from predictor.ml.execution.progress import Reporter
from predictor.ml.inference.loading import load_predictor
from predictor.ml.training import supervised_run, timed_fits
from predictor.ml.types.schema import Role, Signature

from ..tables_for_tests import ROLES, regression_table, write_request

N_ROWS, N_DEVELOPMENT = 150, 120


def trained(folder, monkeypatch, *, fails_from):
    """A run of a ridge whose fits on so many rows or more are off by 50; result, reporter and table."""
    real = timed_fits.fit_member

    def fit(candidate, stage, table, **options):
        spec, member = real(candidate, stage, table, **options)
        if len(table) >= fails_from:
            scaling = member.target_scaling
            member = replace(member, target_scaling=replace(scaling, mean=scaling.mean + 50.0))
        return spec, member

    # Only the refits: the folds are fitted by other functions.
    monkeypatch.setattr(timed_fits, "fit_member", fit)
    table = regression_table(N_ROWS)
    columns = {**table.columns, "y": table.target.y}
    request = write_request(
        folder, columns, {**ROLES, "y": Role.NUMERIC}, "y", estimator="ridge", budget_seconds=20.0
    )
    reporter = Reporter()
    supervised_run.run(request, folder, reporter)
    return json.loads((folder / "result.json").read_text("utf-8")), reporter, table


@pytest.mark.parametrize("fails_from", [N_DEVELOPMENT, N_ROWS], ids=["both refits", "the published one"])
def test_a_refit_that_fails_is_replaced_by_the_mean_of_the_models_of_the_folds(
    tmp_path, monkeypatch, fails_from
):
    result, reporter, table = trained(tmp_path, monkeypatch, fails_from=fails_from)

    assert result["title"].startswith("Mean of the models of 5 folds: ")
    assert result["n_rows_fitted"] == N_DEVELOPMENT
    assert result["metrics"]["r2"] > 0.5
    assert result["report"]["held_out"] == result["metrics"]
    assert any("The fit on all rows failed" in each.message for each in reporter.warnings)
    assert "training_loss" not in result
    # What is stored is what the report is about.
    files = {name: tmp_path / each["path"] for name, each in result["artifacts"].items()}
    assert all(path.is_file() for path in files.values())
    predictor = load_predictor(files, Signature.from_json(result["signature"]))
    assert result["is_compiled"]
    error = predictor.predict(table.columns).values - table.target.y
    assert np.sqrt(np.mean(error**2)) < 2 * result["metrics"]["rmse"]


def test_a_refit_in_line_is_published(tmp_path, monkeypatch):
    result, reporter, _ = trained(tmp_path, monkeypatch, fails_from=10 * N_ROWS)

    assert result["n_rows_fitted"] == N_ROWS
    assert "folds" not in result["title"]
    assert not any("failed" in each.message for each in reporter.warnings)
    assert not (tmp_path / "folds").exists()
