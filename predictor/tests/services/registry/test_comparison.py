from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from predictor.errors import InvalidInput
from predictor.ml.metrics.scores import metrics
from predictor.ml.types.schema import FeatureField, Role, Signature, Task
from predictor.models import ModelVersion, RegisteredModel, User, Workspace
from predictor.services import registry
from predictor.tests.services.versions import SIGNATURE, publish
from predictor.web.pages.metric_words import METRICS


def test_a_comparison_says_which_version_is_better_at_what(model: RegisteredModel) -> None:
    a = publish(model, metrics={"rmse": 2.0, "r2": 0.5, "n": "text"}, params={"depth": 3})
    b = publish(model, metrics={"rmse": 1.0, "r2": 0.4}, params={"depth": 4, "rate": 0.1})

    found = registry.compare(a, b)

    assert {each.name: each.better for each in found.metrics} == {"rmse": "b", "r2": "a"}
    assert [(each.name, each.is_same) for each in found.params] == [("depth", False), ("rate", False)]
    assert all(each.is_same for each in found.features)


def test_versions_of_two_models_are_not_compared(
    model: RegisteredModel, workspace: Workspace, member: User
) -> None:
    other = registry.get_or_create_model(workspace=workspace, name_or_slug="Other", by=member)

    with pytest.raises(InvalidInput):
        registry.compare(publish(model), publish(other))


def better(model: RegisteredModel, a: Any, b: Any) -> dict[str, str | None]:
    """Which of two versions with these metrics is better, by the name of the metric."""
    found = registry.compare(publish(model, metrics=a), publish(model, metrics=b))
    return {each.name: each.better for each in found.metrics}


@pytest.mark.parametrize("task", [Task.REGRESSION, Task.BINARY, Task.MULTICLASS])
def test_perfect_predictions_are_better_at_every_metric(model: RegisteredModel, task: Task) -> None:
    if task is Task.REGRESSION:
        y = np.array([0.0, 1.0, 4.0, 9.0])
        perfect, poor = y, y[::-1].copy()
    else:
        n_classes = 2 if task is Task.BINARY else 3
        y = np.arange(12) % n_classes
        perfect = np.eye(n_classes)[y]
        poor = np.random.default_rng(0).dirichlet(np.ones(n_classes), len(y))

    sides = better(model, metrics(task, y, poor), metrics(task, y, perfect))

    assert set(sides.values()) == {"b"}
    assert set(sides) == set(metrics(task, y, perfect))


def test_the_comparison_and_the_words_of_the_pages_agree_about_what_is_better(model: RegisteredModel) -> None:
    sides = better(model, dict.fromkeys(METRICS, 1.0), dict.fromkeys(METRICS, 2.0))

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
    model: RegisteredModel, a: Any, b: Any, sides: dict[str, str | None]
) -> None:
    assert better(model, a, b) == sides


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
