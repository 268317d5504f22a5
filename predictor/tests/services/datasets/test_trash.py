from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from predictor.errors import Conflict, NotFound
from predictor.models import Dataset, User, Workspace
from predictor.services import artifact_references, artifacts, datasets, quotas
from predictor.services.datasets import trash
from predictor.services.operations import upkeep
from predictor.tests.web.tables import csv_of, upload


@pytest.fixture
def trashed(workspace: Workspace, admin: User) -> Dataset:
    dataset = upload(workspace, admin)
    datasets.delete(dataset=dataset, by=admin)
    return dataset


def test_a_deleted_dataset_is_gone_from_all_reads_and_keeps_its_files(
    workspace: Workspace, admin: User, trashed: Dataset
) -> None:
    assert trashed.is_in_trash
    assert not Dataset.objects.exists()
    assert list(trash.of_workspace(workspace)) == [trashed]
    assert artifact_references.remove_unreferenced_files() == 0
    assert artifacts.exists(trashed.sha256)
    assert artifacts.exists(trashed.parquet_digest)


def test_it_is_restored_as_it_was(admin: User, trashed: Dataset) -> None:
    restored = trash.restore(dataset=trashed, by=admin)

    assert (restored.pk, restored.is_in_trash, restored.deleted_by) == (trashed.pk, False, None)
    with datasets.open_original(restored) as file:
        assert file.read() == csv_of()
    with pytest.raises(NotFound):
        trash.restore(dataset=trashed, by=admin)


def test_the_same_file_can_be_uploaded_again_and_then_blocks_the_restoring(
    workspace: Workspace, admin: User, trashed: Dataset
) -> None:
    again = datasets.import_csv(
        workspace=workspace, source=io.BytesIO(csv_of()), filename="people.csv", by=admin
    )

    assert again.pk != trashed.pk
    with pytest.raises(Conflict, match="uploaded again meanwhile"):
        trash.restore(dataset=trashed, by=admin)
    assert Dataset.with_trash.get(pk=trashed.pk).is_in_trash


def test_deleted_for_good_its_files_go(
    admin: User, trashed: Dataset, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        trash.delete_for_good(dataset=trashed, by=admin)

    assert not Dataset.with_trash.exists()
    assert not artifacts.exists(trashed.sha256)


def test_it_takes_space_while_it_is_in_the_trash(workspace: Workspace, trashed: Dataset) -> None:
    assert quotas.stored_bytes(workspace) == trashed.n_bytes


def test_upkeep_empties_what_is_older_than_the_setting_says(trashed: Dataset, settings: Settings) -> None:
    settings.TRASH_DAYS = 30
    Dataset.with_trash.update(deleted_at=timezone.now() - timedelta(days=29))
    upkeep.tidy()
    assert Dataset.with_trash.exists()

    Dataset.with_trash.update(deleted_at=timezone.now() - timedelta(days=31))
    upkeep.tidy()

    assert not Dataset.with_trash.exists()


def test_without_days_a_dataset_is_deleted_at_once(
    workspace: Workspace, admin: User, settings: Settings
) -> None:
    settings.TRASH_DAYS = 0
    dataset = upload(workspace, admin)

    datasets.delete(dataset=dataset, by=admin)

    assert not Dataset.with_trash.exists()
