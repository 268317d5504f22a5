"""When a completion is queued by itself, and what a request for one does."""

from __future__ import annotations

import pytest
from pytest_django import Settings

from predictor.errors import Conflict
from predictor.models import Completion, RegisteredModel, User, Workspace
from predictor.services import registry
from predictor.services.training import completion_requests

from ..versions import publish
from .left_out import OLD_REPORT, PARTS, hurried_version

pytestmark = pytest.mark.django_db


@pytest.fixture
def model(workspace: Workspace, member: User) -> RegisteredModel:
    return registry.get_or_create_model(workspace=workspace, name_or_slug="Churn", by=member)


def test_a_version_that_lacks_parts_is_completed_by_itself(model: RegisteredModel) -> None:
    version = hurried_version(model)
    completion_requests.queue_after(version)
    completion = Completion.objects.get()
    assert (completion.model_version, completion.status, completion.parts) == (version, "queued", PARTS)
    assert completion.workspace == model.workspace


def test_not_where_nothing_is_missing_or_the_setting_says_no(
    model: RegisteredModel, settings: Settings
) -> None:
    completion_requests.queue_after(publish(model, report={"task": "regression", "left_out": []}))
    settings.COMPLETE_REPORTS = False
    completion_requests.queue_after(hurried_version(model))
    assert not Completion.objects.exists()


def test_an_older_version_is_completed_on_request(model: RegisteredModel, member: User) -> None:
    version = hurried_version(model, OLD_REPORT)
    completion = completion_requests.queue(version, member)
    assert (completion.status, completion.parts, completion.created_by) == ("queued", PARTS, member)


def test_one_that_waits_or_runs_stays_as_it_is(model: RegisteredModel, member: User) -> None:
    version = hurried_version(model)
    first = completion_requests.queue(version, member)
    Completion.objects.update(status="running", attempts=1)
    again = completion_requests.queue(type(version).objects.get(pk=version.pk), member)
    assert (again.pk, again.status, again.attempts) == (first.pk, "running", 1)


def test_one_that_is_being_stopped_is_not_started_without_effect(
    model: RegisteredModel, member: User
) -> None:
    version = hurried_version(model)
    completion_requests.queue(version, member)
    Completion.objects.update(status="running", is_cancel_requested=True)

    with pytest.raises(Conflict, match="being stopped; start it again"):
        completion_requests.queue(version, member)


@pytest.mark.parametrize("status", ["failed", "cancelled"])
def test_one_that_ended_early_begins_anew_with_what_is_missing(
    status: str, model: RegisteredModel, member: User
) -> None:
    version = hurried_version(model)
    completion_requests.queue(version, None)
    Completion.objects.update(
        status=status, error="Why.", attempts=3, is_cancel_requested=True,
        computed={"importance": "2026-01-01T00:00:00+00:00"}, supplement={"importance": []},
    )  # fmt: skip
    again = completion_requests.queue(type(version).objects.get(pk=version.pk), member)
    assert (again.status, again.error, again.attempts, again.is_cancel_requested) == ("queued", "", 0, False)
    assert again.parts == ["dependence", "learning_curve"]
    assert again.supplement == {"importance": []}


def test_nothing_to_compute_is_a_conflict_with_its_reason(model: RegisteredModel, member: User) -> None:
    with pytest.raises(Conflict, match="nothing was left out"):
        completion_requests.queue(publish(model, report={"task": "regression", "left_out": []}), member)
    version = hurried_version(model)
    Completion.objects.create(
        model_version=version, workspace=model.workspace, status="succeeded", parts=PARTS,
        refusals=dict.fromkeys(PARTS, "The dataset gives other rows."),
    )  # fmt: skip
    with pytest.raises(Conflict, match="The dataset gives other rows"):
        completion_requests.queue(version, member)
    Completion.objects.update(refusals={}, computed=dict.fromkeys(PARTS, "2026-01-01T00:00:00+00:00"))
    with pytest.raises(Conflict, match="computed already"):
        completion_requests.queue(type(version).objects.get(pk=version.pk), member)
