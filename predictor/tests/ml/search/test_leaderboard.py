"""Leaderboard entries: the best stage over all folds, its scores, and the order of the candidates."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import log_loss, r2_score, roc_auc_score, root_mean_squared_error

from predictor.ml.search.checkpoints import FoldFit
from predictor.ml.search.leaderboard import Entry, entry_for, outcome_of, ranked, with_weights
from predictor.ml.types.schema import Task

from .searches import RIDGE, named

Y = np.array([1.0, 2.0, 3.0, 4.0])
FOLDS = (np.array([0, 2]), np.array([1, 3]))
STAGED = replace(RIDGE, is_staged=True)
THREE_STAGES = ({"max_iter": 5}, {"max_iter": 10}, {"max_iter": 15})


def fold(predictions, *, stages=THREE_STAGES, seconds=None, **facts):
    return FoldFit(
        np.asarray(predictions, np.float32),
        stages[: len(predictions)],
        tuple(seconds or [1.0] * len(predictions)),
        **{"fit_seconds": 1.0, "predict_ms": 3.0, **facts},
    )


def test_the_stage_is_chosen_by_the_errors_of_all_folds_together():
    # Errors of the first fold: 0, 1, 3 and of the second: 4, 2, 0. Alone, they would choose the first and the last.
    first = fold([[1.0, 3.0], [2.0, 4.0], [4.0, 6.0]])
    second = fold([[6.0, 8.0], [4.0, 6.0], [2.0, 4.0]])

    result = outcome_of(STAGED, Task.REGRESSION, Y, FOLDS, [first, second])

    assert result.stage == {"max_iter": 10}
    assert result.predictions.tolist() == [2.0, 4.0, 4.0, 6.0]
    assert result.entry.score == pytest.approx(root_mean_squared_error(Y, [2.0, 4.0, 4.0, 6.0]))
    # The standard deviation of the errors 1 and 2.
    assert result.entry.spread == pytest.approx(0.5)
    assert result.entry.extra == {"r2": pytest.approx(r2_score(Y, [2.0, 4.0, 4.0, 6.0]))}
    assert result.entry.metric == "rmse"
    assert result.entry.params == {"max_iter": 10}


def test_of_equal_stages_the_first_is_chosen():
    same = [[1.0, 3.0]] * 3

    result = outcome_of(STAGED, Task.REGRESSION, Y, FOLDS, [fold(same), fold(same)])

    assert result.stage == {"max_iter": 5}


def test_a_fold_that_ended_early_gives_the_predictions_of_its_last_stage():
    short = fold([[9.0, 9.0], [1.0, 3.0]])
    long = fold([[9.0, 9.0], [8.0, 8.0], [2.0, 4.0]])

    result = outcome_of(STAGED, Task.REGRESSION, Y, FOLDS, [short, long])

    assert result.stage == {"max_iter": 15}
    assert result.predictions.tolist() == [1.0, 2.0, 3.0, 4.0]
    assert result.entry.score == 0


def test_time_and_size_of_an_earlier_stage_are_a_share_of_those_of_the_last():
    good, bad = [1.0, 3.0], [9.0, 9.0]
    fits = [
        fold([good, bad, bad, bad], stages=({},) * 4, seconds=[2, 3, 4, 5], fit_seconds=5, size_bytes=400),
        fold([bad, bad, bad, bad], stages=({},) * 4, seconds=[7, 8, 9, 10], fit_seconds=10, size_bytes=800),
    ]

    staged = outcome_of(STAGED, Task.REGRESSION, Y, FOLDS, fits)
    path = outcome_of(RIDGE, Task.REGRESSION, Y, FOLDS, fits)

    # One of four stages; the medians are 3 ms and 600 bytes.
    assert (staged.entry.predict_ms, staged.entry.size_bytes) == (0.75, 150)
    assert (path.entry.predict_ms, path.entry.size_bytes) == (3.0, 600)
    # The slowest fold up to the chosen stage, and the time of all folds.
    assert staged.fold_seconds == 7
    assert staged.entry.fit_seconds == 15


def test_a_stage_with_a_prediction_that_is_not_finite_is_never_chosen():
    first = fold([[1.0, math.nan], [3.0, 5.0]])
    second = fold([[2.0, 4.0], [2.0, 4.0]])

    result = outcome_of(STAGED, Task.REGRESSION, Y, FOLDS, [first, second])

    assert result.stage == {"max_iter": 10}
    assert result.entry.score == pytest.approx(math.sqrt(2))


def test_a_candidate_without_finite_predictions_has_no_score():
    fits = [fold([[1.0, math.inf]]), fold([[2.0, 4.0]])]

    entry = outcome_of(STAGED, Task.REGRESSION, Y, FOLDS, fits).entry

    assert (entry.score, entry.spread, entry.extra) == (None, None, None)
    json.dumps(entry.to_json(), allow_nan=False)


def test_classes_are_scored_by_log_loss_and_roc_auc():
    y = np.array([0, 1, 1, 0])
    positive = np.array([0.2, 0.6, 0.9, 0.7])
    predictions = np.column_stack([1 - positive, positive])
    fits = [fold([predictions[rows]]) for rows in FOLDS]

    entry = outcome_of(named("logistic"), Task.BINARY, y, FOLDS, fits).entry

    assert entry.metric == "log_loss"
    assert entry.score == pytest.approx(log_loss(y, positive), rel=1e-6)
    assert entry.extra == {"roc_auc": pytest.approx(roc_auc_score(y, positive))}


def test_the_params_of_an_entry_are_those_that_were_fitted():
    candidate = named("a", params={"alpha": 1.0, "depth": 3}, settings={"depth": 4, "cst": "none"})

    entry = entry_for(candidate, Task.REGRESSION, stage={"cst": "all"}, status="failed", note="why")

    assert entry.params == {"alpha": 1.0, "depth": 4, "cst": "all"}
    assert (entry.status, entry.note, entry.encoding) == ("failed", "why", "onehot")


def test_the_line_of_an_entry_holds_its_second_metric_beside_the_first():
    entry = Entry(
        "a", "A", "ridge", {"alpha": 1}, "onehot", "rmse", 2.0, extra={"r2": None}, fit_seconds=1 / 3
    )

    line = entry.to_json()

    assert line["score"] == 2.0
    assert line["r2"] is None
    assert line["fit_seconds"] == 0.333
    assert "extra" not in line


def entry(key, score):
    return Entry(key, key, "ridge", {}, "", "rmse", score)


def test_entries_are_ranked_by_score_and_those_without_one_come_last():
    entries = [
        entry("d", None),
        entry("c", 1.0),
        entry("b", 1.0),
        entry("a", 2.0),
        entry("e", 0.0),
        entry("f", -1.0),
    ]

    assert [each.key for each in ranked(entries)] == ["f", "e", "b", "c", "a", "d"]


def test_a_candidate_that_was_not_selected_has_the_weight_zero():
    weighted = with_weights([entry("a", 1.0), entry("b", 2.0)], {"a": 1.0})

    assert [each.weight for each in weighted] == [1.0, 0.0]
