from __future__ import annotations

import threading
from typing import Any
from unittest import mock

import pytest

from predictor.models import Dataset, RegisteredModel, TrainingRun, Workspace
from predictor.services.jobs import leases, queue


@pytest.fixture(autouse=True)
def _no_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """No lease threads: a second thread would need a database file. Tests renew leases by hand."""
    monkeypatch.setattr(leases.ClaimedJob, "_watch", lambda self: None)
    monkeypatch.setattr(queue, "_is_shutting_down", threading.Event())


@pytest.fixture
def bells(monkeypatch: pytest.MonkeyPatch) -> mock.Mock:
    send = mock.Mock()
    monkeypatch.setattr(queue.current_app, "send_task", send)
    return send


@pytest.fixture
def make_run(workspace: Workspace) -> Any:
    dataset = Dataset.objects.create(
        workspace=workspace, name="t", filename="t.csv", sha256="0" * 64, n_bytes=1, parquet_digest="0" * 64,
        n_rows=1, n_columns=1, schema_json={"columns": [], "n_rows": 1}, options_digest="0" * 64,
    )  # fmt: skip
    registered_model = RegisteredModel.objects.create(workspace=workspace, slug="m", name="m")

    def make(**fields: Any) -> TrainingRun:
        return TrainingRun.objects.create(
            workspace=workspace, dataset=dataset, registered_model=registered_model, target="y",
            task="regression", budget_seconds=1, seed=0, **fields,
        )  # fmt: skip

    return make
