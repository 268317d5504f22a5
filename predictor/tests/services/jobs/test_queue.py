from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any
from unittest import mock

import pytest
from django.utils import timezone
from pytest_django import Settings

from predictor.errors import Conflict, TrainingFailed
from predictor.models import Dataset, JobStatus, RegisteredModel, TrainingRun, Workspace
from predictor.services.jobs import leases, queue

pytestmark = pytest.mark.django_db


class Kind(queue.JobKind):
    """A job kind whose work a test supplies."""

    name = "training"
    model = TrainingRun
    hard_limit = timedelta(seconds=60)

    def __init__(self, work: Any = None):
        super().__init__()
        self.work = work or (lambda held: held.finish(JobStatus.SUCCEEDED, outcome="succeeded"))
        self.cleaned: list[int] = []

    def perform(self, held: queue.ClaimedJob) -> None:
        self.work(held)

    def clean_up(self, pk: int) -> None:
        self.cleaned.append(pk)


@pytest.fixture(autouse=True)
def _no_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """No lease threads: a second thread would need a database file. Tests renew leases by hand."""
    monkeypatch.setattr(leases.ClaimedJob, "_watch", lambda self: None)
    monkeypatch.setattr(queue, "_is_shutting_down", threading.Event())


@pytest.fixture
def bells(monkeypatch: pytest.MonkeyPatch) -> mock.Mock:
    send = mock.Mock()
    monkeypatch.setattr(queue.current_app, "send_task", send)
    return send


@pytest.fixture
def make_run(workspace: Workspace) -> Any:
    dataset = Dataset.objects.create(
        workspace=workspace, name="t", filename="t.csv", sha256="0" * 64, n_bytes=1, parquet_digest="0" * 64,
        n_rows=1, n_columns=1, schema_json={"columns": [], "n_rows": 1}, options_digest="0" * 64,
    )  # fmt: skip
    registered_model = RegisteredModel.objects.create(workspace=workspace, slug="m", name="m")

    def make(**fields: Any) -> TrainingRun:
        return TrainingRun.objects.create(
            workspace=workspace, dataset=dataset, registered_model=registered_model, target="y",
            task="regression", budget_seconds=1, seed=0, **fields,
        )  # fmt: skip

    return make


def silence(run: TrainingRun) -> None:
    """Let the lease run out, as when the worker is dead."""
    TrainingRun.objects.filter(pk=run.pk).update(lease_until=timezone.now() - timedelta(seconds=1))


def test_a_waiting_job_is_done_once(make_run: Any) -> None:
    run, kind = make_run(), Kind()

    assert queue.run(kind, run.pk)
    assert not queue.run(kind, run.pk)

    run.refresh_from_db()
    assert run.status == JobStatus.SUCCEEDED
    assert run.attempts == 1
    assert [attempt["outcome"] for attempt in run.attempt_log] == ["succeeded"]
    assert run.finished_at is not None
    assert kind.cleaned == [run.pk]


def test_a_job_that_somebody_holds_cannot_be_claimed(make_run: Any) -> None:
    run = make_run()
    assert queue.claim(Kind(), run.pk) is not None
    assert queue.claim(Kind(), run.pk) is None


def test_after_losing_the_lease_nothing_can_be_written(make_run: Any) -> None:
    run, kind = make_run(), Kind()
    first = queue.claim(kind, run.pk)
    silence(run)
    second = queue.claim(kind, run.pk)

    with pytest.raises(queue.JobStopped):
        first.update(progress=0.9)
    with pytest.raises(queue.JobStopped):
        first.finish(JobStatus.SUCCEEDED, outcome="succeeded")
    assert first.reason_to_stop is queue.StopReason.LOST
    second.finish(JobStatus.SUCCEEDED, outcome="succeeded")

    run.refresh_from_db()
    assert [attempt["outcome"] for attempt in run.attempt_log] == ["lost", "succeeded"]
    assert run.progress == 0.0


def test_a_renewed_lease_is_not_swept(make_run: Any, bells: mock.Mock) -> None:
    run, kind = make_run(), Kind()
    held = queue.claim(kind, run.pk)
    silence(run)
    held.renew()

    queue.sweep(kind)

    run.refresh_from_db()
    assert run.status == JobStatus.RUNNING


def test_the_sweep_requeues_a_lost_job_and_notifies_workers(make_run: Any, bells: mock.Mock) -> None:
    run, kind = make_run(), Kind()
    queue.claim(kind, run.pk)
    silence(run)

    queue.sweep(kind)

    run.refresh_from_db()
    assert run.status == JobStatus.QUEUED
    assert run.attempt_log[0]["outcome"] == "lost"
    assert run.rung_at is not None
    bells.assert_called_once_with("predictor.tasks.work", args=["training"])
    assert kind.cleaned == []


def test_a_job_whose_worker_dies_each_time_fails_with_a_reason(
    make_run: Any, bells: mock.Mock, settings: Settings
) -> None:
    settings.JOB_MAX_ATTEMPTS = 2
    run, kind = make_run(), Kind()
    for _ in range(2):
        assert queue.claim(kind, run.pk) is not None
        silence(run)
        queue.sweep(kind)

    run.refresh_from_db()
    assert run.status == JobStatus.FAILED
    assert run.error == "The worker that held it died 2 times, so it was given up."
    assert kind.cleaned == [run.pk]


def test_a_planned_stop_of_the_worker_does_not_count_against_the_job(
    make_run: Any, bells: mock.Mock, settings: Settings
) -> None:
    settings.JOB_MAX_ATTEMPTS = 1
    run = make_run()
    kind = Kind(lambda held: (queue.shut_down(), held.check()))

    queue.run(kind, run.pk)

    run.refresh_from_db()
    assert run.status == JobStatus.QUEUED
    assert run.attempt_log[0]["outcome"] == "worker was stopped"
    bells.assert_not_called()


def test_work_that_died_is_retried_up_to_the_limit(
    make_run: Any, bells: mock.Mock, settings: Settings
) -> None:
    settings.JOB_MAX_ATTEMPTS = 2

    def die(held: queue.ClaimedJob) -> None:
        raise queue.WorkerDied("It was killed.")

    run, kind = make_run(), Kind(die)
    queue.work_off(kind)

    run.refresh_from_db()
    assert run.status == JobStatus.FAILED
    assert run.error == "It was killed. This was attempt 2, and the last."
    assert [attempt["outcome"] for attempt in run.attempt_log] == ["died", "died"]


def test_an_mlweb_error_becomes_the_error_of_the_job(make_run: Any) -> None:
    def refuse(held: queue.ClaimedJob) -> None:
        raise TrainingFailed("No candidate could be fitted.")

    run = make_run()
    queue.run(Kind(refuse), run.pk)

    run.refresh_from_db()
    assert (run.status, run.error) == (JobStatus.FAILED, "No candidate could be fitted.")


def test_an_unexpected_exception_keeps_its_traceback_for_the_owner(make_run: Any) -> None:
    run = make_run()
    queue.run(Kind(lambda held: 1 / 0), run.pk)

    run.refresh_from_db()
    assert run.status == JobStatus.FAILED
    assert "ZeroDivisionError" not in run.error
    assert "ZeroDivisionError" in run.traceback


def test_the_hard_limit_ends_a_job(make_run: Any) -> None:
    kind = Kind(lambda held: held.check())
    kind.hard_limit = timedelta(seconds=-1)
    run = make_run()

    queue.run(kind, run.pk)

    run.refresh_from_db()
    assert run.status == JobStatus.FAILED
    assert "hard limit" in run.error
    assert run.attempt_log[0]["outcome"] == "hard limit"


def test_a_waiting_job_is_cancelled_at_once(make_run: Any) -> None:
    run, kind = make_run(), Kind()

    queue.cancel(kind, run)
    queue.cancel(kind, run)

    assert run.status == JobStatus.CANCELLED
    assert not queue.run(kind, run.pk)


def test_cancelling_stops_a_running_job(make_run: Any) -> None:
    run = make_run()

    def work(held: queue.ClaimedJob) -> None:
        queue.cancel(kind, run)
        held.look()
        held.check()

    kind = Kind(work)
    queue.run(kind, run.pk)

    run.refresh_from_db()
    assert run.status == JobStatus.CANCELLED
    assert run.attempt_log[0]["outcome"] == "cancelled"


def test_a_cancelled_job_whose_worker_died_ends_in_the_sweep(make_run: Any, bells: mock.Mock) -> None:
    run, kind = make_run(), Kind()
    queue.claim(kind, run.pk)
    queue.cancel(kind, run)
    silence(run)

    queue.sweep(kind)

    run.refresh_from_db()
    assert run.status == JobStatus.CANCELLED


def test_a_cancelled_job_whose_work_died_is_not_tried_again(make_run: Any) -> None:
    run = make_run()

    def work(held: queue.ClaimedJob) -> None:
        queue.cancel(kind, run)
        raise queue.WorkerDied("It was killed.")

    kind = Kind(work)
    queue.run(kind, run.pk)

    run.refresh_from_db()
    assert run.status == JobStatus.CANCELLED


@pytest.mark.parametrize("status", [JobStatus.SUCCEEDED, JobStatus.FAILED])
def test_a_finished_job_cannot_be_cancelled(make_run: Any, status: JobStatus) -> None:
    run = make_run(status=status, error="x")
    with pytest.raises(Conflict, match=status):
        queue.cancel(Kind(), run)


def test_a_broker_that_is_down_does_not_fail_the_request(
    make_run: Any, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    monkeypatch.setattr(queue.current_app, "send_task", mock.Mock(side_effect=ConnectionError))
    run, kind = make_run(), Kind()

    with django_capture_on_commit_callbacks(execute=True):
        queue.notify_workers(kind, run.pk)

    run.refresh_from_db()
    assert run.rung_at is None


def test_the_sweep_notifies_again_only_after_a_while(make_run: Any, bells: mock.Mock) -> None:
    run, kind = make_run(), Kind()

    queue.sweep(kind)
    queue.sweep(kind)
    assert bells.call_count == 1

    TrainingRun.objects.filter(pk=run.pk).update(rung_at=timezone.now() - timedelta(hours=1))
    queue.sweep(kind)
    assert bells.call_count == 2


def test_one_notification_processes_all_queued_jobs_oldest_first(make_run: Any) -> None:
    done: list[int] = []

    def work(held: queue.ClaimedJob) -> None:
        done.append(held.pk)
        held.finish(JobStatus.SUCCEEDED, outcome="succeeded")

    waiting = [make_run().pk for _ in range(3)]
    queue.work_off(Kind(work))
    assert done == waiting


def test_no_more_jobs_at_once_than_slots(make_run: Any) -> None:
    make_run()
    make_run()
    nested: list[int] = []

    def work(held: queue.ClaimedJob) -> None:
        before = TrainingRun.objects.running().count()
        queue.work_off(kind)
        nested.append(TrainingRun.objects.running().count() - before)
        held.finish(JobStatus.SUCCEEDED, outcome="succeeded")

    kind = Kind(work)
    queue.work_off(kind)
    assert nested == [0, 0]


def test_a_transaction_that_rolls_back_leaves_the_job_running(make_run: Any) -> None:
    from django.db import transaction

    run = make_run()

    def work(held: queue.ClaimedJob) -> None:
        with transaction.atomic():
            held.finish(JobStatus.SUCCEEDED, outcome="succeeded")
            raise TrainingFailed("The version could not be written.")

    queue.run(Kind(work), run.pk)

    run.refresh_from_db()
    assert (run.status, run.error) == (JobStatus.FAILED, "The version could not be written.")
