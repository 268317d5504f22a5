from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from predictor.errors import InvalidInput
from predictor.ml.types.schema import FeatureField, Role, Signature, Task
from predictor.models import Actual, ModelVersion, RegisteredModel, Workspace, uuid7
from predictor.services.monitoring import live_quality
from predictor.tests.services.versions import publish

pytestmark = pytest.mark.django_db

BINARY = Signature(
    "y", Task.BINARY, (FeatureField("a", Role.NUMERIC),), classes=("no", "yes"), positive_class="yes"
)


@pytest.fixture
def model(workspace: Workspace) -> RegisteredModel:
    return RegisteredModel.objects.create(workspace=workspace, slug="churn", name="Churn")


def store(version: ModelVersion, output: Any, value: Any, *, days_ago: float = 1.0) -> None:
    Actual.objects.create(
        workspace_id=version.registered_model.workspace_id,
        model_version=version,
        prediction=uuid7(),
        value=value,
        known_at=timezone.now(),
        is_current=True,
        predicted_at=timezone.now() - timedelta(days=days_ago),
        output=output,
        source="api",
    )


def answer(p: float) -> dict[str, Any]:
    return {"prediction": "yes" if p >= 0.5 else "no", "probabilities": {"no": 1 - p, "yes": p}}


def test_live_figures_stand_beside_the_held_out_ones(model: RegisteredModel) -> None:
    version = publish(
        model, task="binary", signature=BINARY.to_json(), metrics={"accuracy": 0.95, "roc_auc": 0.9}
    )
    for number in range(40):
        # Every second answer is wrong.
        store(version, answer(0.8), "yes" if number % 2 else "no")

    (found,) = live_quality.of_model(model, days=30)

    accuracy = next(each for each in found.figures if each.name == "accuracy")
    assert (accuracy.value, accuracy.held_out) == (0.5, 0.95)
    assert accuracy.is_other
    assert (found.n_actuals, found.n_rows) == (40, 40)
    assert found.performance is not None
    assert found.performance.confusion == [[0, 20], [0, 20]]


def test_only_the_span_and_the_current_values_count(model: RegisteredModel) -> None:
    version = publish(model)
    store(version, {"prediction": 1.0}, 2.0)
    store(version, {"prediction": 1.0}, 2.0, days_ago=40)
    store(version, {"prediction": 1.0}, 9.0)
    Actual.objects.filter(value=9.0).update(is_current=False)

    (month,) = live_quality.of_model(model, days=30)
    (year,) = live_quality.of_model(model, days=365)

    assert (month.n_actuals, year.n_actuals) == (1, 2)
    assert next(each.value for each in month.figures if each.name == "mae") == 1.0
    assert (
        live_quality.of_model(
            RegisteredModel.objects.create(workspace=model.workspace, slug="other", name="Other"), days=30
        )
        == []
    )


def test_the_course_has_a_value_for_each_day_with_enough_rows(model: RegisteredModel) -> None:
    version = publish(model)
    for days_ago, error, n in ((1.0, 1.0, 5), (2.0, 3.0, 6), (3.0, 9.0, 4)):
        for _ in range(n):
            store(version, {"prediction": 10.0 + error}, 10.0, days_ago=days_ago)

    (found,) = live_quality.of_model(model, days=30)

    assert found.course_of == "mae"
    assert [(each.n_rows, each.value) for each in found.course] == [(6, 3.0), (5, 1.0)]


def test_two_versions_are_judged_apart(model: RegisteredModel) -> None:
    first, second = publish(model), publish(model)
    store(first, {"prediction": 1.0}, 2.0)
    store(second, {"prediction": 1.0}, 1.0)

    found = live_quality.of_model(model, days=30)

    assert [each.version.number for each in found] == [2, 1]


@pytest.mark.parametrize("days", [0, -1, 4_000])
def test_a_span_has_a_most(model: RegisteredModel, days: int) -> None:
    with pytest.raises(InvalidInput):
        live_quality.of_model(model, days=days)
