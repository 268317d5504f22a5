"""The job that computes what was left out: its results, its end by others, and its place behind all other work."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from pytest_django import Settings

from predictor.models import (
    Completion,
    JobStatus,
    ModelAlias,
    ModelVersion,
    RegisteredModel,
    TrainingRun,
    User,
    Workspace,
)
from predictor.services import datasets, jobs, registry, training
from predictor.services.jobs import leases, queue, turns
from predictor.services.operations import upkeep
from predictor.services.training import completion_job, completion_requests

from ..versions import publish
from .left_out import PARTS, hurried_version

pytestmark = pytest.mark.django_db

KIND = training.COMPLETIONS


@pytest.fixture(autouse=True)
def _stub(monkeypatch: pytest.MonkeyPatch) -> None:
    """Use the stub child, and no lease threads, since a second thread would need a database file."""
    monkeypatch.setattr(completion_job, "MODULE", "predictor.tests.services.training.completion_stub")
    monkeypatch.setattr(completion_job, "LOOK_SECONDS", 0.0)
    monkeypatch.setattr(queue, "_is_shutting_down", threading.Event())
    monkeypatch.setattr(leases.ClaimedJob, "_watch", lambda self: None)


@pytest.fixture
def model(workspace: Workspace, member: User) -> RegisteredModel:
    return registry.get_or_create_model(workspace=workspace, name_or_slug="Churn", by=member)


@pytest.fixture
def version(model: RegisteredModel) -> ModelVersion:
    return hurried_version(model)


@pytest.fixture
def queued(version: ModelVersion) -> Completion:
    return completion_requests.queue(version, None)


@pytest.fixture
def behave(settings: Settings) -> Callable[[str], None]:
    """Set the behaviour of the child at its first, second, … start; the last one holds for all later starts."""
    return lambda verbs: (Path(settings.WORK_DIR) / "behaviour").write_text(verbs) and None


def computed_parts(settings: Settings) -> list[str]:
    return (Path(settings.WORK_DIR) / "computed").read_text().split()


def when_computing(monkeypatch: pytest.MonkeyPatch, settings: Settings, event: Callable[[], None]) -> None:
    """Call a function once, after the child has computed its first part."""
    original, state = leases.ClaimedJob.check, {"is_over": False}

    def check(held: leases.ClaimedJob) -> None:
        if not state["is_over"] and (Path(settings.WORK_DIR) / "computed").exists():
            state["is_over"] = True
            event()
        held.look()
        original(held)

    monkeypatch.setattr(leases.ClaimedJob, "check", check)


def again(version: ModelVersion) -> ModelVersion:
    return ModelVersion.objects.get(pk=version.pk)


def test_the_parts_are_read_with_the_report_and_the_version_stays(
    version: ModelVersion, queued: Completion, behave: Any
) -> None:
    behave("ok")
    before = ModelVersion.objects.filter(pk=version.pk).values().get()

    assert training.completions.execute(queued.pk)

    queued.refresh_from_db()
    assert (queued.status, queued.progress, sorted(queued.computed)) == ("succeeded", 1.0, sorted(PARTS))
    assert ModelVersion.objects.filter(pk=version.pk).values().get() == before, "versions are immutable"
    report = again(version).report
    assert report["importance_kind"] == "permutation"
    assert report["learning_curve"]["sentence"] == "More rows would help."
    assert report["held_out"] == version.evaluation["held_out"]
    assert report["left_out"] == []
    assert sorted(report["computed_later"]) == sorted(PARTS)
    assert not completion_job.workdir_of(queued.pk).exists()


def test_a_refused_part_has_its_reason(version: ModelVersion, queued: Completion, behave: Any) -> None:
    behave("refuse")
    training.completions.execute(queued.pk)
    queued.refresh_from_db()
    assert (queued.status, queued.computed) == ("succeeded", {})
    assert queued.refusals == dict.fromkeys(PARTS, "No.")
    assert again(version).report == {**version.evaluation, "computed_later": {}} or not queued.supplement


def test_a_killed_child_is_started_again_and_goes_on(
    version: ModelVersion, queued: Completion, behave: Any, settings: Settings
) -> None:
    behave("die ok")
    training.completions.execute(queued.pk)
    queued.refresh_from_db()
    assert (queued.status, again(version).report) == ("queued", version.evaluation)

    training.completions.execute(queued.pk)

    queued.refresh_from_db()
    assert (queued.status, queued.attempts) == ("succeeded", 2)
    assert computed_parts(settings) == PARTS, "each part once"


def test_a_child_that_is_always_killed_is_given_up(
    queued: Completion, behave: Any, settings: Settings
) -> None:
    behave("kill")
    for _ in range(settings.JOB_MAX_ATTEMPTS):
        training.completions.execute(queued.pk)
    queued.refresh_from_db()
    assert queued.status == "failed"
    assert "killed (SIGKILL)" in queued.error


def test_the_work_of_a_dead_worker_is_taken_up_by_the_next(queued: Completion, behave: Any) -> None:
    behave("ok")
    assert jobs.claim(KIND, queued.pk) is not None
    Completion.objects.update(lease_until=timezone.now() - timedelta(seconds=1))

    jobs.sweep(KIND)

    queued.refresh_from_db()
    assert (queued.status, queued.attempt_log[0]["outcome"]) == ("queued", "lost")
    training.completions.execute(queued.pk)
    queued.refresh_from_db()
    assert queued.status == "succeeded"


def test_it_gives_way_when_a_run_is_queued(
    model: RegisteredModel,
    queued: Completion,
    behave: Any,
    monkeypatch: pytest.MonkeyPatch,
    settings: Settings,
) -> None:
    behave("hang ok")
    when_computing(monkeypatch, settings, lambda: make_run(model))

    training.completions.execute(queued.pk)

    queued.refresh_from_db()
    assert (queued.status, queued.attempt_log[0]["outcome"]) == ("queued", "gave way to other work")
    assert turns.next_job(KIND) is None, "not while the run waits"
    TrainingRun.objects.filter(status="queued").update(status="running", lease_until=timezone.now())
    assert turns.next_job(KIND) is None, "not while it runs"
    TrainingRun.objects.update(status="succeeded")
    assert turns.next_job(KIND) == queued.pk
    training.completions.execute(queued.pk)
    queued.refresh_from_db()
    assert queued.status == "succeeded"
    assert computed_parts(settings) == PARTS, "the finished part is kept"


def test_one_that_has_begun_does_not_say_that_it_waits(
    queued: Completion, behave: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    behave("ok")
    shown: list[str] = []
    prepare = completion_job.prepare_workdir

    def prepare_workdir(*args: Any) -> Any:
        shown.append(Completion.objects.get().progress_message)
        return prepare(*args)

    monkeypatch.setattr(completion_job, "prepare_workdir", prepare_workdir)

    training.completions.execute(queued.pk)

    assert shown == ["Reading the table"]


def make_run(model: RegisteredModel) -> None:
    TrainingRun.objects.filter(pk=publish.run(model).pk).update(status="queued")


def test_it_does_not_give_way_for_ever(queued: Completion, behave: Any) -> None:
    behave("ok")
    Completion.objects.update(attempts=completion_job.MAX_ATTEMPTS)
    training.completions.execute(queued.pk)
    queued.refresh_from_db()
    assert queued.status == "failed"
    assert queued.error == "Other work interrupted it 100 times; start it when less is going on."


def test_it_is_stopped_on_request_and_nothing_is_added(
    version: ModelVersion,
    queued: Completion,
    behave: Any,
    member: User,
    monkeypatch: pytest.MonkeyPatch,
    settings: Settings,
) -> None:
    behave("hang")
    stop = lambda: training.completions.cancel(completion=Completion.objects.get(), by=member)  # noqa: E731
    when_computing(monkeypatch, settings, lambda: stop() and None)

    training.completions.execute(queued.pk)

    queued.refresh_from_db()
    assert queued.status == "cancelled"
    assert again(version).report == version.evaluation
    assert not completion_job.workdir_of(queued.pk).exists()


def test_at_its_deadline_the_finished_parts_are_kept(
    version: ModelVersion,
    queued: Completion,
    behave: Any,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    behave("hang")
    settings.COMPLETION_HARD_LIMIT_SECONDS = 3_600
    late = timezone.now() + timedelta(hours=2)
    when_computing(monkeypatch, settings, lambda: monkeypatch.setattr(leases.timezone, "now", lambda: late))

    training.completions.execute(queued.pk)

    monkeypatch.undo()
    queued.refresh_from_db()
    assert (queued.status, queued.error) == ("failed", "It did not end within 3600 seconds.")
    assert list(queued.computed) == ["importance"]
    assert [each["part"] for each in again(version).report["left_out"]] == ["dependence", "learning_curve"]


def test_a_crash_is_told_and_the_finished_parts_are_kept(
    version: ModelVersion, queued: Completion, behave: Any
) -> None:
    behave("crash")
    training.completions.execute(queued.pk)
    queued.refresh_from_db()
    assert (queued.status, queued.error, queued.traceback) == ("failed", "Too little memory.", "here")
    assert list(queued.computed) == ["importance"]


def test_data_deleted_before_or_meanwhile_end_it_with_a_sentence(
    version: ModelVersion,
    queued: Completion,
    behave: Any,
    monkeypatch: pytest.MonkeyPatch,
    settings: Settings,
) -> None:
    def delete() -> None:
        with transaction.atomic():
            datasets.delete(dataset=version.dataset, by=None, keep_metadata=True)

    behave("crash")
    when_computing(monkeypatch, settings, delete)
    training.completions.execute(queued.pk)
    queued.refresh_from_db()
    assert (queued.status, queued.error) == ("failed", "The data of “Table” were deleted.")

    Completion.objects.update(status=JobStatus.QUEUED, error="", finished_at=None)
    training.completions.execute(queued.pk)
    queued.refresh_from_db()
    assert (queued.status, queued.error) == ("failed", "The data of “Table” were deleted.")


def test_a_version_deleted_meanwhile_takes_its_completion_along(
    version: ModelVersion,
    queued: Completion,
    behave: Any,
    monkeypatch: pytest.MonkeyPatch,
    settings: Settings,
) -> None:
    behave("hang")
    ModelAlias.objects.all().delete()
    when_computing(monkeypatch, settings, lambda: version.delete() and None)
    monkeypatch.setattr(leases.ClaimedJob, "look", leases.ClaimedJob.renew)

    training.completions.execute(queued.pk)

    assert not Completion.objects.exists()
    upkeep.remove_old_workdirs(KIND, completion_job.PREFIX)
    assert not completion_job.workdir_of(queued.pk).exists()


def test_two_completions_never_run_in_one_process() -> None:
    assert KIND.turn_slots is KIND.slots
