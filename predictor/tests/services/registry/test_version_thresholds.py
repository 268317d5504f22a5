from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from predictor.errors import Conflict, DamagedArtifact, InvalidThreshold, InvalidTrainingRequest
from predictor.ml.calibration.decision_thresholds import Scores
from predictor.ml.persistence import version_files
from predictor.models import ModelVersion, RegisteredModel, User, Workspace
from predictor.services import artifacts, registry
from predictor.tests.services.versions import publish
from predictor.tests.web.served_versions import publish_served

# The two most probable rows are negative, so that no threshold reaches a high precision.
IS_POSITIVE = np.array([False, False, True, False, True, True, False, False])
PROBABILITIES = np.array([0.95, 0.85, 0.75, 0.55, 0.45, 0.35, 0.25, 0.05])


@pytest.fixture
def model(workspace: Workspace) -> RegisteredModel:
    model = RegisteredModel.objects.create(workspace=workspace, slug="churn", name="Churn")
    publish_served(model)
    return model


@pytest.fixture
def by_hand(model: RegisteredModel) -> ModelVersion:
    """A version whose stored scores are eight held-out rows, and the same rows the other way round out of fold."""
    version = registry.version_of(model, 1)
    scores = Scores(
        (IS_POSITIVE, 1 - PROBABILITIES), (IS_POSITIVE, PROBABILITIES), {"dummy": np.full(8, 0.375)}
    )
    replace_file(version, "scores.json", version_files._json({"format": 1, **scores.to_json()}))
    return version


def replace_file(version: ModelVersion, name: str, content: bytes) -> None:
    version.artifacts[name] = {"digest": artifacts.put_bytes(content), "n_bytes": len(content)}


def with_rule(version: ModelVersion, member: User | None = None, **rule: Any) -> ModelVersion:
    return registry.publish_with_threshold(model_version=version, rule=rule, by=member)


def test_another_threshold_is_another_version_of_the_same_files(model: RegisteredModel, member: User) -> None:
    first = registry.version_of(model, 1)

    made = registry.publish_with_threshold(
        model_version=first, rule={"by": "recall", "at_least": 0.99}, by=member
    )
    again = registry.publish_with_threshold(model_version=made, rule={"by": "f1"}, by=member)

    assert [each.number for each in (first, made, again)] == [1, 2, 3]
    assert made.made_from == again.made_from == first
    differing = {name for name in first.artifacts if first.artifacts[name] != made.artifacts[name]}
    assert differing == {"spec.json"}
    assert made.evaluation["decision"]["out_of_fold"]["recall"] >= 0.99
    assert made.metrics["recall"] == made.evaluation["decision"]["held_out"]["recall"]
    assert made.metrics["roc_auc"] == first.metrics["roc_auc"]
    assert registry.version_of(model).number == 1
    first.refresh_from_db()
    assert first.threshold is None


def test_the_positive_class_of_a_new_version_can_be_the_other_one(model: RegisteredModel) -> None:
    first = registry.version_of(model, 1)
    other, old = first.signature.class_names[0], first.signature.class_names[1]

    made = registry.publish_with_threshold(
        model_version=first, rule={"by": "fixed", "value": 0.3}, positive_class=other, by=None
    )
    again = registry.publish_with_threshold(model_version=made, rule={"by": "f1"}, by=None)

    # A version of before the positive class could be chosen has the second class.
    assert ("positive_class" in first.signature_json, first.signature.positive_name) == (False, old)
    assert made.signature.positive_name == again.signature.positive_name == other
    assert made.evaluation["decision"]["positive"] == other
    scores = Scores.from_json(version_files.read_json(
        artifacts.path_of(made.artifacts["scores.json"]["digest"]).read_bytes(), "scores.json"
    ))  # fmt: skip
    is_second, probability = scores.held_out
    y, predicted = ~is_second, 1 - probability >= 0.3
    assert made.metrics["precision"] == pytest.approx(sklearn_metrics.precision_score(y, predicted))
    assert made.metrics["recall"] == pytest.approx(sklearn_metrics.recall_score(y, predicted))
    area = sklearn_metrics.average_precision_score(y, 1 - probability)
    assert made.metrics["average_precision"] == pytest.approx(area)
    with pytest.raises(InvalidTrainingRequest, match="There is no class “maybe”"):
        registry.publish_with_threshold(
            model_version=first, rule={"by": "f1"}, positive_class="maybe", by=None
        )


def test_a_version_without_scores_and_a_regression_take_no_other_threshold(
    model: RegisteredModel, member: User, workspace: Workspace
) -> None:
    old = registry.version_of(model, 1)
    del old.artifacts["scores.json"]
    linear = registry.register_linear(
        workspace=workspace, name="line", coefficients=[1.0], intercept=0.0, by=member
    )

    with pytest.raises(Conflict, match="train it again"):
        registry.publish_with_threshold(model_version=old, rule={"by": "f1"}, by=member)
    with pytest.raises(InvalidThreshold, match="two classes"):
        registry.publish_with_threshold(model_version=linear, rule={"by": "f1"}, by=member)


@pytest.mark.parametrize("threshold", [0.05, 0.3, 0.5, 0.9])
def test_the_numbers_at_a_threshold_are_those_of_scikit_learn(
    by_hand: ModelVersion, threshold: float
) -> None:
    made = with_rule(by_hand, by="fixed", value=threshold)

    predicted = threshold <= PROBABILITIES
    assert made.threshold == threshold
    assert made.evaluation["confusion"] == sklearn_metrics.confusion_matrix(IS_POSITIVE, predicted).tolist()
    for name in ("accuracy", "balanced_accuracy", "precision", "recall", "f1"):
        score = getattr(sklearn_metrics, f"{name}_score")
        assert made.metrics[name] == pytest.approx(score(IS_POSITIVE, predicted)), name
    out_of_fold = made.evaluation["decision"]["out_of_fold"]
    assert out_of_fold["recall"] == pytest.approx(
        sklearn_metrics.recall_score(IS_POSITIVE, threshold <= 1 - PROBABILITIES)
    )


def test_the_threshold_is_chosen_on_the_rows_out_of_fold(by_hand: ModelVersion) -> None:
    made = with_rule(by_hand, by="f1")

    # By hand: F1 is largest, 2/3, from the score 0.25 up; the next lower score is 0.15. Held out it would be 0.3.
    assert made.threshold == 0.2
    assert made.evaluation["decision"]["out_of_fold"]["f1"] == pytest.approx(2 / 3)


def test_metrics_of_the_probabilities_and_the_baseline_stay(by_hand: ModelVersion) -> None:
    made = with_rule(by_hand, by="fixed", value=0.3)

    assert list(made.metrics) == list(by_hand.metrics)
    changed = {name for name in by_hand.metrics if made.metrics[name] != by_hand.metrics[name]}
    assert changed <= {"accuracy", "balanced_accuracy", "precision", "recall", "f1"}
    # The baseline predicts 0.375 for each row: at 0.3, each row is positive.
    assert made.evaluation["baseline"]["recall"] == 1.0
    assert made.evaluation["baseline"]["precision"] == pytest.approx(3 / 8)


def test_the_threshold_is_stored_in_the_specification(by_hand: ModelVersion, member: User) -> None:
    made = with_rule(by_hand, member, by="fixed", value=0.3)

    content = artifacts.verified_path(made.artifacts["spec.json"]["digest"]).read_bytes()
    assert version_files.read_spec(content).threshold == 0.3
    assert made.artifacts["spec.json"]["n_bytes"] == len(content)
    assert made.created_by == member


def test_what_was_trained_stays_the_same(by_hand: ModelVersion) -> None:
    made = with_rule(by_hand, by="fixed", value=0.3)

    for name in ("dataset", "dataset_sha256", "task", "estimator", "params", "signature_json", "libraries"):
        assert getattr(made, name) == getattr(by_hand, name), name
    assert (made.is_compiled, made.parity) == (by_hand.is_compiled, by_hand.parity)
    assert made.training_run is None
    assert made.warnings == by_hand.warnings


def test_a_rule_that_is_not_reached_warns_once_and_its_note_goes_with_the_rule(by_hand: ModelVersion) -> None:
    # Of so few rows only the threshold below all of them is reliable: its precision is 3/8.
    unreached = with_rule(by_hand, by="precision", at_least=0.99)
    lower = with_rule(unreached, by="precision", at_least=0.9)
    fixed = with_rule(lower, by="fixed", value=0.3)

    def notes(version: ModelVersion) -> list[str]:
        return [each["message"] for each in version.warnings if each not in by_hand.warnings]

    assert notes(unreached) == ["No threshold reaches a precision of 0.99; this one reaches 0.375."]
    assert notes(lower) == ["No threshold reaches a precision of 0.9; this one reaches 0.375."]
    assert unreached.warnings[-1]["column"] == "y"
    assert fixed.warnings == by_hand.warnings


@pytest.mark.parametrize("content", [b"{}", b'{"format": 1, "out_of_fold": {}}', b"[1]", b"not json"])
def test_damaged_scores_are_an_error_and_make_no_version(
    by_hand: ModelVersion, model: RegisteredModel, content: bytes
) -> None:
    replace_file(by_hand, "scores.json", content)

    with pytest.raises(DamagedArtifact):
        with_rule(by_hand, by="f1")

    assert model.versions.count() == 1


@pytest.mark.parametrize("task", ["multiclass", "clustering", "forecasting"])
def test_only_a_task_of_two_classes_has_a_threshold(workspace: Workspace, task: str) -> None:
    model = RegisteredModel.objects.create(workspace=workspace, slug="m", name="M")
    version = publish(model, task=task)

    with pytest.raises(InvalidThreshold, match=f"between two classes; version 1 does {task}."):
        with_rule(version, by="f1")


@pytest.mark.parametrize("fields", [{"kind": "threshold"}, {}], ids=["with a kind", "stored before kinds"])
def test_the_note_on_the_old_threshold_is_left_out(
    model: RegisteredModel, member: User, fields: dict[str, str]
) -> None:
    first = registry.version_of(model, 1)
    note = {"message": "No threshold reaches this precision.", "column": "y", **fields}
    other = {"message": "3 rows were left out.", "column": None, **dict.fromkeys(fields)}
    first.warnings = [note, other]
    first.evaluation["decision"] = {"note": note["message"]}

    made = registry.publish_with_threshold(model_version=first, rule={"by": "f1"}, by=member)

    assert made.warnings == [other]


def test_directions_are_of_the_positive_class(model: RegisteredModel, member: User) -> None:
    first = registry.version_of(model, 1)
    first.evaluation["monotone"] = [{"column": "age", "direction": "increasing", "largest_violation": 0.0}]
    first.save()
    other = next(name for name in first.signature.class_names if name != first.signature.positive_name)

    same = registry.publish_with_threshold(model_version=first, rule={"by": "f1"}, by=member)
    turned = registry.publish_with_threshold(
        model_version=first, rule={"by": "f1"}, positive_class=other, by=member
    )
    back = registry.publish_with_threshold(
        model_version=turned, rule={"by": "f1"}, positive_class=first.signature.positive_name, by=member
    )

    directions = [each.evaluation["monotone"][0]["direction"] for each in (same, turned, back)]
    assert directions == ["increasing", "decreasing", "increasing"]
