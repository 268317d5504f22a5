from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from predictor.models import Dataset, JobStatus, RegisteredModel, TrainingRun, Workspace
from predictor.services.operations import prometheus
from predictor.services.process import meters
from predictor.services.process.meters import Meters


@pytest.fixture(autouse=True)
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Meters:
    made = Meters(tmp_path / "meters")
    monkeypatch.setattr(meters, "_meters", made)
    return made


def samples(text: str) -> dict[str, float]:
    """{name with labels: value}."""
    lines = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
    assert max(Counter(name for name, _, _ in lines).values()) == 1
    return {name: float(value) for name, _, value in lines}


def test_each_family_has_one_help_and_one_type_before_its_samples(db: None, own: Meters) -> None:
    """Prometheus' text format 0.0.4: "Only one TYPE line may exist for a given metric name", before its samples."""
    own.request_ended("api", 200, 0.02)

    text = prometheus.exposition()

    assert text.endswith("\n")
    kinds: dict[str, str] = {}
    family = ""
    for before, line in zip(["", *text.splitlines()], text.splitlines(), strict=False):
        if line.startswith("# HELP "):
            continue
        if line.startswith("# TYPE "):
            _, _, family, kind = line.split(" ")
            assert before.startswith(f"# HELP {family} ")
            assert len(before) > len(f"# HELP {family} ")
            assert family not in kinds
            kinds[family] = kind
        else:
            name = line.split("{")[0].split(" ")[0]
            ends = ("_bucket", "_sum", "_count") if kinds[family] == "histogram" else ("",)
            assert name in {family + end for end in ends}
    assert set(kinds.values()) == {"counter", "gauge", "histogram"}
    assert all(name.startswith("mlweb_") for name in kinds)


def test_a_histogram_is_cumulative_and_ends_with_all_requests(db: None, own: Meters) -> None:
    for seconds in (0.0005, 0.001, 0.02, 0.02, 99.0):
        own.request_ended("v2", 200, seconds)

    found = samples(prometheus.exposition())

    def bucket(bound: str) -> float:
        return found[f'mlweb_request_seconds_bucket{{face="v2",le="{bound}"}}']

    assert [bucket(each) for each in ("0.001", "0.01", "0.025", "10.0", "+Inf")] == [2, 2, 4, 4, 5]
    assert found['mlweb_request_seconds_count{face="v2"}'] == 5
    assert found['mlweb_request_seconds_sum{face="v2"}'] == pytest.approx(99.0415)
    assert not any("request_seconds" in name and "mlflow" in name for name in found)  # it answered nothing


def test_counters_and_gauges_have_the_values_of_their_meters(db: None) -> None:
    meters.group_ended(n_rows=7, n_failed=2, n_requests=3, waited_seconds=0.125)
    meters.rows_predicted("kserve", 11)
    meters.job_ended("training", "failed")
    meters.count("rate_limited", 4)
    meters.note("log_waiting_rows", 5)
    meters.note("versions_in_memory", 6)

    found = samples(prometheus.exposition())

    assert {name: value for name, value in found.items() if value} == {
        "mlweb_log_commits_total": 1,
        "mlweb_log_rows_total": 7,
        "mlweb_log_failed_rows_total": 2,
        "mlweb_log_wait_seconds_count": 3,
        "mlweb_log_wait_seconds_sum": 0.125,
        'mlweb_predicted_rows_total{face="kserve"}': 11,
        'mlweb_jobs_ended_total{kind="training",status="failed"}': 1,
        "mlweb_requests_rate_limited_total": 4,
        "mlweb_log_waiting_rows": 5,
        "mlweb_versions_in_memory": 6,
        "mlweb_disk_free_bytes": found["mlweb_disk_free_bytes"],
    }


def test_every_meter_is_exposed(db: None) -> None:
    numbers = {name: place for place, name in enumerate((*meters.COUNTERS, *meters.GAUGES), start=1_001)}
    for name, number in numbers.items():
        meters.note(name, number)

    values = Counter(samples(prometheus.exposition()).values())

    assert {name for name, number in numbers.items() if values[number] != 1} == set()


def test_only_unfinished_jobs_are_counted_by_status(workspace: Workspace) -> None:
    dataset = Dataset.objects.create(
        workspace=workspace, name="t", filename="t.csv", sha256="0" * 64, n_bytes=1, parquet_digest="0" * 64,
        n_rows=1, n_columns=1, schema_json={"columns": [], "n_rows": 1}, options_digest="0" * 64,
    )  # fmt: skip
    model = RegisteredModel.objects.create(workspace=workspace, slug="m", name="m")
    for status in ("queued", "queued", "running", "succeeded", "failed", "cancelled"):
        TrainingRun.objects.create(
            workspace=workspace, dataset=dataset, registered_model=model, target="y", task="regression",
            budget_seconds=1, seed=0, status=JobStatus(status), error="x",
        )  # fmt: skip

    found = samples(prometheus.exposition())

    assert {
        name: value for name, value in found.items() if "training_runs" in name or "_batches" in name
    } == {
        'mlweb_training_runs{status="queued"}': 2,
        'mlweb_training_runs{status="running"}': 1,
        'mlweb_batches{status="queued"}': 0,
        'mlweb_batches{status="running"}': 0,
    }


def test_the_free_space_is_that_of_the_data_folder(
    db: None, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = {settings.DATA_DIR: 1_234}
    monkeypatch.setattr(prometheus.shutil, "disk_usage", lambda path: type("Usage", (), {"free": free[path]}))

    assert samples(prometheus.exposition())["mlweb_disk_free_bytes"] == 1_234


@hypothesis_settings(max_examples=50, deadline=None)
@given(value=st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_is_read_back_as_it_was(value: float) -> None:
    text = prometheus._number(value)

    assert float(text) == value
    assert ("." in text or "e" in text) != value.is_integer()
