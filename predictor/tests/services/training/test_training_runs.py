from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from django.db import transaction
from pytest_django import Settings

from predictor.errors import Conflict, InvalidInput, InvalidTrainingRequest
from predictor.ml.types.schema import ColumnProfile, Role, TableSchema
from predictor.models import (
    CHAMPION,
    Dataset,
    JobStatus,
    ModelVersion,
    RegisteredModel,
    TrainingRun,
    User,
    Workspace,
)
from predictor.services import artifacts, registry, training
from predictor.services.jobs import leases, queue
from predictor.services.training import TrainingOptions, training_job, training_process
from predictor.tests.waiting import wait_until

pytestmark = pytest.mark.django_db

STUB = "predictor.tests.services.training.fitting_stub"


@pytest.fixture(autouse=True)
def _stub(monkeypatch: pytest.MonkeyPatch) -> None:
    """Use the stub child, and no lease threads, since a second thread would need a database file."""
    monkeypatch.setattr(training_process, "MODULE", STUB)
    monkeypatch.setattr(queue, "_is_shutting_down", threading.Event())
    monkeypatch.setattr(leases.ClaimedJob, "_watch", lambda self: None)


@pytest.fixture
def behave(settings: Settings) -> Callable[[str], None]:
    """Set the behaviour of the child at its first, second, … start; the last one holds for all later starts."""
    return lambda verbs: (Path(settings.WORK_DIR) / "behaviour").write_text(verbs) and None


@pytest.fixture
def dataset(workspace: Workspace) -> Dataset:
    columns = (
        ColumnProfile("x", Role.NUMERIC, "DOUBLE", n_distinct=40, minimum=0.0, maximum=9.5),
        ColumnProfile("y", Role.NUMERIC, "DOUBLE", n_distinct=40, minimum=0.5, maximum=7.5),
        ColumnProfile("only", Role.CONSTANT, "VARCHAR", n_distinct=1),
    )
    return Dataset.objects.create(
        workspace=workspace, name="table", filename="table.csv", sha256="0" * 64, n_bytes=1,
        parquet_digest=artifacts.put_bytes(b"not read by the stub"), n_rows=40, n_columns=3,
        schema_json=TableSchema(columns, 40).to_json(), options_digest="0" * 64,
    )  # fmt: skip


@pytest.fixture
def start(dataset: Dataset, member: User) -> Callable[..., TrainingRun]:
    def start(*, registered_model: Any = "Churn", **options: Any) -> TrainingRun:
        return training.start_run(
            dataset=dataset,
            options=TrainingOptions(**{"target": "y", **options}),
            registered_model=registered_model,
            by=member,
        )

    return start


def stop_when(
    monkeypatch: pytest.MonkeyPatch, is_time: Callable[[], bool], event: Callable[[], None]
) -> None:
    """Call a function while the child is running."""
    original, state = leases.ClaimedJob.check, {"is_over": False}

    def check(held: leases.ClaimedJob) -> None:
        if not state["is_over"] and is_time():
            state["is_over"] = True
            event()
        held.look()
        original(held)

    monkeypatch.setattr(leases.ClaimedJob, "check", check)


def is_gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_a_queued_run_stores_its_request(start: Any, member: User) -> None:
    run = start(
        estimator="ridge", params={"alpha": 2}, budget_seconds=7.2, seed=5, roles={"only": "categorical"}
    )

    run.refresh_from_db()
    assert run.status == JobStatus.QUEUED
    assert (run.task, run.estimator, run.params) == ("regression", "ridge", {"alpha": 2})
    assert (run.budget_seconds, run.seed, run.roles) == (8, 5, {"only": "categorical"})
    assert (run.registered_model.slug, run.registered_model.name) == ("churn", "Churn")
    assert run.created_by == member


def test_it_takes_the_registered_model_of_that_slug(start: Any, workspace: Workspace) -> None:
    churn = RegisteredModel.objects.create(workspace=workspace, slug="churn", name="Churn")
    assert start(registered_model="churn").registered_model == churn
    assert start(registered_model=churn).registered_model == churn


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"target": "z"}, "no column “z”"),
        ({"target": "only"}, "has no values|same value"),
        ({"task": "guessing"}, "no task “guessing”"),
        ({"task": "binary"}, "two"),
        ({"estimator": "oracle"}, "no estimator “oracle”"),
        ({"estimator": "ridge", "params": {"depth": 3}}, "depth"),
        ({"estimator": "auto", "params": {"alpha": 3}}, "hyperparameters"),
        ({"roles": {"x": "colour"}}, "no column role “colour”"),
        ({"roles": {"q": "text"}}, "“q”"),
        ({"roles": {"x": "identifier"}}, "No feature is left"),
        ({"budget_seconds": 0}, "between 1 and"),
        ({"budget_seconds": 10**9}, "between 1 and"),
        ({"budget_seconds": float("nan")}, "between 1 and"),
        ({"seed": -1}, "seed"),
        ({"seed": 2**32}, "seed"),
        ({"seed": True}, "seed"),
    ],
)
def test_invalid_requests_are_refused_at_once(start: Any, options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InvalidTrainingRequest, match=sentence):
        start(**options)
    assert not TrainingRun.objects.exists()
    assert not RegisteredModel.objects.exists()


def test_an_invalid_model_name_is_refused(start: Any) -> None:
    with pytest.raises(InvalidInput):
        start(registered_model=" ")


def test_another_workspaces_model_is_refused(start: Any, other_workspace: Workspace) -> None:
    theirs = RegisteredModel.objects.create(workspace=other_workspace, slug="theirs", name="Theirs")
    with pytest.raises(InvalidTrainingRequest, match="different workspaces"):
        start(registered_model=theirs)


def test_a_dataset_without_data_is_refused(start: Any, dataset: Dataset) -> None:
    dataset.data_removed_at = "2026-01-01T00:00:00Z"
    with pytest.raises(InvalidTrainingRequest, match="was deleted"):
        start()


def test_a_run_becomes_a_version_and_the_first_one_champion(start: Any, behave: Any, member: User) -> None:
    behave("finish")
    run = start()

    assert training.execute(run.pk)

    run.refresh_from_db()
    version = run.model_version
    assert run.status == JobStatus.SUCCEEDED, run.traceback
    assert (run.progress, run.metrics) == (1.0, {"rmse": 0.5})
    assert run.leaderboard[0]["weight"] == 1.0
    assert run.warnings == [{"message": "Something is doubtful", "column": "x"}]
    assert (version.number, version.estimator, version.created_by) == (1, "Ridge", member)
    assert artifacts.path_of(version.artifacts["spec.json"]["digest"]).read_bytes() == b'{"format": 1}'
    assert run.registered_model.aliases.get(alias=CHAMPION).model_version == version
    assert not training_job.workdir_of(run.pk).exists()


def test_progress_and_leaderboard_are_seen_while_it_runs(
    start: Any, behave: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    behave("hang")
    run = start()

    def has_come_half_way() -> bool:
        run.refresh_from_db()
        return run.progress == 0.5

    stop_when(monkeypatch, has_come_half_way, lambda: training.cancel(run=run, by=None))
    training.execute(run.pk)

    run.refresh_from_db()
    assert run.status == JobStatus.CANCELLED
    assert run.progress_message == "Half way"
    assert run.leaderboard == [{"key": "a", "title": "A", "score": 0.5, "status": "done"}]
    assert not ModelVersion.objects.exists()


def test_cancel_leaves_no_process_behind(
    start: Any, behave: Any, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    behave("hang")
    run = start()
    grandchild = Path(settings.WORK_DIR) / "grandchild"
    pids: list[int] = []

    def remember_and_cancel() -> None:
        pids.append(int(grandchild.read_text()))
        pids.append(int((training_job.workdir_of(run.pk) / "start-1").read_text()))
        training.cancel(run=run, by=None)

    stop_when(monkeypatch, lambda: grandchild.exists() and bool(grandchild.read_text()), remember_and_cancel)
    training.execute(run.pk)

    # The child ignores SIGTERM, and the grandchild is in a session of its own.
    assert len(pids) == 2
    wait_until(lambda: all(is_gone(pid) for pid in pids))
    assert not training_job.workdir_of(run.pk).exists()


def test_a_killed_child_is_started_again_in_the_same_folder(start: Any, behave: Any) -> None:
    behave("die finish")
    run = start()

    assert training.execute(run.pk)
    run.refresh_from_db()
    assert run.status == JobStatus.QUEUED
    assert (training_job.workdir_of(run.pk) / "start-1").exists()

    assert training.execute(run.pk)
    run.refresh_from_db()
    assert (run.status, run.attempts) == (JobStatus.SUCCEEDED, 2)
    assert [attempt["outcome"] for attempt in run.attempt_log] == ["died", "succeeded"]
    assert "SIGKILL" in run.attempt_log[0]["note"]
    assert ModelVersion.objects.count() == 1


def test_a_child_that_dies_each_time_fails_the_run_with_a_reason(start: Any, behave: Any) -> None:
    behave("die")
    run = start()
    while training.execute(run.pk):
        pass

    run.refresh_from_db()
    assert (run.status, run.attempts) == (JobStatus.FAILED, 3)
    assert "SIGKILL" in run.error
    assert not training_job.workdir_of(run.pk).exists()


def test_a_refused_run_says_why_and_is_not_retried(start: Any, behave: Any) -> None:
    behave("refuse")
    run = start()
    training.execute(run.pk)

    run.refresh_from_db()
    assert (run.status, run.attempts) == (JobStatus.FAILED, 1)
    assert run.error == "The target has one value."
    assert run.traceback == "Traceback: here"


def test_a_crash_keeps_the_childs_output_for_the_owner(start: Any, behave: Any) -> None:
    behave("crash")
    run = start()
    training.execute(run.pk)

    run.refresh_from_db()
    assert run.status == JobStatus.FAILED
    assert "library chatter" in run.traceback
    assert "library chatter" not in run.error


def test_the_hard_limit_stops_the_child(start: Any, behave: Any, settings: Settings) -> None:
    settings.TRAINING_HARD_LIMIT_SECONDS = 1
    behave("hang")
    run = start()
    training.execute(run.pk)

    run.refresh_from_db()
    assert run.status == JobStatus.FAILED
    assert "hard limit of 1 seconds" in run.error


def test_a_crash_before_the_commit_publishes_once(
    start: Any, behave: Any, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    """The worker dies after the child has finished: the next attempt only commits."""
    behave("finish die")
    run = start()

    class PowerCut(BaseException):
        pass

    def cut(**kwargs: Any) -> None:
        original(**kwargs)
        raise PowerCut

    original = registry.publish
    with monkeypatch.context() as patched:
        patched.setattr(registry, "publish", cut)
        with pytest.raises(PowerCut), transaction.atomic():
            training.execute(run.pk)
    assert not ModelVersion.objects.exists()

    run.refresh_from_db()
    assert training.execute(run.pk)
    run.refresh_from_db()
    assert run.status == JobStatus.SUCCEEDED
    assert ModelVersion.objects.get().number == 1


def test_a_folder_of_another_request_is_not_reused(start: Any, behave: Any) -> None:
    behave("finish")
    run = start()
    folder = training_job.workdir_of(run.pk)
    folder.mkdir()
    (folder / "request.json").write_text("{}")
    (folder / "result.json").write_text("of another run")

    training.execute(run.pk)

    run.refresh_from_db()
    assert run.status == JobStatus.SUCCEEDED


def test_a_finished_run_cannot_be_cancelled(start: Any, behave: Any) -> None:
    behave("finish")
    run = start()
    training.execute(run.pk)
    with pytest.raises(Conflict, match="succeeded"):
        training.cancel(run=run, by=None)


def test_six_runs_become_six_versions_without_a_gap(start: Any, behave: Any) -> None:
    behave("finish")
    runs = [start() for _ in range(6)]
    queue.work_off(training.TRAINING)

    assert sorted(ModelVersion.objects.values_list("number", flat=True)) == [1, 2, 3, 4, 5, 6]
    assert all(TrainingRun.objects.get(pk=run.pk).attempts == 1 for run in runs)


def test_a_run_in_this_process_needs_no_worker_and_reports_its_progress(
    dataset: Dataset, behave: Any
) -> None:
    behave("finish")
    heard: list[str] = []
    run = training.run_here(
        dataset=dataset, options=TrainingOptions(target="y"), registered_model="Churn", by=None,
        on_change=lambda changes: heard.append(changes.get("progress_message", "")),
    )  # fmt: skip
    assert run.status == JobStatus.SUCCEEDED
    assert "Finished" in heard


def test_a_run_keeps_the_share_of_cells_that_its_roles_may_empty(start: Callable[..., TrainingRun]) -> None:
    assert start().max_lost_share == 0.25
    run = start(max_lost_share=0.4, roles={"only": "identifier"})

    assert training_job.request_of(TrainingRun.objects.get(pk=run.pk)).max_lost_share == 0.4
    with pytest.raises(InvalidInput, match="between 0 and 1"):
        start(max_lost_share=7)
