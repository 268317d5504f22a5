"""The slider of thresholds with a real keyboard, the comparison of versions, and both pages' accessibility."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from predictor.models import ModelVersion, RegisteredModel, User, Workspace
from predictor.services import registry
from predictor.services.predictions import loaded_versions
from predictor.services.registry.version_thresholds import scores_of
from predictor.tests.browser.conftest import TIMEOUT_MS, sign_in
from predictor.tests.browser.test_pages import faults_of
from predictor.tests.web.served_versions import publish_served


@pytest.fixture
def version(workspace: Workspace) -> ModelVersion:
    loaded_versions.forget_all()
    model = RegisteredModel.objects.create(workspace=workspace, slug="churn", name="Churn")
    return publish_served(model)


THRESHOLD = ("version-threshold", ("acme", "churn", 1))


def hits(version: ModelVersion, threshold: float) -> int:
    is_positive, score = scores_of(version).held_out
    return int((is_positive & (score >= threshold)).sum())


def test_the_figures_follow_the_slider_and_the_costs(
    tab: Page, live_server: LiveServer, version: ModelVersion, member: User
) -> None:
    sign_in(tab.context, live_server, member)
    tab.goto(live_server.url + reverse(THRESHOLD[0], args=THRESHOLD[1]))
    slider = tab.get_by_role("slider", name="Threshold")
    found = tab.locator("strong[data-figure=hits]")
    expect(found).to_have_text(str(hits(version, 0.5)))

    slider.focus()
    for _ in range(8):
        tab.keyboard.press("PageUp")
    value = float(tab.locator("#explore_value").input_value())
    assert value > 0.5
    expect(found).to_have_text(str(hits(version, value)))
    tab.locator("#explore_false_negative").fill("50")
    tab.keyboard.press("Tab")
    expect(tab).to_have_url(re.compile("false_negative=50"))
    expect(tab.locator("[data-outcome]")).to_contain_text("Cost: ")
    slider = tab.get_by_role("slider", name="Threshold")
    slider.focus()
    tab.keyboard.press("Home")
    value = float(tab.locator("#explore_value").input_value())
    tab.get_by_role("button", name="Make a version with threshold").click()

    tab.wait_for_url(re.compile("/versions/2/$"))
    assert ModelVersion.objects.get(number=2).threshold == value


@pytest.mark.parametrize("width", [1280, 390])
def test_without_scripts_a_number_and_a_button_show_the_same(
    chromium: Browser, live_server: LiveServer, version: ModelVersion, member: User, width: int
) -> None:
    window = chromium.new_context(viewport={"width": width, "height": 800}, java_script_enabled=False)
    window.set_default_timeout(TIMEOUT_MS)
    plain = window.new_page()
    sign_in(window, live_server, member)
    plain.goto(live_server.url + reverse(THRESHOLD[0], args=THRESHOLD[1]))
    expect(plain.locator("#threshold-slider")).to_be_hidden()

    plain.locator("#explore_value").fill("0.3")
    plain.get_by_role("button", name="Compute").click()

    expect(plain.locator("strong[data-figure=hits]")).to_have_text(str(hits(version, 0.3)))
    plain.get_by_role("button", name="Make a version with threshold 0.3").click()
    plain.wait_for_url(re.compile("/versions/2/$"))
    window.close()


def test_the_pages_are_accessible(
    tab: Page, live_server: LiveServer, version: ModelVersion, member: User
) -> None:
    for value in (0.2, 0.8):
        registry.publish_with_threshold(
            model_version=version, rule={"by": "fixed", "value": value}, by=member
        )
    sign_in(tab.context, live_server, member)
    compare = reverse("version-compare", args=["acme", "churn"])
    faults = []

    for name, address in {
        "threshold": reverse(THRESHOLD[0], args=THRESHOLD[1]),
        "threshold, none": reverse(THRESHOLD[0], args=THRESHOLD[1]) + "?value=0.99999&at_least=7",
        "compare": f"{compare}?version=1&version=2&version=3",
        "choose": compare,
        "promote": reverse("alias-set", args=["acme", "churn", "champion"]) + "?version=3",
    }.items():
        tab.goto(live_server.url + address)
        faults += faults_of(tab, name)

    assert faults == []
