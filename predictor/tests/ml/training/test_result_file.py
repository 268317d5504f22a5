"""result.json: what every run leaves, and what a search adds."""

from __future__ import annotations

import json
import math
import platform
from types import SimpleNamespace

import numpy as np
import pytest
import sklearn

from predictor.ml.execution.progress import Reporter
from predictor.ml.search.selection import Selection
from predictor.ml.training.finalization import FinalResult
from predictor.ml.training.result_file import library_versions, write_result, write_search_result
from predictor.ml.types.schema import TableSchema, Task
from predictor.ml.types.training_request import TrainingRequest
from predictor.ml.types.warnings import TrainingWarning

from ..search.searches import named, outcome

REQUEST = TrainingRequest("table.parquet", TableSchema((), 100), "größe", seed=7, budget_seconds=30.0)


def result_in(folder):
    return json.loads((folder / "result.json").read_text("utf-8"))


def write(folder, *, reporter=None, n_rows=90, **content):
    write_result(
        REQUEST,
        folder,
        task=Task.REGRESSION,
        reporter=reporter or Reporter(),
        seconds=1.23456,
        is_budget_limited=False,
        n_rows=n_rows,
        **content,
    )
    return result_in(folder)


def test_a_result_names_the_run_and_what_it_was_made_with(tmp_path):
    result = write(tmp_path, title="Ridge")

    libraries = result.pop("libraries")
    assert result == {
        "format": 1,
        "task": "regression",
        "target": "größe",
        "warnings": [],
        "seed": 7,
        "budget_seconds": 30.0,
        "seconds": 1.235,
        "is_budget_limited": False,
        "n_rows": 90,
        "n_rows_left_out": 10,
        "title": "Ridge",
    }
    assert libraries == {"python": platform.python_version(), **library_versions()}
    assert libraries["scikit-learn"] == sklearn.__version__
    assert libraries["numpy"] == np.__version__
    assert set(libraries) >= {"onnx", "onnxruntime", "skops", "duckdb"}


def test_a_forecast_may_have_more_values_than_rows(tmp_path):
    assert write(tmp_path, n_rows=120)["n_rows_left_out"] == 0


def test_the_warnings_of_the_run_are_in_its_result(tmp_path):
    reporter = Reporter()
    reporter.warn(TrainingWarning("Something is doubtful.", "age"))
    reporter.warn(TrainingWarning("Something is doubtful.", "age"))

    (warning,) = write(tmp_path, reporter=reporter)["warnings"]
    assert (warning["message"], warning["column"]) == ("Something is doubtful.", "age")


def test_a_result_with_a_number_that_json_cannot_hold_is_not_written(tmp_path):
    with pytest.raises(ValueError, match="JSON compliant"):
        write(tmp_path, metrics={"rmse": math.nan})

    assert not (tmp_path / "result.json").exists()


def searched(members, **options):
    """A search that ended with these candidates, and its final result."""
    reporter = Reporter()
    entries = {
        each.candidate.key: each.entry for each in (*[each for each, _ in members], outcome(named("other")))
    }
    search = SimpleNamespace(
        reporter=reporter,
        is_budget_limited=options.pop("is_budget_limited", False),
        clock=SimpleNamespace(elapsed=12.0),
        leaderboard=lambda: list(entries.values()),
    )
    title = " and ".join(each.candidate.title for each, _ in members)
    choice = Selection(tuple(members), {}, title, np.empty(0), np.empty(0))
    judged = {
        "held_out": {"rmse": 1.5},
        "baselines": [
            {"key": "dummy", "held_out": {"rmse": 3.0}},
            {"key": "linear", "held_out": {"rmse": 2.0}},
        ],
        "artifacts": {"scores.json": {"path": "artifacts/scores.json"}},
        **options,
    }
    published = {"artifacts": {"spec.json": {"path": "artifacts/spec.json"}}, "is_compiled": True}
    return search, FinalResult(choice, judged, published)


def write_search(folder, members, **options):
    search, finished = searched(members, **options)
    write_search_result(REQUEST, folder, search, finished, task=Task.BINARY, n_rows=90)
    return result_in(folder)


A = outcome(named("a"), score=1.0)
B = outcome(named("b"), score=2.0)


def test_the_result_of_one_candidate_has_its_estimator_and_params(tmp_path):
    result = write_search(tmp_path, [(A, 1.0)])

    assert (result["title"], result["estimator"], result["params"]) == ("A", "ridge", {})
    assert result["metrics"] == {"rmse": 1.5}
    assert result["baseline"] == {"rmse": 3.0}
    assert result["is_compiled"]
    assert result["seconds"] == 12.0
    assert [(each["key"], each["weight"]) for each in result["leaderboard"]] == [("a", 1.0), ("other", 0.0)]


def test_the_result_of_a_blend_has_its_weights(tmp_path):
    result = write_search(tmp_path, [(A, 0.75), (B, 0.25)])

    assert (result["estimator"], result["params"]) == ("blend", {"weights": {"a": 0.75, "b": 0.25}})
    assert [each["weight"] for each in result["leaderboard"]] == [0.75, 0.25, 0.0]


def test_the_files_of_both_halves_are_listed_once_and_not_in_the_report(tmp_path):
    result = write_search(tmp_path, [(A, 1.0)])

    assert set(result["artifacts"]) == {"spec.json", "scores.json"}
    assert "artifacts" not in result["report"]
    assert result["report"]["held_out"] == {"rmse": 1.5}


def test_a_file_that_the_evaluation_replaced_is_taken_from_it(tmp_path):
    replaced = {"spec.json": {"path": "judged/spec.json"}}

    result = write_search(tmp_path, [(A, 1.0)], artifacts=replaced)

    assert result["artifacts"]["spec.json"]["path"] == "judged/spec.json"


def test_the_note_of_the_threshold_and_the_end_of_the_budget_are_warned_of(tmp_path):
    noted = write_search(
        tmp_path, [(A, 1.0)], decision={"note": "No threshold reaches it."}, is_budget_limited=True
    )
    silent = write_search(tmp_path, [(A, 1.0)], decision={"note": ""})

    assert noted["is_budget_limited"]
    threshold, budget = noted["warnings"]
    assert (threshold["message"], threshold["column"]) == ("No threshold reaches it.", "größe")
    assert (budget["message"][:33], budget["column"]) == ("The time budget ended the search:", None)
    assert silent["warnings"] == []
