"""After a kill -9: nothing acknowledged is lost, nothing is incomplete, all attempts are recorded."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import threading
from typing import Any

import httpx
import psutil
import pytest

from ..waiting import HANG_SECONDS, let_some_time_pass, wait_for_end, wait_until
from .conftest import table
from .installation import FINAL, Installation

pytestmark = pytest.mark.servers

# Long enough that the kill comes in the middle of the work.
LONG = {"budget_seconds": 15}


@pytest.fixture(scope="module")
def dataset(installation: Installation) -> dict[str, Any]:
    return installation.upload(table(3_000), "kill.csv")


def finished_fits(installation: Installation, run: int) -> dict[str, int]:
    folder = installation.data / "work" / f"run-{run}" / "fits"
    return {str(path): path.stat().st_mtime_ns for path in folder.rglob("*.json")}


def outcomes(run: dict[str, Any]) -> list[str]:
    return [attempt["outcome"] for attempt in run["attempt_log"]]


def assert_resumes(installation: Installation, run: int, fits: dict[str, int]) -> None:
    """The second attempt continues with the fits that the first one finished."""
    wait_until(lambda: installation.run(run)["attempts"] == 2, "the second attempt")
    wait_until(installation.fitting, "the second fitting process")
    kept = finished_fits(installation, run)
    assert fits
    assert {path: kept.get(path) for path in fits} == fits


def end(installation: Installation, run: int) -> list[str]:
    """Cancel the run to save time (one test shows that a run succeeds). Returns the outcomes of its attempts."""
    installation.good(installation.http.patch(f"/training-runs/{run}", json={"status": "cancelled"}), 200)
    return outcomes(installation.wait_for_run(run))


def test_a_killed_fitting_process_is_restarted(installation: Installation, dataset: dict[str, Any]) -> None:
    run = installation.train(dataset, registered_model="child killed", **LONG)
    installation.wait_for_candidate(run)
    fits = finished_fits(installation, run)

    installation.fitting()[0].kill()

    assert_resumes(installation, run, fits)
    ended = installation.wait_for_run(run)
    assert ended["status"] == "succeeded", ended
    assert outcomes(ended) == ["died", "succeeded"]
    versions = installation.good(installation.http.get(f"/models/{ended['registered_model']}/versions"), 200)
    assert [version["number"] for version in versions["results"]] == [1]


def test_a_killed_worker_is_restarted_and_its_run_resumes(
    installation: Installation, dataset: dict[str, Any]
) -> None:
    run = installation.train(dataset, registered_model="worker killed", **LONG)
    installation.wait_for_candidate(run)
    fits, fitting = finished_fits(installation, run), installation.fitting()

    installation.worker().kill()

    psutil.wait_procs(fitting, HANG_SECONDS)
    assert not any(map(installation.is_alive, fitting))
    assert_resumes(installation, run, fits)
    assert end(installation, run) == ["lost", "cancelled"]


def test_a_stopping_worker_puts_its_run_back(installation: Installation, dataset: dict[str, Any]) -> None:
    run = installation.train(dataset, registered_model="worker stopped", **LONG)
    installation.wait_for_candidate(run)
    fits = finished_fits(installation, run)

    installation.worker().send_signal(signal.SIGTERM)

    assert_resumes(installation, run, fits)
    assert end(installation, run) == ["worker was stopped", "cancelled"]


def test_a_server_killed_while_training_changes_nothing(
    installation: Installation, dataset: dict[str, Any]
) -> None:
    # Long enough to be still running when the server is ready again.
    run = installation.train(dataset, registered_model="server killed", budget_seconds=60)
    installation.wait_for_candidate(run)

    installation.kill_web()
    installation.wait_for_health()

    now = installation.run(run)
    assert (now["status"], now["attempts"]) == ("running", 1)
    assert now["leaderboard"]
    assert end(installation, run) == ["cancelled"]


def test_cancel_stops_the_work(installation: Installation, dataset: dict[str, Any]) -> None:
    run = installation.train(dataset, registered_model="cancelled", **LONG)
    installation.wait_for_candidate(run)
    fitting = installation.fitting()
    assert fitting

    answer = installation.http.patch(f"/training-runs/{run}", json={"status": "cancelled"})

    assert answer.status_code == 200
    wait_until(lambda: installation.run(run)["status"] == "cancelled", "the cancelled run")
    assert not any(map(installation.is_alive, fitting))
    folder = installation.data / "work" / f"run-{run}"
    wait_until(lambda: not folder.exists(), "the end of the run's folder")


def test_six_runs_run_six_times(installation: Installation, dataset: dict[str, Any]) -> None:
    runs = [
        installation.train(dataset, registered_model="six", estimator="ridge", budget_seconds=2)
        for _ in range(6)
    ]
    ended = [installation.wait_for_run(run) for run in runs]
    assert [run["status"] for run in ended] == ["succeeded"] * 6
    assert [run["attempts"] for run in ended] == [1] * 6
    assert sorted(run["model_version"] for run in ended) == [1, 2, 3, 4, 5, 6]


def test_a_server_killed_during_an_upload_leaves_no_files(installation: Installation) -> None:
    before = installation.good(installation.http.get("/datasets"), 200)["count"]
    is_under_way, is_killed = threading.Event(), threading.Event()

    def endless() -> Any:
        yield b"a,b\n"
        for number in range(10_000):
            yield b"%d,2\n" % number * 100
            if number == 200:
                is_under_way.set()
                is_killed.wait(HANG_SECONDS)

    def upload() -> None:
        # A bare body of known length, so that it is streamed to the server.
        headers = {"Content-Type": "text/csv", "Content-Length": "10000000"}
        with contextlib.suppress(httpx.HTTPError):
            installation.http.post("/datasets", content=endless(), headers=headers)

    uploading = threading.Thread(target=upload)
    uploading.start()
    assert is_under_way.wait(HANG_SECONDS)
    installation.kill_web()
    is_killed.set()
    wait_for_end(uploading)
    installation.wait_for_health()

    assert installation.good(installation.http.get("/datasets"), 200)["count"] == before
    # What was written before the kill is nobody's, and goes as soon as no import can be at work on it.
    for path in (installation.data / "uploads").rglob("*"):
        os.utime(path, (0, 0))
    installation.manage("tidy")
    assert not [path for path in (installation.data / "uploads").rglob("*") if path.is_file()]


def test_a_batch_resumes_after_a_kill_and_logs_each_row_once(installation: Installation) -> None:
    installation.manage("register_linear", "--name", "line", "--coef", "0.5", "0.3", "--intercept", "0")
    # Some seconds of work, for progress is committed once a second, and the kill has to come before the end.
    n_rows = 150_000
    content = "x1,x2\n" + "".join(f"{number},{number % 7}\n" for number in range(n_rows))
    files = {"file": ("rows.csv", content.encode(), "text/csv")}
    url = installation.good(installation.http.post("/models/line/batches", files=files), 202)["url"]

    def batch() -> dict[str, Any]:
        found: dict[str, Any] = installation.good(installation.http.get(url), 200)
        return found

    wait_until(lambda: batch()["n_rows_done"] > 0, "the first rows of the batch")
    installation.worker().kill()
    wait_until(lambda: batch()["status"] in FINAL, "the end of the batch")

    ended = batch()
    assert (ended["status"], ended["n_rows_done"], ended["n_errors"]) == ("succeeded", n_rows, 0), ended
    assert outcomes(ended) == ["lost", "succeeded"]
    lines = installation.http.get(ended["result_url"]).text.splitlines()[1:]
    assert [int(line.split(",")[0]) for line in lines] == list(range(n_rows))
    query = {"kind": "jsonl", "request_id": ended["request_id"]}
    with installation.http.stream("GET", "/predictions/export", params=query) as export:
        numbers = sorted(json.loads(line)["row_number"] for line in export.iter_lines())
    assert numbers == list(range(1, n_rows + 1))


def test_acknowledged_predictions_are_in_the_log_after_a_kill(
    installation: Installation, dataset: dict[str, Any]
) -> None:
    run = installation.train(dataset, registered_model="predicting", estimator="ridge", budget_seconds=2)
    assert installation.wait_for_run(run)["status"] == "succeeded"
    answered: list[str] = []
    is_over = threading.Event()

    def predict(seed: int) -> None:
        chance = random.Random(seed)
        while not is_over.is_set():
            rows = [{"a": chance.random(), "b": 0.5, "kind": "red"} for _ in range(3)]
            try:
                answer = installation.http.post("/models/predicting/predictions", json={"rows": rows})
            except httpx.HTTPError:
                let_some_time_pass()
                continue
            if answer.status_code == 200:
                answered.extend(each["id"] for each in answer.json()["predictions"])

    predicting = [threading.Thread(target=predict, args=(seed,)) for seed in range(4)]
    for thread in predicting:
        thread.start()
    wait_until(lambda: len(answered) > 60, "the first predictions")
    installation.kill_web()
    n_before = len(answered)
    installation.wait_for_health()
    wait_until(lambda: len(answered) > n_before + 30, "predictions after the kill")
    is_over.set()
    wait_for_end(*predicting)

    logged = set()
    url: str | None = "/predictions?model=predicting&page_size=500"
    while url:
        page = installation.good(installation.http.get(url), 200)
        logged |= {entry["id"] for entry in page["results"]}
        url = page["next"]
    assert set(answered) <= logged
