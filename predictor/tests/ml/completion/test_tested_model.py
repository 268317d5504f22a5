"""The tested model is fitted again, and is used only when it gives the stored predictions for the same rows."""

from __future__ import annotations

from dataclasses import replace

import pytest
from threadpoolctl import threadpool_limits

from predictor.ml.completion.tested_model import TestedModel as Model
from predictor.ml.completion.work import CannotComplete
from predictor.ml.training import supervised_run
from predictor.ml.types.schema import Role

from ..tables_for_tests import ROLES, regression_table, write_request
from .hurried_runs import finished, no_time


@pytest.fixture(scope="module")
def ridge(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ridge")
    table = regression_table(120)
    columns, roles = {**table.columns, "y": table.target.y}, {**ROLES, "y": Role.NUMERIC}
    request = write_request(folder, columns, roles, "y", estimator="ridge", budget_seconds=60.0)
    with threadpool_limits(1), no_time():
        yield finished(request, folder / "run", supervised_run.run)


def test_it_has_not_learnt_from_the_rows_that_test_it(ridge):
    model = Model(ridge.work)
    assert (len(model.development), len(model.held_out)) == (96, 24)
    assert not set(model.split.development) & set(model.split.held_out)
    error = model.predictions - model.held_out.target.y
    assert float((error**2).mean() ** 0.5) == pytest.approx(ridge.report["held_out"]["rmse"], rel=1e-6)


def test_without_stored_predictions_the_metric_decides(ridge):
    files = {name: path for name, path in ridge.work.files.items() if name != "held_out.json"}
    assert len(Model(replace(ridge.work, files=files)).predictions) == 24
    report = {**ridge.report, "held_out": {"rmse": ridge.report["held_out"]["rmse"] * 1.01}}
    with pytest.raises(CannotComplete, match="does not give the predictions"):
        _ = Model(replace(ridge.work, files=files, report=report)).predictions


def test_other_rows_or_an_unknown_recipe_are_refused(ridge):
    with pytest.raises(CannotComplete, match="cannot be found again"):
        _ = Model(replace(ridge.work, report={**ridge.report, "n_rows": 25})).predictions
    old = replace(ridge.without("recipe"), leaderboard=[])
    with pytest.raises(CannotComplete, match="not stored with this version"):
        _ = Model(old).predictions


def test_a_damaged_file_is_refused(ridge):
    digests = {**ridge.work.digests, "held_out.json": "0" * 64}
    with pytest.raises(CannotComplete, match="SHA-256 differs"):
        _ = Model(replace(ridge.work, digests=digests)).predictions
