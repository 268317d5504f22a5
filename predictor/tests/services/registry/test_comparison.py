from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from predictor.errors import InvalidInput
from predictor.ml.calibration.decision_thresholds import Scores
from predictor.ml.metrics.paired_tests import PairedDifference
from predictor.ml.metrics.scores import metrics
from predictor.ml.persistence import version_files
from predictor.ml.types.schema import FeatureField, Role, Signature, Task
from predictor.models import ModelVersion, RegisteredModel, User, Workspace
from predictor.services import artifacts, registry
from predictor.services.registry import comparison
from predictor.services.registry.paired_comparison import PairedTests
from predictor.tests.services.versions import SIGNATURE, publish
from predictor.web.pages.metric_words import METRICS

GROUPED = {"conditions": {"split": {"kind": "group", "column": "shop"}}}


def judged(
    model: RegisteredModel,
    task: Task,
    y: Any,
    predicted: Any,
    clusters: Any = None,
    n_lags: int = 0,
    **more: Any,
) -> ModelVersion:
    """A version that was judged on rows with these true values (or codes) and predictions."""
    version = publish(
        model,
        task=task.value,
        signature=Signature("y", task, ()).to_json(),
        metrics=metrics(Task.REGRESSION if task is Task.FORECASTING else task, y, predicted),
        **more,
    )
    with tempfile.TemporaryDirectory() as folder:
        if task is Task.BINARY and clusters is None:
            rows = (y == 1, predicted[:, 1])
            file = version_files.write_scores(Path(folder), Scores(rows, rows).to_json())
        else:
            file = version_files.write_held_out(Path(folder), y, predicted, clusters=clusters, n_lags=n_lags)
        content = file.path.read_bytes()
    version.artifacts = {file.name: {"digest": artifacts.put_bytes(content), "n_bytes": len(content)}}
    version.save(update_fields=["artifacts"])
    return version


def examples(task: Task, n: int = 200) -> tuple[Any, Any, Any]:
    """True values, poor and good predictions."""
    draw = np.random.default_rng(0)
    if task is Task.REGRESSION:
        y = draw.normal(size=n)
        return y, y + draw.normal(0, 2, n), y + draw.normal(0, 0.1, n)
    k = 2 if task is Task.BINARY else 3
    y = draw.integers(0, k, n)
    poor = draw.dirichlet(np.full(k, 2.0), n)
    return y, poor, 0.2 * poor + 0.8 * np.eye(k)[y]


@pytest.mark.parametrize("task", [Task.REGRESSION, Task.BINARY, Task.MULTICLASS])
def test_better_is_what_a_test_on_the_same_rows_shows(model: RegisteredModel, task: Task) -> None:
    y, poor, good = examples(task)
    a, b = judged(model, task, y, poor), judged(model, task, y, good)

    found, turned = registry.compare(a, b), registry.compare(b, a)

    tested = {each.name: each.better for each in found.metrics if each.is_tested}
    assert set(tested.values()) == {"b"}
    assert ("rmse" if task is Task.REGRESSION else "log_loss") in tested
    assert (found.verdict.better, turned.verdict.better) == ("b", "a")
    error = "RMSE" if task is Task.REGRESSION else "log-loss"
    assert found.verdict.sentence.startswith(
        f"Version 2 is better than version 1: its {error} on the same 200 held-out rows is lower by "
    )
    assert turned.verdict.sentence == found.verdict.sentence


def test_better_by_chance_is_no_clear_difference(model: RegisteredModel) -> None:
    y, poor, _ = examples(Task.REGRESSION)
    other = y + np.random.default_rng(1).normal(0, 2, len(y))

    found = registry.compare(
        judged(model, Task.REGRESSION, y, poor), judged(model, Task.REGRESSION, y, other)
    )

    assert {each.better for each in found.metrics} == {None}
    (rmse,) = [each for each in found.metrics if each.name == "rmse"]
    assert rmse.low is not None
    assert rmse.high is not None
    assert rmse.low < 0 < rmse.high
    assert (found.verdict.better, found.verdict.is_tested, found.verdict.n_rows) == (None, True, 200)
    assert found.verdict.sentence.startswith("No clear difference")


def test_what_cannot_be_tested_is_not_called_better(model: RegisteredModel) -> None:
    y, poor, good = examples(Task.REGRESSION)
    first = judged(model, Task.REGRESSION, y, poor)
    rows = judged(model, Task.REGRESSION, y[::-1], good[::-1])
    groups = judged(model, Task.REGRESSION, y, good, report=GROUPED)
    few = [judged(model, Task.REGRESSION, y[:9], each[:9]) for each in (poor, good)]
    old = publish(model, metrics={"rmse": 0.1})
    damaged = judged(model, Task.REGRESSION, y, good)
    damaged.artifacts["held_out.json"]["digest"] = "0" * 64
    table = judged(model, Task.REGRESSION, y, good)
    table.dataset_sha256 = "1" * 64

    for other, reason in (
        (rows, "different rows"), (groups, "without the groups"), (old, "stored without its predictions"),
        (damaged, "cannot be read"), (table, "not judged on the same table"),
    ):  # fmt: skip
        verdict = registry.compare(first, other).verdict
        assert not verdict.is_tested
        assert verdict.sentence.startswith("Not tested. ")
        assert reason in verdict.sentence
        assert {each.better for each in registry.compare(first, other).metrics} == {None}
    assert "Only 9 rows" in registry.compare(*few).verdict.sentence


@pytest.mark.parametrize("task", [Task.REGRESSION, Task.BINARY, Task.MULTICLASS])
def test_held_out_groups_are_tested_as_groups(model: RegisteredModel, task: Task) -> None:
    y, poor, good = examples(task)
    shops = np.arange(200) % 20
    a, b = (judged(model, task, y, each, shops, report=GROUPED) for each in (poor, good))

    found = registry.compare(a, b)

    assert found.verdict.better == "b"
    assert " on the same 200 held-out rows of 20 groups is lower by " in found.verdict.sentence
    if task.is_classification:
        assert {each.name: each.better for each in found.metrics}["average_precision"] == "b"


def test_few_groups_other_groups_and_versions_without_them_are_not_tested(model: RegisteredModel) -> None:
    y, poor, good = examples(Task.BINARY)
    few = [judged(model, Task.BINARY, y, each, np.arange(200) % 5, report=GROUPED) for each in (poor, good)]
    some, others = (
        judged(model, Task.BINARY, y, each, np.arange(200) // n, report=GROUPED)
        for each, n in ((poor, 10), (good, 8))
    )
    old = judged(model, Task.BINARY, y, good, report=GROUPED)

    assert "Only 5 groups were held out" in registry.compare(*few).verdict.sentence
    assert "judged on different rows" in registry.compare(some, others).verdict.sentence
    assert "stored without the groups of its held-out rows" in registry.compare(some, old).verdict.sentence


def test_forecasts_are_tested_by_periods(model: RegisteredModel) -> None:
    y, poor, good = examples(Task.REGRESSION)
    months = 600 + np.arange(200) // 4
    a, b = (judged(model, Task.FORECASTING, y, each, months, 3) for each in (poor, good))
    old = publish(
        model, task=Task.FORECASTING.value, signature=Signature("y", Task.FORECASTING, ()).to_json()
    )

    found = registry.compare(a, b)

    assert found.verdict.better == "b"
    assert found.verdict.metric == "mae"
    assert found.verdict.sentence.startswith(
        "Version 2 is better than version 1: its mean absolute error on the same 200 forecasts of held-out values of "
        "50 periods is lower by "
    )
    assert "without its predictions for the forecasts" in registry.compare(a, old).verdict.sentence


def test_a_threshold_changes_the_metrics_of_classes_and_not_the_verdict(model: RegisteredModel) -> None:
    y, poor, _ = examples(Task.BINARY)
    a = judged(model, Task.BINARY, y, poor)
    b = judged(model, Task.BINARY, y, poor)
    b.threshold = 0.05
    b.metrics = metrics(Task.BINARY, y, poor, 0.05)

    found = registry.compare(a, b)

    better = {each.name: each.better for each in found.metrics}
    assert (better["recall"], better["log_loss"]) == ("b", None)
    assert found.verdict.sentence.startswith("No clear difference")


def test_parameters_and_features_are_compared(model: RegisteredModel) -> None:
    a = publish(model, metrics={"rmse": 2.0, "n": "text"}, params={"depth": 3})
    b = publish(model, metrics={"rmse": 1.0}, params={"depth": 4, "rate": 0.1})

    found = registry.compare(a, b)

    assert [(each.name, each.a, each.b, each.better) for each in found.metrics] == [("rmse", 2.0, 1.0, None)]
    assert [(each.name, each.is_same) for each in found.params] == [("depth", False), ("rate", False)]
    assert all(each.is_same for each in found.features)


def test_versions_of_two_models_are_not_compared(
    model: RegisteredModel, workspace: Workspace, member: User
) -> None:
    other = registry.get_or_create_model(workspace=workspace, name_or_slug="Other", by=member)

    with pytest.raises(InvalidInput):
        registry.compare(publish(model), publish(other))


def better(a: Any, b: Any) -> dict[str, str | None]:
    """Which side has the better number, by the name of the metric, where every difference is clear."""
    sure = PairedTests(dict.fromkeys([*a, *b], PairedDifference(1.0, 0.5, 1.5)), 100)
    return {each.name: each.better for each in comparison._metrics(a, b, sure)}


def test_the_comparison_and_the_words_of_the_pages_agree_about_what_is_better() -> None:
    sides = better(dict.fromkeys(METRICS, 1.0), dict.fromkeys(METRICS, 2.0))

    neither = ("n_clusters", "largest_share", "n_clear", "contamination")
    words = {name: "a" if each.is_smaller_better else "b" for name, each in METRICS.items()}
    assert sides == {**words, **dict.fromkeys(neither)}
    assert {sides[name] for name in ("mae", "rmse", "mase", "smape")} == {"a"}  # of a forecast


@pytest.mark.parametrize(
    ("a", "b", "sides"),
    [
        ({"r2": 0.5}, {"r2": 0.5}, {"r2": None}),
        ({"r2": 0.5}, {"r2": None}, {"r2": None}),
        ({"r2": None}, {"r2": None}, {}),
        ({"r2": 0.5}, {"rmse": 1.0}, {"r2": None, "rmse": None}),
        ({"r2": 1}, {"r2": 0.5}, {"r2": "a"}),
        ({"r2": True, "n": "text"}, {"r2": False, "n": [1]}, {}),
        (
            {"n_clusters": 3, "stability": 0.9},
            {"n_clusters": 4, "stability": 0.8},
            {"n_clusters": None, "stability": "a"},
        ),
        ({}, {}, {}),
    ],
)
def test_no_side_is_better_without_two_different_numbers(
    a: Any, b: Any, sides: dict[str, str | None]
) -> None:
    assert better(a, b) == sides


def test_metrics_are_comparable_on_the_same_data_with_the_same_target(model: RegisteredModel) -> None:
    def version(sha256: str, target: str = "y") -> ModelVersion:
        made = publish(model, signature={**SIGNATURE.to_json(), "target": target})
        ModelVersion.objects.filter(pk=made.pk).update(dataset_sha256=sha256)
        return ModelVersion.objects.get(pk=made.pk)

    one = version("1" * 64)

    assert registry.compare(one, version("1" * 64)).is_same_data
    assert not registry.compare(one, version("2" * 64)).is_same_data
    assert not registry.compare(one, version("1" * 64, target="z")).is_same_data
    assert not registry.compare(version(""), version("")).is_same_data


def test_features_that_came_went_or_changed_are_marked(model: RegisteredModel) -> None:
    fields = (FeatureField("größe", Role.NUMERIC), FeatureField("age", Role.CATEGORICAL))
    signature = Signature(target="y", task=Task.REGRESSION, fields=fields)

    found = registry.compare(publish(model), publish(model, signature=signature.to_json()))

    assert [(each.name, each.a, each.b, each.is_same) for each in found.features] == [
        ("age", "numeric", "categorical", False),
        ("city", "categorical", None, False),
        ("größe", None, "numeric", False),
    ]


def test_hyperparameters_are_compared_by_value(model: RegisteredModel) -> None:
    a = publish(model, params={"depth": 3, "rate": 0.1, "only_a": None})
    b = publish(model, params={"depth": 3.0, "rate": 0.2})

    found = registry.compare(a, b).params

    assert [(each.name, each.a, each.b, each.is_same) for each in found] == [
        ("depth", 3, 3.0, True), ("rate", 0.1, 0.2, False), ("only_a", None, None, True),
    ]  # fmt: skip


def test_facts_name_estimator_target_and_how_it_serves(model: RegisteredModel) -> None:
    a = publish(model)
    b = publish(model, estimator="ridge", title="Ridge", is_compiled=True)

    found = {each.name: (each.a, each.b) for each in registry.compare(a, b).facts}

    assert found == {
        "estimator": ("linear", "Ridge"),
        "task": ("regression", "regression"),
        "target": ("y", "y"),
        "served": ("in-process", "compiled"),
        "n_bytes": (0, 0),
    }


def test_two_classes_without_a_threshold_count_as_one_half(model: RegisteredModel) -> None:
    chosen = {"decision": {"is_chosen": True, "threshold": 0.25}}
    a, b = publish(model, task="binary"), publish(model, task="binary", report=chosen)

    (threshold,) = [each for each in registry.compare(a, b).facts if each.name == "threshold"]

    assert (threshold.a, threshold.b, threshold.is_same) == (0.5, 0.25, False)


def test_a_version_whose_dataset_is_gone_keeps_its_digest(model: RegisteredModel) -> None:
    a, b = publish(model), publish(model)
    a.dataset = None
    assert b.dataset is not None

    found = {each.name: (each.a, each.b) for each in registry.compare(a, b).dataset}

    assert found == {
        "name": (None, "Table"), "n_rows": (None, 1), "n_columns": (None, 1), "sha256": ("0" * 64, "0" * 64),
    }  # fmt: skip
