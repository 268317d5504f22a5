"""The tools of the header by keyboard: Ctrl+K, keys of one letter, the help beside the page, and news."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from predictor.models import JobStatus, TrainingRun, User, Workspace
from predictor.services import notices
from predictor.tests.browser.conftest import sign_in
from predictor.tests.browser.test_pages import faults_of
from predictor.tests.web.tables import make_run, upload


@pytest.fixture
def run(workspace: Workspace, member: User) -> TrainingRun:
    return make_run(upload(workspace, member), status="failed", error="Too few rows.", created_by=member)


@pytest.fixture
def page(tab: Page, live_server: LiveServer, member: User, run: TrainingRun) -> Page:
    sign_in(tab.context, live_server, member)
    tab.goto(live_server.url + reverse("dataset-list", args=["acme"]))
    return tab


def test_ctrl_k_finds_a_dataset_and_goes_to_it(page: Page, run: TrainingRun) -> None:
    page.keyboard.press("Control+k")
    field = page.get_by_role("combobox", name="Search datasets, models, runs, pages and actions")
    expect(field).to_be_focused()
    page.keyboard.type(run.dataset.name)
    first = page.get_by_role("option").first
    expect(first).to_contain_text(run.dataset.name)
    expect(first).to_have_attribute("aria-selected", "true")
    assert faults_of(page, "Ctrl+K") == []

    page.keyboard.press("ArrowDown")
    expect(field).to_have_attribute("aria-activedescendant", "palette-option-1")
    # The first is the model of the same name.
    expect(page.get_by_role("option").nth(1)).to_contain_text("Dataset")
    page.keyboard.press("Enter")

    page.wait_for_url(re.compile(rf"/datasets/{run.dataset_id}/$"))


def test_escape_closes_it_and_gives_the_focus_back(page: Page) -> None:
    button = (
        page.get_by_role("link", name="Search", exact=True).or_(page.locator("[data-open-palette]")).first
    )
    button.click()
    expect(page.locator("#palette")).to_be_visible()

    page.keyboard.press("Escape")

    expect(page.locator("#palette")).to_be_hidden()
    expect(page.locator("[data-open-palette]")).to_be_focused()


def test_keys_of_one_letter_work_outside_of_fields_only(page: Page) -> None:
    page.locator("#q").focus()
    page.keyboard.type("gm?")
    expect(page.locator("#q")).to_have_value("gm?")
    expect(page.locator("#keys")).to_be_hidden()
    page.locator("h1").click()

    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    expect(page.locator("#q")).to_be_focused()
    page.locator("h1").click()
    page.keyboard.press("g")
    page.keyboard.press("m")

    page.wait_for_url(re.compile("/models/$"))


def test_keys_that_are_switched_off_do_nothing(page: Page, live_server: LiveServer) -> None:
    page.goto(live_server.url + reverse("help"))
    page.get_by_role("button", name="Switch the keys off").click()
    expect(page.get_by_role("button", name="Switch the keys on")).to_be_visible()

    page.keyboard.press("?")
    page.keyboard.press("Control+k")

    expect(page.locator("#keys")).to_be_hidden()
    expect(page.locator("#palette")).to_be_visible()


def test_the_help_opens_beside_the_page(page: Page) -> None:
    page.locator("[data-open-help]").click()

    panel = page.get_by_role("dialog", name="Help").or_(page.locator("#help-panel")).first
    expect(panel.get_by_role("heading", name="Datasets")).to_be_visible()
    assert faults_of(page, "help") == []
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()


def test_an_open_page_learns_that_a_run_has_ended(page: Page, run: TrainingRun) -> None:
    expect(page.locator("[data-bell-count]")).to_be_hidden()
    TrainingRun.objects.filter(pk=run.pk).update(status=JobStatus.FAILED, error="Too few rows.")
    notices.job_ended(TrainingRun, run.pk)

    page.evaluate("document.dispatchEvent(new Event('mlweb:news'))")

    expect(page.locator("[data-bell-number]")).to_have_text("1")
    expect(page).to_have_title(re.compile(r"^\(1\) "))
    assert faults_of(page, "toast") == []
    page.locator(".toast-note a").click()
    page.wait_for_url(re.compile(rf"/runs/{run.pk}/$"))
    expect(page.locator("[data-bell-count]")).to_be_hidden()
