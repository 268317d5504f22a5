"""Directions of columns in the training form: shown where a column is a number, refused at the column."""

from __future__ import annotations

import pytest
from django.urls import reverse
from playwright.sync_api import BrowserContext, Locator, Page, expect
from pytest_django.live_server_helper import LiveServer

from predictor.models import Dataset, TrainingRun, User, Workspace
from predictor.tests.browser.conftest import Watch, sign_in
from predictor.tests.browser.test_pages import faults_of
from predictor.tests.browser.test_without_scripts import plain as plain  # noqa: PLC0414
from predictor.tests.web.tables import upload


@pytest.fixture
def dataset(workspace: Workspace, member: User) -> Dataset:
    return upload(workspace, member)


def opened(tab: Page, live_server: LiveServer, dataset: Dataset) -> None:
    tab.goto(live_server.url + reverse("training-run-create", args=["acme", dataset.pk]) + "?target=left")
    tab.get_by_text("What each column means").click()


def named(tab: Page, name: str) -> Locator:
    return tab.get_by_role("combobox", name=name, exact=True)


def test_a_direction_follows_the_meaning_and_is_refused_at_its_column(
    tab: Page, watch: Watch, window: BrowserContext, live_server: LiveServer, dataset: Dataset, member: User
) -> None:
    watch.allow(400)
    sign_in(window, live_server, member)
    opened(tab, live_server, dataset)
    age, left = named(tab, "Direction age"), named(tab, "Direction left")
    expect(left).to_be_hidden()
    named(tab, "left").select_option("numeric")
    expect(left).to_be_visible()
    named(tab, "left").select_option("")

    age.select_option("only up")
    named(tab, "age").select_option("category")
    expect(age).to_be_hidden()
    tab.get_by_role("button", name="Start training").click()

    expect(age).to_be_visible()
    expect(age).to_have_attribute("aria-invalid", "true")
    expect(age).to_have_accessible_description(
        "Only columns of numbers that the model may use can be monotone; “age” cannot."
    )
    assert faults_of(tab, "a refused direction") == []


def test_a_direction_is_chosen_without_scripts(
    plain: Page,
    live_server: LiveServer,
    dataset: Dataset,
    member: User,
) -> None:
    sign_in(plain.context, live_server, member)
    opened(plain, live_server, dataset)
    named(plain, "Direction age").select_option("only down")
    plain.get_by_role("button", name="Start training").click()
    plain.wait_for_url("**/runs/*/")
    expect(plain.get_by_text("Direction of age")).to_be_visible()
    assert TrainingRun.objects.get().monotone == {"age": "decreasing"}
