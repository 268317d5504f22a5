from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from predictor.models import Notice, NoticeKind, User, Workspace
from predictor.services.accounts import tokens
from predictor.tests.web.tables import make_run, upload

OVERVIEW = "/w/acme/"


@pytest.fixture(autouse=True)
def _signed_in(client: Client, member: User, workspace: Workspace) -> None:
    client.force_login(member)


def done(client: Client) -> dict[str, bool]:
    return {step.title: step.is_done for step in client.get(OVERVIEW).context["first_steps"]}


def test_the_steps_follow_what_was_done(client: Client, workspace: Workspace, member: User) -> None:
    dataset = upload(workspace, member)
    assert done(client) == {
        "Upload": True, "Train": False, "Read the report": False, "Predict": False, "Create a token": False,
    }  # fmt: skip

    make_run(dataset, status="succeeded", created_by=member)
    tokens.create_token(user=member, workspace=workspace, name="t", scopes=["read"])

    assert [title for title, is_done in done(client).items() if is_done] == [
        "Upload",
        "Train",
        "Create a token",
    ]


def test_the_next_step_is_marked_and_links_to_it(client: Client, workspace: Workspace, member: User) -> None:
    dataset = upload(workspace, member)

    page = client.get(OVERVIEW)

    assert [step.title for step in page.context["first_steps"] if step.is_next] == ["Train"]
    assert f'<a href="{reverse("training-run-create", args=["acme", dataset.pk])}">Train</a>' in page.text


def test_they_are_hidden_by_the_person_and_brought_back_from_the_help(
    client: Client, workspace: Workspace, member: User
) -> None:
    upload(workspace, member)
    client.post(reverse("first-steps-switch"), {"steps": "off"})
    assert "tour-title" not in client.get(OVERVIEW).text

    client.post(reverse("first-steps-switch"), {"steps": "on"})

    assert "tour-title" in client.get(OVERVIEW).text


def test_a_notice_of_a_run_that_was_read_counts_for_nothing_without_a_model(
    client: Client, workspace: Workspace, member: User
) -> None:
    upload(workspace, member)
    Notice.objects.create(
        workspace=workspace, user=member, kind=NoticeKind.RUN, subject="x", read_at=timezone.now()
    )

    assert not done(client)["Read the report"]


def test_a_viewer_gets_no_steps(client: Client, workspace: Workspace, viewer: User, member: User) -> None:
    upload(workspace, member)
    client.force_login(viewer)

    assert client.get(OVERVIEW).context["first_steps"] == []
