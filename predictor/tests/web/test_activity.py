"""The navigation, the activity of a workspace and its settings."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from predictor.models import BatchPrediction, JobStatus, ModelVersion, RegisteredModel, User, Workspace
from predictor.templatetags.mlweb import is_about
from predictor.tests.services.versions import publish


def url(name: str, *args: Any) -> str:
    return reverse(name, args=["acme", *args])


@pytest.fixture
def version(model: RegisteredModel) -> ModelVersion:
    return publish(model)


def entry_of(page: str) -> str:
    """The words of the marked entry of the navigation."""
    (found,) = re.findall(r'<a class="nav-link active"[^>]*aria-current="true">\s*([^<]+?)\s*</a>', page)
    return str(found)


@pytest.mark.parametrize(
    ("name", "args", "entry"),
    [
        ("workspace", (), "Overview"),
        ("dataset-list", (), "Data"),
        ("model-list", (), "Models"),
        ("model-api", ("churn",), "Models"),
        ("version-details", ("churn", 1), "Models"),
        ("batch-list", ("churn",), "Models"),
        ("training-run-list", (), "Activity"),
        ("activity-batches", (), "Activity"),
        ("prediction-list", (), "Log"),
        ("settings", (), "Settings"),
        ("member-list", (), "Settings"),
    ],
)
def test_each_page_marks_one_entry_of_the_navigation(
    client: Client, member: User, version: ModelVersion, name: str, args: tuple[Any, ...], entry: str
) -> None:
    client.force_login(member)

    page = client.get(url(name, *args)).content.decode()

    assert entry_of(page) == entry
    labels = re.findall(r'<a class="nav-link[^>]*>\s*([^<]+?)\s*</a>', page)
    assert labels[:6] == ["Overview", "Data", "Models", "Activity", "Log", "Settings"]


@pytest.mark.parametrize(
    ("page", "nouns", "expected"),
    [
        ("predict", "model predict", True),
        ("predict-csv", "model predict", True),
        ("prediction-list", "model predict", False),
        ("model-list", "model", True),
        ("", "model", False),
        ("model-list", None, False),
    ],
)
def test_a_page_belongs_to_the_noun_that_its_name_is_or_begins_with(
    page: str, nouns: str | None, expected: bool
) -> None:
    assert is_about(page, nouns) is expected


def test_batches_of_all_models_are_one_list_of_the_workspace(
    client: Client, member: User, stranger: User, version: ModelVersion, workspace: Workspace
) -> None:
    elsewhere = Workspace.objects.create(slug="third", name="Third")
    theirs = publish(RegisteredModel.objects.create(workspace=elsewhere, slug="x", name="X"))
    other = publish(RegisteredModel.objects.create(workspace=workspace, slug="second", name="Second"))
    for place, (made, status) in enumerate(
        ((version, JobStatus.SUCCEEDED), (other, JobStatus.FAILED), (theirs, JobStatus.FAILED))
    ):
        BatchPrediction.objects.create(
            workspace=made.registered_model.workspace, registered_model=made.registered_model, model_version=made,
            filename=f"file {place}.csv", status=status, format="csv", n_bytes=9, request_id=f"r{place}",
            error="It went wrong." if status == JobStatus.FAILED else "", result_digest="0" * 64,
        )  # fmt: skip
    client.force_login(member)

    page = client.get(url("activity-batches")).content.decode()
    failed = client.get(url("activity-batches"), {"status": "failed"}).content.decode()
    rows = client.get(url("activity-batches"), {"format": "csv"})

    assert re.findall(r"file \d", page) == ["file 1", "file 0"]
    assert re.findall(r"file \d", failed) == ["file 1"]
    csv = b"".join(rows.streaming_content).decode() if rows.streaming else rows.content.decode()
    assert csv.lstrip("\ufeff").splitlines()[0].split(",")[:3] == ["model", "id", "file"]
    assert "No batch is like that" in client.get(url("activity-batches"), {"q": "zzz"}).content.decode()


def test_the_settings_lead_to_the_account_tokens_members_and_workspaces(client: Client, member: User) -> None:
    client.force_login(member)

    page = client.get(url("settings")).content.decode()

    for name in ("account_change_password", "token-list", "token-create"):
        assert reverse(name) in page
    assert url("member-list") in page
    assert url("workspace") in page
    assert url("member-add") not in page
