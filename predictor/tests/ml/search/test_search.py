from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from predictor.ml.search import search
from predictor.ml.search.checkpoints import Checkpoints
from predictor.ml.search.selection import choose
from predictor.tests.waiting import hang

from ..tables_for_tests import classification_table, regression_table
from .searches import BOOSTING, BROKEN, NEURAL, RIDGE, add_outcome, new_search


def events(capsys):
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.mark.parametrize("candidate", [RIDGE, BOOSTING, NEURAL], ids=lambda each: each.key)
def test_the_stage_with_the_best_score_over_all_folds_is_chosen(candidate, tmp_path):
    model_search = new_search(regression_table(200), tmp_path)
    model_search.run([candidate], is_pruned=False)
    outcome = model_search.outcomes[candidate.key]
    assert outcome.entry.score > 0
    assert outcome.predictions.shape == (160,)
    if candidate is RIDGE:
        assert outcome.stage == {"alpha": 0.1}
    else:
        assert 0 < outcome.stage["max_iter"] <= candidate.params["max_iter"]


def test_a_log_target_is_predicted_in_the_units_of_the_target(tmp_path):
    table = regression_table(200)
    shifted = replace(table, target=replace(table.target, y=np.exp(table.target.y / 3) * 1000))
    model_search = new_search(shifted, tmp_path)
    model_search.run([replace(RIDGE, is_log=True)], is_pruned=False)
    assert model_search.outcomes["ridge"].entry.extra["r2"] > 0.5


def test_out_of_fold_probabilities_sum_to_one(tmp_path):
    model_search = new_search(classification_table(200, n_classes=3), tmp_path)
    model_search.run([BOOSTING], is_pruned=False)
    assert model_search.outcomes["boosting"].predictions.sum(axis=1) == pytest.approx(1, abs=1e-5)


def test_a_candidate_is_fitted_when_a_fold_lacks_a_class(tmp_path):
    table = classification_table(120, n_classes=3)
    y = table.target.y.copy()
    y[y == 2] = 1
    y[:2] = 2
    table = replace(table, target=replace(table.target, y=y))
    model_search = new_search(table, tmp_path)
    model_search.run([BOOSTING], is_pruned=False)
    assert "boosting" in model_search.outcomes


def test_the_same_seed_gives_the_same_result_with_one_and_two_slots(tmp_path):
    table = regression_table(200)
    scores = []
    for n_slots in (1, 2):
        model_search = new_search(table, tmp_path / str(n_slots), n_slots=n_slots)
        model_search.run([RIDGE, BOOSTING], is_pruned=False)
        choice = choose(model_search, max_members=4)
        scores.append((choice.weights, choice.cross_validation))
    assert scores[0] == scores[1]


def test_fits_finished_before_a_restart_are_not_repeated(tmp_path, monkeypatch):
    table = regression_table(200)
    first = new_search(table, tmp_path)
    first.run([RIDGE], is_pruned=False)
    second = new_search(table, tmp_path)
    started = []
    monkeypatch.setattr(second.children, "start", lambda key, *_: started.append(key))
    second.run([RIDGE], is_pruned=False)
    assert started == []
    assert second.outcomes["ridge"].entry == first.outcomes["ridge"].entry


def test_a_half_written_fit_is_repeated(tmp_path):
    table = regression_table(200)
    first = new_search(table, tmp_path)
    first.run([RIDGE], is_pruned=False)
    (first.checkpoints.folder / "ridge-1.json").unlink()
    (first.checkpoints.folder / "ridge-2.npy").write_bytes(b"torn")
    second = new_search(table, tmp_path)
    second.run([RIDGE], is_pruned=False)
    assert second.outcomes["ridge"].entry.score == first.outcomes["ridge"].entry.score


def test_a_candidate_that_fails_is_listed_with_its_reason(tmp_path, capsys):
    model_search = new_search(regression_table(100), tmp_path)
    model_search.run([BROKEN, RIDGE], is_pruned=False)
    assert model_search.entries["broken"].status == "failed"
    assert "no_such_setting" in model_search.entries["broken"].note
    assert [entry.key for entry in model_search.leaderboard()] == ["ridge", "broken"]
    assert [each["candidate"]["key"] for each in events(capsys) if each["event"] == "candidate"] == [
        "broken",
        "ridge",
    ]


def test_no_candidate_starts_after_the_budget_is_used(tmp_path):
    model_search = new_search(regression_table(100), tmp_path, budget=10.0, started_ago=9.9)
    model_search.run([RIDGE], is_pruned=False)
    assert model_search.is_budget_limited
    assert model_search.entries == {}


def test_a_fit_that_exceeds_its_share_of_the_budget_is_killed(tmp_path, monkeypatch):
    monkeypatch.setattr(search, "fit_fold", lambda *_, **__: hang())
    model_search = new_search(regression_table(100), tmp_path, budget=10.0)
    model_search.run([replace(RIDGE, share=0.01)], is_pruned=False)
    assert model_search.entries["ridge"].status == "timed out"
    assert model_search.is_budget_limited


def test_a_candidate_far_behind_is_dropped_after_its_first_fold(tmp_path):
    model_search = new_search(regression_table(200), tmp_path)
    model_search.run([replace(RIDGE, path=())], is_pruned=False)
    hopeless = replace(RIDGE, key="hopeless", path=({"alpha": 1e6},))
    model_search.run([hopeless], is_pruned=True)
    assert model_search.entries["hopeless"].status == "stopped"
    assert not (model_search.checkpoints.folder / "hopeless-1.json").exists()


def test_a_shrunk_search_stays_within_the_development_rows(tmp_path):
    model_search = new_search(regression_table(500), tmp_path).shrunk(100, 60.0)
    assert len(model_search.split.search) <= 100
    assert set(model_search.split.search) <= set(model_search.split.development)
    model_search.run([RIDGE], is_pruned=False)
    assert "ridge" in model_search.outcomes


def test_the_folds_that_ended_are_a_search_of_their_own(tmp_path):
    whole = new_search(regression_table(200), tmp_path)
    whole.run([RIDGE], is_pruned=False)
    part = new_search(regression_table(200), tmp_path)
    part._fits[RIDGE.key] = {fold: part.checkpoints.load(f"{RIDGE.key}-{fold}") for fold in (0, 2)}

    smaller = part.on_finished_folds(RIDGE)

    # Fold 2 ended, but fold 1 did not: what counts are the first folds.
    assert len(smaller.split.folds) == 1
    assert smaller.is_budget_limited
    places = np.searchsorted(whole.split.scored, smaller.split.scored)
    outcome = smaller.outcomes[RIDGE.key]
    assert outcome.stage == whole.outcomes[RIDGE.key].stage
    assert np.array_equal(outcome.predictions, whole.outcomes[RIDGE.key].predictions[places])
    assert new_search(regression_table(200), tmp_path).on_finished_folds(RIDGE).outcomes == {}


def test_a_named_estimator_is_not_dropped_when_its_folds_would_not_end_in_time(tmp_path):
    for is_whole in (True, False):
        model_search = new_search(regression_table(200), tmp_path / str(is_whole), budget=60.0)
        model_search.is_whole = is_whole
        fit, score = (model_search.table.rows(rows) for rows in model_search.split.folds[0])
        slow = replace(search.fit_fold(RIDGE, fit, score, seed=0), fit_seconds=50.0)
        model_search.checkpoints.save(f"{RIDGE.key}-0", slow)
        model_search.run([RIDGE], is_pruned=False)

        assert model_search.is_budget_limited
        assert model_search.outcomes == {}
        assert (RIDGE.key in model_search.entries) is not is_whole


def test_progress_is_the_share_of_the_budget_that_has_passed(tmp_path, capsys):
    model_search = new_search(regression_table(60), tmp_path, budget=1_000.0, started_ago=500.0)
    model_search.tell("Fitting")
    model_search.children.on_wait()
    late = new_search(regression_table(60), tmp_path, budget=10.0, started_ago=500.0)
    late.tell("Still fitting")

    told = [(round(each["fraction"], 2), each["message"]) for each in events(capsys)]
    assert told == [(0.5, "Fitting"), (0.5, "Fitting"), (0.99, "Still fitting")]


def test_on_a_busy_machine_more_time_is_kept_for_the_end(tmp_path):
    model_search = new_search(regression_table(60), tmp_path, budget=10.0)
    usual = model_search.finish_seconds
    model_search.slowdown = 3.0

    assert model_search.finish_seconds == pytest.approx(usual + 2 * search.FINISH_SECONDS)


def test_after_a_comparison_on_a_sample_the_final_fits_have_a_bounded_share(tmp_path):
    model_search = new_search(regression_table(200), tmp_path, budget=100.0)
    add_outcome(model_search, RIDGE, model_search.y, fold_seconds=1_000.0)

    assert model_search._end_seconds > 1_000
    model_search.split = replace(model_search.split, search=model_search.split.search[:40])
    assert model_search._end_seconds == 40.0
    assert choose(model_search, max_members=3).weights == {RIDGE.key: 1.0}


def test_the_time_of_the_end_is_reserved_at_the_pace_of_the_fits_and_not_of_the_start(tmp_path):
    searched = new_search(regression_table(60), tmp_path, budget=20.0)
    searched.slowdown = 8.0
    assert searched.finish_seconds == pytest.approx(1.1 * 8 + 0.06 * 20)

    searched.children.cpu_seconds, searched.children.wall_seconds = 1.0, 1.5
    assert searched.finish_seconds == pytest.approx(1.1 * 1.5 + 0.06 * 20)

    searched.children.wall_seconds = 0.9
    assert searched.pace == 1.0


def test_the_folds_of_a_candidate_share_the_time_that_is_left(tmp_path, monkeypatch):
    searched = new_search(regression_table(60), tmp_path, budget=100.0, started_ago=80.0)
    limits = []
    monkeypatch.setattr(
        search, "fit_fold", lambda *tables, seed, max_seconds: limits.append(max_seconds) or None
    )
    monkeypatch.setattr(Checkpoints, "save", lambda *fit: None)
    monkeypatch.setattr(searched.children, "start", lambda key, work, timeout: work())
    left = searched.remaining

    for fold in range(3):
        searched._start(BOOSTING, fold, {})

    # Of the time that was left, 80 %: a third, a half and all of it, but not more than the candidate's share.
    assert 0 < limits[0] <= 0.8 * left / 3
    assert 0 < limits[1] <= 0.8 * left / 2
    assert 0 < limits[2] <= 0.8 * 100 * BOOSTING.share / 3
