from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from predictor.models import Comment, Dataset, RegisteredModel, TrainingRun, User, Workspace
from predictor.services import comments, registry
from predictor.tests.web.tables import bare_dataset, make_run, upload


@pytest.fixture
def model(workspace: Workspace) -> RegisteredModel:
    return registry.register_linear(
        workspace=workspace, name="churn", coefficients=[1.0], intercept=0.0, by=None
    ).registered_model


@pytest.fixture
def run(workspace: Workspace) -> TrainingRun:
    return make_run(upload(workspace))


def test_a_comment_is_shown_as_text_with_its_links(
    client: Client, member: User, model: RegisteredModel
) -> None:
    client.force_login(member)

    client.post(reverse("model-comments", args=["acme", "churn"]), {"text": "<b>x</b> https://example.org/a"})
    page = client.get(reverse("model-versions", args=["acme", "churn"])).text

    assert "&lt;b&gt;x&lt;/b&gt;" in page
    assert '<a href="https://example.org/a" rel="nofollow">' in page


def test_versions_and_runs_have_comments_too(
    client: Client, member: User, model: RegisteredModel, run: TrainingRun
) -> None:
    client.force_login(member)

    client.post(reverse("version-comments", args=["acme", "churn", 1]), {"text": "On a version"})
    client.post(reverse("run-comments", args=["acme", run.pk]), {"text": "On a run"})

    assert "On a version" in client.get(reverse("version-details", args=["acme", "churn", 1])).text
    assert "On a run" in client.get(reverse("training-run-detail", args=["acme", run.pk])).text


def test_it_is_changed_and_deleted(client: Client, member: User, model: RegisteredModel) -> None:
    comment = comments.add(target=model, text="First", by=member)
    client.force_login(member)

    client.post(reverse("comment", args=["acme", comment.pk]), {"text": "Second"})
    assert "Second" in client.get(reverse("model-versions", args=["acme", "churn"])).text
    client.post(reverse("comment-delete", args=["acme", comment.pk]))

    assert not Comment.objects.exists()


def test_name_note_and_tags_of_a_dataset_are_changed_and_filter_the_list(
    client: Client, member: User, workspace: Workspace
) -> None:
    dataset, other = bare_dataset(workspace, 1), bare_dataset(workspace, 2)
    client.force_login(member)

    client.post(
        reverse("dataset-labels", args=["acme", dataset.pk]),
        {"name": "Sales", "note": "Weekly", "tags": "Raw, b"},
    )
    listed = client.get(reverse("dataset-list", args=["acme"]), {"tag": "raw"}).text

    dataset = Dataset.objects.get(pk=dataset.pk)
    assert (dataset.name, dataset.note, dataset.tag_list) == ("Sales", "Weekly", ["b", "raw"])
    assert "Sales" in listed
    assert other.name not in listed


def test_a_model_keeps_its_address_when_its_name_changes(
    client: Client, member: User, model: RegisteredModel
) -> None:
    client.force_login(member)

    client.post(
        reverse("model-labels", args=["acme", "churn"]),
        {"name": "Leaving", "description": "Who", "tags": "live"},
    )

    model.refresh_from_db()
    assert (model.slug, model.name, model.description, model.tag_list) == (
        "churn",
        "Leaving",
        "Who",
        ["live"],
    )


def test_by_api_labels_change_and_a_dataset_is_restored(
    client: Client, admin: User, workspace: Workspace, model: RegisteredModel, run: TrainingRun
) -> None:
    client.force_login(admin)
    dataset, base = bare_dataset(workspace, 3), "/api/v1/acme"

    def patch(path: str, body: dict[str, object]) -> dict[str, object]:
        answer = client.patch(base + path, body, content_type="application/json")
        assert answer.status_code == 200, answer.content
        return answer.json()  # type: ignore[no-any-return]

    assert patch(f"/datasets/{dataset.pk}", {"note": "n", "tags": ["A"]})["tags"] == ["a"]
    assert patch("/models/churn", {"tags": ["live"]})["tags"] == ["live"]
    assert patch("/models/churn/versions/1", {"note": "good"})["note"] == "good"
    assert patch(f"/training-runs/{run.pk}", {"note": "again"})["note"] == "again"
    assert client.get(f"{base}/datasets", {"tag": "a"}).json()["count"] == 1
    assert client.delete(f"{base}/datasets/{dataset.pk}").status_code == 204
    assert client.get(f"{base}/datasets/{dataset.pk}").status_code == 404
    assert client.get(f"{base}/trash").json()["results"][0]["id"] == dataset.pk
    assert patch(f"/trash/{dataset.pk}", {"is_deleted": False})["id"] == dataset.pk
    assert client.delete(f"{base}/datasets/{dataset.pk}?for_good=true").status_code == 204
    assert not Dataset.with_trash.filter(pk=dataset.pk).exists()
