"""The steps of a supervised run: reading, splitting, searching, and the last resort when nothing ended in time."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from predictor.errors import TrainingFailed
from predictor.ml.execution.progress import Reporter
from predictor.ml.search import portfolio
from predictor.ml.search.fold_fitting import fit_fold
from predictor.ml.search.leaderboard import entry_for
from predictor.ml.training import supervised_run
from predictor.ml.training.supervised_run import LAST_RESORT_ROWS, LAST_RESORT_SECONDS, search_candidates
from predictor.ml.types.schema import Role, TableSchema, Task
from predictor.ml.types.split import SplitBy, SplitKind
from predictor.ml.types.training_request import TrainingLimits, TrainingRequest
from predictor.ml.validation.duplicates import Duplicates
from predictor.tests.waiting import HANG_SECONDS, hang

from ..search.searches import FakeSearch, named, new_search
from ..tables_for_tests import ROLES, classification_table, regression_table, write_request

AUTO = TrainingRequest("", TableSchema((), 0), "y")


class ShrinkingSearch(FakeSearch):
    """A search whose budget was used up, until it is shrunk. `rounds` are those of both."""

    def __init__(self, errors, *, is_budget_limited=True):
        super().__init__(errors)
        self.is_budget_limited, self.reporter, self.shrunk_to = is_budget_limited, Reporter(), None
        self.split = type("Split", (), {"search": np.arange(40), "development": np.arange(40)})

    def run(self, candidates, *, is_pruned):
        super().run(candidates, is_pruned=is_pruned)
        for each in candidates:
            if each.key not in self.entries:
                note = f"{each.title} took too long"
                self.entries[each.key] = entry_for(each, Task.REGRESSION, status="timed out", note=note)

    def shrunk(self, n_rows, extra_seconds):
        self.shrunk_to = (n_rows, extra_seconds)
        self.entries.clear()
        self.split.search = np.arange(10)
        return self

    def leaderboard(self):
        return list(self.entries.values())


def test_a_run_of_one_estimator_fits_it_with_its_params():
    search = FakeSearch([1.0])

    same = search_candidates(replace(AUTO, estimator="ridge", params={"alpha": 3.0}), search)

    (((candidate,), is_pruned),) = search.rounds
    assert same is search
    assert (candidate.key, candidate.params, candidate.share) == ("ridge", {"alpha": 3.0}, 0.9)
    assert not is_pruned


def test_auto_asks_the_portfolio_of_the_task():
    search, seeds = FakeSearch([1.0]), []

    def choose_all(search, *, seed):
        seeds.append(seed)
        search.run([named("a")], is_pruned=False)
        return [named("a")]

    search_candidates(replace(AUTO, seed=7), search, choose_all)

    assert seeds == [7]
    assert list(search.outcomes) == ["a"]


def test_when_nothing_ended_in_time_the_first_candidates_are_fitted_on_few_rows():
    search = ShrinkingSearch([None, 1.0])

    search_candidates(replace(AUTO, estimator="ridge"), search)

    assert search.shrunk_to == (LAST_RESORT_ROWS, LAST_RESORT_SECONDS)
    ((again,), is_pruned) = search.rounds[1]
    assert (again.key, again.share, is_pruned) == ("ridge", 1.0, False)
    assert [each.message for each in search.reporter.warnings] == [
        "No candidate ended in time; they were compared on 25 % of the rows for learning."
    ]


def test_the_last_resort_ends_with_the_first_candidate_that_is_fitted():
    search = ShrinkingSearch([None, None, 1.0, 2.0])

    def choose_all(search, *, seed):
        candidates = [named("first"), named("second"), named("third")]
        search.run(candidates, is_pruned=False)
        return candidates

    search_candidates(AUTO, search, choose_all)

    assert [[each.key for each in tried] for tried, _ in search.rounds[1:]] == [["first"], ["second"]]


def test_without_time_for_all_folds_a_named_estimator_is_compared_on_those_that_ended(tmp_path):
    search = new_search(regression_table(200), tmp_path)
    search.is_whole = True
    ridge = replace(portfolio.single("ridge", {}), share=0.9)
    fits = search._fits.setdefault(ridge.key, {})
    for fold in range(2):
        fit, score = (search.table.rows(rows) for rows in search.split.folds[fold])
        fits[fold] = fit_fold(ridge, fit, score, seed=0)
    search.run = lambda candidates, **options: None

    found = search_candidates(replace(AUTO, estimator="ridge"), search)

    assert list(found.outcomes) == ["ridge"]
    assert len(found.split.folds) == 2
    assert len(found.y) == sum(len(score) for _, score in search.split.folds[:2])
    assert found.is_budget_limited
    assert messages(found.reporter) == ["Cross-validation ended after 2 folds, for lack of time."]


def test_candidates_that_failed_by_themselves_are_not_tried_on_fewer_rows():
    search = ShrinkingSearch([None], is_budget_limited=False)

    with pytest.raises(TrainingFailed, match=r"No candidate could be fitted\. Ridge: Ridge took too long"):
        search_candidates(replace(AUTO, estimator="ridge"), search)

    assert search.shrunk_to is None


def test_when_the_last_resort_fails_every_candidate_is_named_with_its_reason():
    search = ShrinkingSearch([None, None, None])

    def choose_all(search, *, seed):
        candidates = [named("first"), named("second")]
        search.run(candidates, is_pruned=False)
        return candidates

    with pytest.raises(TrainingFailed) as failed:
        search_candidates(AUTO, search, choose_all)

    assert failed.value.message == (
        "No candidate could be fitted. First: First took too long; Second: Second took too long"
    )


def request_in(folder, columns=None, roles=None, target="y", **options):
    if columns is None:
        table = regression_table(60)
        columns, roles = {**table.columns, "y": table.target.y}, {**ROLES, "y": Role.NUMERIC}
    return write_request(folder, columns, roles, target, estimator="ridge", **options)


def messages(reporter):
    return [each.message for each in reporter.warnings]


def test_the_rows_with_a_target_are_read_and_their_number_is_told(tmp_path, capsys):
    table = regression_table(60)
    y = table.target.y.copy()
    y[:4] = np.nan
    request = request_in(tmp_path, {**table.columns, "y": y}, {**ROLES, "y": Role.NUMERIC})
    reporter = Reporter()

    _, read, leaks = supervised_run._read(request, reporter)

    assert len(read) == 56
    assert read.target.y == pytest.approx(y[4:])
    assert leaks == ()
    assert ["4 of 60 rows have no value" in each for each in messages(reporter)] == [True]
    started = json.loads(capsys.readouterr().out.splitlines()[0])
    assert (started["event"], started["n_rows"], started["n_features"]) == ("started", 56, 3)
    assert started["message"] == "Training on 56 rows and 3 features."


def test_a_sample_is_read_when_the_budget_is_short(tmp_path, monkeypatch):
    monkeypatch.setattr(supervised_run, "rows_to_read", lambda request: 30)
    reporter = Reporter()

    _, table, _ = supervised_run._read(request_in(tmp_path), reporter)

    assert len(table) == 30
    assert messages(reporter) == ["Of 60 rows, 30 drawn at random are used within this budget."]


def test_a_column_that_gives_the_target_away_is_reported(tmp_path):
    table = regression_table(60)
    columns = {**table.columns, "copy": table.target.y * 3 + 1, "y": table.target.y}
    reporter = Reporter()

    _, _, leaks = supervised_run._read(
        request_in(tmp_path, columns, {**ROLES, "copy": Role.NUMERIC, "y": Role.NUMERIC}), reporter
    )

    assert leaks == ("copy",)
    assert "Possible leak" in messages(reporter)[0]


def test_the_column_of_a_split_by_groups_is_read_and_is_no_feature(tmp_path):
    table = regression_table(60)
    person = np.array([f"p{number % 12}" for number in range(60)], object)
    columns = {**table.columns, "person": person, "y": table.target.y}
    roles = {**ROLES, "person": Role.CATEGORICAL, "y": Role.NUMERIC}
    request = request_in(tmp_path, columns, roles, split=SplitBy(SplitKind.GROUP, "person"))

    _, read, _ = supervised_run._read(request, Reporter())

    assert set(read.columns) == {"age", "income", "city"}
    assert read.split_by.tolist() == person.tolist()


def test_copies_of_rows_are_told_and_kept_together_in_a_random_split_only():
    table = regression_table(60)
    doubled = table.rows(np.r_[np.arange(60), np.arange(20)])
    reporter = Reporter()

    random = supervised_run._conditions(AUTO, doubled, ("copy",), reporter)
    in_time = supervised_run._conditions(
        replace(AUTO, split=SplitBy(SplitKind.TIME, "day")), doubled, (), Reporter()
    )

    assert random.duplicates.n_copies == 20
    assert random.duplicates.are_kept_together
    assert not in_time.duplicates.are_kept_together
    assert messages(reporter) == [random.duplicates.sentence]
    assert (random.leaks, random.n_rows) == (("copy",), 80)


def split_of(table, *, budget=60.0, n_threads=1, slowdown=1.0, reporter=None):
    request = replace(AUTO, budget_seconds=budget, limits=TrainingLimits(n_threads=n_threads))
    return supervised_run._split(request, table, Duplicates(), slowdown, reporter or Reporter())


def test_a_small_table_is_compared_on_all_development_rows_in_five_folds():
    split = split_of(classification_table(100))

    assert len(split.folds) == 5
    assert not split.is_sampled
    assert len(split.held_out) == pytest.approx(20, abs=1)


def test_a_large_table_is_compared_in_three_folds():
    # With at least ten columns counted, 1,000 cells for each second and thread.
    table = regression_table(120)

    assert len(split_of(table, budget=1.2).folds) == 5
    assert len(split_of(table, budget=1.1).folds) == 3
    assert len(split_of(table, budget=0.6, n_threads=2).folds) == 5


def test_on_a_busy_machine_the_split_is_that_of_a_smaller_budget():
    table = regression_table(120)

    assert len(split_of(table, budget=2.4, slowdown=2.0).folds) == 5
    assert len(split_of(table, budget=2.4, slowdown=2.2).folds) == 3


def test_a_table_that_is_too_large_for_the_budget_is_compared_on_a_sample(monkeypatch):
    monkeypatch.setattr(supervised_run, "MIN_SEARCH_ROWS", 30)
    reporter = Reporter()

    # 10,000 cells for each second: 0.05 seconds allow 50 rows.
    split = split_of(regression_table(200), budget=0.05, reporter=reporter)

    assert len(split.development) == 160
    assert 30 <= len(split.search) <= 50
    assert set(split.search) < set(split.development)
    assert len(split.folds) == 2
    (message,) = messages(reporter)
    assert message.startswith(f"Candidates were compared on {len(split.search)} of 160 rows")


def test_a_run_that_fails_leaves_no_child_behind(tmp_path, monkeypatch):
    ended = []

    class Recorded(supervised_run.Children):
        def kill_all(self):
            super().kill_all()
            ended.append(self.is_idle)

    def fail(request, search):
        search.children.start("endless", hang, HANG_SECONDS)
        raise TrainingFailed("It failed.")

    monkeypatch.setattr(supervised_run, "Children", Recorded)
    monkeypatch.setattr(supervised_run, "search_candidates", fail)

    with pytest.raises(TrainingFailed, match="It failed"):
        supervised_run.run(request_in(tmp_path), tmp_path, Reporter())

    assert ended == [True]
    assert not (tmp_path / "result.json").exists()


def test_a_named_estimator_out_of_time_is_fitted_on_all_rows(tmp_path, monkeypatch):
    """The budget is over before the first fit: cross-validation gets few rows, the model all of them."""
    monkeypatch.setattr(supervised_run, "LAST_RESORT_ROWS", 60)
    table = regression_table(400)
    columns = {**table.columns, "y": table.target.y}
    request = request_in(tmp_path, columns, {**ROLES, "y": Role.NUMERIC}, budget_seconds=0.01)
    reporter = Reporter()

    supervised_run.run(request, tmp_path, reporter)

    result = json.loads((tmp_path / "result.json").read_text("utf-8"))
    assert result["n_rows_fitted"] == 400
    assert result["is_budget_limited"]
    assert any("no time to cross-validate" in each for each in messages(reporter))


def test_a_large_table_is_fitted_once_and_the_same_model_is_evaluated(tmp_path, monkeypatch):
    from predictor.ml.training import supervised_finish

    monkeypatch.setattr(supervised_finish, "SINGLE_SHARE", 0.7)
    fits = []
    monkeypatch.setattr(supervised_finish.SupervisedFinalStage, "judge", lambda stage: fits.append("second"))
    table = regression_table(300)
    columns = {**table.columns, "y": table.target.y}
    request = request_in(tmp_path, columns, {**ROLES, "y": Role.NUMERIC})
    reporter = Reporter()

    supervised_run.run(request, tmp_path, reporter)

    result = json.loads((tmp_path / "result.json").read_text("utf-8"))
    assert result["n_rows_fitted"] == 240
    assert fits == []
    assert result["report"]["held_out"]["r2"] > 0.5
    (told,) = [each for each in messages(reporter) if "is fitted on" in each]
    assert told == ("The model is fitted on 240 of 300 rows: the others test it or decide when a fit ends.")


def test_rows_that_were_left_out_for_lack_of_time_are_not_called_held_back(tmp_path):
    from predictor.ml.training import supervised_finish

    search = new_search(regression_table(200), tmp_path)
    for n_fitted, why in (
        (160, "the others test it"),
        (153, "decide when a fit ends"),
        (120, "no time for more"),
    ):
        supervised_finish._note_rows(search, n_fitted)
        assert why in messages(search.reporter)[-1]


def test_a_fit_on_all_rows_that_was_late_is_told(tmp_path):
    table = regression_table(400)
    request = request_in(
        tmp_path, {**table.columns, "y": table.target.y}, {**ROLES, "y": Role.NUMERIC}, budget_seconds=0.01
    )
    reporter = Reporter()

    supervised_run.run(request, tmp_path, reporter)

    assert any("took longer than the budget" in each for each in messages(reporter))
