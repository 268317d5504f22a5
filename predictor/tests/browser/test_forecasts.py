"""Forecast pages in a browser: charts are drawn, and the light and the dark theme are accessible."""

from __future__ import annotations

import pytest
from django.urls import reverse
from playwright.sync_api import BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

from predictor.models import ModelVersion, RegisteredModel, User, Workspace
from predictor.services.predictions import loaded_versions
from predictor.tests.browser.conftest import sign_in
from predictor.tests.browser.test_pages import faults_of
from predictor.tests.services.forecast_versions import forecast_version


@pytest.fixture
def version(workspace: Workspace) -> ModelVersion:
    loaded_versions.forget_all()
    model = RegisteredModel.objects.create(workspace=workspace, slug="shops", name="Shops")
    return forecast_version(model)


def test_a_forecast_is_judged_asked_and_drawn(
    tab: Page, window: BrowserContext, live_server: LiveServer, version: ModelVersion, admin: User
) -> None:
    sign_in(window, live_server, admin)

    tab.goto(live_server.url + reverse("version-charts", args=["acme", "shops", 1]))
    for name in ("backtest-0", "errors-by-step"):
        drawing = tab.locator(f"#{name} .plot")
        drawing.scroll_into_view_if_needed()
        expect(drawing).to_be_visible()
    faults = faults_of(tab, "version")

    tab.set_viewport_size({"width": 1280, "height": 900})
    tab.get_by_role("link", name="Predict", exact=True).first.click()
    tab.get_by_label("shop").select_option("north")
    tab.get_by_role("button", name="Forecast").click()
    expect(tab.get_by_role("rowheader", name="2024-04-01")).to_be_visible()
    tab.locator("#answer .chart").scroll_into_view_if_needed()
    expect(tab.locator("#answer .chart .plot-band")).to_be_visible()
    faults += faults_of(tab, "forecast")

    assert faults == []
