"""End to end in a browser, from upload to prediction with a real table: by mouse, and by keyboard only."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from predictor.models import ModelAlias, PredictionLog, TrainingRun, User
from predictor.services.datasets import samples
from predictor.tests.browser.conftest import PASSWORD, TIMEOUT_MS, Watch
from predictor.tests.browser.keyboard import follow, tab_to

CHINESE = re.compile(r"[\u4e00-\u9fff]{2}")
TOO_WIDE = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
DATASET, RUN, VERSION = r"/datasets/\d+/$", r"/runs/\d+/$", r"/versions/\d+/$"


@pytest.fixture
def csv_file(tmp_path: Path) -> Path:
    """Fisher's iris data as a CSV file."""
    path = tmp_path / "irises.csv"
    path.write_bytes(samples.sample_csv(samples.find_sample("iris")))
    return path


def wait_until_trained(tab: Page) -> None:
    expect(tab.locator("#run-progress .status")).to_have_text(re.compile("Finished|Failed|Cancelled"))
    expect(tab.locator("#run-progress .status").first).to_have_text(re.compile("Finished"))


def test_from_upload_to_prediction_by_mouse(
    tab: Page, live_server: LiveServer, member: User, csv_file: Path
) -> None:
    tab.goto(live_server.url)
    tab.get_by_label("Email").fill(member.email)
    tab.get_by_label("Password").fill(PASSWORD)
    tab.get_by_role("button", name="Sign in").click()

    tab.get_by_role("link", name="Upload a CSV").click()
    tab.get_by_label("Choose a CSV file").set_input_files(csv_file)
    tab.get_by_role("button", name="Upload").click()
    tab.wait_for_url(re.compile(DATASET))
    expect(tab.get_by_role("heading", name="petal_width_cm")).to_be_visible()

    tab.get_by_role("link", name="Train a model").first.click()
    expect(tab.get_by_label("What should be predicted?")).to_have_value("species")
    tab.get_by_label("How long may it take?").select_option("own")
    tab.get_by_label("Seconds").fill("6")
    tab.get_by_role("button", name="Start training").click()
    tab.wait_for_url(re.compile(RUN))
    wait_until_trained(tab)

    tab.get_by_role("link", name="Train again").click()
    tab.get_by_label("Estimator").select_option("naive_bayes")
    expect(tab.get_by_label("Smoothing")).to_have_value("0.001")
    tab.get_by_role("button", name="Start training").click()
    tab.wait_for_url(re.compile(RUN))
    wait_until_trained(tab)
    tab.get_by_role("link", name="Read the evaluation").click()

    tab.wait_for_url(re.compile(VERSION))
    tab.get_by_role("link", name="Charts", exact=True).click()
    tab.locator(".chart").first.scroll_into_view_if_needed()
    expect(tab.locator(".chart .plot").first).to_be_visible()
    tab.get_by_role("link", name="Make champion").click()
    tab.get_by_role("button", name="Make version 2 champion").click()
    expect(tab.get_by_text("Version 2 now serves as champion.")).to_be_visible()

    tab.get_by_role("link", name="Predict", exact=True).click()
    tab.get_by_label("petal_length_cm").fill("1.4")
    tab.get_by_label("petal_width_cm").fill("0.2")
    tab.get_by_role("button", name="Predict").click()
    expect(tab.locator("#answer")).to_contain_text("setosa")

    tab.get_by_role("link", name="Log", exact=True).click()
    expect(tab.get_by_role("table")).to_contain_text("setosa")
    tab.get_by_role("table").get_by_role("rowheader").get_by_role("link").click()
    expect(tab.get_by_role("heading", name="Prediction of species")).to_be_visible()

    log = PredictionLog.objects.get()
    assert (log.model_version.number, log.actor, log.source) == (2, member, "form")
    assert log.inputs["petal_length_cm"] == 1.4


def test_from_upload_to_prediction_by_keyboard(
    tab: Page, live_server: LiveServer, member: User, csv_file: Path
) -> None:
    keys = tab.keyboard
    # The file dialog of the system is answered by Playwright. Register early: a listener needs a moment to work.
    tab.on("filechooser", lambda chooser: chooser.set_files(csv_file))
    tab.goto(live_server.url)
    tab_to(tab, "Email")
    keys.type(member.email)
    keys.press("Tab")
    keys.type(PASSWORD)
    keys.press("Enter")
    tab.wait_for_url(re.compile("/w/acme/$"))

    follow(tab, "Skip to the content")
    follow(tab, "Upload a CSV", to="/upload/$")
    tab_to(tab, "Choose a CSV file")
    keys.press("Enter")
    expect(tab.locator("[data-file-facts]")).to_contain_text("irises.csv")
    follow(tab, "Upload", to=DATASET)

    follow(tab, "Train a model", to="/train/$")
    tab_to(tab, "Estimator")
    keys.type("Naive")
    expect(tab.get_by_label("Smoothing")).to_be_visible()
    expect(tab.get_by_label("Estimator")).to_be_focused()
    follow(tab, "Start training", to=RUN)
    wait_until_trained(tab)
    follow(tab, "Read the evaluation", to=VERSION)

    follow(tab, "Models", to="/models/$")
    follow(tab, "irises species", to="/models/irises-species/$")
    follow(tab, "Versions", to="/versions/$")
    follow(tab, "Point an alias at a version")
    tab_to(tab, "Alias")
    keys.type("challenger")
    keys.press("Enter")
    expect(tab.get_by_text("Version 1 now serves as challenger.")).to_be_visible()

    follow(tab, "Skip to the content")
    follow(tab, "Predict", to="/predict/$")
    tab_to(tab, "petal_width_cm")
    keys.press("Control+A")
    keys.type("2.3")
    keys.press("Enter")
    expect(tab.locator("#answer")).to_contain_text("virginica")

    follow(tab, "this entry")
    expect(tab.get_by_role("heading", name="Prediction of species")).to_be_visible()
    assert PredictionLog.objects.get().inputs["petal_width_cm"] == 2.3
    assert set(ModelAlias.objects.values_list("alias", flat=True)) == {"champion", "challenger"}
    assert TrainingRun.objects.get().estimator == "naive_bayes"


def test_from_upload_to_prediction_in_chinese_on_a_narrow_screen(
    chromium: Browser, watch: Watch, live_server: LiveServer, member: User, csv_file: Path
) -> None:
    """The browser asks for Chinese; no page and no part of one that comes later is in another language or too wide."""
    window = chromium.new_context(
        viewport={"width": 390, "height": 900}, locale="zh-CN", reduced_motion="reduce"
    )
    window.set_default_timeout(TIMEOUT_MS)
    window.on("page", watch.attach)
    tab = window.new_page()
    faults = []

    def look(name: str) -> None:
        expect(tab.locator("html")).to_have_attribute("lang", "zh-hans")
        expect(tab.locator("main").first).to_contain_text(CHINESE)
        if tab.evaluate(TOO_WIDE) > 0:
            faults.append(name)

    def send(form: str) -> None:
        tab.locator(f"{form} button[type=submit]").first.click()

    tab.goto(live_server.url)
    look("sign in")
    tab.locator("[name=login]").fill(member.email)
    tab.locator("[name=password]").fill(PASSWORD)
    send("main")
    tab.wait_for_url(re.compile("/w/acme/$"))
    look("overview")
    tab.goto(live_server.url + "/w/acme/datasets/upload/")
    look("upload")
    tab.locator("input[type=file]").set_input_files(csv_file)
    send("form:has(input[type=file])")
    tab.wait_for_url(re.compile(DATASET))
    look("dataset")
    tab.goto(tab.url + "train/")
    look("train")
    tab.locator("[name=estimator]").first.select_option("naive_bayes")
    send("form:has([name=estimator])")
    tab.wait_for_url(re.compile(RUN))
    expect(tab.locator("main a[href*='/versions/1/']").first).to_be_visible()
    look("run")
    tab.goto(live_server.url + "/w/acme/models/irises-species/versions/1/")
    look("version")
    tab.goto(live_server.url + "/w/acme/models/irises-species/predict/")
    look("predict")
    tab.get_by_label("petal_width_cm").first.fill("2.3")
    send("#row-form")
    expect(tab.locator("#answer")).to_contain_text("virginica")
    look("answer")
    tab.goto(live_server.url + "/w/acme/predictions/")
    look("log")
    window.close()

    assert faults == []
    assert PredictionLog.objects.get().model_version.number == 1
