"""Import, training and prediction on real PostgreSQL and Redis servers."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..waiting import wait_until
from .conftest import table
from .installation import Installation
from .servers import INITDB, REDIS, postgresql, redis

pytestmark = [
    pytest.mark.servers,
    pytest.mark.skipif(INITDB is None or REDIS is None, reason="PostgreSQL or Redis is not installed"),
]


@pytest.fixture(scope="module")
def distributed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    folder: Path = tmp_path_factory.mktemp("distributed")
    with postgresql(folder) as database, redis(folder) as broker:
        environment = {
            "DATABASE_URL": database,
            "CELERY_BROKER_URL": f"{broker}/0",
            "CACHE_URL": f"{broker}/1",
            "MLWEB_TRAINING_SLOTS": "2",
        }
        with Installation(folder, environment) as started:
            yield started


def empty_the_broker(installation: Installation) -> None:
    port = installation.environment["CELERY_BROKER_URL"].rpartition(":")[2].partition("/")[0]
    subprocess.run(["redis-cli", "-p", port, "FLUSHALL"], check=True, capture_output=True)


def test_import_to_prediction_on_postgresql_and_redis(distributed: Installation) -> None:
    dataset = distributed.upload(table(400), "street.csv")
    runs = [
        distributed.train(dataset, registered_model="street", estimator="ridge", budget_seconds=2)
        for _ in range(3)
    ]
    # The messages are lost; the rows are not.
    empty_the_broker(distributed)

    ended = [distributed.wait_for_run(run) for run in runs]

    assert [(run["status"], run["attempts"]) for run in ended] == [("succeeded", 1)] * 3
    assert sorted(run["model_version"] for run in ended) == [1, 2, 3]
    rows = [{"a": 0.5, "b": 1, "kind": "red"}, {"a": None, "b": 1, "kind": "blue"}]
    answer = distributed.good(distributed.http.post("/models/street/predictions", json={"rows": rows}), 200)
    logged = distributed.good(distributed.http.get("/predictions"), 200)["results"]
    assert {each["id"] for each in answer["predictions"]} == {each["id"] for each in logged}
    assert not (distributed.data / "mlweb.sqlite3").exists()
    assert not (distributed.data / "broker.sqlite3").exists()


def test_a_killed_worker_loses_nothing_on_postgresql(distributed: Installation) -> None:
    dataset = distributed.upload(table(2_000, seed=1), "kill.csv")
    run = distributed.train(dataset, registered_model="killed", budget_seconds=20)
    distributed.wait_for_candidate(run)

    distributed.worker().kill()

    wait_until(lambda: distributed.run(run)["attempts"] == 2, "the second attempt")
    distributed.good(distributed.http.patch(f"/training-runs/{run}", json={"status": "cancelled"}), 200)
    ended = distributed.wait_for_run(run)
    assert [attempt["outcome"] for attempt in ended["attempt_log"]] == ["lost", "cancelled"]
