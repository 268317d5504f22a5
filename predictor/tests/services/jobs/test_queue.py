from __future__ import annotations

from datetime import timedelta
from typing import Any
from unittest import mock

import pytest
from django.utils import timezone
from pytest_django import Settings

from predictor.errors import Conflict
from predictor.models import JobStatus, TrainingRun
from predictor.services.jobs import queue

from .runs import Kind, silence

pytestmark = pytest.mark.django_db


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


def test_a_waiting_job_is_cancelled_at_once(make_run: Any) -> None:
    run, kind = make_run(), Kind()

    queue.cancel(kind, run)
    queue.cancel(kind, run)

    assert run.status == JobStatus.CANCELLED
    assert not queue.run(kind, run.pk)


def test_a_cancelled_job_whose_worker_died_ends_in_the_sweep(make_run: Any, bells: mock.Mock) -> None:
    run, kind = make_run(), Kind()
    queue.claim(kind, run.pk)
    queue.cancel(kind, run)
    silence(run)

    queue.sweep(kind)

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
