from __future__ import annotations

import json
import time
from dataclasses import replace

import numpy as np
import pytest

from predictor.ml.execution.child_processes import Children
from predictor.ml.execution.progress import Clock, Reporter
from predictor.ml.features.feature_spec import LINEAR, NATIVE_BOOSTING
from predictor.ml.pipelines.fitting import Candidate
from predictor.ml.search import fold_fitting, portfolio, search
from predictor.ml.search.checkpoints import Checkpoints
from predictor.ml.search.local_search import nearby
from predictor.ml.search.selection import choose
from predictor.ml.validation.splits import split_rows

from ..tables_for_tests import classification_table, regression_table

RIDGE = Candidate("ridge", "Ridge", "ridge", LINEAR, path=({"alpha": 0.1}, {"alpha": 1000.0}))
BOOSTING = Candidate(
    "boosting",
    "Boosting",
    "hist_gradient_boosting",
    NATIVE_BOOSTING,
    {"max_iter": 60, "learning_rate": 0.2},
    is_staged=True,
)
NEURAL = Candidate("neural", "Neural", "mlp", LINEAR, {"max_iter": 9, "n_units": 8}, is_staged=True)
BROKEN = Candidate("broken", "Broken", "ridge", LINEAR, settings={"no_such_setting": 1})


def new_search(table, folder, *, budget=600.0, n_slots=1, started_ago=0.0):
    checkpoints = Checkpoints.open(folder, "a-digest")
    return search.Search(
        table,
        split_rows(table.target, seed=0, holdout_share=0.2, n_folds=3),
        checkpoints,
        Children(n_slots, checkpoints.folder),
        Clock(time.monotonic() - started_ago, budget),
        Reporter(),
        seed=0,
    )


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


def test_fits_of_another_request_are_not_reused(tmp_path):
    assert Checkpoints.open(tmp_path, "one").folder != Checkpoints.open(tmp_path, "two").folder


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
    monkeypatch.setattr(search, "fit_fold", lambda *_, **__: time.sleep(600))
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


def everything(table):
    facts = portfolio.TableFacts.of(table)
    anchors = portfolio.anchors(facts)
    others = portfolio.second_round(facts, {})
    tried = {each.key: each for each in (*anchors, *others)}
    scores = {key: float(number) for number, key in enumerate(tried)}
    return [*tried.values(), *nearby(facts, tried, scores, 0, seed=0)]


@pytest.mark.parametrize(
    "table", [regression_table(60), classification_table(60)], ids=["regression", "binary"]
)
def test_the_portfolio_is_reproducible_with_unique_keys_and_a_reason_for_each_candidate(table):
    candidates = everything(table)
    keys = [each.key for each in candidates]
    assert len(keys) == len(set(keys))
    assert all(each.why for each in candidates)
    assert candidates == everything(table)


def test_the_second_round_uses_a_log_target_when_it_was_better_in_the_first():
    facts = portfolio.TableFacts.of(regression_table(60))
    better = {portfolio.NATIVE_KEY: 2.0, portfolio.LOGGED_KEY: 1.0}
    assert all(each.is_log for each in portfolio.second_round(facts, better))
    assert not any(each.is_log for each in portfolio.second_round(facts, {portfolio.NATIVE_KEY: 2.0}))


@pytest.mark.parametrize("make", [regression_table, classification_table])
def test_every_candidate_of_the_portfolio_can_be_fitted(make):
    table = make(60)
    for candidate in everything(table):
        short = {
            name: min(value, 3)
            for name, value in candidate.params.items()
            if name in ("max_iter", "n_estimators")
        }
        quick = replace(candidate, params={**candidate.params, **short})
        fold = fold_fitting.fit_fold(quick, table.rows(np.arange(40)), table.rows(np.arange(40, 60)), seed=0)
        assert np.isfinite(fold.predictions).all()
