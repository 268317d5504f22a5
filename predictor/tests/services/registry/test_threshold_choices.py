from __future__ import annotations

import numpy as np
import pytest

from predictor.errors import Conflict, InvalidThreshold, InvalidTrainingRequest
from predictor.ml.types.schema import Signature, Task
from predictor.ml.types.threshold_rule import ThresholdRule
from predictor.models import ModelVersion, RegisteredModel
from predictor.services import registry
from predictor.services.registry.threshold_choices import choices_of
from predictor.tests.services.registry.test_comparison import examples, judged
from predictor.tests.services.versions import publish

F1, COST = ThresholdRule("f1"), ThresholdRule("cost", (1.0, 4.0))


def binary(model: RegisteredModel) -> tuple[ModelVersion, np.ndarray, np.ndarray]:
    y, poor, _ = examples(Task.BINARY)
    version = judged(model, Task.BINARY, y, poor)
    version.signature_json = Signature("y", Task.BINARY, (), ("no", "yes")).to_json()
    version.save(update_fields=["signature_json"])
    return ModelVersion.objects.get(pk=version.pk), y, poor[:, 1].astype("<f4").astype(float)


def test_choices_are_judged_on_the_held_out_rows(model: RegisteredModel) -> None:
    version, y, score = binary(model)

    found = choices_of(version, rules=[F1, COST])

    assert [each.name for each in found.choices] == ["now", "f1", "cost"]
    assert found.positive == "yes"
    for each in found.choices:
        named = score >= each.threshold
        assert each.outcome.hits == (named & (y == 1)).sum()
        assert each.outcome.alarms == (named & (y == 0)).sum()
    assert found.selected.threshold == 0.5
    # Held-out and out-of-fold rows are the same here: no step has a better F1 than the choice.
    assert found.choices[1].outcome.f1 >= max(each.f1 for each in found.table.outcomes) - 1e-9


def test_the_other_class_is_decided_by_its_own_probabilities(model: RegisteredModel) -> None:
    version, y, score = binary(model)

    found = choices_of(version, rules=[F1], positive_class="no", value=0.6)

    assert (found.positive, [each.name for each in found.choices]) == ("no", ["f1"])
    assert found.selected.hits == ((1 - score >= 0.6) & (y == 0)).sum()


def test_the_selected_rule_is_the_one_whose_threshold_is_selected(model: RegisteredModel) -> None:
    version, _, _ = binary(model)
    chosen = choices_of(version, rules=[F1]).choices[1].threshold

    assert choices_of(version, rules=[F1], value=chosen).selected_rule == F1
    assert choices_of(version, rules=[F1], value=0.123).selected_rule == ThresholdRule("fixed", (0.123,))


def test_what_the_page_shows_is_what_the_new_version_reports(model: RegisteredModel) -> None:
    # Trained and evaluated as a whole.
    from predictor.tests.web.served_versions import publish_served

    version = publish_served(model)
    shown = choices_of(version, rules=[COST]).choices[1]

    made = registry.publish_with_threshold(model_version=version, rule=COST, by=None)

    reported = made.evaluation["decision"]["held_out"]
    assert made.threshold == shown.threshold
    assert (reported["true_positive"], reported["false_positive"]) == (
        shown.outcome.hits,
        shown.outcome.alarms,
    )


def test_versions_without_scores_and_other_tasks_are_refused(model: RegisteredModel) -> None:
    with pytest.raises(InvalidThreshold):
        choices_of(publish(model), rules=[F1])
    with pytest.raises(Conflict):
        choices_of(publish(model, task="binary"), rules=[F1])
    with pytest.raises(InvalidTrainingRequest):
        choices_of(binary(model)[0], rules=[F1], positive_class="perhaps")
