"""Metrics summed over processes, dead ones included."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from predictor import tasks
from predictor.models import JobStatus, PredictionSource
from predictor.services.process import meters
from predictor.services.process.meters import Meters


@pytest.fixture(autouse=True)
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Meters:
    made = Meters(tmp_path / "meters")
    monkeypatch.setattr(meters, "_meters", made)
    return made


ANOTHER = """
import os, sys
from pathlib import Path
sys.path.insert(0, os.getcwd())
from predictor.services.process.meters import CELL, Meters
made = Meters(Path(sys.argv[1]))
made.add(CELL["version_loads"], 2)
made.put(CELL["versions_in_memory"], 5)
made.add(CELL["requests_in_flight"])
made.request_ended("v2", 503, 0.02)
print("counted", flush=True)
sys.stdin.read()
"""


def test_sums_include_counters_of_dead_processes_but_not_their_gauges(own: Meters) -> None:
    meters.count("version_loads")
    meters.note("versions_in_memory", 1)
    another = subprocess.Popen(
        [sys.executable, "-c", ANOTHER, str(own.folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "mlweb.settings"},
    )  # fmt: skip
    with another:
        assert another.stdout is not None
        assert another.stdout.readline() == b"counted\n"
        alive = meters.totals()
        another.kill()
    dead = [meters.totals(), meters.totals()]

    assert (alive.value("version_loads"), alive.value("versions_in_memory")) == (3, 6)
    for found in dead:
        assert (found.value("version_loads"), found.value("versions_in_memory")) == (3, 1)
        assert list(found.requests()) == [("v2", 503, 1)]
    assert len(list(own.folder.glob("*.meters"))) == 1


def test_requests_fall_into_buckets(own: Meters) -> None:
    for seconds in (0.0005, 0.001, 0.02, 99.0):
        own.request_ended("api", 200, seconds)

    found = meters.totals()

    assert list(found.requests()) == [("api", 200, 4)]
    counts = dict(zip((*meters.BOUNDS, None), found.buckets("api"), strict=True))
    assert (counts[0.001], counts[0.01], counts[0.025], counts[10.0], counts[None]) == (2, 2, 3, 3, 4)
    assert found.seconds("api") == pytest.approx(99.0215)
    assert found.value("requests_in_flight") == -4


def test_no_count_is_lost_between_threads(own: Meters) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: [meters.count("log_rows") for _ in range(500)], range(8)))

    assert meters.totals().value("log_rows") == 4_000


def test_on_a_full_disk_a_process_counts_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    alone = Meters(tmp_path / "full")
    monkeypatch.setattr(meters, "_meters", alone)
    meters.count("rate_limited")

    assert not alone.is_shared
    assert list((tmp_path / "full").iterdir()) == []
    assert meters.totals().value("rate_limited") == 1


def test_every_source_of_the_log_and_every_kind_of_job_has_its_cells() -> None:
    assert set(meters.SOURCES) == set(PredictionSource.values)
    assert set(meters.KINDS) == set(tasks.KINDS)
    assert set(meters.ENDS) == {status.value for status in JobStatus if status.is_final}
