"""The version page says what becomes of each part that was left out, and members start and stop the computing."""

from __future__ import annotations

from unittest import mock

import pytest
from django.test import Client

from predictor.models import Completion, ModelVersion, RegisteredModel, User
from predictor.services.jobs import queue
from predictor.tests.services.training.left_out import OLD_REPORT, PARTS, hurried_version
from predictor.tests.web.prediction_pages import url

WHEN = "2026-01-02T03:04:05+00:00"


@pytest.fixture(autouse=True)
def _no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue.current_app, "send_task", mock.Mock())


@pytest.fixture(params=["new", "old"])
def hurried(request: pytest.FixtureRequest, model: RegisteredModel) -> ModelVersion:
    return hurried_version(model, OLD_REPORT if request.param == "old" else None)


def page_of(client: Client) -> str:
    return client.get(url("version-details", "churn", 1)).content.decode()


def fragment(client: Client, **query: str) -> str:
    return client.get(url("version-completion", "churn", 1), query).content.decode()


def test_a_member_starts_it_by_a_button_and_stops_it(
    client: Client, member: User, hurried: ModelVersion
) -> None:
    client.force_login(member)
    page = page_of(client)
    assert "Left out for lack of time" in page
    assert page.count("It can be computed.") == len(PARTS)
    assert 'id="completion-start"' in page

    client.post(url("version-completion", "churn", 1))

    page = page_of(client)
    assert page.count("It will be computed as soon as no training run and no batch waits or runs.") == len(
        PARTS
    )
    assert 'id="completion-cancel"' in page
    assert "every 2s" in page
    client.post(url("version-completion-cancel", "churn", 1))
    assert "the last attempt was stopped" in page_of(client)


def test_a_viewer_reads_it_and_starts_nothing(client: Client, viewer: User, hurried: ModelVersion) -> None:
    client.force_login(viewer)
    page = page_of(client)
    assert "Members of the workspace can start it." in page
    assert 'id="completion-start"' not in page
    assert client.post(url("version-completion", "churn", 1)).status_code == 403
    assert client.post(url("version-completion-cancel", "churn", 1)).status_code == 403
    assert not Completion.objects.exists()


def test_when_it_is_done_the_page_shows_the_parts_and_says_once_that_they_came_later(
    client: Client, viewer: User, hurried: ModelVersion
) -> None:
    client.force_login(viewer)
    Completion.objects.create(
        model_version=hurried, workspace=hurried.registered_model.workspace, status="succeeded", parts=PARTS,
        computed=dict.fromkeys(PARTS, WHEN),
        supplement={
            "importance_kind": "permutation",
            "importance": [{"column": "freshly computed", "mean": 2.0, "spread": 0.1}],
            "dependence": {"features": [], "skipped": []},
            "learning_curve": {"sentence": "More rows would help.", "points": []},
        },
    )  # fmt: skip
    page = page_of(client)
    assert page.count("Computed later, on 2 Jan 2026, 03:04 UTC") == 1
    assert "Left out for lack of time" not in page
    assert "freshly computed" in client.get(url("version-explain", "churn", 1)).content.decode()
    assert "More rows would help." in client.get(url("version-data", "churn", 1)).content.decode()
    assert "there was no time left for it" not in page
    assert "completion-" not in page


def test_a_part_that_cannot_be_computed_has_its_reason(
    client: Client, member: User, hurried: ModelVersion
) -> None:
    client.force_login(member)
    Completion.objects.create(
        model_version=hurried, workspace=hurried.registered_model.workspace, status="succeeded", parts=PARTS,
        refusals=dict.fromkeys(PARTS, "<b>Other</b> rows."),
    )  # fmt: skip
    page = page_of(client)
    assert page.count("It cannot be computed. &lt;b&gt;Other&lt;/b&gt; rows.") == len(PARTS)
    assert 'id="completion-start"' not in page


def test_the_fragment_is_polled_and_reloads_the_page_at_the_end(
    client: Client, viewer: User, hurried: ModelVersion
) -> None:
    client.force_login(viewer)
    Completion.objects.create(
        model_version=hurried, workspace=hurried.registered_model.workspace, status="running", parts=PARTS,
        progress=0.5, progress_message="Computing: Learning curve",
    )  # fmt: skip
    shown = fragment(client)
    assert "Computing: Learning curve" in shown
    seen = shown.split("?seen=")[1].split('"')[0]
    assert client.get(url("version-completion", "churn", 1), {"seen": seen}).status_code == 204
    Completion.objects.update(status="succeeded", computed=dict.fromkeys(PARTS, WHEN))
    response = client.get(url("version-completion", "churn", 1), {"seen": seen})
    assert response["HX-Refresh"] == "true"
    assert client.get(url("version-completion", "churn", 7)).status_code == 404


def test_a_start_with_nothing_to_compute_says_so(client: Client, member: User, version: ModelVersion) -> None:
    client.force_login(member)
    page = client.post(url("version-completion", "churn", 1), follow=True).content.decode()
    assert "was left out" in page
    assert 'id="left-out"' not in page
