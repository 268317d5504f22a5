"""Times in the zone of the reader, and in UTC without scripts."""

from __future__ import annotations

from datetime import UTC, datetime

from django.urls import reverse
from playwright.sync_api import Browser, expect
from pytest_django.live_server_helper import LiveServer

from predictor.models import TrainingRun, User, Workspace
from predictor.tests.browser.conftest import sign_in
from predictor.tests.web.tables import make_run, upload


def test_a_time_is_shown_in_the_zone_of_the_reader_and_in_utc_without_scripts(
    chromium: Browser, live_server: LiveServer, workspace: Workspace, member: User
) -> None:
    run = make_run(upload(workspace, member), status="failed", error="No.", created_by=member)
    TrainingRun.objects.update(queued_at=datetime(2026, 7, 31, 22, 7, tzinfo=UTC))
    address = live_server.url + reverse("training-run-detail", args=["acme", run.pk])

    for has_scripts, words in ((True, "1 Aug 2026, 03:37 GMT+5:30"), (False, "31 Jul 2026, 22:07 UTC")):
        window = chromium.new_context(timezone_id="Asia/Kolkata", java_script_enabled=has_scripts)
        sign_in(window, live_server, member)
        page = window.new_page()
        page.goto(address)
        time = page.locator("time").last
        expect(time).to_have_text(words)
        expect(time).to_have_attribute("datetime", "2026-07-31T22:07:00+00:00")
        if has_scripts:
            expect(time).to_have_attribute("title", "31 Jul 2026, 22:07 UTC")
        window.close()
