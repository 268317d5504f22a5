"""What is computed later is what a run with enough time tells, with the same rows, seed and model."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from predictor.ml.completion.complete import complete, part_path
from predictor.ml.completion.supervised_parts import SupervisedParts, _threshold
from predictor.ml.evaluation import slices
from predictor.ml.evaluation.verdict import worst_part
from predictor.ml.execution.progress import Reporter
from predictor.ml.training import supervised_run
from predictor.ml.training.recipe import candidate_json
from predictor.ml.types.left_out import Part, left_out_of
from predictor.ml.types.schema import Role
from predictor.ml.types.threshold_rule import ThresholdRule
from predictor.ml.types.training_request import TrainingLimits

from ..tables_for_tests import ROLES, classification_table, columns_of, write_request
from .hurried_runs import OPTIONAL, few_candidates, finished, no_time

KEYS = ("importance", "importance_rows", "importance_kind", "dependence", "learning_curve", "baseline_notes")
LIMITS = TrainingLimits(n_threads=1, max_members=1)


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """As in the process of a run and of a completion."""
    with threadpool_limits(1):
        yield


def bent(n_rows=300):
    """A target with steps, so that boosting is chosen and the linear model is none but a baseline."""
    columns = columns_of(n_rows)
    age = np.nan_to_num(columns["age"], nan=40.0)
    noise = np.random.default_rng(5).normal(0, 0.2, n_rows)
    return {**columns, "y": np.abs(age - 50) / 10 + 2.0 * (columns["city"] == "north") + noise}


@pytest.fixture(scope="module")
def auto(one_thread, tmp_path_factory):
    """A run of *Auto* with enough time, and one that had none left and did not come to the linear model."""
    folder = tmp_path_factory.mktemp("auto")
    roles = {**ROLES, "y": Role.NUMERIC}
    request = write_request(folder, bent(), roles, "y", budget_seconds=120.0, limits=LIMITS)
    with few_candidates():
        whole = finished(request, folder / "whole", supervised_run.run)
    with no_time(has_linear=False):
        hurried = finished(request, folder / "hurried", supervised_run.run)
    return whole, hurried


@pytest.fixture(scope="module")
def binary(one_thread, tmp_path_factory):
    """The same for one estimator of two classes, with a chosen threshold."""
    folder = tmp_path_factory.mktemp("binary")
    table = classification_table(600)
    labels = np.array([table.target.classes[code] for code in table.target.y], dtype=object)
    request = write_request(
        folder,
        {**table.columns, "y": labels},
        {**ROLES, "y": Role.CATEGORICAL},
        "y",
        estimator="random_forest",
        params={"n_estimators": 20},
        budget_seconds=120.0,
        threshold=ThresholdRule("f1"),
    )
    whole = finished(request, folder / "whole", supervised_run.run)
    with no_time():
        hurried = finished(request, folder / "hurried", supervised_run.run)
    return whole, hurried


def completed(work, workdir):
    workdir.mkdir(exist_ok=True)
    complete(work, workdir, Reporter())
    report = dict(work.report)
    for part in work.parts:
        report |= json.loads(part_path(workdir, part).read_text("utf-8"))["report"]
    return report


@pytest.fixture(scope="module")
def later(auto, binary, tmp_path_factory):
    """The completed reports of both hurried runs, and the work folders."""
    folders = {name: tmp_path_factory.mktemp(name) for name in ("auto", "binary")}
    return {
        name: (completed(runs[1].work, folders[name]), folders[name])
        for name, runs in (("auto", auto), ("binary", binary))
    }


@pytest.mark.parametrize("kind", ["auto", "binary"])
def test_what_is_computed_later_is_what_a_run_with_enough_time_tells(kind, later, request):
    whole, hurried = request.getfixturevalue(kind)
    assert tuple(sorted(hurried.work.parts)) == tuple(sorted(OPTIONAL))
    assert whole.report["left_out"] == []
    assert "recipe" not in whole.report

    report, _ = later[kind]

    for key in KEYS:
        assert report[key] == whole.report[key], key
    assert report["baselines"] == whole.report["baselines"]
    assert report["verdict"] == whole.report["verdict"]
    assert len(report["baselines"]) == 3


@pytest.mark.parametrize("kind", ["auto", "binary"])
def test_metrics_and_all_else_stay(kind, later, request):
    _, hurried = request.getfixturevalue(kind)
    report, _ = later[kind]

    changed = {name for name in report if report[name] != hurried.report[name]}
    assert changed == {*KEYS, "baselines", "verdict"}
    assert report["verdict"]["worries"] == hurried.report["verdict"]["worries"]
    assert report["held_out"] == hurried.report["held_out"]


@pytest.mark.parametrize("kind", ["auto", "binary"])
def test_a_version_from_before_recipes_is_completed_by_its_leaderboard(kind, request, tmp_path):
    whole, hurried = request.getfixturevalue(kind)
    old = replace(hurried.without("recipe", "left_out"), parts=(Part.IMPORTANCE, Part.DEPENDENCE))

    report = completed(old, tmp_path / "work")

    assert report["importance"] == whole.report["importance"]
    assert report["dependence"] == whole.report["dependence"]
    best = SupervisedParts(old, tmp_path).model.recipe.best
    assert candidate_json(best) == hurried.report["recipe"]["best"]


def test_of_an_older_report_only_what_its_notes_tell_is_claimed(auto):
    _, hurried = auto
    (baselines,) = (
        each for each in left_out_of(hurried.without("left_out").report) if each.part is Part.BASELINES
    )
    assert baselines.names == ("Boosting, default settings",), "nothing is told of the linear one"


def test_slices_of_all_columns_and_the_warning_about_the_worst(binary, tmp_path):
    """The limit of cells is met after the first column; without it, the slices are those of the whole run."""
    whole, hurried = binary
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(slices, "MAX_CELLS", hurried.report["n_rows"])
        table = SupervisedParts(hurried.work, tmp_path).model.held_out
        predictions = SupervisedParts(hurried.work, tmp_path).model.predictions
        first, n_first = slices.worst_slices(table, predictions, _threshold(hurried.report))
        columns = list(table.columns)
        assert {each.column for each in first} <= {columns[0]}
        # A worry of a slice that is none of the whole table's.
        other = {**whole.report, "slices": [FOUND], "n_slices_tested": n_first}
        stale = worst_part([slices.Slice(**{name: FOUND[name] for name in FOUND if name != "difference"})])
        other["verdict"] = {**whole.report["verdict"], "worries": [*kept_worries(whole.report), stale]}

        keys = SupervisedParts(hurried.work, tmp_path).compute(Part.SLICES, other)

    assert keys["slices"] == whole.report["slices"]
    assert keys["n_slices_tested"] == whole.report["n_slices_tested"] > n_first
    assert keys["verdict"] == whole.report["verdict"]


FOUND = {
    "column": "age", "words": "“age” is 3", "n_rows": 30, "metric": "log_loss", "score": 2.0, "score_elsewhere": 1.0,
    "rate": 0.5, "rate_elsewhere": 0.1, "p_value": 0.001, "difference": 1.0,
}  # fmt: skip


def kept_worries(report):
    return [each for each in report["verdict"]["worries"] if not each.startswith("Its error is larger where")]


def test_another_model_than_the_tested_one_is_refused(auto, tmp_path):
    """The stored predictions are those of another fit: nothing is told of a model that was not tested."""
    _, hurried = auto
    recipe = hurried.report["recipe"]
    (member,) = recipe["members"]
    other = {**member, "stage": {"max_iter": member["stage"]["max_iter"] + 40}}
    report = {**hurried.report, "recipe": {**recipe, "members": [other]}}
    parts = (Part.IMPORTANCE, Part.DEPENDENCE, Part.BASELINES)

    complete(replace(hurried.work, report=report, parts=parts), tmp_path, Reporter())

    for part in parts:
        refusal = json.loads(part_path(tmp_path, part).read_text("utf-8"))["refusal"]
        assert "does not give the predictions that were stored" in refusal


def test_finished_parts_are_not_computed_again(auto, later, tmp_path, monkeypatch):
    """As after a kill: the work folder has the parts that were finished."""
    _, hurried = auto
    shutil.copytree(later["auto"][1], tmp_path, dirs_exist_ok=True)
    part_path(tmp_path, Part.DEPENDENCE).unlink()
    asked = []
    compute = SupervisedParts.compute
    monkeypatch.setattr(
        SupervisedParts,
        "compute",
        lambda self, part, report: asked.append(part) or compute(self, part, report),
    )

    complete(hurried.work, tmp_path, Reporter())

    assert asked == [Part.DEPENDENCE]


def test_importance_later_is_of_the_tested_model_not_of_the_served_one(auto, tmp_path):
    """Scikit-learn's own permutation importance of the tested model, on the held-out rows, ranks alike."""
    _, hurried = auto
    parts = SupervisedParts(hurried.work, tmp_path)
    from sklearn.metrics import root_mean_squared_error

    held_out, pipeline = parts.model.held_out, parts.model.pipeline
    base = root_mean_squared_error(held_out.target.y, pipeline.predict(held_out.columns).values)
    assert base == pytest.approx(hurried.report["held_out"]["rmse"], rel=1e-6)
    rng, rises = np.random.default_rng(3), {}
    for name in ("age", "city", "income"):
        scores = []
        for _ in range(30):
            shuffled = {**held_out.columns, name: rng.permutation(held_out.columns[name])}
            scores.append(root_mean_squared_error(held_out.target.y, pipeline.predict(shuffled).values))
        rises[name] = np.mean(scores) - base

    found = {
        each["column"]: each["mean"] for each in parts.compute(Part.IMPORTANCE, hurried.report)["importance"]
    }

    assert sorted(found, key=found.get) == sorted(rises, key=rises.get)
    for name in ("age", "city"):
        assert found[name] == pytest.approx(rises[name], rel=0.25)
