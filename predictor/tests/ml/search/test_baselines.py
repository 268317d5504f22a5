from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest

from predictor.ml.execution.child_processes import Children
from predictor.ml.execution.progress import Clock, Reporter
from predictor.ml.explanation.permutation_importance import predicted
from predictor.ml.pipelines.fitting import fit_member, join
from predictor.ml.search import baselines as module
from predictor.ml.search.baselines import BOOSTING, Baselines
from predictor.ml.search.checkpoints import Checkpoints
from predictor.ml.search.search import Search
from predictor.ml.types.schema import TableSchema
from predictor.ml.types.training_request import TrainingRequest
from predictor.ml.validation.splits import split_rows
from predictor.tests.waiting import hang

from ..tables_for_tests import regression_table

AUTO = TrainingRequest("", TableSchema((), 0), "y")


@pytest.fixture
def search(tmp_path):
    table = regression_table(120)
    checkpoints = Checkpoints.open(tmp_path, "a-digest")
    return Search(
        table,
        split_rows(table.target, seed=0, holdout_share=0.2, n_folds=3),
        checkpoints,
        Children(1, checkpoints.folder),
        Clock(time.monotonic(), 600.0),
        Reporter(),
        seed=0,
    )


def test_default_boosting_predicts_the_held_out_rows(search):
    run = Baselines(search)
    run.start(AUTO)
    run.settle()
    (baseline,) = run.found()
    assert (baseline.key, baseline.title, run.notes) == ("boosting", "Boosting, default settings", [])
    development, held_out = (
        search.table.rows(rows) for rows in (search.split.development, search.split.held_out)
    )
    again = join([fit_member(BOOSTING, {}, development, seed=0)], development)
    assert baseline.predictions == pytest.approx(predicted(again, held_out), rel=1e-5)


def test_a_run_of_one_estimator_has_a_linear_baseline_too(search):
    run = Baselines(search)
    run.start(replace(AUTO, estimator="random_forest"))
    run.settle()
    assert [each.key for each in run.found()] == ["boosting", "linear"]


def test_a_baseline_that_the_run_trains_itself_is_not_fitted_again(search):
    run = Baselines(search)
    run.start(
        replace(AUTO, estimator="hist_gradient_boosting", params={"max_iter": 100, "learning_rate": 0.1})
    )
    run.settle()
    assert [each.key for each in run.found()] == ["linear"]


def test_a_baseline_that_takes_too_long_is_killed_and_noted(search, monkeypatch):
    monkeypatch.setattr(module, "fit_fold", lambda *_, **__: hang())
    monkeypatch.setattr(module, "SHARE", 1e-9)
    monkeypatch.setattr(module, "MIN_SECONDS", 0.1)
    monkeypatch.setattr(module, "_estimate", lambda _: 0.0)
    run = Baselines(search)
    run.start(AUTO)
    run.settle()
    assert run.found() == []
    assert run.notes == ["The baseline Boosting, default settings was left out: it did not end within 0.1 s."]


def test_no_baseline_starts_without_time(search, monkeypatch):
    search.clock = Clock(time.monotonic() - 599.0, 600.0)
    monkeypatch.setattr(search.children, "start", lambda *_: pytest.fail("It was begun."))
    run = Baselines(search)
    run.start(AUTO)
    assert "there was no time for it" in run.notes[0]


def test_a_baseline_that_would_take_too_long_is_not_started(search, monkeypatch):
    monkeypatch.setattr(module, "SECONDS_PER_CELL", 1.0)
    run = Baselines(search)
    run.start(AUTO)
    assert "it would take longer than 48 s" in run.notes[0]
    assert search.children.is_idle
    assert np.isfinite(search.remaining)
