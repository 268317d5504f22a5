"""The site without scripts: the menus open, nothing is shown that does nothing, and charts are drawn."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from django.urls import reverse
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from predictor.models import RegisteredModel, User, Workspace
from predictor.services.predictions import loaded_versions
from predictor.tests.browser.conftest import TIMEOUT_MS, sign_in
from predictor.tests.browser.keyboard import tab_to
from predictor.tests.web.served_versions import publish_served


@pytest.fixture
def model(workspace: Workspace) -> RegisteredModel:
    loaded_versions.forget_all()
    model = RegisteredModel.objects.create(workspace=workspace, slug="churn", name="Churn")
    publish_served(model)
    return model


@pytest.fixture(params=[1280, 390])
def plain(chromium: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    window = chromium.new_context(viewport={"width": request.param, "height": 800}, java_script_enabled=False)
    window.set_default_timeout(TIMEOUT_MS)
    yield window.new_page()
    window.close()


def test_the_account_menu_opens_and_signs_out(plain: Page, live_server: LiveServer, member: User) -> None:
    sign_in(plain.context, live_server, member)
    plain.goto(live_server.url + reverse("workspace", args=["acme"]))
    tokens = plain.get_by_role("link", name="API tokens")
    expect(tokens).to_be_hidden()
    expect(plain.locator(".navbar-toggler, .theme-switch").locator("visible=true")).to_have_count(0)

    plain.locator("summary", has_text=member.email).click()
    expect(tokens).to_be_visible()
    plain.get_by_role("button", name="Sign out").click()

    plain.wait_for_url(re.compile("/accounts/login/"))


def test_a_chart_is_drawn_with_a_table_of_its_numbers(
    plain: Page, live_server: LiveServer, model: RegisteredModel, member: User
) -> None:
    sign_in(plain.context, live_server, member)
    plain.goto(live_server.url + reverse("version-charts", args=["acme", "churn", 1]))

    figure = plain.locator(".chart-figure").first
    expect(figure.locator(".plot")).to_be_visible()
    expect(figure.locator(".chart-tools")).to_be_hidden()
    figure.locator(".numbers > summary").click()

    expect(figure.get_by_role("table")).to_be_visible()


def test_with_scripts_the_menu_closes_by_escape_and_by_leaving_it(
    tab: Page, live_server: LiveServer, member: User
) -> None:
    sign_in(tab.context, live_server, member)
    tab.goto(live_server.url + reverse("workspace", args=["acme"]))
    menu = tab.locator("details[data-menu]", has_text=member.email)

    tab_to(tab, member.email)
    tab.keyboard.press("Enter")
    expect(menu).to_have_attribute("open", "")
    tab.keyboard.press("Tab")
    tab.keyboard.press("Escape")
    expect(menu).not_to_have_attribute("open", "")
    expect(menu.locator("summary")).to_be_focused()
    tab.keyboard.press("Enter")
    tab.keyboard.press("ArrowDown")
    expect(tab.get_by_role("link", name="API tokens")).to_be_focused()
    tab.keyboard.press("Escape")

    tab.keyboard.press("Enter")
    expect(menu).to_have_attribute("open", "")
    tab.locator("h1").click()
    expect(menu).not_to_have_attribute("open", "")
