from __future__ import annotations

from typing import Any

import pytest
from django.core import mail
from pytest_django import Settings

from predictor.models import (
    JobStatus,
    Membership,
    Notice,
    NoticeKind,
    PersonalSettings,
    TrainingRun,
    User,
    Workspace,
)
from predictor.services import notices
from predictor.services.jobs import queue
from predictor.services.training import TRAINING
from predictor.tests.web.tables import make_run, upload


@pytest.fixture
def run(workspace: Workspace, member: User) -> TrainingRun:
    return make_run(upload(workspace, member), created_by=member)


def end(run: TrainingRun, status: JobStatus, error: str = "") -> None:
    TrainingRun.objects.filter(pk=run.pk).update(status=status, error=error)
    notices.job_ended(TrainingRun, run.pk)


def test_the_person_who_started_a_run_gets_a_notice_when_it_fails(run: TrainingRun, member: User) -> None:
    end(run, JobStatus.FAILED, error="No candidate\ncould be fitted.")

    notice = Notice.objects.get()
    assert (notice.user, notice.kind, notice.status) == (member, NoticeKind.RUN, "failed")
    assert notice.detail == "No candidate could be fitted."
    assert notice.training_run == run
    assert notices.n_unread(member) == 1


def test_a_cancelled_run_and_one_of_nobody_give_no_notice(run: TrainingRun) -> None:
    end(run, JobStatus.CANCELLED)
    TrainingRun.objects.update(created_by=None)
    end(run, JobStatus.SUCCEEDED)

    assert not Notice.objects.exists()


def test_the_queue_tells_it_at_the_end_of_a_job(run: TrainingRun, member: User) -> None:
    TrainingRun.objects.filter(pk=run.pk).update(status=JobStatus.SUCCEEDED)

    queue._end(TRAINING, run.pk, JobStatus.SUCCEEDED)

    assert Notice.objects.get().user == member


def test_who_has_left_the_workspace_is_told_nothing_and_sees_nothing(run: TrainingRun, member: User) -> None:
    end(run, JobStatus.SUCCEEDED)
    Membership.objects.filter(user=member).delete()
    end(run, JobStatus.SUCCEEDED)

    assert Notice.objects.count() == 1
    assert notices.n_unread(member) == 0


def test_notices_are_marked_as_read_by_their_person_alone(
    run: TrainingRun, member: User, admin: User
) -> None:
    end(run, JobStatus.SUCCEEDED)

    assert notices.mark_read(user=admin) == 0
    assert notices.mark_read(user=member, pks=[Notice.objects.get().pk]) == 1
    assert notices.n_unread(member) == 0


def test_only_the_newest_are_kept(run: TrainingRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notices, "MAX_KEPT", 3)

    for _ in range(5):
        end(run, JobStatus.SUCCEEDED)

    assert Notice.objects.count() == 3


def test_old_ones_are_forgotten(run: TrainingRun, monkeypatch: pytest.MonkeyPatch) -> None:
    end(run, JobStatus.SUCCEEDED)
    assert notices.forget_old() == 0
    monkeypatch.setattr(notices, "KEPT_DAYS", -1)

    assert notices.forget_old() == 1


def test_it_comes_by_mail_only_where_the_person_asked_for_it(
    run: TrainingRun, member: User, settings: Settings, django_capture_on_commit_callbacks: Any
) -> None:
    settings.PUBLIC_URL = "https://mlweb.example.org"
    with django_capture_on_commit_callbacks(execute=True):
        end(run, JobStatus.FAILED, error="Too few rows.")
    assert mail.outbox == []
    PersonalSettings.objects.create(user=member, mails_runs=True)

    with django_capture_on_commit_callbacks(execute=True):
        end(run, JobStatus.FAILED, error="Too few rows.")

    (sent,) = mail.outbox
    assert sent.to == [member.email]
    assert "has failed" in sent.subject
    assert "Too few rows." in sent.body
    assert "https://mlweb.example.org/notices/" in sent.body


def test_without_a_mail_server_nothing_is_mailed(settings: Settings) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"

    assert not notices.can_mail()
