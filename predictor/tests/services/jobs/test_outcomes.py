from __future__ import annotations

from datetime import timedelta
from typing import Any
from unittest import mock

import pytest
from django.db import OperationalError, transaction
from pytest_django import Settings

from predictor.errors import TrainingFailed
from predictor.models import JobStatus, TrainingRun
from predictor.services.jobs import outcomes, queue

from .runs import Kind, silence

pytestmark = pytest.mark.django_db


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


def test_a_cancelled_job_whose_work_died_is_not_tried_again(make_run: Any) -> None:
    run = make_run()

    def work(held: queue.ClaimedJob) -> None:
        queue.cancel(kind, run)
        raise queue.WorkerDied("It was killed.")

    kind = Kind(work)
    queue.run(kind, run.pk)

    run.refresh_from_db()
    assert run.status == JobStatus.CANCELLED


def test_a_transaction_that_rolls_back_leaves_the_job_running(make_run: Any) -> None:
    run = make_run()

    def work(held: queue.ClaimedJob) -> None:
        with transaction.atomic():
            held.finish(JobStatus.SUCCEEDED, outcome="succeeded")
            raise TrainingFailed("The version could not be written.")

    queue.run(Kind(work), run.pk)

    run.refresh_from_db()
    assert (run.status, run.error) == (JobStatus.FAILED, "The version could not be written.")


def perform_once(run: TrainingRun, work: Any) -> None:
    """One attempt, as `queue.run` makes it, without what the queue does about errors."""
    kind = Kind(work)
    held = queue.claim(kind, run.pk)
    assert held is not None
    outcomes.perform_to_end(kind, held)


def raises(error: BaseException) -> Any:
    return mock.Mock(side_effect=error)


def test_a_lost_lease_writes_nothing_and_is_raised(make_run: Any) -> None:
    run = make_run()

    def work(held: queue.ClaimedJob) -> None:
        silence(run)
        assert queue.claim(Kind(), run.pk) is not None
        held.update(progress=0.5)

    with pytest.raises(queue.JobStopped) as stopped:
        perform_once(run, work)

    run.refresh_from_db()
    assert stopped.value.reason is queue.StopReason.LOST
    assert (run.status, run.progress, run.error) == (JobStatus.RUNNING, 0.0, "")
    assert [each["outcome"] for each in run.attempt_log] == ["lost", None]


def test_a_database_error_is_raised_and_leaves_the_row_to_the_sweep(make_run: Any) -> None:
    run = make_run()

    with pytest.raises(OperationalError, match="locked"):
        perform_once(run, raises(OperationalError("database is locked")))

    run.refresh_from_db()
    assert (run.status, run.attempt_log[0]["outcome"]) == (JobStatus.RUNNING, None)


def test_ctrl_c_cancels_the_job_and_is_raised(make_run: Any) -> None:
    run = make_run()

    with pytest.raises(KeyboardInterrupt):
        perform_once(run, raises(KeyboardInterrupt()))

    run.refresh_from_db()
    assert (run.status, run.attempt_log[0]["outcome"]) == (JobStatus.CANCELLED, "cancelled")


def test_the_traceback_that_an_error_brings_along_is_kept_for_the_owner(make_run: Any) -> None:
    error = TrainingFailed("The target has one value.")
    error.traceback = "Traceback of the child"  # type: ignore[attr-defined]
    run = make_run()

    perform_once(run, raises(error))

    run.refresh_from_db()
    assert (run.error, run.traceback) == ("The target has one value.", "Traceback of the child")
    assert run.attempt_log[0]["outcome"] == "failed"


def test_an_unexpected_exception_is_logged_with_the_job(
    make_run: Any, caplog: pytest.LogCaptureFixture
) -> None:
    run = make_run()

    perform_once(run, raises(KeyError("x")))

    run.refresh_from_db()
    assert (
        run.error
        == "It stopped because of a fault in mlweb; its owner can read the details in the traceback."
    )
    assert f"training {run.pk} crashed." in caplog.text


@pytest.mark.parametrize(("earlier", "status"), [("lost", "failed"), ("worker was stopped", "queued")])
def test_earlier_lost_attempts_count_as_deaths_and_planned_stops_do_not(
    make_run: Any, settings: Settings, earlier: str, status: str
) -> None:
    settings.JOB_MAX_ATTEMPTS = 2
    begun = {"began_at": "2026-01-01T00:00:00+00:00", "worker": "a:1", "ended_at": "x", "outcome": earlier}
    run = make_run(attempts=1, attempt_log=[begun])

    perform_once(run, raises(queue.WorkerDied("It was killed.")))

    run.refresh_from_db()
    assert run.status == status
    assert [each["outcome"] for each in run.attempt_log] == [earlier, "died"]
