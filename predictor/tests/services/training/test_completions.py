"""Completions are started and cancelled; they count in the quota of runs."""

from __future__ import annotations

from unittest import mock

import pytest
from pytest_django import Settings

from predictor.errors import Conflict, NotFound, OverQuota
from predictor.models import Completion, ModelVersion, RegisteredModel, User, Workspace
from predictor.services import registry, training
from predictor.services.jobs import queue

from .left_out import hurried_version


@pytest.fixture
def model(workspace: Workspace, member: User) -> RegisteredModel:
    return registry.get_or_create_model(workspace=workspace, name_or_slug="Churn", by=member)


@pytest.mark.django_db
def test_a_start_counts_in_the_quota_of_runs(
    model: RegisteredModel, member: User, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue.current_app, "send_task", mock.Mock())
    settings.MAX_RUNS_PER_PERSON = 1
    first, second = hurried_version(model), hurried_version(model)
    completion = training.completions.start(model_version=first, by=member)
    training.completions.start(model_version=ModelVersion.objects.get(pk=first.pk), by=member)

    with pytest.raises(OverQuota, match="completions of reports"):
        training.completions.start(model_version=second, by=member)

    training.completions.cancel(completion=completion, by=member)
    training.completions.start(model_version=second, by=member)
    assert Completion.objects.unfinished().count() == 1


@pytest.mark.django_db
def test_what_has_ended_or_never_began_cannot_be_cancelled(model: RegisteredModel, member: User) -> None:
    version = hurried_version(model)
    with pytest.raises(NotFound, match="Nothing is being computed"):
        training.completions.cancel_of(model_version=version, by=member)
    Completion.objects.create(model_version=version, workspace=model.workspace, status="succeeded")
    again = ModelVersion.objects.get(pk=version.pk)
    with pytest.raises(Conflict, match="succeeded"):
        training.completions.cancel_of(model_version=again, by=member)
