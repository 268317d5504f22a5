"""The main journey in each way of using the site: upload, train form, model page, predict, log.

By the keyboard alone, without scripts, at 200 % zoom, and in forced colours. The model is published by the test, since
training has journeys of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from django.urls import reverse
from playwright.sync_api import Browser, BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

from predictor.models import PredictionLog, RegisteredModel, User, Workspace
from predictor.services.predictions import loaded_versions
from predictor.tests.browser.conftest import PASSWORD, TIMEOUT_MS, Watch
from predictor.tests.browser.keyboard import covered_by_tabbing
from predictor.tests.web.served_versions import publish_served

CSV = "age,plan,churn\n" + "".join(
    f"{20 + i % 50},{'basic' if i % 3 else 'pro'},{'yes' if i % 4 == 0 else 'no'}\n" for i in range(120)
)
TOO_WIDE = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
# Text and its background after the system's colours replace those of the site.
PALE = """() => [...document.querySelectorAll("a, button, input, select, summary, th, td, h1, h2, p")]
  .filter(each => each.checkVisibility() && getComputedStyle(each).color === getComputedStyle(each).backgroundColor)
  .map(each => each.outerHTML.slice(0, 120))"""
NO_BORDER = """() => [...document.querySelectorAll("button.btn, a.btn, input.form-control, select.form-select")]
  .filter(each => each.checkVisibility() && !each.matches(".btn-link, .visually-hidden *")
    && parseFloat(getComputedStyle(each).borderTopWidth) === 0)
  .map(each => each.outerHTML.slice(0, 120))"""


@pytest.fixture
def model(workspace: Workspace, member: User) -> RegisteredModel:
    loaded_versions.forget_all()
    model = RegisteredModel.objects.create(workspace=workspace, slug="churn", name="Churn")
    for _ in range(2):
        publish_served(model)
    member.set_password(PASSWORD)
    member.save()
    return model


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "churn.csv"
    path.write_text(CSV)
    return path


def journey(
    tab: Page, live_server: LiveServer, member: User, table: Path, press: bool = False
) -> Iterator[str]:
    """Goes through the pages and stops at each, with its name. `press`: buttons by Enter, not by the mouse."""

    def send(selector: str) -> None:
        button = tab.locator(selector).first
        if press:
            button.focus()
            tab.keyboard.press("Enter")
        else:
            button.click()

    def to(name: str, *args: object) -> None:
        tab.goto(live_server.url + reverse(name, args=["acme", *args]))

    tab.goto(live_server.url + reverse("account_login"))
    yield "sign in"
    tab.locator("[name=login]").fill(member.email)
    tab.locator("[name=password]").fill(PASSWORD)
    send("main button[type=submit]")
    tab.wait_for_url(lambda url: "/accounts/login" not in url)
    yield "overview"
    to("dataset-upload")
    yield "upload"
    tab.locator("input[type=file]").set_input_files(str(table))
    if tab.locator("form:has(input[type=file]) button[type=submit]").first.is_visible():
        send("form:has(input[type=file]) button[type=submit]")
    tab.wait_for_url(lambda url: "/datasets/upload" not in url and "/datasets/" in url)
    yield "dataset"
    number = tab.url.rstrip("/").split("/")[-1]
    to("training-run-create", number)
    expect(tab.locator("[name=target]").first).to_be_attached()
    yield "train"
    to("model-detail", "churn")
    yield "model"
    to("predict", "churn")
    yield "predict"
    send("#row-form button[type=submit]")
    expect(tab.locator("main")).to_contain_text("Answer")
    yield "predicted"
    to("prediction-list")
    expect(tab.locator(".log-table tbody tr")).to_have_count(1)
    yield "log"
    tab.goto(live_server.url + reverse("prediction-list", args=["acme"]) + "?model=churn&sort=when")
    yield "log of one model"


def test_without_scripts(
    chromium: Browser, live_server: LiveServer, member: User, model: RegisteredModel, table: Path
) -> None:
    window = chromium.new_context(viewport={"width": 1280, "height": 800}, java_script_enabled=False)
    window.set_default_timeout(TIMEOUT_MS)

    names = list(journey(window.new_page(), live_server, member, table))
    window.close()

    assert names[-1] == "log of one model"
    assert PredictionLog.objects.count() == 1


def test_by_the_keyboard_alone_with_a_focus_that_is_seen(
    tab: Page, live_server: LiveServer, member: User, model: RegisteredModel, table: Path
) -> None:
    covered = []

    for name in journey(tab, live_server, member, table, press=True):
        covered += [f"{name}: {each}" for each in covered_by_tabbing(tab)]

    assert covered == []


def test_at_twice_the_size_no_page_scrolls_sideways(
    tab: Page, live_server: LiveServer, member: User, model: RegisteredModel, table: Path
) -> None:
    # 1280 px at 200 % are 640 px of the style sheet.
    tab.set_viewport_size({"width": 640, "height": 450})
    wide = {}

    for name in journey(tab, live_server, member, table):
        excess = tab.evaluate(TOO_WIDE)
        if excess > 0:
            wide[name] = excess

    assert wide == {}


def test_in_forced_colours_everything_is_seen(
    chromium: Browser,
    watch: Watch,
    live_server: LiveServer,
    member: User,
    model: RegisteredModel,
    table: Path,
) -> None:
    window: BrowserContext = chromium.new_context(
        viewport={"width": 1280, "height": 900}, forced_colors="active", reduced_motion="reduce"
    )
    window.set_default_timeout(TIMEOUT_MS)
    window.on("page", watch.attach)
    tab = window.new_page()
    found = []

    for name in journey(tab, live_server, member, table):
        assert tab.evaluate("matchMedia('(forced-colors: active)').matches")
        found += [f"{name}: no contrast at {each}" for each in tab.evaluate(PALE)]
        found += [f"{name}: no border at {each}" for each in tab.evaluate(NO_BORDER)]
        tab.evaluate(AXE_SCRIPT)
        rules = {"runOnly": {"type": "rule", "values": ["color-contrast"]}, "resultTypes": ["violations"]}
        for fault in tab.evaluate("rules => axe.run(rules).then(each => each.violations)", rules):
            found.append(f"{name}: {fault['id']} at {fault['nodes'][0]['html'][:120]}")
    window.close()

    assert found == []
