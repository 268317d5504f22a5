"""Datasets and runs for tests of pages."""

from __future__ import annotations

import io
import tempfile
from functools import cache
from typing import Any

from django.db import transaction
from django.test import override_settings

from predictor.models import Dataset, RegisteredModel, TrainingRun, User, Workspace
from predictor.services import artifacts, datasets

COLOURS = ("red", "green", "blue")
EVIL_COLUMN = "<script>alert(1)</script>"


def csv_of(n_rows: int = 40) -> bytes:
    """A table with each kind of column; `left` can be predicted."""
    rows = [
        f"c{index:05d},{30 + index * 7 % 17},{COLOURS[index % 3]},2024-01-{1 + index % 28:02d},"
        f"{'' if index % 5 == 0 else index * 1.5},{'yes' if index % 4 else 'no'}"
        for index in range(n_rows)
    ]
    return "\n".join([f"id,age,{EVIL_COLUMN},since,paid,left", *rows, ""]).encode()


@cache
def imported(data: bytes) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The fields and the files of an import: done once in a child, which takes a second."""
    with (
        transaction.atomic(),
        tempfile.TemporaryDirectory() as folder,
        override_settings(ARTIFACT_DIR=folder),
    ):
        nowhere = Workspace.objects.create(slug="nowhere", name="Nowhere")
        row = datasets.import_csv(workspace=nowhere, source=io.BytesIO(data), filename="people.csv", by=None)
        files = {
            digest: artifacts.path_of(digest).read_bytes() for digest in (row.sha256, row.parquet_digest)
        }
        skipped = ("id", "workspace", "created_by", "created_at")
        fields = {
            field.name: getattr(row, field.name) for field in row._meta.fields if field.name not in skipped
        }
        transaction.set_rollback(True)
    return fields, files


def upload(workspace: Workspace, by: User | None = None, data: bytes | None = None) -> Dataset:
    """The dataset of a CSV file, as an upload makes it."""
    fields, files = imported(csv_of() if data is None else data)
    for stored in files.values():
        artifacts.put_bytes(stored)
    return Dataset.objects.create(**fields, workspace=workspace, created_by=by)


def bare_dataset(workspace: Workspace, number: int = 1, **fields: Any) -> Dataset:
    """A dataset row without files: cheap, for lists."""
    digest = f"{number:064x}"
    schema = {"n_rows": 3, "columns": [{"name": "x", "role": "numeric", "storage": "DOUBLE"}]}
    return Dataset.objects.create(
        **{
            "workspace": workspace, "name": f"Table {number}", "filename": f"table-{number}.csv",
            "sha256": digest, "n_bytes": 10, "parquet_digest": digest, "n_rows": 3, "n_columns": 1,
            "schema_json": schema, "options_digest": digest, **fields,
        }
    )  # fmt: skip


def make_run(dataset: Dataset, **fields: Any) -> TrainingRun:
    model, _ = RegisteredModel.objects.get_or_create(
        workspace=dataset.workspace, slug="people", defaults={"name": "People"}
    )
    return TrainingRun.objects.create(
        **{
            "workspace": dataset.workspace, "dataset": dataset, "registered_model": model, "target": "left",
            "task": "binary", "budget_seconds": 30, "seed": 0, **fields,
        }
    )  # fmt: skip
