"""Readiness checks: each failing part is named."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from predictor.models import Completion, Dataset, RegisteredModel, TrainingRun, User, Workspace
from predictor.services import registry
from predictor.services.operations import health
from predictor.services.prediction_log import group_commit
from predictor.services.process import draining
from predictor.tests.services.versions import publish


def failing() -> dict[str, str]:
    return {name: found for name, found in health.check().items() if found != health.OK}


def test_a_full_disk_is_not_ready(db: None, settings: Any) -> None:
    settings.MIN_FREE_DISK_MB = 10**9

    assert failing() == {"disk": "is full"}


def test_a_log_that_lags_is_not_ready(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    late = group_commit.WriterStatus(5, 12.3, 0, 0, 0)
    monkeypatch.setattr(group_commit.LogWriter, "status", lambda self: late)

    assert failing() == {"prediction log": "waits for the database since 12 s"}


def test_a_draining_server_is_not_ready_and_closes_its_connections(
    db: None, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(draining, "_is_told", False)
    assert not Client().get("/health/ready").has_header("Connection")

    draining.begin()
    answer = Client().get("/health/ready")

    assert answer.status_code == 503
    assert answer["Connection"] == "close"
    assert Client().get("/health/live").status_code == 200


def test_the_draining_file_makes_a_machine_not_ready(db: None, settings: Any) -> None:
    flag = Path(settings.DATA_DIR) / "draining"
    flag.touch()
    assert list(failing()) == ["traffic"]

    flag.unlink()

    assert failing() == {}


def test_jobs_that_wait_without_a_worker_are_reported(member: User, workspace: Workspace) -> None:
    dataset = Dataset.objects.create(
        workspace=workspace, name="T", filename="t.csv", sha256="0" * 64, n_bytes=1, parquet_digest="0" * 64,
        n_rows=1, n_columns=1, schema_json={"n_rows": 1, "columns": []}, options_digest="0",
    )  # fmt: skip
    model = RegisteredModel.objects.create(workspace=workspace, slug="m", name="M")
    runs = [
        TrainingRun.objects.create(
            workspace=workspace, dataset=dataset, registered_model=model, target="y", task="binary",
            status="queued", budget_seconds=60, seed=0, queued_at=timezone.now() - timedelta(minutes=age),
        )
        for age in (0, 1)
    ]  # fmt: skip
    browser = Client()
    browser.force_login(member)

    assert health.remarks() == {"worker": "1 jobs wait, and no worker is at work"}
    assert Client().get("/health/ready").status_code == 200
    assert "no worker is at work" in browser.get("/w/acme/").content.decode()

    TrainingRun.claim(runs[0].pk, owner="w", lease=timedelta(minutes=1))
    assert health.remarks() == {}
    assert "no worker is at work" not in browser.get("/w/acme/").content.decode()


def test_a_completion_that_waits_for_a_quiet_moment_is_no_problem(member: User, workspace: Workspace) -> None:
    model = registry.get_or_create_model(workspace=workspace, name_or_slug="Churn", by=member)
    Completion.objects.create(
        model_version=publish(model), workspace=workspace, queued_at=timezone.now() - timedelta(hours=1)
    )
    assert health.n_jobs_without_worker() == 0
