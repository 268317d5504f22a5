"""The Python client against a real server."""

from __future__ import annotations

import csv
import io
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import mlweb_client
import pytest
from mlweb_client import Client
from pytest_django.live_server_helper import LiveServer

from predictor.models import ModelVersion, PredictionLog, RegisteredModel, Scope, TrainingRun, User, Workspace
from predictor.services import batches, jobs, registry
from predictor.services.accounts import tokens
from predictor.services.predictions import loaded_versions
from predictor.tests.live_worker import hearing_worker
from predictor.tests.waiting import HANG_SECONDS
from predictor.tests.web.served_versions import CLASSES, ROW, publish_served


@pytest.fixture
def version(workspace: Workspace) -> ModelVersion:
    loaded_versions.forget_all()
    return publish_served(RegisteredModel.objects.create(workspace=workspace, slug="churn", name="Churn"))


@pytest.fixture
def api(live_server: LiveServer, workspace: Workspace, member: User) -> Iterator[Client]:
    scopes = [Scope.READ, Scope.PREDICT, Scope.WRITE]
    token = tokens.create_token(user=member, workspace=workspace, name="client", scopes=scopes).plaintext
    with Client(live_server.url, token, workspace="acme", retries=1, timeout=HANG_SECONDS) as client:
        yield client


@pytest.fixture
def _worker(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with hearing_worker(monkeypatch):
        yield


def table(folder: Path, n: int = 60) -> Path:
    path = folder / "small.csv"
    rows = [(number, number % 7, "yes" if number % 7 > 3 else "no") for number in range(n)]
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("a", "b", "answer"), *rows])
    return path


@pytest.mark.usefixtures("_worker")
def test_a_csv_file_is_uploaded_trained_on_and_predicted(api: Client, tmp_path: Path) -> None:
    dataset = api.upload(table(tmp_path), name="Small")
    again = api.upload(table(tmp_path), name="Small")
    run = api.train(
        dataset,
        target="answer",
        registered_model="small",
        estimator="decision_tree",
        params={"max_depth": 3},
        budget_seconds=5,
    )
    run = api.wait(run, timeout=HANG_SECONDS, every=0.1)
    answer = api.predict("small", [{"a": 3, "b": 6}, {"a": 4, "b": 1}], explain=True, coverage=0.8)

    assert (dataset.n_rows, dataset.columns, again.id) == (60, ("a", "b", "answer"), dataset.id)
    assert (run.status, run.version) == ("succeeded", 1)
    assert [each.prediction for each in answer] == ["yes", "no"]
    assert answer[0].set is not None
    assert answer[0].set.coverage == 0.8
    assert answer[0].explanation is not None
    assert "b" in answer[0].explanation.contributions
    assert [each.name for each in api.datasets()] == ["Small"]
    assert [each.slug for each in api.models()] == ["small"]
    assert api.version("small", 1).signature["target"] == "answer"


def test_a_run_that_fails_raises_with_its_reason(api: Client, tmp_path: Path) -> None:
    run = api.train(api.upload(table(tmp_path)), target="answer", registered_model="small")
    TrainingRun.objects.update(status="failed", error="Nothing could be learnt.")

    with pytest.raises(mlweb_client.JobFailed, match="Nothing could be learnt") as failed:
        api.wait(run)
    assert failed.value.job.id == run.id


def test_a_file_is_predicted_by_a_worker(
    api: Client, version: ModelVersion, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("predictor.services.jobs.queue.current_app.send_task", lambda *args, **kwargs: None)
    source = tmp_path / "rows.jsonl"
    source.write_text("\n".join(json.dumps(row) for row in [ROW, {**ROW, "age": "old"}]))

    batch = api.predict_file("churn", source, version="champion", coverage=0.8)
    assert jobs.run(batches.BATCHES, batch.id)
    batch = api.wait(batch)
    lines = api.result(batch, to=tmp_path / "answers.jsonl").read_text().splitlines()

    assert (batch.status, batch.version, batch.n_rows_done, batch.n_errors) == ("succeeded", 1, 2, 1)
    assert batch.row_errors[0]["row"] == 2
    assert json.loads(lines[0])["prediction"] == api.predict("churn", [ROW])[0].prediction
    with pytest.raises(ValueError, match="should end in one of"):
        api.predict_file("churn", tmp_path / "rows.xlsx")


def test_predictions_are_typed_and_logged(api: Client, version: ModelVersion) -> None:
    answer = api.predict("churn", [ROW, {**ROW, "plan": "unheard of"}], version="champion")

    assert (answer.model, answer.version, len(answer)) == ("churn", 1, 2)
    assert sum((answer[0].probabilities or {}).values()) == pytest.approx(1, abs=1e-6)
    assert {(each.code, each.column) for each in answer[1].warnings} == {
        ("missing", "{{7*7}}"),
        ("unseen", "plan"),
    }
    assert {str(each) for each in PredictionLog.objects.values_list("request_id", flat=True)} == {
        answer.request_id
    }


def test_an_answer_shows_the_training_rows_most_like_the_row(api: Client, version: ModelVersion) -> None:
    first, second = api.predict("churn", [ROW], nearest=2)[0].nearest

    assert 0 <= first.distance <= second.distance <= 1
    assert set(first.row) == set(ROW)
    assert {first.target, second.target} <= set(CLASSES)


def test_a_threshold_change_repeated_with_one_key_makes_one_version(
    api: Client, version: ModelVersion
) -> None:
    where, rule = "/models/churn/versions/1/thresholds", {"by": "fixed", "value": 0.25}
    first, second = (api.request("POST", where, rule, key="quarter") for _ in range(2))
    answer = api.predict("churn", [ROW], version=2)

    assert first == second
    assert (len(api.versions("churn")), answer.threshold) == (2, 0.25)


def test_a_prediction_repeated_with_one_key_is_made_once(api: Client, version: ModelVersion) -> None:
    first, second = (api.predict("churn", [ROW], key="order-17") for _ in range(2))

    assert first == second
    assert PredictionLog.objects.count() == 1


def test_a_csv_is_predicted_into_another(api: Client, version: ModelVersion, tmp_path: Path) -> None:
    source = tmp_path / "rows.csv"
    with source.open("w", newline="") as file:
        writer = csv.DictWriter(file, ROW)
        writer.writeheader()
        writer.writerow({**ROW, "member": "false"})

    path = api.predict_csv("churn", source, to=tmp_path / "answers.csv", version=1, coverage=0.99)

    (found,) = csv.DictReader(io.StringIO(path.read_text("utf-8-sig")))
    (wanted,) = api.predict("churn", [ROW], coverage=0.99)
    assert wanted.set is not None
    assert (found["prediction"], found["prediction_set"]) == (
        wanted.prediction,
        "; ".join(map(str, wanted.set.classes)),
    )
    assert sorted(each.name for each in tmp_path.iterdir() if each.is_file()) == ["answers.csv", "rows.csv"]


def test_promote_and_roll_back(api: Client, version: ModelVersion, member: User) -> None:
    publish_served(version.registered_model)

    assert api.promote("churn", 2) == 2
    assert api.models()[0].aliases == {"champion": 2}
    assert [each.number for each in api.versions("churn")] == [2, 1]
    assert api.roll_back("churn") == 1
    assert registry.serving_version(version.registered_model).number == 1


@pytest.mark.parametrize("form", ["offline-page", "bundle", "onnx"])
def test_portable_versions_are_downloaded(
    form: str, api: Client, version: ModelVersion, tmp_path: Path
) -> None:
    assert api.take_along("churn", 1, to=tmp_path / "file", form=form).stat().st_size > 500


REFUSALS: dict[str, tuple[Callable[[Client], Any], type[mlweb_client.ApiError]]] = {
    "a row": (lambda api: api.predict("churn", [{**ROW, "age": "old"}]), mlweb_client.Invalid),
    "a model": (lambda api: api.predict("nothing", [ROW]), mlweb_client.NotFound),
    "a strict row": (
        lambda api: api.predict("churn", [{**ROW, "more": 1}], strict=True),
        mlweb_client.Invalid,
    ),
    "a name with a slash": (lambda api: api.versions("../datasets"), mlweb_client.NotFound),
}


@pytest.mark.parametrize(("call", "kind"), REFUSALS.values(), ids=REFUSALS)
def test_errors_are_exceptions_that_say_what_and_where(
    call: Any, kind: type[mlweb_client.ApiError], api: Client, version: ModelVersion
) -> None:
    with pytest.raises(kind) as refused:
        call(api)

    assert refused.value.detail
    assert refused.value.request_id
    if kind is mlweb_client.Invalid:
        assert refused.value.problems[0].pointer.startswith("/rows/0/")


def test_a_wrong_token_is_not_authenticated(live_server: LiveServer, version: ModelVersion) -> None:
    stranger = Client(live_server.url, "mlw_" + "x" * 43, workspace="acme")

    with stranger, pytest.raises(mlweb_client.NotAuthenticated):
        stranger.models()


class Stub(BaseHTTPRequestHandler):
    """A server that sends prepared responses and records the requests."""

    protocol_version = "HTTP/1.1"
    answers: list[tuple[int, dict[str, str], bytes]]
    seen: list[tuple[int, str | None]]

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.seen.append((self.client_address[1], self.headers.get("Idempotency-Key")))
        if not self.answers:
            self.close_connection = True
            return
        status, headers, body = self.answers.pop(0)
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def stub() -> Iterator[type[Stub]]:
    kind = type("Own", (Stub,), {"answers": [], "seen": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), kind) as server:
        kind.url = f"http://127.0.0.1:{server.server_address[1]}"  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield kind
        server.shutdown()
        thread.join()


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    found: list[float] = []
    monkeypatch.setattr("mlweb_client.transport.time.sleep", found.append)
    return found


RUN = b'{"id": 1, "status": "queued", "registered_model": "m"}'


def stubbed(stub: Any, **more: Any) -> Client:
    return Client(stub.url, "t", timeout=HANG_SECONDS, **more)


def test_it_retries_a_busy_server_after_the_time_that_it_names(stub: Any, slept: list[float]) -> None:
    stub.answers += [(503, {"Retry-After": "2"}, b""), (429, {}, b"{}"), (202, {}, RUN)]

    with stubbed(stub) as api:
        assert api.train(1, registered_model="m").id == 1

    assert slept == [2.0, 0.4]
    assert len({port for port, _ in stub.seen}) == 1  # one connection
    assert len({key for _, key in stub.seen}) == 1  # one key for all attempts
    assert stub.seen[0][1]


def test_it_retries_a_request_that_is_still_being_answered(stub: Any, slept: list[float]) -> None:
    stub.answers += [(409, {"Retry-After": "1"}, b"{}"), (202, {}, RUN), (409, {}, b"{}")]

    with stubbed(stub) as api:
        assert api.train(1, registered_model="m").id == 1
        with pytest.raises(mlweb_client.Conflict):
            api.train(1, registered_model="m")

    assert slept == [1.0]


def test_it_does_not_retry_when_the_wait_would_be_too_long(stub: Any, slept: list[float]) -> None:
    stub.answers += [(503, {"Retry-After": "3600"}, b'{"detail": "Busy."}')]

    with stubbed(stub) as api, pytest.raises(mlweb_client.Unavailable, match="Busy"):
        api.train(1, registered_model="m")

    assert slept == []


def test_it_gives_up_after_its_retries(stub: Any, slept: list[float]) -> None:
    stub.answers += [(429, {"Retry-After": "1"}, b"{}")] * 3

    with stubbed(stub, retries=2) as api, pytest.raises(mlweb_client.TooMany):
        api.models()

    assert slept == [1.0, 1.0]


def test_a_broken_connection_is_retried_only_where_that_is_safe(stub: Any, slept: list[float]) -> None:
    with stubbed(stub, retries=2) as api:
        with pytest.raises(mlweb_client.ConnectionFailed):
            api.train(1, registered_model="m")
        assert len(stub.seen) == 3
        with pytest.raises(mlweb_client.ConnectionFailed):
            api.predict("m", [{"a": 1}])
        assert len(stub.seen) == 4


@pytest.mark.parametrize(
    ("path", "has_key"),
    [
        ("/training-runs", True),
        ("/models/m/versions/1/thresholds", True),
        ("/models/m/batches?version=1", True),
        ("/models/m/predictions", False),
        ("/models/m/counterfactuals", False),
    ],
)
def test_creating_requests_send_a_key_where_the_server_supports_it(
    stub: Any, path: str, has_key: bool
) -> None:
    stub.answers += [(200, {}, b"{}")]

    with stubbed(stub) as api:
        api.request("POST", path, {})

    assert [bool(key) for _, key in stub.seen] == [has_key]


def test_a_key_that_the_server_would_ignore_is_refused(stub: Any) -> None:
    with stubbed(stub) as api, pytest.raises(ValueError, match="takes no key"):
        api.request("POST", "/models/m/counterfactuals", {}, key="mine")

    assert stub.seen == []


def test_an_answer_that_is_no_json_is_still_an_error(stub: Any) -> None:
    stub.answers += [(500, {}, b"<html>")]

    with stubbed(stub) as api, pytest.raises(mlweb_client.ApiError, match="The server answered 500"):
        api.models()


@pytest.mark.parametrize("url", ["ftp://host", "host:80", "http://", "http://host/?q"])
def test_an_invalid_url_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="is not the address of a server"):
        Client(url, "t")
