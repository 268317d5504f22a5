from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest

from predictor.ml.estimators.catalogue import CATALOGUE
from predictor.ml.execution.child_processes import Children
from predictor.ml.execution.progress import Clock, Reporter
from predictor.ml.features.feature_spec import LINEAR
from predictor.ml.pipelines.fitting import Candidate
from predictor.ml.search.checkpoints import Checkpoints
from predictor.ml.search.learning_curve import interpret_curve, learning_curve
from predictor.ml.search.search import Search
from predictor.ml.validation.splits import split_rows

from ..tables_for_tests import regression_table

N_ROWS = (100, 200, 400, 800)


def searched(folder, *, n_rows=600, budget=600.0):
    table = regression_table(n_rows)
    checkpoints = Checkpoints.open(folder, "a-digest")
    search = Search(
        table,
        split_rows(table.target, seed=0, holdout_share=0.2, n_folds=3),
        checkpoints,
        Children(2, checkpoints.folder),
        Clock(time.monotonic(), budget),
        Reporter(),
        seed=0,
    )
    search.run([Candidate("tree", "Decision tree", "decision_tree", LINEAR)], is_pruned=False)
    return search


def test_the_gain_of_a_power_law_continues():
    scores = [[fold * n**-0.3 for n in N_ROWS] for fold in (1.0, 1.1, 0.9)]
    curve = interpret_curve("rmse", "Tree", N_ROWS, scores)
    assert curve.gain_last == pytest.approx(1 - 2**-0.3)
    assert curve.gain_next == pytest.approx(curve.gain_last)
    assert curve.sentence.startswith("More rows would help: from 400 to 800 rows its error fell by 19\u00a0%")


def test_a_flat_curve_says_that_more_rows_would_hardly_help():
    curve = interpret_curve("rmse", "Tree", N_ROWS, [[1.2, 1.05, 1.0, 1.0], [1.3, 1.1, 1.0, 1.01]])
    assert "would hardly help" in curve.sentence
    assert curve.gain_next == 0


def test_a_gain_within_its_standard_error_is_not_called_a_help():
    curve = interpret_curve("rmse", "Tree", N_ROWS, [[1.2, 1.1, 1.0, 0.8], [1.2, 1.1, 1.0, 1.15]])
    assert not curve.sentence.startswith("More rows would help:")


def test_the_curve_of_the_best_candidate_falls_with_more_rows(tmp_path):
    search = searched(tmp_path)
    curve = learning_curve(search)
    assert (curve.metric, curve.candidate, curve.n_folds) == ("rmse", "Decision tree", 3)
    assert [point.n_rows for point in curve.points] == [40, 80, 160, 320]
    scores = [point.score for point in curve.points]
    assert scores[-1] < scores[0]
    kept = search.outcomes["tree"].predictions
    whole = [
        np.sqrt(np.mean((kept[places] - search.y[places]) ** 2)) for places in search.places
    ]  # the last point is the score of the search itself
    assert scores[-1] == pytest.approx(np.mean(whole), rel=1e-5)
    assert learning_curve(search) == curve


def test_the_sentence_says_when_the_estimator_uses_no_more_rows(tmp_path, monkeypatch):
    monkeypatch.setitem(CATALOGUE, "decision_tree", replace(CATALOGUE["decision_tree"], max_rows=160))
    curve = learning_curve(searched(tmp_path))
    assert [point.n_rows for point in curve.points] == [40, 80, 160]
    assert curve.sentence == "Decision tree looks at 160 rows at most, so more rows would not help it."
    assert curve.gain_next == 0


def test_the_sentence_says_when_time_or_rows_are_missing(tmp_path):
    search = searched(tmp_path / "late")
    search.clock = Clock(time.monotonic() - 600.0, 600.0)
    assert "no time left" in learning_curve(search).sentence
    assert learning_curve(search).points == ()
    assert "cannot be told" in learning_curve(searched(tmp_path / "few", n_rows=60)).sentence
