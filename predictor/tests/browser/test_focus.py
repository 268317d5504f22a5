"""The focus: kept over requests of a page, never under a bar, and no motion where none is wanted."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from predictor.models import JobStatus, RegisteredModel, TrainingRun, User, Workspace
from predictor.services.predictions import loaded_versions
from predictor.tests.browser.conftest import sign_in
from predictor.tests.browser.keyboard import covered_by_tabbing
from predictor.tests.web.served_versions import publish_served
from predictor.tests.web.tables import make_run, upload

WINDOWS = [(1280, 600), (390, 700), (640, 450)]


@pytest.fixture
def model(workspace: Workspace) -> RegisteredModel:
    loaded_versions.forget_all()
    model = RegisteredModel.objects.create(workspace=workspace, slug="churn", name="Churn")
    publish_served(model)
    return model


def test_predict_keeps_the_focus_and_says_the_answer(
    tab: Page, live_server: LiveServer, model: RegisteredModel, member: User
) -> None:
    sign_in(tab.context, live_server, member)
    tab.goto(live_server.url + reverse("predict", args=["acme", "churn"]))
    predict = tab.get_by_role("button", name="Predict", exact=True)
    said = tab.locator("[data-answer-status=answer]")
    expect(said).to_have_text("")

    predict.focus()
    tab.keyboard.press("Enter")

    expect(said).to_contain_text(tab.locator("#answer .answer-label").inner_text())
    expect(predict).to_be_focused()
    look = tab.get_by_role("button", name="Look for changes")
    look.focus()
    tab.keyboard.press("Enter")
    expect(tab.get_by_role("button", name="Predict this row").first).to_be_visible()
    expect(look).to_be_focused()


def test_a_button_that_goes_away_leaves_the_focus_in_the_page(
    tab: Page, live_server: LiveServer, workspace: Workspace, member: User
) -> None:
    now = timezone.now()
    run = make_run(
        upload(workspace, member), status="running", started_at=now, attempts=1,
        lease_until=now + timedelta(hours=1), created_by=member,
    )  # fmt: skip
    sign_in(tab.context, live_server, member)
    tab.goto(live_server.url + reverse("training-run-detail", args=["acme", run.pk]))
    stop = tab.locator("#run-actions button")
    stop.focus()

    TrainingRun.objects.filter(pk=run.pk).update(
        status=JobStatus.FAILED, error="No candidate could be fitted.", finished_at=now, lease_until=None
    )

    expect(stop).to_have_count(0)
    tab.wait_for_function("() => document.activeElement !== document.body")


@pytest.mark.parametrize("page", ["predict", "version-charts"])
def test_nothing_that_has_the_focus_lies_under_a_bar(
    tab: Page, live_server: LiveServer, model: RegisteredModel, member: User, page: str
) -> None:
    sign_in(tab.context, live_server, member)
    args = ["acme", "churn"] if page == "predict" else ["acme", "churn", 1]
    tab.goto(live_server.url + reverse(page, args=args))
    covered = []

    for width, height in WINDOWS:
        tab.set_viewport_size({"width": width, "height": height})
        covered += [f"{width}: {each}" for each in covered_by_tabbing(tab)]

    assert covered == []


def test_nothing_moves_where_reduced_motion_is_asked_for(
    tab: Page, live_server: LiveServer, workspace: Workspace, member: User
) -> None:
    now = timezone.now()
    run = make_run(
        upload(workspace, member), status="running", started_at=now, attempts=1,
        lease_until=now + timedelta(hours=1), created_by=member,
    )  # fmt: skip
    sign_in(tab.context, live_server, member)
    tab.goto(live_server.url + reverse("training-run-detail", args=["acme", run.pk]))
    expect(tab.locator(".spinner").first).to_be_visible()

    assert tab.evaluate("() => document.getAnimations().length") == 0
    tab.emulate_media(reduced_motion="no-preference")
    assert tab.evaluate("() => document.getAnimations().length") > 0
