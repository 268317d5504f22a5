from __future__ import annotations

import threading
from contextlib import suppress
from datetime import timedelta
from typing import Any
from unittest import mock

import pytest
from django.db import DatabaseError
from django.utils import timezone

from predictor.models import JobStatus, TrainingRun
from predictor.services.jobs import leases, queue
from predictor.services.jobs.leases import ClaimedJob, JobStopped, StopReason

from .runs import Kind, silence

pytestmark = pytest.mark.django_db

# `conftest.py` replaces it in each test.
WATCH = ClaimedJob._watch


def claimed(run: TrainingRun, **more: Any) -> ClaimedJob:
    held = queue.claim(Kind(), run.pk, **more)
    assert held is not None
    return held


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


def test_a_lost_lease_stays_lost_even_if_the_row_is_free_again(make_run: Any) -> None:
    run = make_run()
    held = claimed(run)
    TrainingRun.objects.filter(pk=run.pk).update(status=JobStatus.QUEUED, owner="")

    held.renew()
    TrainingRun.objects.filter(pk=run.pk).update(status=JobStatus.RUNNING, owner=held._owner)

    assert held.reason_to_stop is StopReason.LOST


def test_a_lease_that_was_not_renewed_in_time_counts_as_lost_without_a_query(
    make_run: Any, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
) -> None:
    held = claimed(make_run())
    lease_seconds = queue.lease_time().total_seconds()
    claimed_at = held._renewed_at

    def reason_after(seconds: float) -> StopReason | None:
        monkeypatch.setattr(leases.time, "monotonic", lambda: claimed_at + seconds)
        with django_assert_num_queries(0):
            return held.reason_to_stop

    assert reason_after(lease_seconds) is None
    assert reason_after(lease_seconds + 0.001) is StopReason.LOST


def test_renewing_extends_the_lease_from_now(make_run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_run()
    held = claimed(run)
    silence(run)
    monkeypatch.setattr(leases.time, "monotonic", lambda: 1_000.0)
    before = timezone.now()

    held.renew()

    run.refresh_from_db()
    assert before + queue.lease_time() <= run.lease_until <= timezone.now() + queue.lease_time()
    assert held._renewed_at == 1_000.0
    assert held.reason_to_stop is None


def test_the_strongest_reason_to_stop_is_named_first(make_run: Any) -> None:
    run = make_run()
    is_shutting_down = threading.Event()
    held = claimed(run)
    held._is_shutting_down = is_shutting_down
    assert held.reason_to_stop is None

    is_shutting_down.set()
    assert held.reason_to_stop is StopReason.SHUTDOWN
    held._deadline = timezone.now() - timedelta(seconds=1)
    assert held.reason_to_stop is StopReason.TOO_LONG
    held.rows.update(is_cancel_requested=True)
    held.look()
    assert held.reason_to_stop is StopReason.CANCELLED
    held._is_lost = True
    assert held.reason_to_stop is StopReason.LOST


def test_check_raises_the_reason(make_run: Any) -> None:
    held = claimed(make_run())
    held.check()
    held.rows.update(is_cancel_requested=True)
    held.look()

    with pytest.raises(JobStopped, match="cancelled") as stopped:
        held.check()

    assert stopped.value.reason is StopReason.CANCELLED


def test_each_write_is_reported_unless_the_lease_is_lost(make_run: Any) -> None:
    changes: list[Any] = []
    run = make_run()
    held = claimed(run, on_change=changes.append)

    held.update(progress=0.25)
    silence(run)
    claimed(run)
    with pytest.raises(JobStopped):
        held.update(progress=0.75)

    assert changes == [{"progress": 0.25}]


def test_rows_are_empty_for_everybody_but_the_holder(make_run: Any) -> None:
    run, other = make_run(), make_run()
    first, second = claimed(run), claimed(other)
    silence(run)
    third = claimed(run)

    assert not first.rows.exists()
    assert list(second.rows) == [other]
    assert list(third.rows) == [run]


def test_finishing_frees_the_lease_and_ends_the_newest_attempt_only(make_run: Any) -> None:
    run = make_run()
    claimed(run)
    silence(run)
    held = claimed(run)

    held.finish(JobStatus.FAILED, outcome="failed", error="The table is empty.")

    run.refresh_from_db()
    assert (run.status, held.status, run.error) == ("failed", "failed", "The table is empty.")
    assert (run.owner, run.lease_until) == ("", None)
    assert run.finished_at is not None
    assert [each["outcome"] for each in run.attempt_log] == ["lost", "failed"]
    assert "note" not in run.attempt_log[1]


def test_a_job_that_is_put_back_waits_again_and_keeps_the_note(make_run: Any) -> None:
    run = make_run(rung_at=timezone.now())
    held = claimed(run)

    held.put_back(outcome="died", note="It was killed.")

    run.refresh_from_db()
    assert (run.status, run.owner, run.lease_until, run.rung_at) == (JobStatus.QUEUED, "", None, None)
    assert run.finished_at is None
    assert (run.attempt_log[0]["outcome"], run.attempt_log[0]["note"]) == ("died", "It was killed.")
    assert queue.claim(Kind(), run.pk) is not None


def test_a_cancelled_job_ends_instead_of_waiting_again(make_run: Any) -> None:
    run = make_run()
    held = claimed(run)
    held.rows.update(is_cancel_requested=True)

    held.put_back(outcome="died", note="It was killed.")

    run.refresh_from_db()
    assert run.status == JobStatus.CANCELLED
    assert run.finished_at is not None
    assert run.attempt_log[0]["outcome"] == "cancelled"


# --- The thread that renews the lease -----------------------------------------------------------------------
class Turns:
    """Stands for the event that ends the thread: `wait` returns False for so many turns."""

    def __init__(self, n_turns: int):
        self.n_left = n_turns
        self.waits: list[float] = []

    def wait(self, seconds: float) -> bool:
        self.waits.append(seconds)
        self.n_left -= 1
        return self.n_left < 0


@pytest.fixture
def watched(make_run: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run the body of the thread here, for so many turns. Its connections are those of the test: they stay open."""
    monkeypatch.setattr(leases, "connections", mock.Mock())
    held = claimed(make_run())

    def watch(n_turns: int) -> ClaimedJob:
        held._is_over = Turns(n_turns)  # type: ignore[assignment]
        WATCH(held)
        return held

    watch.held = held  # type: ignore[attr-defined]
    return watch


def test_the_watch_sees_a_cancellation_in_its_next_turn(watched: Any) -> None:
    watched.held.rows.update(is_cancel_requested=True)

    assert watched(0).reason_to_stop is None
    assert watched(1).reason_to_stop is StopReason.CANCELLED


def test_the_watch_renews_after_a_quarter_of_the_lease(watched: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    quarter = queue.lease_time().total_seconds() / 4
    started_at = watched.held._renewed_at
    renewals = mock.Mock()
    monkeypatch.setattr(ClaimedJob, "renew", renewals)

    monkeypatch.setattr(leases.time, "monotonic", lambda: started_at + quarter - leases.WATCH_SECONDS - 0.1)
    watched(3)
    assert renewals.call_count == 0

    monkeypatch.setattr(leases.time, "monotonic", lambda: started_at + quarter - leases.WATCH_SECONDS)
    held = watched(1)
    assert renewals.call_count == 1
    assert held._is_over.waits == [leases.WATCH_SECONDS] * 2


def test_the_watch_goes_on_after_a_database_error(
    watched: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    looks = mock.Mock(side_effect=[DatabaseError("locked"), None])
    monkeypatch.setattr(ClaimedJob, "look", looks)

    held = watched(2)

    assert looks.call_count == 2
    assert held.reason_to_stop is None
    assert f"The lease of job {held.pk} could not be renewed; trying again." in caplog.text
    assert leases.connections.close_all.call_count == 2  # after the error, and at the end of the thread


def test_the_thread_ends_with_the_context(make_run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ClaimedJob, "_watch", lambda self: self._is_over.wait())
    held = claimed(make_run())

    with suppress(ZeroDivisionError), held:
        assert held._watcher.is_alive()
        raise ZeroDivisionError

    assert not held._watcher.is_alive()
