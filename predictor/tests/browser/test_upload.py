"""The upload page: drop a file, follow the progress, fix an error with one click."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import FilePayload, Page, expect
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from predictor import errors
from predictor.models import Dataset, Membership, User, WorkspaceRole
from predictor.services import datasets
from predictor.tests.browser.conftest import Watch, sign_in
from predictor.tests.web.tables import csv_of

DATASET = re.compile(r"/datasets/\d+/$")
DROP = """(zone, [name, text]) => {
  const data = new DataTransfer();
  data.items.add(new File([text], name, {type: "text/csv"}));
  for (const type of ["dragenter", "dragover", "drop"]) {
    zone.dispatchEvent(new DragEvent(type, {bubbles: true, cancelable: true, dataTransfer: data}));
  }
}"""


def file_of(data: bytes, name: str = "people.csv") -> FilePayload:
    return {"name": name, "mimeType": "text/csv", "buffer": data}


def open_page(tab: Page, live_server: LiveServer, member: User) -> None:
    sign_in(tab.context, live_server, member)
    tab.goto(live_server.url + reverse("dataset-upload", args=["acme"]))


def test_a_dropped_file_is_uploaded(tab: Page, live_server: LiveServer, member: User) -> None:
    open_page(tab, live_server, member)

    tab.locator("[data-drop-zone]").evaluate(DROP, ["dropped.csv", csv_of().decode()])
    expect(tab.locator("[data-file-facts]")).to_contain_text("dropped.csv")
    tab.get_by_role("button", name="Upload").click()

    tab.wait_for_url(DATASET)
    assert Dataset.objects.get().filename == "dropped.csv"


def test_two_errors_are_fixed_by_one_click_each_without_choosing_the_file_again(
    tab: Page, watch: Watch, live_server: LiveServer, member: User
) -> None:
    watch.allow(400)
    open_page(tab, live_server, member)
    tab.get_by_label("Choose a CSV file").set_input_files(
        file_of("name,b\ncafé,1\nthé,2\nx,3,4\nlait,5\n".encode("cp1252"))
    )
    tab.get_by_role("button", name="Upload").click()

    expect(tab.get_by_role("button", name="Read it as cp1252")).to_be_focused()
    tab.keyboard.press("Enter")
    tab.get_by_role("button", name="Leave these rows out").click()

    tab.wait_for_url(DATASET)
    expect(tab.get_by_role("cell", name="café")).to_be_visible()
    assert Dataset.objects.get().n_rows == 3


def test_an_error_is_announced_and_keeps_what_was_typed(
    tab: Page, watch: Watch, live_server: LiveServer, member: User
) -> None:
    watch.allow(415)
    open_page(tab, live_server, member)
    tab.get_by_label("Name").fill("My table")
    tab.get_by_label("Choose a CSV file").set_input_files(file_of(b"\x89PNG\r\n\x1a\n" + b"\0" * 40))

    tab.get_by_role("button", name="Upload").click()

    expect(tab.get_by_role("alert")).to_contain_text("PNG image")
    expect(tab.get_by_label("Name")).to_have_value("My table")
    expect(tab.get_by_role("button", name="Upload")).to_be_enabled()


def test_a_refusal_of_any_status_is_shown(
    tab: Page, watch: Watch, live_server: LiveServer, member: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusals = {
        409: errors.Conflict("Too many files are being read."),
        413: errors.TooLarge("The table is too large."),
        415: errors.UnsupportedContent("This looks like a picture."),
        503: errors.TookTooLong("Reading took too long."),
    }
    watch.allow(*refusals)
    open_page(tab, live_server, member)
    tab.get_by_label("Choose a CSV file").set_input_files(file_of(csv_of()))

    for error in refusals.values():

        def fail(*args: Any, _error: errors.MlwebError = error, **kwargs: Any) -> None:
            raise _error

        monkeypatch.setattr(datasets, "import_csv", fail)
        tab.get_by_role("button", name="Upload").click()
        expect(tab.locator("#upload-problem")).to_have_text(error.message)


def test_of_an_error_page_its_sentence_is_shown(
    tab: Page, watch: Watch, live_server: LiveServer, member: User
) -> None:
    watch.allow(403)
    open_page(tab, live_server, member)
    tab.get_by_label("Choose a CSV file").set_input_files(file_of(csv_of()))
    Membership.objects.update(role=WorkspaceRole.VIEWER)

    tab.get_by_role("button", name="Upload").click()

    expect(tab.locator("#upload-problem")).to_contain_text("This needs the role “member” in “Acme”")


def test_a_file_over_the_limit_is_not_even_sent(
    tab: Page, live_server: LiveServer, member: User, settings: Settings
) -> None:
    settings.MAX_UPLOAD_BYTES = 100
    open_page(tab, live_server, member)

    tab.get_by_label("Choose a CSV file").set_input_files(file_of(csv_of()))

    expect(tab.get_by_role("alert")).to_contain_text("the limit is 100 bytes")


def test_without_a_file_the_button_says_what_is_missing(
    tab: Page, live_server: LiveServer, member: User
) -> None:
    open_page(tab, live_server, member)

    tab.get_by_role("button", name="Upload").click()

    expect(tab.get_by_role("alert")).to_have_text("Choose a CSV file first.")


def test_the_progress_is_real_and_an_upload_can_be_stopped(
    tab: Page, live_server: LiveServer, member: User
) -> None:
    open_page(tab, live_server, member)
    sent = tab.context.new_cdp_session(tab)
    sent.send("Network.enable")
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 200_000}
    sent.send("Network.emulateNetworkConditions", slow)
    tab.get_by_label("Choose a CSV file").set_input_files(file_of(csv_of(60_000)))

    tab.get_by_role("button", name="Upload").click()
    expect(tab.get_by_text(re.compile(r"Sending the file: [1-9].* of .* MB"))).to_be_visible()
    tab.get_by_role("button", name="Stop").click()

    expect(tab.get_by_role("alert")).to_have_text("Stopped. Nothing was stored.")
    assert not Dataset.objects.exists()


def test_without_js_the_form_uploads(
    chromium: object, watch: Watch, live_server: LiveServer, member: User
) -> None:
    window = chromium.new_context(java_script_enabled=False)  # type: ignore[attr-defined]
    window.on("page", watch.attach)
    tab = window.new_page()
    open_page(tab, live_server, member)
    tab.get_by_label("Choose a CSV file").set_input_files(file_of(csv_of()))

    tab.get_by_role("button", name="Upload").click()

    tab.wait_for_url(DATASET)
    window.close()
    assert Dataset.objects.get().n_rows == 40
