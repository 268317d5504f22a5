"""What-if with a real slider, and the accessibility of the panels below an answer."""

from __future__ import annotations

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from predictor.models import PredictionLog, RegisteredModel, User, Workspace
from predictor.services.predictions import loaded_versions
from predictor.tests.browser.conftest import sign_in
from predictor.tests.browser.test_pages import faults_of
from predictor.tests.web.served_versions import publish_served


@pytest.fixture
def model(workspace: Workspace) -> RegisteredModel:
    loaded_versions.forget_all()
    model = RegisteredModel.objects.create(workspace=workspace, slug="churn", name="Churn")
    publish_served(model)
    return model


def test_the_answer_follows_a_slider_and_the_log_stays_as_it_is(
    tab: Page, live_server: LiveServer, model: RegisteredModel, member: User
) -> None:
    sign_in(tab.context, live_server, member)
    tab.goto(live_server.url + reverse("predict", args=["acme", "churn"]))
    tab.get_by_role("button", name="Predict", exact=True).click()
    changed = tab.get_by_role("region", name="The answer for the changed values")
    expect(changed).to_contain_text("Nothing is changed yet.")

    slider = tab.get_by_role("slider", name="age")
    slider.focus()
    tab.keyboard.press("End")

    expect(tab.locator("output[for=w0]")).to_have_text("90")
    expect(changed).to_contain_text("The probability of “stay” was")
    expect(changed.locator(".answer-label")).to_have_text("<b>leave</b>")
    tab.get_by_role("button", name="Back to the row").click()
    expect(changed).to_contain_text("The answer is the same as before.")
    tab.get_by_role("button", name="Look for changes").click()
    expect(tab.get_by_role("button", name="Predict this row").first).to_be_visible()
    assert PredictionLog.objects.count() == 1
    assert faults_of(tab, "explored") == []


def test_the_curve_of_another_column_is_drawn_in_place(
    tab: Page, live_server: LiveServer, model: RegisteredModel, member: User
) -> None:
    sign_in(tab.context, live_server, member)
    tab.goto(live_server.url + reverse("version-detail", args=["acme", "churn", 1]))

    for column in ("plan", "joined"):
        tab.get_by_label("Column", exact=True).select_option(label=column)
        drawing = tab.locator("#dependence-drawing")
        drawing.scroll_into_view_if_needed()
        expect(drawing.get_by_role("img")).to_have_attribute(
            "aria-label", f"Mean probability of <b>leave</b> for each value of {column}"
        )
        expect(drawing.locator(".chart canvas")).to_be_visible()
