"""A small upload, and rows that need its dataset."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from pytest_django import Settings

from predictor.models import Dataset, JobStatus, ModelVersion, RegisteredModel, TrainingRun, Workspace
from predictor.services.datasets import datasets

CSV = b"name,age\n" + b"".join(b"x%d,%d\n" % (number, number * 7 % 31) for number in range(40))


def load(workspace: Workspace, content: bytes = CSV, filename: str = "people.csv", **more: Any) -> Dataset:
    more.setdefault("by", None)
    return datasets.import_csv(workspace=workspace, source=io.BytesIO(content), filename=filename, **more)


def left_behind(settings: Settings) -> list[str]:
    """The files in the data folder, except locks."""
    files = [path for path in Path(settings.DATA_DIR).rglob("*") if path.is_file()]
    return sorted(path.name for path in files if path.suffix != ".lock" and path.name != ".lock")


def a_run(dataset: Dataset, status: str = JobStatus.SUCCEEDED) -> TrainingRun:
    model = RegisteredModel.objects.create(workspace=dataset.workspace, slug="churn", name="Churn")
    return TrainingRun.objects.create(
        workspace=dataset.workspace, dataset=dataset, registered_model=model, target="age", task="regression",
        budget_seconds=10, seed=0, status=status,
    )  # fmt: skip


def a_version(run: TrainingRun) -> ModelVersion:
    return ModelVersion.objects.create(
        registered_model=run.registered_model, number=3, training_run=run, dataset=run.dataset, task="regression",
        estimator="linear", signature_json={}, artifacts={"model.onnx": {"digest": run.dataset.sha256, "n_bytes": 1}},
        is_compiled=True,
    )  # fmt: skip
