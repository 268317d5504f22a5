from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from predictor.models import JobStatus, Notice, PersonalSettings, TrainingRun, User, Workspace
from predictor.services import notices
from predictor.tests.web.tables import make_run, upload


@pytest.fixture
def notice(workspace: Workspace, member: User) -> Notice:
    run = make_run(upload(workspace, member), created_by=member)
    TrainingRun.objects.filter(pk=run.pk).update(status=JobStatus.FAILED, error="Too few rows.")
    notices.job_ended(TrainingRun, run.pk)
    return Notice.objects.get()


def test_the_list_says_what_ended_and_links_to_it(client: Client, member: User, notice: Notice) -> None:
    client.force_login(member)

    page = client.get(reverse("notice-list")).content.decode()

    assert "has failed" in page
    assert "Too few rows." in page
    assert reverse("training-run-detail", args=["acme", notice.training_run_id]) in page


def test_a_page_learns_what_is_new_since_it_was_loaded(client: Client, member: User, notice: Notice) -> None:
    client.force_login(member)
    url = reverse("notice-news")

    new = client.get(url, {"after": notice.pk - 1}).json()
    old = client.get(url, {"after": notice.pk}).json()

    assert (new["unread"], len(new["news"])) == (1, 1)
    assert new["news"][0]["is_failure"]
    assert old == {"news": []}


def test_nobody_else_sees_it(client: Client, admin: User, notice: Notice) -> None:
    client.force_login(admin)

    assert client.get(reverse("notice-news"), {"after": 0}).json() == {"news": []}
    client.post(reverse("notice-read"), {"notice": notice.pk})
    notice.refresh_from_db()
    assert notice.read_at is None


def test_it_is_marked_as_read_and_the_bell_counts(client: Client, member: User, notice: Notice) -> None:
    client.force_login(member)
    before = client.get(reverse("help")).content.decode()

    client.post(reverse("notice-read"), {"notice": notice.pk})

    assert "<span data-bell-number>1</span>" in before
    assert "<span data-bell-number>0</span>" in client.get(reverse("help")).content.decode()


def test_mails_are_chosen_by_kind(client: Client, member: User, settings: Settings) -> None:
    client.force_login(member)

    client.post(reverse("notice-settings"), {"mails_runs": "on"})

    own = PersonalSettings.of(member)
    assert (own.mails_runs, own.mails_batches) == (True, False)
    settings.EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
    assert "no mail server is set" in client.get(reverse("notice-settings")).content.decode()
