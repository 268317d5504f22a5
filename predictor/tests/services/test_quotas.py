from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from predictor.errors import OverQuota
from predictor.http.statuses import headers_of, status_of
from predictor.models import Dataset, IdempotentRequest, JobStatus, TrainingRun, User, Workspace
from predictor.services import quotas

pytestmark = pytest.mark.django_db


def make_dataset(workspace: Workspace, name: str, n_bytes: int = 1_000_000, **fields: Any) -> Dataset:
    return Dataset.objects.create(
        workspace=workspace, name=name, filename="t.csv", sha256=name * 64, n_bytes=n_bytes, parquet_digest="0" * 64,
        n_rows=1, n_columns=1, schema_json={"columns": [], "n_rows": 1}, options_digest="0" * 64, **fields,
    )  # fmt: skip


def make_run(dataset: Dataset, by: User, status: JobStatus) -> None:
    from predictor.models import RegisteredModel

    registered_model, _ = RegisteredModel.objects.get_or_create(
        workspace=dataset.workspace, slug="m", name="m"
    )
    TrainingRun.objects.create(
        workspace=dataset.workspace, dataset=dataset, registered_model=registered_model, target="y",
        task="regression", budget_seconds=1, seed=0, created_by=by, status=status,
        error="x" if status is JobStatus.FAILED else "",
    )  # fmt: skip


def test_unfinished_runs_of_a_workspace_and_of_a_person_are_counted(
    workspace: Workspace, other_workspace: Workspace, member: User, admin: User, settings: Settings
) -> None:
    settings.MAX_RUNS_PER_WORKSPACE, settings.MAX_RUNS_PER_PERSON = 3, 2
    here, there = make_dataset(workspace, "a"), make_dataset(other_workspace, "b")
    make_run(here, member, JobStatus.SUCCEEDED)
    make_run(here, member, JobStatus.FAILED)
    make_run(here, member, JobStatus.QUEUED)
    quotas.require_room_for_run(workspace, member)

    make_run(there, member, JobStatus.RUNNING)
    with pytest.raises(OverQuota, match="You have 2 unfinished training runs"):
        quotas.require_room_for_run(workspace, member)
    quotas.require_room_for_run(workspace, admin)

    make_run(here, admin, JobStatus.RUNNING)
    make_run(here, admin, JobStatus.RUNNING)
    with pytest.raises(OverQuota, match="This workspace has 3 unfinished training runs") as refused:
        quotas.require_room_for_run(workspace, None)
    assert status_of(refused.value) == 429
    assert headers_of(refused.value) == {"Retry-After": "30"}
    assert refused.value.limit == 3


def test_datasets_and_their_bytes_are_counted(workspace: Workspace, settings: Settings) -> None:
    settings.MAX_DATASETS_PER_WORKSPACE, settings.MAX_STORED_MB_PER_WORKSPACE = 2, 5
    make_dataset(workspace, "a", 3_000_000)
    quotas.require_room_for_dataset(workspace, 2_000_000)
    with pytest.raises(OverQuota, match="may take 5 MB"):
        quotas.require_room_for_dataset(workspace, 2_000_001)

    make_dataset(workspace, "b", 1_000_000, data_removed_at=timezone.now())
    assert quotas.stored_bytes(workspace) == 3_000_000
    with pytest.raises(OverQuota, match="has 2 datasets"):
        quotas.require_room_for_dataset(workspace, 1)


def test_stored_answers_are_counted(workspace: Workspace, settings: Settings) -> None:
    settings.MAX_IDEMPOTENT_ANSWERS_PER_WORKSPACE = 1
    quotas.require_room_for_answer(workspace.pk)
    IdempotentRequest.objects.create(
        workspace=workspace, caller="token-1", route="POST /", key="a", fingerprint="0" * 64, owner="o",
        lease_until=timezone.now() + timedelta(minutes=1),
    )  # fmt: skip
    with pytest.raises(OverQuota, match="1 stored responses"):
        quotas.require_room_for_answer(workspace.pk)


def test_zero_is_no_limit(workspace: Workspace, member: User, settings: Settings) -> None:
    for name in ("RUNS", "BATCHES"):
        setattr(settings, f"MAX_{name}_PER_WORKSPACE", 0)
        setattr(settings, f"MAX_{name}_PER_PERSON", 0)
    settings.MAX_DATASETS_PER_WORKSPACE = settings.MAX_STORED_MB_PER_WORKSPACE = 0
    settings.MAX_IDEMPOTENT_ANSWERS_PER_WORKSPACE = 0
    make_run(make_dataset(workspace, "a"), member, JobStatus.QUEUED)

    quotas.require_room_for_run(workspace, member)
    quotas.require_room_for_batch(workspace, member, 10**15)
    quotas.require_room_for_dataset(workspace, 10**15)
    quotas.require_room_for_answer(workspace.pk)
