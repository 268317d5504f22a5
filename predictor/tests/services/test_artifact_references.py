from __future__ import annotations

import os
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from predictor.models import (
    BatchPrediction,
    Dataset,
    IdempotentRequest,
    JobStatus,
    ModelVersion,
    Workspace,
)
from predictor.services import artifact_references, artifacts

from .datasets.uploads import a_run, a_version, load


def test_files_that_no_row_names_are_removed_after_a_day(workspace: Workspace, settings: Settings) -> None:
    dataset = load(workspace)
    version = a_version(a_run(dataset))
    version.artifacts = {"model.onnx": {"digest": artifacts.put_bytes(b"onnx"), "n_bytes": 4}}
    version.save()
    orphan = artifacts.put_bytes(b"orphan")
    for path in Path(settings.ARTIFACT_DIR).glob("??/*"):
        os.utime(path, (0, 0))
    assert artifact_references.remove_unreferenced_files() == 1
    assert not artifacts.exists(orphan)
    assert artifacts.exists(dataset.sha256)
    assert artifacts.exists(version.artifacts["model.onnx"]["digest"])
    Dataset.objects.update(data_removed_at=timezone.now())
    assert artifact_references.remove_unreferenced_files() == 2


def stored(*contents: str) -> list[str]:
    return [artifacts.put_bytes(content.encode()) for content in contents]


def kept(digests: Iterable[str]) -> list[bool]:
    return [artifacts.exists(digest) for digest in digests]


def batch_of(version: ModelVersion, **fields: Any) -> BatchPrediction:
    return BatchPrediction.objects.create(
        workspace=version.registered_model.workspace, registered_model=version.registered_model,
        model_version=version, filename="rows.csv", format="csv", n_bytes=1, request_id="r", **fields,
    )  # fmt: skip


@pytest.fixture
def version(workspace: Workspace) -> ModelVersion:
    dataset = Dataset.objects.create(
        workspace=workspace, name="t", filename="t.csv", sha256="0" * 64, n_bytes=1, parquet_digest="0" * 64,
        n_rows=1, n_columns=1, schema_json={"columns": [], "n_rows": 1}, options_digest="0" * 64,
    )  # fmt: skip
    return a_version(a_run(dataset))


def test_bytes_that_a_row_of_any_kind_names_are_not_removed(version: ModelVersion) -> None:
    named = stored("csv", "parquet", "onnx", "spec", "response", "source", "result")
    csv, parquet, onnx, spec, response, source, result = named
    orphans = stored("orphan", "another")
    Dataset.objects.update(sha256=csv, parquet_digest=parquet)
    version.artifacts = {
        "model.onnx": {"digest": onnx, "n_bytes": 4},
        "spec.json": {"digest": spec, "n_bytes": 4},
    }
    version.save()
    IdempotentRequest.objects.create(
        workspace=version.registered_model.workspace, caller="user-1", key="k", route="POST /x", fingerprint="f",
        owner=uuid.uuid4().hex, lease_until=timezone.now(), status=200, body_digest=response,
    )  # fmt: skip
    batch_of(version, source_digest=source)
    batch_of(version, status=JobStatus.SUCCEEDED, result_digest=result)

    artifact_references.remove_bytes([*named, *orphans])

    assert kept(named) == [True] * 7
    assert kept(orphans) == [False] * 2


def test_only_the_bytes_that_were_asked_for_are_removed(version: ModelVersion) -> None:
    first, second = stored("first", "second")

    artifact_references.remove_bytes([first])

    assert kept([first, second]) == [False, True]


def test_a_dataset_whose_data_was_removed_names_no_bytes(version: ModelVersion) -> None:
    csv, parquet = stored("csv", "parquet")
    version.delete()
    Dataset.objects.update(sha256=csv, parquet_digest=parquet, data_removed_at=timezone.now())

    artifact_references.remove_bytes([csv, parquet])

    assert kept([csv, parquet]) == [False, False]


def test_removing_what_is_not_there_changes_nothing(version: ModelVersion) -> None:
    (orphan,) = stored("orphan")

    artifact_references.remove_bytes([])
    artifact_references.remove_bytes(["f" * 64])

    assert kept([orphan]) == [True]


def test_young_bytes_stay_although_no_row_names_them_yet(version: ModelVersion, settings: Settings) -> None:
    old, young = stored("old", "young")
    os.utime(artifacts.path_of(old), (0, 0))

    assert artifact_references.remove_unreferenced_files() == 1

    assert kept([old, young]) == [False, True]
