"""Versions without a target that really answer: clusters and unusual rows, each found once for all tests."""

from __future__ import annotations

import json
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits

from predictor.ml.execution.progress import Reporter
from predictor.ml.training import anomaly_run, clustering_run
from predictor.ml.types.schema import Task
from predictor.models import ModelVersion, RegisteredModel
from predictor.services import artifacts, registry
from predictor.tests.ml.planted import BLOB_ROLES, ODD_ROLES, blobs, odd_rows
from predictor.tests.ml.tables_for_tests import write_request
from predictor.tests.services.versions import publish

CLUSTERED = {"age": 60, "spend": 400, "visits": 0, "plan": "pro"}
ORDINARY = {"amount": 50, "hours": 12, "shop": "north"}
ODD = {"amount": 900, "hours": 1, "shop": "moon"}


@cache
def found(task: Task) -> tuple[dict[str, Any], dict[str, bytes]]:
    """result.json of a run, and the files of its version."""
    is_clustering = task is Task.CLUSTERING
    columns, _ = blobs(200) if is_clustering else odd_rows(400)
    params = {"n_clusters": 4} if is_clustering else {"n_estimators": 20}
    run = clustering_run.run if is_clustering else anomaly_run.run
    with tempfile.TemporaryDirectory() as name, threadpool_limits(1):
        folder = Path(name)
        request = write_request(
            folder, columns, BLOB_ROLES if is_clustering else ODD_ROLES, "", task=task, params=params,
            estimator="kmeans" if is_clustering else "isolation_forest",
        )  # fmt: skip
        run(request, folder, Reporter())
        result = json.loads((folder / "result.json").read_text())
        return result, {
            key: (folder / file["path"]).read_bytes() for key, file in result["artifacts"].items()
        }


def publish_described(model: RegisteredModel, task: Task) -> ModelVersion:
    result, files = found(task)
    stored = {
        name: {"digest": artifacts.put_bytes(content), "n_bytes": len(content)}
        for name, content in files.items()
    }
    run = publish.run(model)
    run.leaderboard = result["leaderboard"]
    run.save(update_fields=["leaderboard"])
    return registry.publish(run=run, result=result, artifacts=stored, by=None)
