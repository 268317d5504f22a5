"""A workspace in which every page has something to show, for the tests that walk through the pages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from predictor.models import (
    BatchPrediction,
    Comment,
    Dataset,
    PredictionLog,
    RegisteredModel,
    TrainingRun,
    User,
    Workspace,
)
from predictor.services import comments, datasets, labels, notices
from predictor.services.monitoring import actuals
from predictor.services.monitoring.actuals import GivenActual
from predictor.services.predictions import loaded_versions
from predictor.tests import predicting
from predictor.tests.web.served_versions import ROW, publish_served
from predictor.tests.web.tables import bare_dataset, make_run, upload

ENTRY = {
    "key": "lr", "title": "Logistic regression", "estimator": "logistic_regression", "metric": "log_loss",
    "score": 0.4, "roc_auc": 0.81, "fit_seconds": 1.5, "weight": 0.7, "status": "done", "note": "",
}  # fmt: skip
LATE = {
    **ENTRY,
    "title": "Random forest",
    "score": None,
    "weight": 0,
    "status": "timed out",
    "note": "took long",
}


@dataclass(frozen=True)
class Furnished:
    """A workspace in which every page has something to show."""

    dataset: Dataset
    runs: dict[str, TrainingRun]
    model: RegisteredModel
    log: PredictionLog
    batch: BatchPrediction
    trashed: Dataset
    comment: Comment


@pytest.fixture
def furnished(workspace: Workspace, admin: User) -> Furnished:
    loaded_versions.forget_all()
    dataset = upload(workspace, admin)
    Dataset.objects.update(warnings=["3 rows have too few cells and were left out: rows 4, 9, 17."])
    now = timezone.now()
    ran: dict[str, Any] = {"started_at": now - timedelta(seconds=75), "attempts": 1, "created_by": admin}
    running = {
        **ran, "progress": 0.4, "progress_message": "Fitting Random forest, fold 2 of 5", "attempts": 2,
        "lease_until": now + timedelta(hours=1), "leaderboard": [ENTRY, LATE],
        "attempt_log": [{"began_at": "2026-01-01T10:00:00+00:00", "outcome": "lost"}],
    }  # fmt: skip
    runs = {
        # Not queued in the database: the thread that stands in for the worker would take it.
        "running": make_run(dataset, status="running", **running),
        "failed": make_run(
            dataset, status="failed", error="No candidate could be fitted.", traceback="Traceback", finished_at=now,
            **ran,
        ),
        "cancelled": make_run(dataset, status="cancelled", finished_at=now, leaderboard=[ENTRY, LATE], **ran),
    }  # fmt: skip
    model = RegisteredModel.objects.create(workspace=workspace, slug="churn", name="Churn")
    for _ in range(2):
        publish_served(model)
    predicting.predict(model, rows=[ROW], by=admin)
    batch = BatchPrediction.objects.create(
        workspace=workspace, registered_model=model, model_version=model.versions.get(number=1), filename="rows.csv",
        format="csv", n_bytes=4_000_000, source_digest="0" * 64, request_id="r-1", n_rows_done=40_000, n_errors=150,
        n_warnings=12, row_errors=[{"row": 7, "message": "Row 7, column “age”: “abc” is not a number."}],
        warnings=["The model does not use “note”."], status="running", **{**ran, "attempts": 2},
        progress=0.4, progress_message="40,000 rows predicted", lease_until=now + timedelta(hours=1),
        attempt_log=running["attempt_log"],
    )  # fmt: skip
    trashed = bare_dataset(workspace, 7)
    datasets.delete(dataset=trashed, by=admin)
    labels.change(dataset, note="From the shop.", tags=["raw", "2026"])
    comment = comments.add(
        target=runs["failed"], text="See https://example.org/why for the reason.", by=admin
    )
    comments.add(target=model, text="Good.", by=admin)
    comments.add(target=model.versions.get(number=1), text="Good, too.", by=admin)
    notices.job_ended(TrainingRun, runs["failed"].pk)
    log = PredictionLog.objects.get()
    given = [GivenActual(1, "stay", prediction=log.pk), GivenActual(2, "stay", request_id="not-yet")]
    actuals.record(workspace, given, source="api", by=admin)
    return Furnished(dataset, runs, model, log, batch, trashed, comment)
