from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import orjson
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from predictor.errors import Busy
from predictor.models import (
    BatchPrediction,
    Dataset,
    IdempotentRequest,
    ModelVersion,
    PredictionLog,
    TrainingRun,
    User,
    Workspace,
)
from predictor.services import artifacts, predictions
from predictor.services.operations import idempotency, upkeep
from predictor.tests.api.conftest import Caller, problem
from predictor.tests.waiting import HANG_SECONDS, wait_for_end

KEY = "c0ffee-1"
ROWS = {"rows": [{"x1": 1, "x2": 2}]}
CSV = b"y,a,b\n" + b"".join(b"%d,%d,%d\n" % (n % 7, n, n % 3) for n in range(30))


def post(api: Caller, path: str, body: Any, key: str = KEY, **more: Any) -> Any:
    more.setdefault("content_type", "application/json")
    content = body if isinstance(body, bytes) else orjson.dumps(body)
    return api.client.post(api.path(path), content, headers={**api.headers, "Idempotency-Key": key}, **more)


def upload(api: Caller, content: bytes = CSV, **fields: Any) -> Any:
    data = {"file": SimpleUploadedFile("t.csv", content), **fields}
    return api.client.post(api.path("datasets"), data, headers={**api.headers, "Idempotency-Key": KEY})


def assert_replayed(first: Any, second: Any) -> None:
    """The second response is the first one byte for byte, with the header `Idempotency-Replayed`."""
    bodies = [
        b"".join(each.streaming_content) if each.streaming else each.content for each in (first, second)
    ]
    assert bodies[0] == bodies[1]
    assert first.status_code == second.status_code
    assert "Idempotency-Replayed" not in first
    assert second["Idempotency-Replayed"] == "true"
    assert first["Content-Type"] == second["Content-Type"]


@pytest.fixture
def dataset(workspace: Workspace) -> Dataset:
    """A dataset without a file: enough to queue a training run, which no worker carries out here."""
    column = {"storage": "BIGINT", "role": "numeric", "n_distinct": 30, "minimum": 0.0, "maximum": 29.0}
    return Dataset.objects.create(
        workspace=workspace, name="T", filename="t.csv", sha256="0" * 64, n_bytes=1, parquet_digest="0" * 64,
        n_rows=30, n_columns=2, options_digest="0" * 64,
        schema_json={"n_rows": 30, "columns": [{"name": "y", **column}, {"name": "a", **column}]},
    )  # fmt: skip


def run_of(dataset: Dataset) -> dict[str, Any]:
    return {"dataset": dataset.pk, "target": "y", "registered_model": "m", "task": "regression"}


def test_a_repeated_prediction_gets_the_first_answer_and_is_logged_once(
    api: Caller, linear: ModelVersion
) -> None:
    first = post(api, "models/article/predictions", ROWS)
    second = post(api, "models/article/predictions", ROWS)

    assert first.status_code == 200
    assert_replayed(first, second)
    assert PredictionLog.objects.count() == 1


def test_a_repeated_upload_and_a_repeated_run_make_one_of_each(api: Caller) -> None:
    first, second = upload(api), upload(api)
    assert first.status_code == 201
    assert_replayed(first, second)

    body = run_of(Dataset.objects.get())
    first, second = post(api, "training-runs", body), post(api, "training-runs", body)

    assert first.status_code == 202
    assert_replayed(first, second)
    assert first["Location"] == second["Location"]
    assert TrainingRun.objects.count() == 1


def test_a_repeated_batch_is_one_batch(api: Caller, linear: ModelVersion) -> None:
    first, second = (
        post(api, "models/article/batches", b"x1,x2\n1,2\n", content_type="text/csv") for _ in range(2)
    )

    assert first.status_code == 202
    assert_replayed(first, second)
    assert BatchPrediction.objects.count() == 1


def test_a_large_answer_is_kept_as_a_file(
    api: Caller, linear: ModelVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idempotency, "LARGEST_BODY", 10)
    for path, body, kind in (
        ("models/article/predictions", b"x1,x2\n1,2\n", "text/csv"),
        ("models/article/predictions", orjson.dumps(ROWS), "application/json"),
    ):
        first, second = (post(api, path, body, key=kind, content_type=kind) for _ in range(2))
        assert first.status_code == 200
        assert_replayed(first, second)
    digests = list(IdempotentRequest.objects.values_list("body_digest", flat=True))

    upkeep.tidy()
    assert all(map(artifacts.exists, digests))
    IdempotentRequest.objects.update(created_at=timezone.now() - timedelta(hours=25))
    upkeep.tidy()
    assert not any(map(artifacts.exists, digests))
    assert not IdempotentRequest.objects.exists()


def test_another_body_with_the_same_key_is_refused(api: Caller, linear: ModelVersion) -> None:
    post(api, "models/article/predictions", ROWS)

    again = post(api, "models/article/predictions", {"rows": [{"x1": 1, "x2": 3}]})

    assert "key of its own" in problem(again, 422)["detail"]
    assert upload(api).status_code == 201  # another address: another request
    problem(upload(api, CSV + b"1,2,3\n"), 422)
    problem(upload(api, name="another"), 422)


def test_the_same_rows_at_once_and_as_a_batch_are_two_requests(api: Caller, linear: ModelVersion) -> None:
    path, headers = "models/article/predictions", {**api.headers, "Idempotency-Key": KEY}
    post(api, path, ROWS)

    again = api.client.post(
        api.path(path), orjson.dumps(ROWS), "application/json", headers={**headers, "Prefer": "respond-async"}
    )

    assert "key of its own" in problem(again, 422)["detail"]
    assert not BatchPrediction.objects.exists()


@pytest.mark.parametrize("key", ["", " ", "é", "a" * 256, "a\x7f"])
def test_an_invalid_key_is_refused(api: Caller, linear: ModelVersion, key: str) -> None:
    response = api.client.post(
        api.path("models/article/predictions"), orjson.dumps(ROWS), "application/json",
        HTTP_IDEMPOTENCY_KEY=key, HTTP_AUTHORIZATION=api.headers["Authorization"],
    )  # fmt: skip

    assert "1 to 255" in problem(response, 400)["detail"]


def test_keys_belong_to_their_caller(
    api: Caller, linear: ModelVersion, viewer: User, workspace: Workspace, call_as: Callable[..., Caller]
) -> None:
    post(api, "models/article/predictions", ROWS)

    assert "Idempotency-Replayed" not in post(call_as(viewer, workspace), "models/article/predictions", ROWS)


def test_errors_of_the_request_are_replayed_and_temporary_errors_are_not(
    api: Caller, linear: ModelVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = {"rows": [{"x1": "abc", "x2": 2}]}
    assert_replayed(*(post(api, "models/article/predictions", bad, key="bad") for _ in range(2)))
    predict, troubles = predictions.predict, iter([Busy("Busy.", retry_seconds=1), RuntimeError("a fault")])

    def fails(**asked: Any) -> Any:
        if trouble := next(troubles, None):
            raise trouble
        return predict(**asked)

    monkeypatch.setattr(predictions, "predict", fails)
    statuses = [post(api, "models/article/predictions", ROWS).status_code for _ in range(3)]

    assert statuses == [503, 500, 200]


def test_a_run_and_its_kept_answer_are_one_transaction(
    api: Caller, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(*args: Any) -> None:
        raise RuntimeError("in between")

    with monkeypatch.context() as patch:
        patch.setattr(idempotency.Claim, "keep", dies)
        assert post(api, "training-runs", run_of(dataset)).status_code == 500
    assert not TrainingRun.objects.exists()

    assert post(api, "training-runs", run_of(dataset)).status_code == 202


def test_without_the_header_the_key_table_is_not_touched(
    api: Caller, linear: ModelVersion, django_assert_max_num_queries: Any
) -> None:
    with django_assert_max_num_queries(20) as asked:
        assert api.post("models/article/predictions", ROWS).status_code == 200

    assert not [each for each in asked.captured_queries if "idempotentrequest" in each["sql"]]


@pytest.fixture
def _crowd(transactional_db: None, settings: Settings) -> Iterator[None]:
    yield
    connection.close()


@pytest.mark.usefixtures("_crowd")
@pytest.mark.parametrize("what", ["run", "upload"])
def test_fifty_concurrent_repetitions_create_one_row(
    api: Caller, dataset: Dataset, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    answers: list[Any] = []
    body, start = run_of(dataset), threading.Barrier(50)

    def ask() -> None:
        start.wait(HANG_SECONDS)
        try:
            answers.append(upload(api) if what == "upload" else post(api, "training-runs", body))
        finally:
            connection.close()

    threads = [threading.Thread(target=ask) for _ in range(50)]
    for thread in threads:
        thread.start()
    wait_for_end(*threads)

    good = {"run": 202, "upload": 201}[what]
    made = [each for each in answers if each.status_code == good and "Idempotency-Replayed" not in each]
    others = [each for each in answers if each not in made]
    assert len(answers) == 50
    assert len(made) == 1
    assert all(each.content == made[0].content for each in others if each.status_code == good)
    # On a slow machine SQLite's timeout may end before the last one's turn: 503, and nothing was created.
    assert {each.status_code for each in others} <= {good, 409, 503}
    assert all(each["Retry-After"] == "1" for each in others if each.status_code in (409, 503))
    assert (TrainingRun.objects.count(), Dataset.objects.count()) == ((1, 1) if what == "run" else (0, 2))
