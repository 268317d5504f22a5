"""The Summary of a version: its sentence, figure, columns and warnings, for each kind of task."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from predictor.ml.types.schema import FeatureField, Role, Signature, Task
from predictor.models import Dataset, ModelVersion, RegisteredModel, TrainingRun, User, Workspace
from predictor.tests.services.versions import publish
from predictor.tests.web.described_versions import publish_described
from predictor.tests.web.served_versions import publish_served
from predictor.tests.web.tables import upload
from predictor.web.evaluation.slice_links import rows_url
from predictor.web.evaluation.version_summary import VersionSummary, of_hundred

RANDOM, BY_TIME = {"kind": "random", "column": None}, {"kind": "time", "column": "day"}


def url(name: str, *args: Any) -> str:
    return reverse(name, args=["acme", *args])


def verdict(*outcomes: tuple[str, str], is_better: bool = True, is_sure: bool = True) -> dict[str, Any]:
    comparisons = [{"baseline": name, "outcome": outcome} for name, outcome in outcomes]
    return {"sentence": "So.", "is_better": is_better, "is_sure": is_sure, "comparisons": comparisons}


def made(model: RegisteredModel, task: Task, report: dict[str, Any], **more: Any) -> ModelVersion:
    target = "" if task in (Task.CLUSTERING, Task.ANOMALY) else "y"
    signature = Signature(
        target, task, (FeatureField("age", Role.NUMERIC), FeatureField("day", Role.DATETIME))
    )
    given = {"signature": signature.to_json(), "task": task.value, **more}
    version = publish(model, report=report, **given)
    version.registered_model = model
    return version


def summary(model: RegisteredModel, task: Task, report: dict[str, Any], **more: Any) -> VersionSummary:
    return VersionSummary(made(model, task, report, **more), can_write=True)


@pytest.mark.parametrize(
    ("part", "words"),
    [
        (0.834, "83 of 100"),
        (1.0, "100 of 100"),
        (0.0, "0 of 100"),
        (0.997, "997 of 1,000"),
        (0.004, "4 of 1,000"),
        (0.99999, "9,999 of 10,000"),
    ],
)
def test_a_share_is_counted_as_people_do_and_never_rounds_to_all_or_none(part: float, words: str) -> None:
    assert of_hundred(part) == words


@pytest.mark.parametrize(
    ("found", "words", "tone"),
    [
        (
            verdict(("dummy", "better"), ("linear", "better")),
            "Clearly better than guessing and than a simple model.",
            "good",
        ),
        (
            verdict(("dummy", "better"), ("linear", "unclear")),
            "Clearly better than guessing, and about as good as a simple model.",
            "good",
        ),
        (
            verdict(("dummy", "better"), ("boosting", "unclear")),
            "Clearly better than guessing, and about as good as a standard model.",
            "good",
        ),
        (
            verdict(("dummy", "better"), ("linear", "worse")),
            "Better than guessing, but a simple model does better still.",
            "warning",
        ),
        (verdict(("dummy", "better")), "Clearly better than guessing.", "good"),
        (
            verdict(("dummy", "unclear"), is_better=False, is_sure=False),
            "Not shown to be better than guessing: chance alone can explain it.",
            "warning",
        ),
        (verdict(("dummy", "worse"), is_better=False), "Worse than guessing. Do not use it.", "bad"),
        # Stored before there were comparisons.
        ({"sentence": "So.", "is_better": True, "is_sure": True}, "Clearly better than guessing.", "good"),
    ],
)
def test_the_sentence_says_how_it_compares(
    model: RegisteredModel, found: dict[str, Any], words: str, tone: str
) -> None:
    seen = summary(model, Task.REGRESSION, {"verdict": found, "held_out": {"mae": 1.0}})

    assert (seen.sentence, seen.tone) == (words, tone)


def test_right_answers_are_counted_beside_a_simple_model_and_guessing(model: RegisteredModel) -> None:
    report = {
        "n_rows": 300, "held_out": {"accuracy": 0.8433, "balanced_accuracy": 0.83}, "confusion": [[152, 20], [27, 101]],
        "baselines": [
            {"key": "dummy", "title": "No features", "held_out": {"accuracy": 0.5}},
            {"key": "linear", "title": "Logistic regression", "held_out": {"accuracy": 0.8}},
        ],
        "decision": {"positive": "yes", "threshold": 0.5, "is_chosen": False, "rule": None, "note": "", "held_out": {
            "true_positive": 101, "false_negative": 27, "false_positive": 20, "true_negative": 152}},
    }  # fmt: skip

    found = summary(model, Task.BINARY, report).comparison

    assert found is not None
    assert found.figure == "84 of 100 right"
    assert found.detail == "Finds 101 of 128 “yes”, with 20 false alarms."
    # 172 of 300 rows are of the commonest class.
    assert [(each.text, round(each.part, 3)) for each in found.bars] == [
        ("84 of 100", 0.843),
        ("80 of 100", 0.8),
        ("57 of 100", 0.573),
    ]


def test_where_one_class_is_rare_both_count_alike(model: RegisteredModel) -> None:
    report = {
        "n_rows": 100, "held_out": {"accuracy": 0.95, "balanced_accuracy": 0.5}, "confusion": [[95, 0], [5, 0]],
    }  # fmt: skip

    found = summary(model, Task.BINARY, report).comparison

    assert found is not None
    assert found.figure == "50 of 100 right"
    assert found.label.startswith("each class counted alike")
    assert [each.text for each in found.bars] == ["50 of 100", "50 of 100"]


def test_an_error_is_in_the_units_of_the_target(model: RegisteredModel) -> None:
    report = {
        "n_rows": 300, "held_out": {"mae": 13_712.4, "median_absolute_error": 9_000.0},
        "baselines": [
            {"key": "dummy", "title": "No features", "held_out": {"mae": 27_424.8}},
            {"key": "linear", "title": "Ridge", "held_out": {"mae": 20_000.0}},
        ],
    }  # fmt: skip

    found = summary(model, Task.REGRESSION, report).comparison

    assert found is not None
    assert found.figure == "± 13,712"
    assert [(each.label, each.text, round(each.part, 2)) for each in found.bars] == [
        ("This model", "± 13,712", 0.5),
        ("Ridge", "± 20,000", 0.73),
        ("Guessing: the mean", "± 27,425", 1.0),
    ]


def test_the_columns_that_matter_are_five_with_their_share(model: RegisteredModel) -> None:
    importance = [
        {"column": f"c{place}", "mean": mean}
        for place, mean in enumerate((4.0, 2.0, 1.0, 1.0, 1.0, 1.0, -1.0))
    ]

    columns = summary(model, Task.REGRESSION, {"importance": importance}).columns

    assert [each.column for each in columns] == ["c0", "c1", "c2", "c3", "c4"]
    assert [each.part for each in columns][:2] == [0.4, 0.2]
    assert columns[1].length == 0.5


def of_dataset(version: ModelVersion, dataset: Dataset) -> ModelVersion:
    version.dataset = dataset
    version.save(update_fields=["dataset"])
    return version


def test_three_warnings_are_shown_the_most_serious_first_each_with_a_button(
    model: RegisteredModel, workspace: Workspace, admin: User
) -> None:
    dataset = upload(workspace, admin)
    name = dataset.schema.names[0]
    report = {
        "n_rows": 60, "verdict": verdict(("dummy", "better"), ("linear", "worse")),
        "conditions": {"split": RANDOM, "suggested_split": BY_TIME},
    }  # fmt: skip
    warnings = [
        {"message": "3 texts are no numbers.", "column": name, "kind": None},
        {"message": "It gives the target away.", "column": name, "kind": "leak"},
    ]
    version = of_dataset(made(model, Task.REGRESSION, report, warnings=warnings), dataset)

    for_member = VersionSummary(version, can_write=True)
    for_viewer = VersionSummary(version, can_write=False)

    assert [(each.action, each.is_serious) for each in for_member.warnings] == [
        ("Train again without it", True),
        ("See the figures", False),
        ("Train again", False),
    ]
    assert for_member.n_more_warnings == 2
    run = version.training_run_id
    train = url("training-run-create", dataset.pk)
    assert for_member.warnings[0].url == f"{train}?again={run}&without=1"
    assert for_member.hints.all[-1].url == url("column-reading", dataset.pk, 1)
    # A viewer cannot train.
    assert {each.action for each in for_viewer.warnings} == {
        "See the column",
        "See the figures",
        "See the data",
    }
    assert train not in "".join(each.url for each in for_viewer.hints.all)


def test_training_again_without_a_column_leaves_it_out(
    client: Client, member: User, model: RegisteredModel, workspace: Workspace, admin: User
) -> None:
    dataset = upload(workspace, admin)
    version = of_dataset(made(model, Task.REGRESSION, {}), dataset)
    TrainingRun.objects.filter(pk=version.training_run_id).update(dataset=dataset)
    client.force_login(member)
    page = url("training-run-create", dataset.pk)

    def chosen(**asked: Any) -> list[str]:
        rows = client.get(page, {"again": version.training_run_id, **asked}).context["form"].column_rows
        return [row.chosen for row in rows]

    assert chosen(without=2)[1] == "identifier"
    assert "identifier" not in chosen()
    for place in ("0", "999", "x", "٣"):
        assert "identifier" not in chosen(without=place)


@pytest.mark.parametrize(
    ("where", "query"),
    [
        ({"equals": "true"}, None),
        ({"minimum": "30", "maximum": "40"}, {"min": "30", "max": "40"}),
        ({"maximum": "40"}, {"max": "40"}),
        ({"is_missing": True}, {"missing": "yes"}),
        (None, None),
    ],
)
def test_a_slice_leads_to_the_rows_like_it(
    client: Client,
    viewer: User,
    model: RegisteredModel,
    workspace: Workspace,
    admin: User,
    where: dict[str, Any] | None,
    query: dict[str, str] | None,
) -> None:
    dataset = upload(workspace, admin)
    place = dataset.schema.names.index("age") + 1
    version = of_dataset(made(model, Task.REGRESSION, {}), dataset)

    found = rows_url(version, {"column": "age", "where": where})

    if query is None:
        assert found == ""
        return
    address, _, names = found.partition("?")
    assert address == url("dataset-rows", dataset.pk)
    assert names == "&".join(f"c{place}.{name}={text}" for name, text in query.items())
    client.force_login(viewer)
    assert client.get(found).status_code == 200


@pytest.mark.parametrize(("task", "figure"), [(Task.CLUSTERING, "4 groups"), (Task.ANOMALY, " of 400 rows")])
def test_versions_without_a_target_have_a_figure_and_a_way_to_their_rows(
    model: RegisteredModel, task: Task, figure: str
) -> None:
    version = publish_described(model, task)
    version.registered_model = model
    seen = VersionSummary(version, can_write=True)

    assert seen.comparison is not None
    assert seen.comparison.figure.endswith(figure)
    assert seen.comparison.link[1].startswith(url("version-explain", "churn", version.number))
    assert seen.sentence


def test_old_addresses_lead_to_the_new_pages(client: Client, viewer: User, model: RegisteredModel) -> None:
    publish_served(model)
    client.force_login(viewer)
    moved = {
        url("version-detail", "churn", 1) + "?column=3": url("version-explain", "churn", 1) + "?column=3",
        url("model-detail", "churn") + "?before=6": url("model-versions", "churn") + "?before=6",
        url("model-detail", "churn") + "?range=year": url("model-monitor", "churn") + "?range=year",
        url("model-detail", "churn") + "?day=2026-03-17": url("model-monitor", "churn") + "?day=2026-03-17",
    }

    found = {old: client.get(old) for old in moved}

    assert {old: response.status_code for old, response in found.items()} == dict.fromkeys(moved, 301)
    assert {old: response["Location"] for old, response in found.items()} == moved
    assert client.get(url("activity"))["Location"] == url("training-run-list")
