from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from predictor.models import JobStatus, TrainingRun, User, Workspace
from predictor.services.jobs import queue, turns

from .runs import Kind

pytestmark = pytest.mark.django_db


@pytest.fixture
def wait(make_run: Any) -> Any:
    """Queue a run of a workspace and a person, `minutes` after the first."""
    start = timezone.now()

    def make(workspace: Workspace, by: User | None = None, minutes: int = 0) -> int:
        run = make_run(queued_at=start + timedelta(minutes=minutes), created_by=by)
        TrainingRun.objects.filter(pk=run.pk).update(workspace=workspace)
        return int(run.pk)

    return make


def order_of_all(kind: Kind) -> list[int]:
    done = []
    while (pk := turns.next_job(kind)) is not None:
        done.append(pk)
        queue.run(kind, pk)
    return done


def test_the_jobs_of_one_person_run_in_the_order_of_their_coming(workspace: Workspace, wait: Any) -> None:
    late, early = wait(workspace, minutes=2), wait(workspace, minutes=1)

    assert order_of_all(Kind()) == [early, late]


def test_workspaces_take_turns(workspace: Workspace, other_workspace: Workspace, wait: Any) -> None:
    many = [wait(workspace, minutes=n) for n in range(4)]
    few = [wait(other_workspace, minutes=10 + n) for n in range(2)]

    assert order_of_all(Kind()) == [many[0], few[0], many[1], few[1], many[2], many[3]]


def test_people_of_a_workspace_take_turns(workspace: Workspace, member: User, admin: User, wait: Any) -> None:
    many = [wait(workspace, member, minutes=n) for n in range(3)]
    one = wait(workspace, admin, minutes=10)

    assert order_of_all(Kind()) == [many[0], one, many[1], many[2]]


def test_a_workspace_with_a_job_running_waits_for_one_without(
    workspace: Workspace, other_workspace: Workspace, wait: Any
) -> None:
    running, next_of_same = wait(workspace), wait(workspace, minutes=1)
    TrainingRun.objects.filter(pk=running).update(status=JobStatus.RUNNING, started_at=timezone.now())
    other = wait(other_workspace, minutes=10)

    assert turns.next_job(Kind()) == other
    assert turns.next_job_of_idle_workspace(Kind()) == other
    queue.run(Kind(), other)
    assert turns.next_job(Kind()) == next_of_same
    assert turns.next_job_of_idle_workspace(Kind()) is None


def test_a_turn_slot_does_the_first_job_of_a_workspace_that_would_wait(
    workspace: Workspace, other_workspace: Workspace, wait: Any
) -> None:
    running, waiting = wait(workspace), wait(workspace, minutes=1)
    TrainingRun.objects.filter(pk=running).update(status=JobStatus.RUNNING, started_at=timezone.now())
    other, kind = wait(other_workspace, minutes=10), Kind()

    with kind.slots:
        queue.work_off(kind)

    assert TrainingRun.objects.get(pk=other).status == JobStatus.SUCCEEDED
    assert TrainingRun.objects.get(pk=waiting).status == JobStatus.QUEUED


def test_without_turn_slots_every_job_waits_for_a_slot(
    workspace: Workspace, wait: Any, settings: Settings
) -> None:
    settings.TURN_SLOTS = 0
    waiting, kind = wait(workspace), Kind()

    with kind.slots:
        queue.work_off(kind)

    assert TrainingRun.objects.get(pk=waiting).status == JobStatus.QUEUED


class Waiting(Kind):
    """A kind that may not begin."""

    def may_begin(self) -> bool:
        return False


def test_a_kind_that_may_not_begin_has_no_next_job(workspace: Workspace, wait: Any) -> None:
    pk = wait(workspace)
    assert turns.next_job(Waiting()) is None
    assert turns.next_job_of_idle_workspace(Waiting()) is None
    queue.work_off(Waiting())
    assert TrainingRun.objects.get(pk=pk).status == JobStatus.QUEUED
    assert turns.next_job(Kind()) == pk
