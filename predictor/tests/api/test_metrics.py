"""`/metrics`: 404 until a token is configured, then the metrics that Prometheus reads."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from predictor.models import BatchPrediction, ModelVersion
from predictor.services import batches, jobs
from predictor.services.process import meters
from predictor.tests.api.conftest import Caller, problem

SAMPLE = re.compile(r'[a-z_]+(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? -?[0-9.e+-]+')


@pytest.fixture(autouse=True)
def _own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meters, "_meters", meters.Meters(tmp_path / "meters"))


def samples(token: str = "secret") -> dict[str, float]:
    answer = Client().get("/metrics", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200, answer.content
    assert answer["Content-Type"].startswith("text/plain; version=0.0.4")
    lines = answer.content.decode().splitlines()
    assert all(line.startswith("# ") or SAMPLE.fullmatch(line) for line in lines), lines
    return {
        name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[0] != "#")
    }


def test_it_is_404_without_a_configured_token(db: None) -> None:
    problem(Client().get("/metrics", headers={"Authorization": "Bearer "}), 404)


@pytest.mark.parametrize("sent", ["", "Bearer wrong", "Bearer ", "Basic secret", "Bearer sécret"])
def test_it_needs_the_configured_token(db: None, settings: Any, sent: str) -> None:
    settings.METRICS_TOKEN = "secret"
    headers = {"Authorization": sent} if sent else {}

    problem(Client().get("/metrics", headers=headers), 401)


def test_it_counts_requests_by_interface_and_status(api: Caller, linear: ModelVersion, settings: Any) -> None:
    settings.METRICS_TOKEN = "secret"
    body = {"rows": [{"x1": 1, "x2": 2}, {"x1": 2, "x2": 2}]}
    for _ in range(3):
        assert api.post("models/article/predictions", body).status_code == 200
    api.post("models/article/predictions", {"rows": []})
    api.post("/serve/acme/v2/models/none/infer", {})

    found = samples()

    assert found['mlweb_requests_total{face="api",status="200"}'] == 3
    assert found['mlweb_requests_total{face="api",status="400"}'] == 1
    assert found['mlweb_requests_total{face="v2",status="404"}'] == 1
    assert found['mlweb_request_seconds_count{face="api"}'] == 4
    assert found['mlweb_request_seconds_bucket{face="api",le="+Inf"}'] == 4
    assert found["mlweb_requests_in_flight"] == 1  # the one that asks
    assert found["mlweb_version_loads_total"] + found["mlweb_version_hits_total"] >= 3
    assert found['mlweb_training_runs{status="queued"}'] == 0
    assert found['mlweb_predicted_rows_total{face="api"}'] == 6
    assert found["mlweb_disk_free_bytes"] > 0


def test_it_counts_files_and_batches(
    api: Caller, linear: ModelVersion, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.METRICS_TOKEN = "secret"
    csv, path = b"x1,x2\n1,2\n3,4\nabc,4\n", "models/article/batches"
    good, lost, waiting = (api.post(path, csv, content_type="text/csv").json()["id"] for _ in range(3))
    assert api.post("models/article/predictions", csv[:14], content_type="text/csv").getvalue()
    assert jobs.run(batches.BATCHES, good)
    jobs.cancel(batches.BATCHES, BatchPrediction.objects.get(pk=lost))

    found = samples()

    assert found['mlweb_predicted_rows_total{face="batch"}'] == 2
    assert found['mlweb_predicted_rows_total{face="api"}'] == 2
    assert found['mlweb_batches{status="queued"}'] == BatchPrediction.objects.filter(pk=waiting).count() == 1
    assert found['mlweb_batches{status="running"}'] == 0
    assert found['mlweb_jobs_ended_total{kind="batch",status="succeeded"}'] == 1
    assert found['mlweb_jobs_ended_total{kind="batch",status="cancelled"}'] == 1
    assert found['mlweb_jobs_ended_total{kind="training",status="failed"}'] == 0
