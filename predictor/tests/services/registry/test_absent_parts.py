"""What becomes of each part that was left out, in words."""

from __future__ import annotations

from typing import Any

import pytest

from predictor.models import Completion, Dataset, ModelVersion, RegisteredModel
from predictor.services.registry import card_markdown, model_cards
from predictor.services.registry.absent_parts import absent_parts, parts_to_compute
from predictor.tests.services.training.left_out import OLD_REPORT, PARTS, REPORT, hurried_version
from predictor.tests.services.versions import publish

pytestmark = pytest.mark.django_db
WHEN = "2026-01-02T03:04:05+00:00"


@pytest.fixture
def version(model: RegisteredModel) -> ModelVersion:
    return hurried_version(model)


def completion(version: ModelVersion, **fields: Any) -> ModelVersion:
    Completion.objects.create(
        model_version=version, workspace=version.registered_model.workspace, **{"parts": PARTS, **fields}
    )
    return ModelVersion.objects.get(pk=version.pk)


def states(version: ModelVersion) -> dict[str, str]:
    return {each.part.value: each.state.value for each in absent_parts(version)}


def sentences(version: ModelVersion) -> set[str]:
    return {each.sentence for each in absent_parts(version)}


def test_each_part_has_the_state_of_its_job(version: ModelVersion) -> None:
    assert set(states(version).values()) == {"possible"}
    waiting = completion(version)
    assert set(states(waiting).values()) == {"queued"}
    assert sentences(waiting) == {
        "It will be computed as soon as no training run and no batch waits or runs."
    }


@pytest.mark.parametrize(
    ("fields", "state", "words"),
    [
        ({"status": "running"}, "running", "It is being computed."),
        ({"status": "cancelled"}, "possible", "It can be computed; the last attempt was stopped."),
        (
            {"status": "failed", "error": "Too slow."},
            "possible",
            "It can be computed; the last attempt failed: Too slow.",
        ),
        (
            {"status": "succeeded", "refusals": dict.fromkeys(PARTS, "Other rows.")},
            "impossible",
            "It cannot be computed. Other rows.",
        ),
        ({"status": "succeeded", "computed": dict.fromkeys(PARTS, WHEN)}, "computed", "It was computed later."),
    ],
)  # fmt: skip
def test_after_the_job_each_part_says_how_it_ended(
    fields: Any, state: str, words: str, version: ModelVersion
) -> None:
    ended = completion(version, **fields)
    assert set(states(ended).values()) == {state}
    assert sentences(ended) == {words}


def test_without_data_nothing_can_be_computed(version: ModelVersion) -> None:
    Dataset.objects.update(data_removed_at="2026-01-01T00:00:00Z")
    without = ModelVersion.objects.get(pk=version.pk)
    assert set(states(without).values()) == {"impossible"}
    assert "were deleted" in sentences(without).pop()
    assert parts_to_compute(without) == []


def test_an_older_report_tells_by_its_notes_and_a_complete_one_tells_nothing(model: RegisteredModel) -> None:
    assert list(states(hurried_version(model, OLD_REPORT))) == PARTS
    assert states(publish(model, report={"task": "regression", "verdict": {"sentence": "Good."}})) == {}


def test_a_version_with_another_threshold_shares_what_does_not_depend_on_it(model: RegisteredModel) -> None:
    baselines = {"part": "baselines", "names": ["Ridge"], "reason": "there was no time for it"}
    report = {**REPORT, "left_out": [*REPORT["left_out"], baselines]}
    trained = hurried_version(model, report)
    completion(
        trained,
        status="succeeded",
        computed=dict.fromkeys([*PARTS, "baselines"], WHEN),
        supplement={
            "importance_kind": "permutation",
            "baselines": ["all"],
            "verdict": {"sentence": "Other."},
        },
    )
    fields = {"evaluation": report, "task": "binary", "signature_json": trained.signature_json}
    variant = ModelVersion.objects.create(
        registered_model=model, number=9, made_from=trained, dataset=trained.dataset, artifacts={},
        is_compiled=False, **fields,
    )  # fmt: skip
    variant = ModelVersion.objects.get(pk=variant.pk)

    assert states(variant) == {**dict.fromkeys(PARTS, "computed"), "baselines": "impossible"}
    assert variant.report["importance_kind"] == "permutation"
    assert variant.report["verdict"] == report["verdict"]
    assert [each["part"] for each in variant.report["left_out"]] == ["baselines"]
    assert ModelVersion.objects.get(pk=trained.pk).report["verdict"] == {"sentence": "Other."}


def test_the_model_card_says_what_becomes_of_each_part(version: ModelVersion) -> None:
    text = card_markdown.written(model_cards.card_of(version))
    assert "Left out for lack of time" in text
    assert "Learning curve: there was no time left for it. It can be computed." in text
    done = completion(version, status="succeeded", computed=dict.fromkeys(PARTS, WHEN))
    text = card_markdown.written(model_cards.card_of(done))
    assert text.count("Computed after the training, on 2 Jan 2026, 03:04 UTC") == 1
    assert "It can be computed" not in text
