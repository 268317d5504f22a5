"""The form to predict in a browser: the answer follows the typing, scenarios, search; and the page by link."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from predictor.models import ModelVersion, PredictionLog, RegisteredModel, Shows, User, Workspace
from predictor.services.predictions import loaded_versions, published_forms
from predictor.services.predictions.published_forms import NewForm
from predictor.tests.browser.conftest import Watch, sign_in
from predictor.tests.browser.test_pages import faults_of
from predictor.tests.web.served_versions import publish_served


@pytest.fixture
def version(workspace: Workspace) -> ModelVersion:
    loaded_versions.forget_all()
    model = RegisteredModel.objects.create(workspace=workspace, slug="churn", name="Churn")
    return publish_served(model)


def test_the_answer_follows_the_typing_and_only_the_button_logs(
    tab: Page, live_server: LiveServer, version: ModelVersion, member: User
) -> None:
    sign_in(tab.context, live_server, member)
    tab.goto(live_server.url + reverse("predict", args=["acme", "churn"]))
    answer = tab.get_by_role("region", name="The answer", exact=True)
    expect(answer.locator(".answer-label")).to_have_text("stay")

    tab.get_by_label("age", exact=True).fill("90")
    expect(answer.locator(".answer-label")).to_have_text("<b>leave</b>")
    expect(answer).to_contain_text("not logged")
    assert not PredictionLog.objects.exists()
    tab.get_by_role("button", name="Predict", exact=True).click()

    expect(answer).to_contain_text("this entry")
    assert PredictionLog.objects.get().inputs["age"] == 90


def test_scenarios_are_pinned_compared_and_removed(
    tab: Page, live_server: LiveServer, version: ModelVersion, member: User
) -> None:
    sign_in(tab.context, live_server, member)
    tab.goto(live_server.url + reverse("predict", args=["acme", "churn"]))
    pins = tab.locator("#pins")

    tab.get_by_role("button", name="Pin").click()
    expect(pins).to_contain_text("pin again to compare")
    tab.get_by_label("age", exact=True).fill("90")
    tab.get_by_role("button", name="Pin").click()

    expect(pins.locator(".is-added")).to_have_text("90")
    assert faults_of(tab, "pinned") == []
    tab.get_by_role("button", name="Remove scenario 1").click()
    expect(pins).not_to_contain_text("Scenario 2")
    expect(tab.get_by_label("age", exact=True)).to_have_value("90")
    assert not PredictionLog.objects.exists()


def test_the_search_shows_the_fields_with_these_words(
    tab: Page, live_server: LiveServer, version: ModelVersion, member: User
) -> None:
    sign_in(tab.context, live_server, member)
    tab.goto(live_server.url + reverse("predict", args=["acme", "churn"]))

    tab.get_by_role("searchbox", name="Search the fields").fill("JOIN")

    expect(tab.locator(".row-field[data-search]:visible")).to_have_count(1)
    expect(tab.get_by_label("joined")).to_be_visible()
    tab.get_by_role("searchbox", name="Search the fields").fill("zzz")
    expect(tab.get_by_text("No field has this in its name.")).to_be_visible()


def test_the_page_by_link_answers_and_keeps_what_was_typed_without_a_connection(
    tab: Page, watch: Watch, live_server: LiveServer, version: ModelVersion, admin: User
) -> None:
    new = NewForm("Will they leave?", wording="**Hello**", shows=Shows.EXPLANATION)
    made = published_forms.create(registered_model=version.registered_model, new=new, by=admin)
    tab.goto(f"{live_server.url}/f/{made.token}/")
    faults = faults_of(tab, "link")

    tab.get_by_label("age", exact=True).fill("90")
    tab.get_by_role("button", name="Get the answer").click()
    expect(tab.locator(".answer-label")).to_have_text(re.compile("stay|leave"))
    expect(tab.locator("#answer")).to_be_focused()
    faults += faults_of(tab, "link, answered")
    expect(tab.get_by_label("age", exact=True)).to_have_value("90")
    published_forms.revoke(form=made.form, by=admin)
    watch.allow(410)
    tab.get_by_role("button", name="Get the answer").click()
    expect(tab.get_by_text("This page is closed.")).to_be_visible()
    faults += faults_of(tab, "link, closed")

    assert faults == []
    assert tab.context.cookies() == []
    assert PredictionLog.objects.get().source == "link"
